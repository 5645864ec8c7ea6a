"""The parts of the docs that are drawn from the code: `python -m tests.docs.reference` writes them.

Each stands in its page between a line that names it and `<!-- end -->`; the page of commands is
drawn whole.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from cleanroom import errors
from cleanroom.absences import NO_DATA_WORDS
from cleanroom.agreement import load
from cleanroom.errors import CleanroomError, ExitCode
from cleanroom.gate import rules
from cleanroom.gate.verification import verify_ledger, verify_release
from cleanroom.layout import CLASSES
from cleanroom.party import checks
from cleanroom.review.checks import CHECKS
from cleanroom.review.states import MEANS, TRANSITIONS, State
from cleanroom.room.link_rules import BASES, LINK_RULES, LinkRule
from cleanroom.tables import TABLES, Column, TableContract
from tests.review import tampering

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
COMMANDS = DOCS / "commands.md"


def tables() -> str:
    """Every table's contract, a row for each column."""
    return "\n\n".join(_table(name, contract) for name, contract in TABLES.items())


def _table(name: str, contract: TableContract) -> str:
    rows = [
        (
            f"`{column}`" + (" (may be missing)" if column in contract.optional else ""),
            terms.role.replace("_", " "),
            terms.type,
            _needed(terms),
            ", ".join(f"`{kind}`" for kind in terms.kinds),
        )
        for column, terms in contract.columns.items()
    ]
    head = ("column", "role", "type", "needed", "values")
    return f"### {name} ({contract.platform} platform)\n\n{grid(head, rows)}"


def _needed(column: Column) -> str:
    return "always" if column.required else ", ".join(f"`{kind}`" for kind in column.needed_by)


def reasons() -> str:
    """Why a row is quarantined, in the order in which that is asked."""
    rows = [(f"`{reason}`", rule.says, rule.remedy) for reason, rule in checks.RULES.items()]
    return grid(("reason", "what is wrong", "what to do"), rows)


def disclosure_rules() -> str:
    """The rules of the gate, in the order in which they are asked."""
    return grid(
        ("rule", "why a cell is withheld"), [(f"`{r.id}`", r.protects) for r in rules.RULES]
    )


def column_classes() -> str:
    """What an output may make of a column, by its role."""
    rows = [(role.value.replace("_", " "), terms.says) for role, terms in CLASSES.items()]
    return grid(("role of the column", "in an output"), rows)


def no_data() -> str:
    """Why there may be no data, by the name in the released table."""
    return grid(("`no_data`", "why"), [(f"`{r}`", words) for r, words in NO_DATA_WORDS.items()])


def link_rules() -> str:
    """The rules of the link, in the order of a CID's way, with what each is counted of."""
    rows = [
        (f"`{rule.id}`", rule.case, rule.decides, f"`{rule.of}`", _known_by(rule))
        for rule in (*BASES, *LINK_RULES)
    ]
    return grid(("rule", "when", "what the room does", "part of", "people are"), rows)


def _known_by(rule: LinkRule) -> str:
    sides = [f"{side}s" for side in rule.known_by]
    return f"the fewer of {' and '.join(sides)}" if len(sides) > 1 else sides[0]


def exit_codes() -> str:
    """Every exit code, in the words of the error that ends with it."""
    words = {
        ExitCode.OK: "Done.",
        ExitCode.USAGE: "The command was typed wrongly, or something else stands in its way.",
    }
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, CleanroomError):
            words.setdefault(error.exit_code, error.__doc__ or "")
    rows = [(f"{code:d}", code.name.lower(), words[code]) for code in ExitCode]
    return grid(("code", "about", "meaning"), rows)


def states() -> str:
    """What each state of a candidate means."""
    return grid(("state", "meaning"), [(f"**{state}**", MEANS[state]) for state in State])


