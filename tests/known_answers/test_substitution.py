"""The substitution study finds what a link takes, and that it takes nothing, where that is so."""

from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import pytest

from cleanroom.borders import Findings, Verdict
from cleanroom.studies.intervals import UnboundedError, UndefinedError, Z
from cleanroom.studies.two_shops import Pair, joint_difference, pair_of_buyers, share_taken
from tests.known_answers.shops import ESTIMATES, World, coverage, replicate, shops_of, study

STUDIES = 400
WORLDS = {
    "nothing taken": World(taken=0.0, seed=1),
    "half taken": World(taken=0.5, seed=2),
    "all taken": World(taken=1.0, seed=3),
}


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_intervals_hold_the_truth_as_often_as_they_say(world: World) -> None:
    """At 400 studies 95 % has a standard error of 1.1 points; the cautious ones hold more often."""
    found = replicate(world, STUDIES)
    for name in ESTIMATES:
        held = coverage(found[name], world.truth(name))
        most = 0.983 if name.endswith("_known") else 1.0
        assert 0.917 <= held <= most, name


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_estimates_are_not_biased(world: World) -> None:
    found = replicate(world, STUDIES)
    for name in ("joint_known", "joint_amount"):
        values = np.array([one.value for one in found[name]])
        error = values.std(ddof=1) / sqrt(len(values))
        assert abs(values.mean() - world.truth(name)) < 4 * error, name
    # A ratio of noisy numbers has no mean; its median is where it should be.
    shares = [one.value for one in found["share_known"] if not isnan(one.value)]
    assert np.median(shares) == pytest.approx(world.taken, abs=0.06)


def test_a_known_overlap_gives_the_shorter_interval() -> None:
    found = replicate(WORLDS["half taken"], 50)
    for known, unknown in zip(found["joint_known"], found["joint_any"], strict=True):
        assert known.upper - known.lower < unknown.upper - unknown.lower
        assert known.value == unknown.value


@pytest.mark.parametrize("covariance", [(-3e-6, 2e-6), (0.0, 0.0), (1e-6, 4e-6)])
def test_a_share_is_in_the_interval_exactly_if_the_test_does_not_reject_it(
    covariance: tuple[float, float],
) -> None:
    pair = Pair(0.03, -0.012, 2e-5, 1.5e-5, *covariance)
    found = share_taken(pair)
    for share in np.linspace(-1, 2, 3001):
        kept = any(
            (pair.onsite + share * pair.store) ** 2
            <= Z**2 * (pair.onsite_variance + share**2 * pair.store_variance + 2 * share * between)
            for between in np.linspace(*covariance, 5)
        )
        if min(abs(share - found.lower), abs(share - found.upper)) > 1e-3:
            assert kept == (found.lower <= share <= found.upper)


def test_the_variance_of_the_sum_is_that_of_each_person_s_number_of_shops() -> None:
    """Of 10 people 2 bought in the store only, 1 on-site only, and 1 in both."""
    pair = pair_of_buyers(10, 3, 2, 1, 10, 0, 0, 0)
    counts = np.array([2, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    joint = joint_difference(pair)
    assert joint.value == pytest.approx(counts.mean())
    assert (joint.upper - joint.value) / Z == pytest.approx(sqrt(counts.var() / 10))


def test_without_a_gain_of_the_store_no_share_is_told() -> None:
    with pytest.raises(UnboundedError, match="no gain"):
        share_taken(Pair(0.001, -0.01, 1e-5, 1e-5, 0.0, 0.0))
    with pytest.raises(UnboundedError, match="no gain"):
        share_taken(Pair(-0.05, -0.01, 1e-5, 1e-5, 0.0, 0.0))


def test_an_overlap_larger_than_a_shop_s_buyers_is_none() -> None:
    with pytest.raises(UndefinedError, match="part"):
        pair_of_buyers(100, 10, 5, 7, 100, 10, 5, 2)


def ends(found: Findings, name: str) -> tuple[float, float]:
    """The interval of an estimate that has one."""
    one = found.estimates[name]
    assert one.lower is not None
    assert one.upper is not None
    return one.lower, one.upper


def drawn(world: World) -> tuple[dict[str, float], dict[str, float]]:
    return world.draw(np.random.default_rng(world.seed))


def test_a_link_that_takes_is_found_to_take() -> None:
    found = shops_of(*drawn(World(people=60_000, taken=0.8, seed=4)), study(held_out="link"))
    assert ends(found, "onsite_lift")[1] < 0
    low, high = ends(found, "substituted_share")
    assert low < 0.8 < high
    assert found.checks["settles_it"].verdict is Verdict.PASSED
    assert found.summary[0].startswith("The link took about ")
    assert "evidence grade A" in found.summary[0]


def test_a_link_that_takes_nothing_is_found_to_take_next_to_nothing() -> None:
    found = shops_of(*drawn(World(people=200_000, taken=0.0, seed=10)), study(held_out="link"))
    assert found.checks["settles_it"].verdict is Verdict.PASSED
    assert found.summary[0].startswith("The link took next to nothing from the platform's own shop")
    low, high = ends(found, "joint_lift")
    assert low < 0.03 < high


def test_an_interval_around_zero_settles_nothing() -> None:
    """That no loss could be shown is not that there is none."""
    found = shops_of(*drawn(World(people=2_000, taken=0.0, seed=6)))
    assert found.checks["settles_it"].verdict is Verdict.FAILED
    assert "is not settled" in found.summary[0]
    assert "the holdout was shown no notes" in found.summary[2].lower()


def test_an_overlap_that_is_withheld_leaves_the_rest_standing() -> None:
    treated, holdout = drawn(World(people=6_000, onsite=0.01, added=0.03, seed=7))
    treated["both_buyers"] = holdout["both_buyers"] = 3
    found = shops_of(treated, holdout)
    assert found.estimates["both_buyers_treated"].value is None
    assert "Fréchet" in found.estimates["joint_lift"].method
    assert found.estimates["joint_lift"].value is not None


def test_a_withheld_count_makes_a_withheld_answer() -> None:
    treated, holdout = drawn(World(people=6_000, seed=8))
    treated["onsite_buyers"] = treated["both_buyers"] = 4
    found = shops_of(treated, holdout)
    for name in ("onsite_lift", "joint_lift", "substituted_share"):
        assert "withheld" in (found.estimates[name].withheld or "")
    assert found.checks["settles_it"].verdict is Verdict.UNKNOWN
    assert found.summary[0].startswith("No effect on the platform's own shop can be stated")


def test_of_broken_arms_nothing_is_claimed() -> None:
    treated, holdout = drawn(World(people=60_000, taken=0.8, seed=9))
    holdout = {name: round(0.9 * number) for name, number in holdout.items()}
    found = shops_of(treated, holdout)
    assert found.checks["sample_ratio"].verdict is Verdict.FAILED
    assert found.summary[0].startswith("The estimates must not be used")
