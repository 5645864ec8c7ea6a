"""What the machine finds is told in each language; in English it is the very sentence signed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.behind import Answer
from cleanroom.borders import Candidate, Findings, Protected
from cleanroom.desk.language import Said, tell
from cleanroom.desk.phrases import PHRASES, SHAPES, understood
from cleanroom.gate.near import Near, Origin
from cleanroom.gate.refusals import because
from cleanroom.review.case import Case
from cleanroom.review.checks import CHECKS, findings
from cleanroom.review.states import State
from cleanroom.studies import conversion
from tests.desk.chinese import ENGLISH, in_chinese
from tests.outside import factories
from tests.outside.factories import RICH_ARMS, RICH_PATH, build

SETTLE = settings(max_examples=60, deadline=None)


def candidate(told: Findings, tables: Mapping[str, Protected]) -> Candidate:
    made = factories.rich()[0].candidate
    gate = "cleanroom.gate.testing"
    study = {**made.manifest["study"], "kind": "lift"}
    manifest = {**made.manifest, "study": study}
    told_of: Candidate = build(gate, Candidate, manifest, tables, told, made.signature)
    return told_of


def every_factory() -> Iterator[Candidate]:
    made = (
        factories.rich(),
        factories.mostly_withheld(),
        factories.broken_split(),
        factories.rounded(),
        factories.without_effect(),
        factories.conversion_only(),
    )
    yield from (release.candidate for releases in made for release in releases)
    yield factories.fewer_buyers().candidate


def earlier(of: Candidate, **study: str) -> Case:
    """A release of the same kind of study and merchant, of the same days or `study`'s."""
    return Case("ab" * 32, "a.json", State.RELEASED, study={**of.manifest["study"], **study})


def told_together(of: Candidate, words: str) -> Candidate:
    """The candidate with a table in which something was withheld for being near."""
    cells = of.tables["path"].cells.with_columns(
        pl.when(pl.col("step").is_in(["cart", "visit"])).then(pl.lit(words)).alias("because")
    )
    table = build("cleanroom.gate.testing", Protected, "path", "Path", ("step",), cells, "p")
    return candidate(of.findings, {**of.tables, "path": table})


def test_every_finding_that_can_be_made_has_a_chinese_text() -> None:
    near = told_together(
        factories.rich()[0].candidate,
        "differs from the answer of 2 May 2026, the same cell, by fewer than 50 people: too few "
        "people's data changed since, so keep to that answer, or ask for other days",
    )
    seen = set[str]()
    for made in (*every_factory(), near):
        cases = [earlier(made), earlier(made, end="2026-04-20")]
        for found in findings(made, cases):
            assert in_chinese(found.words)
            seen.add(found.check)
    assert seen == {check.id for check in CHECKS}


def test_what_was_found_reads_as_a_chinese_sentence() -> None:
    assert in_chinese("8 of its 12 cells are withheld.") == "12 个单元格中有 8 个被隐去。"
    assert in_chinese(
        "Withheld: cart people, cart events: differs from the answer of 2 May 2026 for 1 to 30 "
        "April 2026, cell step visit, by fewer than 50 people: merge step cart with visit "
        "(and 2 more such)."
    ) == (
        "已隐去：“加购”的人数、“加购”的次数：与2026年5月2日的结果（统计期为2026年4月1日至30日）"  # noqa: RUF001
        "中的单元格（步骤“进店”）相差不足 50 人：请合并步骤“加购”与“进店”（另有 2 处同类情况）。"  # noqa: RUF001
    )


DAYS = st.dates(date(2025, 1, 1), date(2027, 12, 31))
STEPS = st.sampled_from([*RICH_PATH])
PLACES = st.fixed_dictionaries(
    {"merchant": st.sampled_from(["m-001", "m-002"]), "step": STEPS},
    optional={"outcome": st.sampled_from(["linked", "passed_on"])},
)


@st.composite
def studies(draw: st.DrawFn) -> dict[str, Any]:
    start = draw(DAYS)
    end = start + timedelta(days=draw(st.integers(0, 400)))
    amount = draw(st.sampled_from([100, 500_000]))
    return {"start": str(start), "end": str(end), "kind": "lift", "max_amount": amount}


@st.composite
def origins(draw: st.DrawFn) -> Origin:
    place = draw(PLACES)
    answer = Answer("ab" * 32, f"{draw(DAYS)}T08:00:00+00:00", draw(studies()), [])
    return Origin(place, draw(st.sampled_from([answer, None])))


