"""The terms of noise, what it costs, and the budget that the ledger keeps."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError
from math import log, sqrt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cleanroom import ledger
from cleanroom.borders import EVENTS, PEOPLE, candidate_record
from cleanroom.errors import BudgetError, StudyError
from cleanroom.gate import mechanism
from cleanroom.gate.budget import Charge, budget, spend
from cleanroom.gate.candidate import make_candidate, sealed, unsealed
from cleanroom.gate.noise import draw, protect_drawn
from cleanroom.gate.store import Drawn, Store
from cleanroom.noise import Mechanism, Noise, Reach, reach_cost, strictest_noise
from cleanroom.policy import Policy, strictest
from cleanroom.signing import SigningKey, public_of
from tests.factories import findings, table

NOISE = Noise(epsilon=4.0, standard_deviation=10.0)
LAPLACE = Noise(mechanism=Mechanism.LAPLACE, epsilon=4.0, standard_deviation=10.0)
REACH = Reach(values=3, supports=4, most={"clicks": 5.0})

noises = st.builds(
    Noise,
    mechanism=st.sampled_from(Mechanism),
    epsilon=st.floats(0.01, 50),
    delta=st.floats(1e-12, 9e-4),
    horizon_days=st.integers(1, 1_000),
    standard_deviation=st.floats(1, 1_000),
    accounts_per_person=st.integers(1, 5),
)
asked = st.none() | noises


@given(asked, asked, asked)
def test_the_strictest_noise_does_not_depend_on_the_order(
    a: Noise | None, b: Noise | None, c: Noise | None
) -> None:
    assert strictest_noise(a, b) == strictest_noise(b, a)
    assert strictest_noise(a, strictest_noise(b, c)) == strictest_noise(strictest_noise(a, b), c)
    assert strictest_noise(a, a) == a
    assert strictest_noise(None, a) == a


@given(noises, noises)
def test_the_strictest_noise_is_no_smaller_and_its_budget_no_larger(a: Noise, b: Noise) -> None:
    both = strictest(Policy(noise=a), Policy(noise=b)).noise
    assert both is not None
    for one in (a, b):
        assert both.standard_deviation >= one.standard_deviation
        assert (both.epsilon, both.delta) <= (one.epsilon, max(one.delta, both.delta))
        assert both.delta <= one.delta
        assert both.horizon_days >= one.horizon_days
        assert both.accounts_per_person >= one.accounts_per_person


@pytest.mark.parametrize(
    "wrong",
    [
        {"epsilon": 0.0},
        {"epsilon": float("inf")},
        {"delta": 0.0},
        {"delta": 0.1},
        {"standard_deviation": 0.5},
        {"accounts_per_person": 0},
        {"mechanism": "gaussian"},
    ],
)
def test_noise_that_would_protect_nobody_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Noise.model_validate({"epsilon": 1.0, "standard_deviation": 5.0} | wrong)


def test_the_cost_is_that_of_the_published_theorems() -> None:
    one = Reach(values=1, supports=0, most={})
    # A Gaussian of deviation s costs 1/(2 s²) (Canonne, Kamath and Steinke 2020, theorem 4); a
    # Laplace of scale b is 1/b-DP, and that is 1/(2 b²) (Bun and Steinke 2016, proposition 1.4).
    assert reach_cost(NOISE, {"t": one}) == pytest.approx(1 / 200, rel=1e-4)
    assert reach_cost(LAPLACE, {"t": one}) == pytest.approx(1 / 100, rel=1e-4)
    assert reach_cost(NOISE, {"t": one}) > 1 / 200  # and a little for the rounding of sums
    # Counts behind cells have twice the noise and cost a quarter; accounts count squared.
    assert reach_cost(NOISE, {"t": replace(one, supports=4)}) == pytest.approx(2 / 200, rel=1e-4)
    twice = NOISE.model_copy(update={"accounts_per_person": 2})
    assert reach_cost(twice, {"t": one}) == pytest.approx(4 / 200, rel=1e-4)


def test_the_budget_is_what_the_accountant_makes_of_epsilon_and_delta() -> None:
    now = budget([], NOISE)
    # Bun and Steinke (2016), proposition 1.3, is a little less favourable than the accountant.
    plain = (sqrt(log(1 / NOISE.delta) + NOISE.epsilon) - sqrt(log(1 / NOISE.delta))) ** 2
    assert plain < now.total < 1.5 * plain
    assert (now.spent, now.epsilon, now.remaining) == (0, 0, now.total)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


def charges(names: Sequence[str], noise: Noise = NOISE) -> list[Charge]:
    """A third of the budget each, and a little less."""
    counts = int(budget([], noise).total / 3 / noise.rho)
    return [Charge(name, name, noise, counts, 0) for name in names]


def nothing(tmp_path: Path) -> Store:
    return Store(tmp_path / "noise")


def test_what_is_spent_is_worked_out_anew_from_the_chain(path: Path, tmp_path: Path) -> None:
    spend(path, NOISE, charges("ab"), nothing(tmp_path))
    now = budget(list(ledger.records(path)), NOISE)
    assert now.spent == pytest.approx(2 / 3 * now.total, rel=0.05)
    assert 0 < now.epsilon < NOISE.epsilon
    ledger.append(path, ledger.Event.RELEASED, {})
    assert budget(list(ledger.records(path)), NOISE).spent == now.spent


def test_the_budget_frees_as_its_horizon_rolls_on(path: Path, tmp_path: Path) -> None:
    spend(path, NOISE, charges("ab"), nothing(tmp_path))
    records = list(ledger.records(path))
    then = datetime.now(UTC) + timedelta(days=NOISE.horizon_days)
    assert budget(records, NOISE, then - timedelta(hours=1)).spent > 0
    assert budget(records, NOISE, then + timedelta(hours=1)).spent == 0
    ((when, _),) = budget(records, NOISE).frees
    assert abs(when - then) < timedelta(minutes=1)


def test_three_thirds_are_spent_and_the_fourth_is_refused(path: Path, tmp_path: Path) -> None:
    for one in charges("abc"):
        spend(path, NOISE, [one], nothing(tmp_path))
    with pytest.raises(BudgetError, match=r"1 of the studies asked for would take 3\d\.\d%"):
        spend(path, NOISE, charges("d"), nothing(tmp_path))
    assert budget(list(ledger.records(path)), NOISE).epsilon <= NOISE.epsilon


def test_what_does_not_fit_as_a_whole_is_not_spent_in_part(path: Path, tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match="ask for 3 of them at most, as a, b, c"):
        spend(path, NOISE, charges("abcd"), nothing(tmp_path))
    assert list(ledger.records(path)) == []


def test_a_budget_that_was_tightened_counts_what_was_spent_before(
    path: Path, tmp_path: Path
) -> None:
    spend(path, NOISE, charges("ab"), nothing(tmp_path))
    less = NOISE.model_copy(update={"epsilon": 1.0})
    assert budget(list(ledger.records(path)), less).remaining == 0
    with pytest.raises(BudgetError, match=r"0\.0% remains"):
        spend(path, less, charges("c", less), nothing(tmp_path))


def test_both_mechanisms_draw_on_one_budget(path: Path, tmp_path: Path) -> None:
    spend(path, NOISE, charges("ab"), nothing(tmp_path))
    spend(path, LAPLACE, charges("c", LAPLACE), nothing(tmp_path))
    with pytest.raises(BudgetError):
        spend(path, LAPLACE, charges("d", LAPLACE), nothing(tmp_path))


def _spend_one(path: Path, name: str) -> None:
    with suppress(BudgetError):
        spend(path, NOISE, charges([name]), nothing(path.parent))


def _draw_the_same(path: Path, mine: int) -> None:
    store = nothing(path.parent)
    spend(path, NOISE, charges("s"), store)
    store.keep("s", [{"cells": [mine]}])
    read: Drawn = store.read("s", path)
    ledger.append(path, ledger.Event.RELEASED, {"read": read})


def _at_once(work: object, path: Path, arguments: Sequence[object]) -> None:
    spawning = multiprocessing.get_context("spawn")
    processes = [spawning.Process(target=work, args=(path, one)) for one in arguments]  # type: ignore[arg-type]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


@pytest.mark.slow
def test_those_who_ask_at_once_cannot_spend_more_than_there_is(path: Path) -> None:
    _at_once(_spend_one, path, "abcdef")
    records = list(ledger.records(path))
    assert len(records) == 3
    assert budget(records, NOISE).spent <= budget(records, NOISE).total


@pytest.mark.slow
def test_those_who_ask_the_same_at_once_pay_once_and_read_the_same(path: Path) -> None:
    _at_once(_draw_the_same, path, range(4))
    by_event: dict[str, list[object]] = {}
    for record in ledger.records(path):
        by_event.setdefault(record["event"], []).append(record["facts"])
    assert len(by_event["budget_spent"]) == len(by_event["noise_drawn"]) == 1
    assert len({str(facts) for facts in by_event["released"]}) == 1


CELLS = [
    ("m", "base", 400, PEOPLE, 400, None),
    ("m", "part", 200, PEOPLE, 400, 200),
    ("m", "clicks", 900, EVENTS, 400, 200),
    ("m", "views", 900, EVENTS, 400, 200),
    ("other", "base", 7, PEOPLE, 7, None),
]


def test_only_the_merchant_s_cells_are_drawn_and_only_bounded_ones() -> None:
    drawn = draw(table("t", ("merchant",), CELLS), "m", NOISE, REACH)
    by_measure = {row[0]: row[1:] for row in drawn["cells"]}
    assert by_measure.keys() == {"base", "part", "clicks", "views"}
    value, _, people, contributors = by_measure["base"]
    assert (people, contributors) == (None, None)  # they would be the value itself
    assert by_measure["views"] == [None, EVENTS, None, None]
    assert all(number is not None for number in by_measure["clicks"])
    assert abs(value - 400) < 12 * NOISE.standard_deviation
    assert drawn["noise"] == {"base": 10.0, "part": 10.0, "clicks": 50.0}


@pytest.mark.parametrize("noise", [NOISE, LAPLACE], ids=lambda noise: noise.mechanism.value)
def test_a_cell_below_a_threshold_leaves_at_most_once_in_a_hundred_times(noise: Noise) -> None:
    policy = Policy(min_people=50, min_converters=10)
    small = {
        "few people": ("base", 49, PEOPLE, 49, None),
        "few converters": ("part", 9, PEOPLE, 4_000, 9),
        "few left out": ("part", 3_991, PEOPLE, 4_000, 3_991),
        "few behind events": ("clicks", 60, EVENTS, 4_000, 9),
    }
    for what, cell in small.items():
        many = table("t", ("merchant", "step"), [("m", str(i), *cell) for i in range(2_000)])
        cells = protect_drawn(draw(many, "m", noise, REACH), policy, noise).cells
        assert cells["value"].drop_nulls().len() <= 45, what  # of 2,000, twenty are expected


def test_noise_and_its_size_come_through_a_candidate_s_file() -> None:
    policy = Policy(noise=NOISE)
    shown = protect_drawn(draw(table("t", ("merchant",), CELLS), "m", NOISE, REACH), policy, NOISE)
    key = SigningKey.generate()
    made = make_candidate({"study": {}}, [shown], findings(), key)
    back = unsealed(sealed(made), public_of(key))
    assert back.tables["t"].noise == shown.noise == {"base": 10.0, "part": 10.0, "clicks": 50.0}
    assert candidate_record(back) == candidate_record(made)


def test_without_the_libraries_nothing_is_spent_and_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(mechanism, "version", missing)
    with pytest.raises(StudyError, match=r"cleanroom\[privacy\]"):
        mechanism.require_libraries()