def diagram() -> str:
    """The life of a candidate, drawn from the table of transitions."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for row in TRANSITIONS:
        arrows.setdefault((row.source, row.target), []).append(row.action)
    lines = [
        f"    {_word(source)} --> {_word(target)}: {', '.join(actions)}"
        for (source, target), actions in arrows.items()
    ]
    names = [f'    state "{state}" as {_word(state)}' for state in State if " " in state]
    first = f"    [*] --> {_word(State.DRAFT)}"
    return "\n".join(["```mermaid", "stateDiagram-v2", *names, first, *lines, "```"])


def transitions() -> str:
    """Every transition: who may, on what condition, and what is said if it does not hold."""
    rows = [
        (row.source, row.action, row.target, row.who, row.guard, row.refusal or "–")
        for row in TRANSITIONS
    ]
    return grid(("from", "action", "to", "who", "if", "otherwise it says"), rows)


def machine_checks() -> str:
    """What the machine looks at before reviewers do."""
    return grid(("check", "what it finds"), [(f"`{c.id}`", c.asks) for c in CHECKS])


def tampered_ledgers() -> str:
    """What `cleanroom verify` says of a ledger that was tampered with, in eight ways."""
    with TemporaryDirectory() as folder:
        told = tampering.story(Path(folder))
        rows = [("nothing", _verified(told, told.ledger))]
        for how in tampering.TAMPERINGS:
            copy = tampering.tampered(told, how, Path(folder) / "copy.jsonl")
            rows.append((how, _verified(told, copy)))
    return grid(("what was done to it", "`cleanroom verify`"), rows)


def _verified(told: tampering.Story, ledger: Path) -> str:
    agreements = [load(told.agreement)]
    try:
        found = verify_ledger(ledger, agreements)
        state = verify_release(found, told.release, agreements)
    except CleanroomError as error:
        return re.sub(r"[0-9a-f]{12}", "…", error.problem)
    return f"The chain holds, and every step was allowed; {told.release.name}: {state}"


def _word(state: State) -> str:
    return state.replace(" ", "_")


def commands() -> str:
    """The reference of the command line, drawn by Typer from the same words as `--help`."""
    command = [sys.executable, "-m", "typer", "cleanroom.cli", "utils", "docs"]
    return subprocess.run(
        [*command, "--name", "cleanroom", "--title", "The cleanroom command"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


SECTIONS: dict[str, tuple[str, Callable[[], str]]] = {
    "tables": ("tables.md", tables),
    "reasons": ("tables.md", reasons),
    "rules": ("rules.md", disclosure_rules),
    "column classes": ("rules.md", column_classes),
    "no data": ("rules.md", no_data),
    "link rules": ("rules.md", link_rules),
    "exit codes": ("exit-codes.md", exit_codes),
    "states": ("review.md", states),
    "diagram": ("review.md", diagram),
    "transitions": ("review.md", transitions),
    "machine checks": ("review.md", machine_checks),
    "tampered ledgers": ("review.md", tampered_ledgers),
}


def written(section: str) -> str:
    """What stands in the docs as a section now; raises `AttributeError` if it has no place."""
    page, _ = SECTIONS[section]
    return _place(section).search((DOCS / page).read_text(encoding="utf-8")).group(1)  # type: ignore[union-attr]


def write() -> None:
    """Write every drawn part anew."""
    for section, (page, draw) in SECTIONS.items():
        text = (DOCS / page).read_text(encoding="utf-8")
        drawn = f"<!-- generated: {section} -->\n{draw()}\n<!-- end -->"
        new = _place(section).sub(lambda _, drawn=drawn: drawn, text)  # type: ignore[misc]
        (DOCS / page).write_text(new, encoding="utf-8")
    COMMANDS.write_text(commands(), encoding="utf-8")


def _place(section: str) -> re.Pattern[str]:
    return re.compile(rf"<!-- generated: {section} -->\n(.*?)\n?<!-- end -->", re.DOTALL)


if __name__ == "__main__":
    write()
