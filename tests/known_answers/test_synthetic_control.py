"""Synthetic control to what GeoLift and augsynth publish, and to what defines it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.studies.conformal import any_order_p_value
from cleanroom.studies.intervals import UndefinedError
from cleanroom.studies.panel import Panel, Real
from cleanroom.studies.synthetic import augmented_control, simplex_weights, synthetic_control
from tests.known_answers.regions import geolift_test

# As the walkthrough of GeoLift prints them, to four digits, for its model without augmentation.
WEIGHTS = {
    "austin": 0.0465,
    "baton rouge": 0.1335,
    "cincinnati": 0.2272,
    "dallas": 0.0739,
    "honolulu": 0.0673,
    "houston": 0.0046,
    "miami": 0.2028,
    "minneapolis": 0.09,
    "nashville": 0.0685,
    "new york": 0.0046,
    "reno": 0.0306,
    "san antonio": 0.0054,
    "san diego": 0.0451,
}
# The same, augmented by ridge regression: those that are above half a per cent in size.
AUGMENTED = {**WEIGHTS, "austin": 0.0467, "baton rouge": 0.1337, "cincinnati": 0.2273}
AUGMENTED |= {"dallas": 0.0741, "honolulu": 0.0674, "houston": 0.0048, "miami": 0.2029}
AUGMENTED |= {"minneapolis": 0.0901, "nashville": 0.0687, "new york": 0.0048, "reno": 0.0308}
AUGMENTED |= {"san antonio": 0.0056, "san diego": 0.0452}


def named(panel: Panel, weights: Real) -> dict[str, float]:
    return dict(zip(panel.donor_names, weights.tolist(), strict=True))


def test_geolifts_example_is_met_to_every_printed_digit() -> None:
    panel = geolift_test()
    fit = synthetic_control(panel)
    assert fit.effect == pytest.approx(155.556, abs=5e-4)
    assert fit.effect * 15 * 2 == pytest.approx(4667, abs=0.5)
    assert fit.relative == pytest.approx(0.054, abs=5e-4)
    assert fit.imbalance == pytest.approx(909.489, abs=5e-4)
    assert fit.scaled_imbalance == pytest.approx(0.1636, abs=5e-5)
    weights = named(panel, fit.weights)
    assert {name for name, weight in weights.items() if weight > 5e-5} == set(WEIGHTS)
    assert [weights[name] for name in WEIGHTS] == pytest.approx(list(WEIGHTS.values()), abs=5e-5)


def test_geolifts_augmented_example_is_met_to_every_printed_digit() -> None:
    panel = geolift_test()
    fit = augmented_control(panel)
    assert fit.effect == pytest.approx(156.805, abs=5e-4)
    assert fit.effect * 15 * 2 == pytest.approx(4704, abs=0.5)
    assert fit.relative == pytest.approx(0.055, abs=5e-4)
    assert fit.imbalance == pytest.approx(903.525, abs=5e-4)
    assert fit.scaled_imbalance == pytest.approx(0.1626, abs=5e-5)
    assert -fit.correction == pytest.approx(-1.249, abs=6e-4)
    assert fit.penalty == pytest.approx(1.673102e9, rel=1e-6)
    weights = named(panel, fit.weights)
    found = [weights[name] for name in AUGMENTED]
    assert found == pytest.approx(list(AUGMENTED.values()), abs=6e-5)
    assert weights["oakland"] == pytest.approx(-0.001, abs=6e-5)


def test_geolifts_p_value_is_met_within_its_own_spread() -> None:
    # GeoLift draws orders without a seed: its pages print 0.5 % to 1.7 % for one and the same test.
    panel = geolift_test()
    assert 0.005 < any_order_p_value(panel, augmented_control(panel).penalty or 0.0) < 0.017


@given(st.integers(0, 10_000), st.integers(2, 12), st.integers(1, 20))
def test_weights_are_the_best_on_the_simplex(seed: int, count: int, periods: int) -> None:
    rng = np.random.default_rng(seed)
    donors, target = rng.normal(size=(count, periods)), rng.normal(size=periods)
    weights = simplex_weights(target, donors)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    # Optimal if no donor lies nearer to the target, seen from where the mixture is (KKT).
    slopes = donors @ (weights @ donors - target)
    assert slopes.min() >= weights @ slopes - 1e-7


def test_a_target_made_of_its_donors_is_found_again() -> None:
    rng = np.random.default_rng(3)
    donors = rng.normal(100, 10, (5, 40))
    made = 0.2 * donors[1] + 0.8 * donors[4] + 7  # 7 more throughout: a larger place
    made[30:] += 12
    panel = Panel(tuple("abcdef"), np.vstack([made, donors]), np.arange(6) == 0, 30)
    for fit in (synthetic_control(panel), augmented_control(panel)):
        assert fit.weights == pytest.approx([0, 0.2, 0, 0, 0.8], abs=1e-6)
        assert fit.gap[:30] == pytest.approx(np.zeros(30), abs=1e-5)
        assert fit.effect == pytest.approx(12)


@pytest.mark.parametrize(
    ("treated", "first", "words"),
    [
        ([False, False, False], 2, "no treated region"),
        ([True, True, False], 2, "two others"),
        ([True, False, False], 1, "two periods before"),
        ([True, False, False], 4, "one after"),
    ],
)
def test_there_has_to_be_something_to_compare(treated: list[bool], first: int, words: str) -> None:
    with pytest.raises(UndefinedError, match=words):
        Panel(tuple("abc"), np.ones((3, 4)), np.array(treated), first)
