"""Every message of the desk, found in its code and templates; `python -m tests.desk.catalogue`
adds to the catalogues those that they lack, to be translated, and drops those no longer said."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from cleanroom.absences import NO_DATA_WORDS, TOGETHER, Absence
from cleanroom.borders import Check, Verdict
from cleanroom.desk import terms
from cleanroom.desk.language import CATALOGUES, Language
from cleanroom.gate.rules import RULES
from cleanroom.outside.verdicts import verdict_words
from cleanroom.outside.words import reason_words, rounding_words
from cleanroom.policy import Policy, Rounding
from cleanroom.review.checks import CHECKS
from cleanroom.review.guards import OWN
from cleanroom.review.states import TRANSITIONS, Action
from cleanroom.room import lift_layout as lift
from cleanroom.room.conversion_layout import BOUNDS, LINK, MONEY, PATH
from cleanroom.room.geo import PLACED_LAYOUT, regions_layout
from cleanroom.room.observational_layout import LAYOUTS as OBSERVATIONAL
from cleanroom.tables import ARMS
from tests.factories import protected
from tests.outside.factories import build

LAYOUTS = (
    *(PATH, MONEY, LINK, BOUNDS),
    *(lift.ARMS_LAYOUT, lift.PANEL_LAYOUT, lift.PRIOR_LAYOUT, lift.EXPOSURE_LAYOUT),
    *(lift.WEEKS_LAYOUT, lift.CUSTOMERS_LAYOUT, lift.REGIONS_LAYOUT),
    *OBSERVATIONAL,
    *(PLACED_LAYOUT, regions_layout(("first",), 7)),
)
DESK = Path(terms.__file__).parent
Message = str | tuple[str, str]
_OPTIONS: dict[str, Any] = {
    "extensions": "jinja2.ext.i18n",
    "trimmed": "true",
    "newstyle_gettext": "true",
    "silent": "false",
}


def messages() -> set[Message]:
    """All messages: those that are written in the desk, and those it borrows."""
    return {*_in_code(), *_in_templates(), *_borrowed()}


def translations(language: Language) -> Catalog:
    """The catalogue of a language."""
    with (CATALOGUES / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language.value)


def _in_code() -> Iterator[Message]:
    for file in sorted(DESK.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                texts = [str(a.value) for a in node.args if isinstance(a, ast.Constant)]
                if node.func.id == "said":
                    yield texts[0]
                elif node.func.id == "counted":
                    yield texts[-2], texts[-1]


def _in_templates() -> Iterator[Message]:
    for file in sorted((DESK / "templates").glob("*.html")):
        with file.open("rb") as content:
            for found in babel_extract(content, ("_", "gettext", "ngettext"), (), _OPTIONS):
                texts = (found[2],) if isinstance(found[2], str) else found[2] or ()
                one, *many = (str(text) for text in texts if text is not None)
                yield (one, many[0]) if many else one


def _borrowed() -> Iterator[str]:
    """What `outside` and the gate say and the desk may show."""
    keys = {m.name for layout in LAYOUTS for m in layout.measures} | set(ARMS)
    for dimension in (d for layout in LAYOUTS for d in layout.dimensions):
        keys |= {dimension.name, *dimension.categories}
    rounded = (protected("t", (), [("n", 5, "people")], rounding=how) for how in Rounding)
    yield from (layout.title for layout in LAYOUTS)
    yield from {terms.key(key).message for key in keys - {"merchant"}}
    yield from {reason_words(rule.id) for rule in RULES} | {reason_words("of another version")}
    yield from {terms.numbered(rule.bounds(Policy())).message for rule in RULES}
    yield from (words for table in rounded if (words := rounding_words(table)))
    yield from (*map(str, Absence), "not measured", TOGETHER, *NO_DATA_WORDS.values())
    yield from (verdict_words(_check(verdict)) for verdict in Verdict)
    yield from (check.asks for check in CHECKS)
    asked = {Action.VOTE, Action.RETURN, Action.REJECT, Action.RECALL}
    yield from {row.refusal for row in TRANSITIONS if row.action in asked and row.refusal} | {OWN}


def _check(verdict: Verdict) -> Check:
    made: Check = build("cleanroom.studies.testing", Check, "name", "label", verdict, "words")
    return made


def main() -> None:
    """Bring every catalogue up to date with what is said."""
    for language in set(Language) - {Language.ENGLISH}:
        file = CATALOGUES / f"{language}.po"
        old = translations(language) if file.exists() else Catalog(locale=language.value)
        new = Catalog(locale=language.value, project="cleanroom", fuzzy=False)
        for message in sorted(messages(), key=str):
            ident = message if isinstance(message, str) else message[0]
            known = old.get(ident)
            new.add(message, known.string if known else None)
        with file.open("wb") as out:
            write_po(out, new, omit_header=True, sort_output=True, width=100)


if __name__ == "__main__":
    main()
