"""Data-driven attribution: what a Markov chain of journeys would lose without each channel.

A journey goes from `START` over the channels it touched to `CONVERSION` or, without one, to `NONE`.
How often each step was taken is all that the model needs, so these counts are what leaves the room.

Source: Anderl, Becker, von Wangenheim and Schumann (2016), Mapping the customer journey,
International Journal of Research in Marketing 33, 457-474, at order one. Others estimate the
effect by simulating journeys; here it is solved for, so that the same counts give the same result.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cleanroom.errors import StudyError

START, CONVERSION, NONE = "start", "conversion", "no conversion"


def removal_effects(transitions: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """By channel, the share (0 … 1) of all conversions that need a journey through it.

    `transitions`: how often journeys went from one state straight to another, at least 0. With the
    fundamental matrix N = (I - Q)⁻¹ of the channels Q and their chance of ending in a conversion
    b = N r, a journey comes to channel i with chance h = N[start, i] / N[i, i] and converts after
    it with chance b[i]: without i, the share h b[i] / b[start] of conversions is lost.

    Raises `StudyError` if no journey converts, if one ends nowhere, or if a count is negative.
    """
    matrix, states = _chances(transitions)
    inside = len(states)
    within, ends = matrix[:inside, :inside], matrix[:inside, inside]
    fundamental = np.linalg.inv(np.eye(inside) - within)
    converts = fundamental @ ends
    if converts[0] <= 0:
        raise StudyError("No journey ends in a conversion.", "study a longer period.")
    comes = fundamental[0] / np.diag(fundamental)
    lost = comes * converts / converts[0]
    return {state: float(lost[place]) for place, state in enumerate(states) if place}


def shares(effects: Mapping[str, float]) -> dict[str, float]:
    """What part of all conversions each channel is credited with: its effect among all effects."""
    whole = sum(effects.values())
    return {channel: effect / whole for channel, effect in effects.items()}


def _chances(transitions: Mapping[tuple[str, str], float]) -> tuple[np.ndarray, list[str]]:
    """The chance of each step (n × n + 1, the last that of a conversion), and the n states."""
    if any(count < 0 for count in transitions.values()):
        raise StudyError("A transition was counted less than never.", "count them again.")
    taken = {step: count for step, count in transitions.items() if count > 0}
    named = {state for step in taken for state in step} - {START, CONVERSION, NONE}
    states = [START, *sorted(named)]
    place = {state: number for number, state in enumerate(states)}
    counts = np.zeros((len(states), len(states) + 2))
    ends = {CONVERSION: len(states), NONE: len(states) + 1}
    for (origin, target), count in taken.items():
        counts[place[origin], {**place, **ends}[target]] += count
    if not _all_end(counts):
        raise StudyError(
            "Some journeys neither convert nor end without a conversion.",
            "count the last step of each journey as well.",
        )
    return counts[:, :-1] / counts.sum(axis=1, keepdims=True), states


def _all_end(counts: np.ndarray) -> bool:
    """Whether from every state an end can be reached."""
    inside = counts.shape[0]
    reaches = counts[:, inside:].sum(axis=1) > 0
    for _ in range(inside):
        reaches |= (counts[:, :inside] > 0) @ reaches
    return bool(reaches.all())
