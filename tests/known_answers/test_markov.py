"""Markov attribution: published results, and chains solved by other means."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from itertools import pairwise
from math import sqrt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.errors import StudyError
from cleanroom.studies.markov import CONVERSION, NONE, START, removal_effects, shares

Read = Callable[..., pl.DataFrame]
Transitions = Mapping[tuple[str, str], float]


def transitions_of(journeys: pl.DataFrame) -> Counter[tuple[str, str]]:
    """The steps of all journeys: a path stands for so many conversions and so many without."""
    steps: Counter[tuple[str, str]] = Counter()
    for path, converted, _, ended in journeys.iter_rows():
        states = [START, *path.split(" > ")]
        for step in pairwise(states):
            steps[step] += converted + ended
        steps[states[-1], CONVERSION] += converted
        steps[states[-1], NONE] += ended
    return steps


def test_the_exact_solution_of_the_public_journeys(known_data: Read) -> None:
    journeys = known_data("attribution/journeys.csv.gz", separator=";")
    effects = removal_effects(transitions_of(journeys))
    conversions = int(journeys["total_conversions"].sum())
    assert conversions == 19_785
    known = known_data("attribution/known_markov_order1_analytic.csv")
    assert set(effects) == set(known["channel"])
    share = shares(effects)
    for channel, effect, credit in known.iter_rows():
        assert effects[channel] == pytest.approx(effect, abs=1e-9)
        assert share[channel] * conversions == pytest.approx(credit, abs=1e-4)


def test_the_simulated_solution_of_channelattribution_within_its_error(known_data: Read) -> None:
    journeys = known_data("attribution/journeys.csv.gz", separator=";")
    share = shares(removal_effects(transitions_of(journeys)))
    simulated = known_data("attribution/ChannelAttribution_markov_order1.csv")
    # It counts journeys that it drew, and rescales: the smallest credits are one and two of them.
    drawn = min(simulated["total_conversions"].to_list())
    for channel, conversions, _ in simulated.iter_rows():
        credit = share[channel] * 19_785
        assert conversions == pytest.approx(credit, abs=4 * sqrt(drawn * credit))


def test_a_chain_solved_by_hand() -> None:
    # start → a; a → b or the end, evenly; b → a conversion or the end, evenly.
    chain = {(START, "a"): 4, ("a", "b"): 2, ("a", NONE): 2, ("b", CONVERSION): 1, ("b", NONE): 1}
    assert removal_effects(chain) == pytest.approx({"a": 1.0, "b": 1.0})
    assert shares(removal_effects(chain)) == pytest.approx({"a": 0.5, "b": 0.5})


def without(transitions: Transitions, channel: str) -> Transitions:
    """The chain in which whoever would come to the channel leaves without a conversion."""
    left: dict[tuple[str, str], float] = defaultdict(float)
    for (origin, target), count in transitions.items():
        if origin != channel:
            left[origin, NONE if target == channel else target] += count
    return left


def conversion_chance(transitions: Transitions) -> float:
    """The chance of a conversion: the chain's step taken a million times."""
    states = sorted({state for step in transitions for state in step} | {CONVERSION, NONE})
    place = {state: number for number, state in enumerate(states)}
    step = np.zeros((len(states), len(states)))
    for (origin, target), count in transitions.items():
        step[place[origin], place[target]] = count
    for state in states:
        stays = step[place[state]]
        stays[place[state]] += stays.sum() == 0
        stays /= stays.sum()
    for _ in range(20):
        step = step @ step
    return float(step[place[START], place[CONVERSION]])


CHANNELS = ("a", "b", "c")
JOURNEYS = st.lists(
    st.tuples(st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=4), st.booleans()),
    min_size=2,
    max_size=12,
).filter(lambda journeys: any(converts for _, converts in journeys))


@given(JOURNEYS)
def test_an_effect_is_what_the_chain_loses_without_the_channel(
    journeys: list[tuple[list[str], bool]],
) -> None:
    steps: Counter[tuple[str, str]] = Counter()
    for channels, converts in journeys:
        steps.update(pairwise([START, *channels, CONVERSION if converts else NONE]))
    whole = conversion_chance(steps)
    effects = removal_effects(steps)
    assert set(effects) == {channel for channels, _ in journeys for channel in channels}
    for channel, effect in effects.items():
        lost = 1 - conversion_chance(without(steps, channel)) / whole
        assert effect == pytest.approx(lost, abs=1e-6)


@pytest.mark.parametrize(
    ("transitions", "says"),
    [
        ({(START, "a"): 3, ("a", NONE): 3}, "No journey ends in a conversion"),
        ({(START, "a"): 3, ("a", "b"): 3, ("b", "a"): 3}, "neither convert nor end"),
        ({(START, "a"): -1, ("a", CONVERSION): 1}, "less than never"),
    ],
)
def test_what_is_no_set_of_journeys_is_refused(transitions: Transitions, says: str) -> None:
    with pytest.raises(StudyError, match=says):
        removal_effects(transitions)
