"""The table of published answers: `python -m tests.docs.known_answers` writes it into its page.

It needs the public data sets (`tests.real_data.files`).
"""

from __future__ import annotations

import re

import numpy as np

from tests.docs.reference import DOCS, grid
from tests.known_answers.published import Answer, Source
from tests.known_answers.published_comparisons import BIRTH_WEIGHTS, TRAINING
from tests.known_answers.published_experiments import EMAILS, EXPERIMENTS
from tests.known_answers.published_regions import CAUSAL_IMPACT, FORMULAS, GEOLIFT, MANY

PAGE = DOCS / "known-answers.md"
SOURCES = (EMAILS, EXPERIMENTS, TRAINING, BIRTH_WEIGHTS, GEOLIFT, CAUSAL_IMPACT, MANY, FORMULAS)
HEAD = ("answer", "published", "ours", "difference", "may differ by")
_PLACE = re.compile(r"(?<=<!-- generated: known answers -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)


def line(answer: Answer) -> str:
    """An answer's line of its table. Raises `AbsentError` where the data is not at hand."""
    digits = answer.digits
    numbers = (answer.published, answer.found, answer.difference)
    told = [f"{number:,.{digits}f}".replace("-", "−") for number in numbers]
    told[2] = told[2] if answer.difference else "0"
    most = np.format_float_positional(answer.within, 2, fractional=False, trim="-")
    allowed = f"{most}: {answer.because}" if answer.within else ""
    return grid(HEAD, [(answer.of, *told, allowed)]).splitlines()[-1]


def section_head(source: Source) -> list[str]:
    """The lines between a source's heading and its first answer."""
    return ["", source.stands, "", *grid(HEAD, []).splitlines()]


def section(source: Source) -> str:
    """A source's heading, what it is, and its table."""
    return "\n".join([f"## {source.title}", *section_head(source), *map(line, source.answers), ""])


def written(source: Source) -> list[str]:
    """The lines of a source's section as the page has them; none if it has no such section."""
    _, _, text = PAGE.read_text(encoding="utf-8").partition(f"## {source.title}\n")
    own, *_ = re.split(r"^(?:## |<!-- end -->)", text, maxsplit=1, flags=re.MULTILINE)
    return own.rstrip().splitlines()


def write() -> None:
    """Write them into the page anew."""
    drawn, text = "\n".join(map(section, SOURCES)), PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_PLACE.sub(lambda _: drawn, text), encoding="utf-8")


if __name__ == "__main__":
    write()