@SETTLE
@given(
    several=st.lists(origins(), min_size=1, max_size=3),
    place=PLACES,
    asked=studies(),
    whole=st.sampled_from(["none", "is", "of"]),
    cells=st.lists(STEPS, min_size=1, max_size=3, unique=True),
)
def test_why_a_number_is_near_to_another_has_a_chinese_text(
    several: list[Origin],
    place: dict[str, str],
    asked: dict[str, Any],
    whole: str,
    cells: list[str],
) -> None:
    others = tuple(range(len(several)))
    near = Near(others, 0 if whole == "of" else None, whole == "is")
    why = because(near, [[one] for one in several], place, asked, 50)
    assert in_chinese(why)
    keys = ", ".join(f"{step} people" for step in cells)
    assert in_chinese(f"{keys}: {why}")
    assert in_chinese(f"Withheld: {keys}: {why} (and 3 more such).")


def test_a_cell_of_more_people_is_named_by_what_it_is_not_split_by() -> None:
    april = {"start": "2026-04-01", "end": "2026-04-30"}
    answer = Answer("ab" * 32, "2026-05-02T08:00:00+00:00", april, [])
    here = {"merchant": "m-001", "step": "cart", "outcome": "linked"}
    for places, words in ((1, "step and outcome"), (2, "outcome")):
        there = Origin(dict([*here.items()][:places]), answer)
        why = because(Near((0,)), [[there]], here, april, 50)
        assert f"the answer of 2 May 2026, a cell not split by {words}, by fewer" in why
        assert in_chinese(why)


@SETTLE
@given(
    treated=st.integers(0, 900),
    holdout=st.integers(0, 900),
    short=st.integers(0, 4000),
    unseen=st.integers(0, 1500),
)
def test_every_check_of_a_lift_study_has_a_chinese_text(
    treated: int, holdout: int, short: int, unseen: int
) -> None:
    buyers = {"treated": treated, "holdout": holdout}
    arms = {
        arm: (
            assigned - short * (arm == "holdout"),
            people - unseen * (arm == "holdout"),
            buyers[arm],
            270_00 * buyers[arm],
        )
        for arm, (assigned, people, _, _) in RICH_ARMS.items()
    }
    _, _, found = factories._lift("m-001", arms)
    for check in found.checks.values():
        assert in_chinese(check.label)
        assert in_chinese(check.words)


@pytest.mark.parametrize("steps", [(), ("read",), ("read", "engage"), ("read", "search", "cart")])
def test_steps_that_do_not_nest_are_named_in_chinese(steps: tuple[str, ...]) -> None:
    cells = {**RICH_PATH, **dict.fromkeys(steps, (60_000, 70_000))}
    _, tables, _ = factories._conversion("m-001", RICH_PATH, 19_350_00, 148_720_00, 8_340)
    frame = tables["path"].cells
    for step, (people, _) in cells.items():
        is_it = (pl.col("step") == step) & (pl.col("measure") == "people")
        frame = frame.with_columns(
            pl.when(is_it).then(pl.lit(float(people))).otherwise("value").alias("value")
        )
    torn = build("cleanroom.gate.testing", Protected, "path", "Path", ("step",), frame, "p")
    found = conversion.findings({**tables, "path": torn}, "CNY")
    (check,) = found.checks.values()
    assert in_chinese(check.label)
    told = in_chinese(check.words)
    assert ("请查找数据中的错误" in told) == bool(steps)


def test_why_a_file_is_broken_has_a_chinese_text() -> None:
    for words in PHRASES["broken"]:
        told = understood(words.replace("%(text)s", "lift-m-001-ab.json"))
        assert isinstance(told, Said)
        assert told.message == words


def test_what_no_phrase_fits_is_content() -> None:
    for words in ("", "A reviewer said so.", "8 of its cells are withheld.", "100%"):
        assert understood(words) == words


def test_a_phrase_of_every_kind_that_is_named_is_there() -> None:
    named = {
        kind
        for messages in PHRASES.values()
        for message in messages
        for kind in re.findall(r"%\(([a-z]+?)(?:_\w+)?\)s", message)
    }
    assert named <= {*SHAPES, *PHRASES}


def test_content_in_a_sentence_is_not_taken_for_a_message() -> None:
    """A percent sign or a place's name in what was found is shown, not filled in."""
    told = understood("%(text)s is not there.")
    assert tell(told, ENGLISH) == "%(text)s is not there."
    assert replace(Case("a" * 64, "a.json"), file="b.json").file == "b.json"
