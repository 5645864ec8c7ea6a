"""Studies under noise in a room: paid for once, the same answer for ever, refused beyond."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cleanroom import ledger
from cleanroom.bench import noise as bench_noise
from cleanroom.bench.answer import answer
from cleanroom.bench.diagnostics import diagnostics
from cleanroom.bench.noise import store_of
from cleanroom.borders import Candidate
from cleanroom.errors import BudgetError, KeysError, LedgerError, StudyError
from cleanroom.gate.budget import Charge, spend
from cleanroom.gate.candidate import read_candidate
from cleanroom.gate.store import Store
from cleanroom.ledger import Event
from cleanroom.noise import Noise
from cleanroom.policy import Policy, Rounding
from cleanroom.room.place import ledger_of
from cleanroom.room.vault import open_vault
from cleanroom.study import LiftStudy, Study
from tests.room.event_log import Room
from tests.room.noisy import CONVERSION, LIFT, events, fill

NOISE = {"epsilon": 30.0, "standard_deviation": 3.0}
ONE_LIFT = {"epsilon": 6.0, "standard_deviation": 3.0}  # enough for one lift study, not for two


@pytest.fixture
def noisy(room: Room) -> Room:
    fill(room, NOISE)
    return room


def asked(room: Room, study: Study, policy: Policy | None = None) -> Candidate:
    (file,) = answer(room.directory, [study], policy)
    return read_candidate(file, room.public_key)


def noise_of(room: Room) -> Noise:
    noise = room.agreement.effective_policy.noise
    assert noise is not None
    return noise


def charge_of(room: Room, study: Study) -> Charge:
    vault, policy = open_vault(room.directory, room.agreement), room.agreement.effective_policy
    return bench_noise.charge_of(study, vault, policy, noise_of(room))


def numbers(candidate: Candidate) -> dict[str, list[tuple[Any, ...]]]:
    return {name: table.cells.rows() for name, table in candidate.tables.items()}


def forget_candidates(room: Room) -> None:
    for file in (room.directory / "candidates").glob("*.json"):
        file.unlink()


def drawn_file(room: Room) -> Path:
    (file,) = (room.directory / "noise").glob("*.json")
    return file


def test_numbers_are_not_the_true_ones_and_say_how_large_their_noise_is(noisy: Room) -> None:
    arms = asked(noisy, LIFT).tables["arms"]
    true = {"assigned": 200, "people": 100, "converters": 50, "amount": 45_000}
    off = [v - true[key[1]] for key, v in arms.values().items() if v is not None and key[1] in true]
    assert len(off) == 8
    assert any(off)
    assert arms.noise == {
        "assigned": 3.0,
        "people": 3.0,
        "converters": 3.0,
        "amount": 3_000.0,
        "amount_squared": 3_000_000.0,
        "capped": 3.0,
    }


def test_a_value_that_nothing_bounds_is_withheld(noisy: Room) -> None:
    money = asked(noisy, CONVERSION).tables["money"]
    assert set(money.cells["withheld"]) == {"no_bound"}
    assert money.noise == {}


def test_a_bound_on_what_one_person_adds_lets_events_and_money_leave(room: Room) -> None:
    bounds = {"max_events_per_person": 2, "max_amount_per_person": 1_000}
    fill(room, NOISE, bounds=bounds)
    tables = asked(room, CONVERSION).tables
    assert tables["path"].noise == {"people": 3.0, "events": 6.0}
    assert tables["money"].noise == {"cost": 3_000.0, "orders": 6.0, "revenue": 3_000.0}
    clicks = tables["path"].values()["click", "events"]
    assert clicks is not None
    assert abs(clicks - 400) < 60
    assert "bounds" in tables


def test_another_bound_is_another_question(room: Room) -> None:
    fill(room, NOISE)
    asked(room, LIFT)
    asked(room, LIFT, Policy(max_amount_per_person=5_000))  # the study's own is less
    assert len(events(room, Event.BUDGET_SPENT)) == 1
    asked(room, LIFT, Policy(max_amount_per_person=500))
    assert len(events(room, Event.BUDGET_SPENT)) == 2


def test_under_noise_nothing_is_called_unrecorded(noisy: Room) -> None:
    """That nobody searched, or that there is no such study, would be told of true rows."""
    other = LIFT.model_copy(update={"study": "another"})
    for table in (*asked(noisy, CONVERSION).tables.values(), *asked(noisy, other).tables.values()):
        assert table.cells["no_data"].null_count() == table.cells.height


def test_rounding_comes_on_top_of_the_noise(noisy: Room) -> None:
    exact = asked(noisy, LIFT).tables["arms"]
    rounded = asked(noisy, LIFT, Policy(round_counts=Rounding.BASE_5))
    arms = rounded.tables["arms"]
    for key, value in arms.values().items():
        if value is not None and key[1] in ("assigned", "people", "converters"):
            assert value % 5 == 0
            assert abs(value - (exact.values()[key] or 0)) <= 2.5
    assert arms.values()["treated", "amount"] == exact.values()["treated", "amount"]
    assert arms.noise == exact.noise
    lift, plain = rounded.findings.estimates["absolute_lift"], asked(noisy, LIFT).findings
    assert lift.rounding
    assert lift.lower is not None
    assert lift.lower <= (plain.estimates["absolute_lift"].lower or 0)


def test_minimums_by_column_hold_under_noise(noisy: Room) -> None:
    policy = Policy(column_minimums={"visits.amount": 500})
    arms = asked(noisy, LIFT, policy).tables["arms"].cells
    reasons = {m: {*arms.filter(measure=m)["withheld"]} for m in ("people", "amount")}
    assert reasons == {"people": {None}, "amount": {"column_minimums"}}


def test_how_far_a_withheld_number_is_known_is_not_said_under_noise(noisy: Room) -> None:
    money = asked(noisy, CONVERSION).tables["money"]
    assert money.bounds == {"no_bound": "nothing for sure: noisy counts decided"}


def test_what_is_kept_holds_nothing_true_and_only_its_owner_can_read_it(noisy: Room) -> None:
    asked(noisy, LIFT)
    assert drawn_file(noisy).stat().st_mode & 0o077 == 0
    assert drawn_file(noisy).parent.stat().st_mode & 0o077 == 0
    (kept, _) = store_of(noisy.directory).read(drawn_file(noisy).stem, ledger_of(noisy.directory))
    by_measure = {tuple(row[:2]): row[2] for row in kept["cells"]}
    true = {"assigned": 200, "people": 100, "amount": 45_000}
    kept_numbers = {(arm, m): by_measure[arm, m] for arm in ("treated", "holdout") for m in true}
    assert kept_numbers != {key: true[key[1]] for key in kept_numbers}
    assert {len(row) for row in kept["cells"]} == {6}  # arm, measure, value, unit, two counts


def test_the_same_question_has_the_same_numbers_and_is_paid_for_once(noisy: Room) -> None:
    first = numbers(asked(noisy, LIFT))
    forget_candidates(noisy)
    assert numbers(asked(noisy, LIFT)) == first
    # Another split was planned: another question, of the same cells.
    assert numbers(asked(noisy, LIFT.model_copy(update={"planned_treated_share": 0.6}))) == first
    assert len(events(noisy, Event.BUDGET_SPENT)) == 1
    assert len(events(noisy, Event.NOISE_DRAWN)) == 1


def test_stricter_thresholds_withhold_more_of_the_same_numbers(noisy: Room) -> None:
    loose = asked(noisy, LIFT).tables["arms"].values()
    strict = asked(noisy, LIFT, Policy(min_people=150)).tables["arms"].values()
    kept = {key: value for key, value in strict.items() if value is not None}
    assert 0 < len(kept) < len([value for value in loose.values() if value is not None])
    assert all(loose[key] == value for key, value in kept.items())
    assert len(events(noisy, Event.BUDGET_SPENT)) == 1


def test_another_question_draws_and_pays_anew(noisy: Room) -> None:
    first = asked(noisy, LIFT)
    other = asked(noisy, LIFT.model_copy(update={"max_amount": 2_000}))
    assert numbers(first) != numbers(other)
    assert len(events(noisy, Event.BUDGET_SPENT)) == 2


def test_two_studies_of_the_same_cells_in_one_call_are_one(noisy: Room) -> None:
    studies: list[LiftStudy] = [LIFT, LIFT.model_copy(update={"planned_treated_share": 0.6})]
    files = answer(noisy.directory, studies)
    one, other = (numbers(read_candidate(file, noisy.public_key)) for file in files)
    assert one == other
    (spent,) = events(noisy, Event.BUDGET_SPENT)
    assert len(spent["studies"]) == 1


def test_the_ledger_says_what_was_paid_for_and_no_number(noisy: Room) -> None:
    asked(noisy, LIFT)
    ((study,),) = [facts["studies"] for facts in events(noisy, Event.BUDGET_SPENT)]
    assert study.keys() == {
        "content",
        "mechanism",
        "standard_deviation",
        "accounts_per_person",
        "values",
        "supports",
        "rho",
    }
    assert (study["mechanism"], study["values"], study["supports"]) == ("discrete gaussian", 8, 9)


def test_beyond_the_budget_nothing_is_counted_and_nothing_spent(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(room, ONE_LIFT)
    asked(room, LIFT)
    before = ledger_of(room.directory).read_bytes()
    monkeypatch.setattr("cleanroom.bench.answer.KINDS", {})  # counting would fail
    with pytest.raises(BudgetError) as refused:
        asked(room, LIFT.model_copy(update={"max_amount": 2_000}))
    assert ledger_of(room.directory).read_bytes() == before
    assert "% of it, and " in refused.value.problem
    assert "all of it fits from 20" in refused.value.remedy


def test_a_refusal_names_the_part_that_would_fit(room: Room) -> None:
    fill(room, ONE_LIFT)
    with pytest.raises(BudgetError, match="ask for 1 of them at most, as lift-m"):
        answer(room.directory, [CONVERSION, LIFT])
    assert events(room, Event.BUDGET_SPENT) == []
    assert asked(room, LIFT).tables["arms"].noise


def test_what_was_answered_is_answered_again_with_the_budget_at_its_end(room: Room) -> None:
    fill(room, ONE_LIFT)
    first = numbers(asked(room, LIFT))
    with pytest.raises(BudgetError):
        asked(room, CONVERSION)
    forget_candidates(room)
    assert numbers(asked(room, LIFT)) == first


@pytest.mark.parametrize("step", ["spend", "draw", "keep", "read", "protect_drawn"])
def test_a_crash_after_any_step_costs_one_answer_and_never_two(
    step: str, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(room, ONE_LIFT)
    owner = Store if step in {"keep", "read"} else bench_noise
    real = getattr(owner, step)

    def crash_after(*arguments: Any) -> None:
        real(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as crashing:
        crashing.setattr(owner, step, crash_after)
        with pytest.raises(KeyboardInterrupt):
            asked(room, LIFT)
    kept = [file.read_bytes() for file in (room.directory / "noise").glob("*.json")]
    asked(room, LIFT)
    assert len(events(room, Event.BUDGET_SPENT)) == 1
    if kept:  # what may have been read is what is answered
        assert drawn_file(room).read_bytes() == kept[0]


def test_a_ledger_cut_at_any_byte_of_a_spending_lets_no_more_than_the_budget_be_spent(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(room, ONE_LIFT)

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crashing:
        crashing.setattr(bench_noise, "draw", crash)
        with pytest.raises(KeyboardInterrupt):
            asked(room, LIFT)
    path = ledger_of(room.directory)
    whole = path.read_bytes()
    noise, store = noise_of(room), store_of(room.directory)
    lift, conversion = charge_of(room, LIFT), charge_of(room, CONVERSION)
    start = whole[:-1].rfind(b"\n") + 1
    for cut in range(start, len(whole) + 1):
        path.write_bytes(whole[:cut])
        spend(path, noise, [lift], store)
        with pytest.raises(BudgetError):
            spend(path, noise, [conversion], store)
        assert len(events(room, Event.BUDGET_SPENT)) == 1


def test_a_ledger_cut_at_any_byte_of_a_drawing_leads_back_to_the_same_numbers(room: Room) -> None:
    fill(room, ONE_LIFT)
    first = numbers(asked(room, LIFT))
    path, store = ledger_of(room.directory), store_of(room.directory)
    whole = path.read_bytes()
    end = whole[:-1].rfind(b"\n") + 1  # of the drawing; after it the candidate was recorded
    start = whole[: end - 1].rfind(b"\n") + 1
    content = drawn_file(room).stem
    drawn = store.read(content, path)
    for cut in range(start, end):
        path.write_bytes(whole[:cut])
        spend(path, noise_of(room), [charge_of(room, LIFT)], store)
        assert store.read(content, path) == drawn
        assert len(events(room, Event.NOISE_DRAWN)) == 1
    forget_candidates(room)
    assert numbers(asked(room, LIFT)) == first


def test_numbers_that_were_lost_are_drawn_anew_and_paid_for_again(noisy: Room) -> None:
    first = numbers(asked(noisy, LIFT))
    forget_candidates(noisy)
    drawn_file(noisy).unlink()
    again = numbers(asked(noisy, LIFT))
    assert again != first
    assert len(events(noisy, Event.BUDGET_SPENT)) == 2
    forget_candidates(noisy)
    assert numbers(asked(noisy, LIFT)) == again


def test_numbers_that_were_altered_are_refused(noisy: Room) -> None:
    asked(noisy, LIFT)
    forget_candidates(noisy)
    file = drawn_file(noisy)
    file.write_bytes(file.read_bytes().replace(b"treated", b"holdout", 1))
    with pytest.raises(LedgerError, match="are not those that its ledger names"):
        asked(noisy, LIFT)


def test_numbers_that_others_can_read_are_refused(noisy: Room) -> None:
    asked(noisy, LIFT)
    forget_candidates(noisy)
    drawn_file(noisy).chmod(0o644)
    with pytest.raises(KeysError, match="open to others"):
        asked(noisy, LIFT)


def test_the_budget_is_spent_before_numbers_are_drawn_and_those_before_a_candidate(
    noisy: Room,
) -> None:
    answer(noisy.directory, [LIFT, CONVERSION])
    order = [record["event"] for record in ledger.records(ledger_of(noisy.directory))][-6:]
    answered = ["noise_drawn", "candidate_made"]
    assert order == ["budget_spent", "joined", *answered, *answered]


def test_where_there_is_noise_no_exact_table_leaves_by_another_door(noisy: Room) -> None:
    with pytest.raises(StudyError, match=r"asks for noise, and the table '.*' has none"):
        diagnostics(noisy.directory)
