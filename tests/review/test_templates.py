"""Study templates: what may be run on real rows, and who says so."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cleanroom import ledger
from cleanroom.agreement import StudyKind, write
from cleanroom.bench.answer import answer
from cleanroom.bench.execute import approved_notebook
from cleanroom.errors import NotebookError, ReleaseError, ReviewError, StudyError
from cleanroom.ledger import Event
from cleanroom.policy import Policy
from cleanroom.review.office import docket, propose, record_acts, submit
from cleanroom.review.records import ActKind, Reviewer, sign_act
from cleanroom.review.templates import (
    Bounds,
    Standing,
    Template,
    covering,
    load_drafts,
    refusals,
    template_of,
)
from cleanroom.room.place import ledger_of
from cleanroom.study import ConversionStudy, LiftStudy, Study
from tests import templates
from tests.review.stage import AGREED, ANN, ROOT, SAM, SECOND, STRANGER, Desk, agreed, candidate
from tests.room.event_log import Room

MAY = ConversionStudy(merchant="m", start=date(2026, 5, 1), end=date(2026, 5, 30))
LIFT = LiftStudy(merchant="m", start=date(2026, 5, 1), end=date(2026, 5, 30), study="s")


def bounded(kind: StudyKind = StudyKind.CONVERSION, **parameters: dict[str, Any]) -> Template:
    """A template that opens merchant and days, and bounds what is named."""
    wide = templates.wide(kind, AGREED)
    opened: dict[str, dict[str, Any]] = {"merchant": {}, "start": {}, "end": {}, **parameters}
    bounds = {name: Bounds(**bound) for name, bound in opened.items()}
    return wide.model_copy(update={"parameters": bounds})


@pytest.mark.parametrize(
    ("template", "study", "reasons"),
    [
        (bounded(), MAY, []),
        (bounded(days={"least": 7, "most": 30}), MAY, []),
        (bounded(days={"most": 29}), MAY, ["days is over 29"]),
        (bounded(days={"least": 31}), MAY, ["days is under 31"]),
        (bounded(start={"least": "2026-05-02"}), MAY, ["start is under 2026-05-02"]),
        (bounded(end={"most": "2026-05-29"}), MAY, ["end is over 2026-05-29"]),
        (bounded(merchant={"one_of": ("m", "n")}), MAY, []),
        (bounded(merchant={"one_of": ("n",)}), MAY, ["merchant is not one of those approved"]),
        (bounded(merchant={"most": 3}), MAY, ["merchant is of another type than its bounds"]),
        (bounded(), LIFT, ["it is for conversion studies of red-cat-plan"]),
        (
            bounded(StudyKind.LIFT),
            LIFT,
            ["study is not the default, and the template does not open it"],
        ),
        (bounded(StudyKind.LIFT, study={}), LIFT, []),
        (
            bounded(StudyKind.LIFT, study={}, max_amount={"most": 500_000}),
            LIFT.model_copy(update={"max_amount": 500_001}),
            ["max_amount is over 500000"],
        ),
        (
            bounded(StudyKind.LIFT, study={}),
            LIFT.model_copy(update={"population": "shared_identifier"}),
            ["population is not the default, and the template does not open it"],
        ),
        (
            bounded(StudyKind.LIFT, study={}, segments={"one_of": ("customer", "region")}),
            LIFT.model_copy(update={"segments": ("region", "customer")}),
            [],
        ),
        (
            bounded(StudyKind.LIFT, study={}, segments={"one_of": ("customer",)}),
            LIFT.model_copy(update={"segments": ("customer", "region")}),
            ["segments is not one of those approved"],
        ),
    ],
)
def test_a_template_covers_what_lies_inside_its_bounds(
    template: Template, study: Study, reasons: list[str]
) -> None:
    assert [*refusals(template, study, AGREED)] == reasons


def test_another_policy_voids_a_template() -> None:
    stricter = agreed(policy=Policy(min_people=60))
    assert [*refusals(bounded(), MAY, stricter)] == [
        "it was approved under another policy than the agreement's"
    ]


def test_a_template_is_approved_by_both_platforms_and_not_by_its_proposer(tmp_path: Path) -> None:
    path, template = tmp_path / "ledger.jsonl", bounded()
    propose(path, [template], "ann")

    def sign(by: Reviewer, kind: ActKind = ActKind.APPROVE_TEMPLATE) -> Standing:
        act = sign_act(by, kind, template.digest, docket(path).head)
        record_acts(path, AGREED, [act])
        return docket(path).proposals[template.digest].standing

    with pytest.raises(ReviewError, match="You proposed this template"):
        sign(ANN)
    with pytest.raises(ReleaseError, match="is not theirs"):
        sign(Reviewer(SAM.platform, SAM.name, STRANGER))
    assert sign(SAM) is Standing.PROPOSED
    with pytest.raises(StudyError, match="it is proposed"):
        covering(docket(path).proposals, MAY, AGREED)
    assert sign(SECOND) is Standing.APPROVED
    assert covering(docket(path).proposals, MAY, AGREED) == template
    assert sign(ANN, ActKind.REVOKE_TEMPLATE) is Standing.REVOKED
    with pytest.raises(ReviewError, match="was revoked"):
        sign(SAM)
    with pytest.raises(StudyError, match="it is revoked"):
        covering(docket(path).proposals, MAY, AGREED)


def test_what_was_proposed_before_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    assert propose(path, [bounded()], "ann") == [bounded()]
    assert propose(path, [bounded()], "bob") == []
    assert docket(path).proposals[bounded().digest].author == "ann"


def test_a_word_on_one_template_serves_no_other(desk: Desk) -> None:
    propose(desk.path, [bounded()], "somebody")
    act = sign_act(ANN, ActKind.APPROVE_TEMPLATE, bounded().digest, desk.docket.head)
    moved = act.model_copy(update={"body": act.body.model_copy(update={"subject": "a" * 64})})
    with pytest.raises(ReleaseError, match="is not theirs"):
        record_acts(desk.path, AGREED, [moved])


def test_without_its_template_a_candidate_is_neither_submitted_nor_released(desk: Desk) -> None:
    one = candidate()
    desk.submit(one)
    for by in (ANN, SAM):
        desk.vote(one, by)
    template = desk.case(one).template
    act = sign_act(ANN, ActKind.REVOKE_TEMPLATE, template, desk.docket.head)
    record_acts(desk.path, AGREED, [act])
    other = desk.make(candidate(merchant="n"))
    with pytest.raises(ReviewError, match="No template that both platforms approved covers it"):
        submit(desk.path, AGREED, [other], "somebody")


def test_the_room_answers_nothing_that_no_approved_template_covers(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.agree(studies={"conversion": {"notebook": "conversion.ipynb"}})
    write(room.agreement, room.directory / "agreement.yaml")
    room.vault()
    study = ConversionStudy(merchant="m", start=date(2026, 3, 1), end=date(2026, 3, 9))
    assert answer(room.directory, [study])
    path = ledger_of(room.directory)
    (digest,) = docket(path).proposals
    by = Reviewer(ANN.platform, templates.REVIEWER, room.reviewers[ANN.platform])
    act = sign_act(by, ActKind.REVOKE_TEMPLATE, digest, docket(path).head)
    record_acts(path, room.agreement, [act])
    before = len([*ledger.records(path)])
    with pytest.raises(StudyError, match="No template that both platforms approved covers"):
        answer(room.directory, [study])
    assert [r["event"] for r in ledger.records(path)][before:] == []
    assert Event.TEMPLATE_REVOKED in [r["event"] for r in ledger.records(path)]


def test_the_notebook_is_that_of_the_template_byte_for_byte(tmp_path: Path) -> None:
    drafts = load_drafts(ROOT / "configs" / "red-cat-plan.templates.yaml")
    notebook = tmp_path / "conversion.ipynb"
    notebook.write_bytes(b"{}")
    template = template_of(drafts["conversion"], "conversion", AGREED, tmp_path)
    assert approved_notebook(template, tmp_path) == notebook
    notebook.write_bytes(b"{} ")
    with pytest.raises(NotebookError, match="is not the notebook that both platforms approved"):
        approved_notebook(template, tmp_path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "templates: {a: {kind: conversion, parameters: {merchnt: {}}}}",
            "did you mean 'merchant'",
        ),
        ("templates: {a: {kind: other, parameters: {}}}", "templates.a.kind"),
        (
            "templates: {a: {kind: lift, parameters: {days: {least: 1, one_of: [2]}}}}",
            "give one_of, or least and most",
        ),
        ("templates: [", "cannot be read as YAML"),
    ],
)
def test_a_file_of_templates_is_read_strictly(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "templates.yaml"
    file.write_text(text)
    with pytest.raises(StudyError, match=problem):
        load_drafts(file)
