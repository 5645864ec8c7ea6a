"""The distinguishing game: of two rooms that differ in one person, can an attacker tell which?

Many independent rooms draw their noise; the attacker knows both rooms' true cells, sees all that
was drawn, and answers by the likelihood. Differential privacy bounds by how much the attacker is
righter than a coin; the same attacker wins where there is no noise, or less than was promised.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt
from typing import Any

import dp_accounting
import numpy as np
import pytest
from dp_accounting.rdp import RdpAccountant
from numpy.typing import NDArray

from cleanroom.borders import MONEY, MONEY_SQUARED, PEOPLE, Table
from cleanroom.gate.mechanism import add_noise
from cleanroom.gate.noise import draw, protect_drawn
from cleanroom.gate.protect import protect
from cleanroom.noise import COARSER, Mechanism, Noise, Reach, reach_cost
from cleanroom.policy import Policy
from tests.factories import table

MOST = 1_000
REACH = Reach(values=5, supports=6, most={"amount": MOST, "amount_squared": MOST**2})
UNITS = (1, 1, 1, MOST, MOST**2)
ROOMS = 5_000
Numbers = NDArray[np.float64]
# Four standard errors of the difference of two shares that are each a half.
SLACK = 4 * sqrt(0.5 / ROOMS)


def arms(person: int, people: int = 100, buyers: int = 40) -> Table:
    """An arm, once a room; `person` = 1: one more is in it, who bought as much as counts."""
    n, x = people + person, buyers + person
    cells = [
        ("assigned", n, PEOPLE, n, None),
        ("people", n - 20, PEOPLE, n, n - 20),
        ("converters", x, PEOPLE, n - 20, x),
        ("amount", (buyers * 300) + MOST * person, MONEY, n - 20, x),
        ("amount_squared", buyers * 300**2 + MOST**2 * person, MONEY_SQUARED, n - 20, x),
    ]
    rows = [("m", str(room), *cell) for room in range(ROOMS) for cell in cells]
    return table("arms", ("merchant", "room"), rows)


def in_units(cells: Sequence[Sequence[Any]]) -> Numbers:
    """All that one room draws, in units of one person's largest part; (measure, value, ...)."""
    values = [row[1] / unit for row, unit in zip(cells, UNITS, strict=True)]
    supports = [n for row in cells for n in row[3:5] if n is not None]
    return np.array([*values, *(n / COARSER for n in supports)], dtype=float)


def seen(person: int, noise: Noise) -> Numbers:
    """What each room drew: a row a room."""
    cells = [row[1:] for row in draw(arms(person), "m", noise, REACH)["cells"]]
    rooms = range(0, len(cells), len(UNITS))
    return np.array([in_units(cells[first : first + len(UNITS)]) for first in rooms])


def seen_exactly(person: int) -> Numbers:
    """The same without noise, of the counts that are drawn and no others."""
    cells = [list(row[2:]) for row in arms(person).cells.head(len(UNITS)).rows()]
    cells[0][3] = None  # the base, whose people are the value itself
    for row in cells[1:3]:
        row[4] = None
    return in_units(cells)


def advantage(without: Numbers, with_person: Numbers) -> float:
    """How much oftener the best threshold says 'with' of rooms with the person than without."""
    both = np.unique(np.concatenate([without, with_person]))
    below, below_with = (
        np.searchsorted(np.sort(x), both, side="right") / len(x) for x in (without, with_person)
    )
    return float(np.max(np.abs(below - below_with)))


def likelihood(draws: Numbers, noise: Noise) -> Numbers:
    """The logarithm of how much likelier a draw is with the person than without."""
    true = {n: seen_exactly(n) for n in (0, 1)}
    if noise.mechanism is Mechanism.GAUSSIAN:
        off = {n: ((draws - true[n]) ** 2).sum(axis=1) / 2 for n in true}
        found: Numbers = (off[0] - off[1]) / noise.scale**2
        return found
    off = {n: np.abs(draws - true[n]).sum(axis=1) for n in true}
    found = (off[0] - off[1]) / noise.scale
    return found


