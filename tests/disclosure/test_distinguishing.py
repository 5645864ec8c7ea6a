"""The distinguishing game: of two rooms that differ in one person, can an attacker tell which?

Many independent rooms draw their noise; the attacker knows both rooms' true cells, sees all that
was drawn, and answers by the likelihood. Differential privacy bounds by how much the attacker is
righter than a coin; the same attacker wins where there is no noise, or less than was promised.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import Any

import dp_accounting
import numpy as np
import pytest
from dp_accounting.rdp import RdpAccountant

from cleanroom.borders import MONEY, MONEY_SQUARED, PEOPLE, Table
from cleanroom.gate.mechanism import add_noise
from cleanroom.gate.noise import draw, protect_drawn
from cleanroom.gate.protect import protect
from cleanroom.noise import COARSER, Mechanism, Noise, Reach, reach_cost
from cleanroom.policy import Policy
from tests.factories import table

MOST = 1_000
REACH = Reach(values=5, supports=6, most={"amount": MOST, "amount_squared": MOST**2})
ROOMS = 1_500
# Four standard errors of the difference of two shares that are each a half.
SLACK = 4 * sqrt(0.5 / ROOMS)


def arm(person: int, people: int = 100, buyers: int = 40) -> Table:
    """One arm; with `person` = 1 there is one more in it, who bought as much as counts."""
    n, x = people + person, buyers + person
    cells = [
        ("m", "assigned", n, PEOPLE, n, None),
        ("m", "people", n - 20, PEOPLE, n, n - 20),
        ("m", "converters", x, PEOPLE, n - 20, x),
        ("m", "amount", (buyers * 300) + MOST * person, MONEY, n - 20, x),
        ("m", "amount_squared", buyers * 300**2 + MOST**2 * person, MONEY_SQUARED, n - 20, x),
    ]
    return table("arms", ("merchant",), cells)


def seen(person: int, noise: Noise, rooms: int = ROOMS) -> np.ndarray:
    """What each room drew: a row a room, in units of one person's largest part."""
    units = np.array([1, 1, 1, MOST, MOST**2])
    rows = []
    for _ in range(rooms):
        cells = draw(arm(person), "m", noise, REACH)["cells"]
        values = np.array([row[1] for row in cells]) / units
        supports = [n for row in cells for n in row[3:5] if n is not None]
        rows.append([*values, *(n / COARSER for n in supports)])
    return np.array(rows)


def advantage(without: np.ndarray, with_person: np.ndarray) -> float:
    """How much oftener the best threshold says 'with' of rooms with the person than without."""
    both = np.unique(np.concatenate([without, with_person]))
    shares = [
        np.searchsorted(np.sort(x), both, side="left") / len(x) for x in (without, with_person)
    ]
    return float(np.max(np.abs(shares[0] - shares[1])))


def likelihood(draws: np.ndarray, noise: Noise) -> np.ndarray:
    """The logarithm of how much likelier a draw is with the person than without."""
    true = {n: seen_exactly(n) for n in (0, 1)}
    if noise.mechanism is Mechanism.GAUSSIAN:
        off = {n: ((draws - true[n]) ** 2).sum(axis=1) / 2 for n in true}
        return (off[0] - off[1]) / noise.scale**2
    off = {n: np.abs(draws - true[n]).sum(axis=1) for n in true}
    return (off[0] - off[1]) / noise.scale


def seen_exactly(person: int) -> np.ndarray:
    cells = arm(person).cells.rows()
    units = [1, 1, 1, MOST, MOST**2]
    values = [row[2] / unit for row, unit in zip(cells, units, strict=True)]
    n, studied, x = cells[0][2], cells[1][2], cells[2][2]
    supports = [n, studied, studied, x, studied, x]
    return np.array([*values, *(count / COARSER for count in supports)])


def bound(rho: float) -> float:
    """The largest advantage that (epsilon, delta) leaves, at the best delta.

    Kairouz, Oh and Viswanath (2015), ICML: at most (e^epsilon - 1 + 2 delta) / (e^epsilon + 1).
    """
    accountant = RdpAccountant()
    accountant.compose(dp_accounting.ZCDpEvent(rho))
    found = []
    for delta in np.geomspace(1e-6, 0.5, 60):
        epsilon = float(accountant.get_epsilon(float(delta)))
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


def withheld_at_the_threshold(person: int, noise: Noise | None) -> list[str | None]:
    """Which rule withholds each cell where one person decides whether a threshold is reached."""
    policy = Policy(min_people=50, min_converters=10)
    room = arm(person, people=49, buyers=19)
    if noise is None:
        cells = protect(room, policy).cells
    else:
        cells = protect_drawn(draw(room, "m", noise, REACH), policy, noise).cells
    withheld: list[str | None] = cells["withheld"].to_list()
    return withheld


def test_without_noise_what_is_withheld_gives_a_person_at_the_threshold_away() -> None:
    assert withheld_at_the_threshold(0, None) != withheld_at_the_threshold(1, None)


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", Mechanism)
def test_with_noise_what_is_withheld_tells_no_more_than_the_noise(mechanism: Mechanism) -> None:
    noise = noise_of(mechanism, 3.0)
    shares = []
    for person in (0, 1):
        patterns = [withheld_at_the_threshold(person, noise) for _ in range(ROOMS)]
        left = [sum(rule is None for rule in pattern) for pattern in patterns]
        shares.append(np.array(left, dtype=float))
    assert shares[0].std() > 0, "rooms have to differ in what is withheld"
    assert advantage(*shares) <= bound(reach_cost(noise, {"arms": REACH})) + SLACK


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