def bound(rho: float) -> float:
    """The largest advantage that (epsilon, delta) leaves, at the best delta.

    Kairouz, Oh and Viswanath (2015), ICML: at most (e^epsilon - 1 + 2 delta) / (e^epsilon + 1).
    """
    accountant = RdpAccountant()
    accountant.compose(dp_accounting.ZCDpEvent(rho))
    found = []
    for delta in (10 ** (-tenths / 10) for tenths in range(3, 60)):
        epsilon = float(accountant.get_epsilon(delta))
        found.append((exp(epsilon) - 1 + 2 * delta) / (exp(epsilon) + 1))
    return min(found)


def noise_of(mechanism: Mechanism, deviation: float) -> Noise:
    return Noise(mechanism=mechanism, epsilon=1.0, standard_deviation=deviation)


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", Mechanism)
def test_the_attacker_is_no_righter_than_the_budget_says(mechanism: Mechanism) -> None:
    noise = noise_of(mechanism, 6.0)
    scores = [likelihood(seen(person, noise), noise) for person in (0, 1)]
    won, most = advantage(*scores), bound(reach_cost(noise, {"arms": REACH}))
    assert most < 0.6, "the promise must be worth testing"
    assert won <= most + SLACK
    assert won >= 0.1, "the attacker has to be a good one"


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", Mechanism)
def test_the_attacker_wins_where_there_is_less_noise_than_was_promised(
    mechanism: Mechanism,
) -> None:
    promised, given = noise_of(mechanism, 6.0), noise_of(mechanism, 1.0)
    scores = [likelihood(seen(person, given), given) for person in (0, 1)]
    assert advantage(*scores) > bound(reach_cost(promised, {"arms": REACH})) + SLACK


def left(person: int, noise: Noise | None) -> Numbers:
    """How many cells of each room leave, where one person decides if a threshold is reached."""
    policy = Policy(min_people=50, min_converters=10)
    if noise is None:
        cells = protect(arms(person, people=49, buyers=19), policy).cells
    else:
        people = 69 + round(COARSER * noise.margin * noise.standard_deviation)
        rooms = draw(arms(person, people), "m", noise, REACH)
        cells = protect_drawn(rooms, policy, noise).cells
    leaves = cells["value"].is_not_null().to_numpy().reshape(ROOMS, -1)
    return np.asarray(leaves.sum(axis=1), dtype=float)


def test_without_noise_what_is_withheld_gives_a_person_at_the_threshold_away() -> None:
    assert advantage(left(0, None), left(1, None)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", Mechanism)
def test_with_noise_what_is_withheld_tells_no_more_than_the_noise(mechanism: Mechanism) -> None:
    noise = noise_of(mechanism, 6.0)
    leaving = [left(person, noise) for person in (0, 1)]
    assert leaving[0].std() > 0.1, "rooms have to differ in what is withheld"
    assert advantage(*leaving) <= bound(reach_cost(noise, {"arms": REACH})) + SLACK


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", Mechanism)
@pytest.mark.parametrize("scale", [1.0, 2.5, 9.0])
def test_noise_has_the_distribution_that_the_accounting_rests_on(
    mechanism: Mechanism, scale: float
) -> None:
    from scipy.stats import chisquare

    drawn = np.array(add_noise([1_000] * 40_000, scale, mechanism)) - 1_000
    reach = int(6 * scale)
    support = np.arange(-40 * reach, 40 * reach + 1)
    log = -np.abs(support) / scale
    if mechanism is Mechanism.GAUSSIAN:
        log = -(support**2) / (2 * scale**2)
    mass = np.exp(log) / np.exp(log).sum()
    edges = [k for k in range(-reach, reach + 1) if mass[support == k][0] * len(drawn) >= 10]
    observed = [(drawn == k).sum() for k in edges]
    expected = [mass[support == k][0] * len(drawn) for k in edges]
    observed.append(len(drawn) - sum(observed))  # all that lies further out
    expected.append(len(drawn) - sum(expected))
    # Seeds are the system's: a sound sampler fails once in a million times.
    assert chisquare(observed, expected).pvalue > 1e-6


def test_each_number_is_drawn_on_its_own() -> None:
    drawn: Any = np.array(add_noise([0] * 4_000, 5.0, Mechanism.GAUSSIAN))
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.1
    assert len(set(add_noise([7] * 100, 5.0, Mechanism.LAPLACE))) > 10
