"""Simulated holdouts of people who buy in two shops, in both the more they like the merchant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from math import inf

import numpy as np
from numpy.typing import NDArray

from cleanroom.borders import MONEY, MONEY_SQUARED, PEOPLE, Findings
from cleanroom.gate.protect import protect
from cleanroom.policy import Policy
from cleanroom.studies import substitution
from cleanroom.studies.intervals import Interval, UnboundedError
from cleanroom.studies.two_shops import (
    joint_difference,
    pair_of_amounts,
    pair_of_buyers,
    share_taken,
)
from cleanroom.study import SubstitutionStudy
from tests.factories import table

Numbers = dict[str, float]
COUNTS = ("people", "store_buyers", "onsite_buyers", "both_buyers")
AMOUNTS = tuple(f"{s}_amount{e}" for s in ("store", "onsite") for e in ("", "_squared"))
PRICE = 20_000.0  # mean amount of a buyer
_TASTE, _SPREAD = 0.9, 0.5


@dataclass(frozen=True)
class World:
    """Of `people` in each arm: buyers in the store (`store`) and in the shop (`onsite`) if held out
    and nothing were taken, what the link adds in the store, and the share of that `taken`."""

    people: int = 4_000
    store: float = 0.04
    onsite: float = 0.03
    added: float = 0.03
    taken: float = 0.0
    seed: int = 1

    def draw(self, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
        """The counts and moments of the treated and of the held out."""
        return self._arm(rng, treated=True), self._arm(rng, treated=False)

    def truth(self, name: str) -> float:
        """What an estimate is of."""
        joint = (1 - self.taken) * self.added
        return {
            "joint_known": joint,
            "joint_any": joint,
            "joint_amount": joint * PRICE,
            "share_known": self.taken,
            "share_any": self.taken,
            "share_amount": self.taken,
        }[name]

    def _arm(self, rng: np.random.Generator, *, treated: bool) -> Numbers:
        # Capped so that no probability passes one; then scaled to a mean of one.
        taste = np.minimum(np.exp(_TASTE * rng.standard_normal(self.people) - _TASTE**2 / 2), 8)
        taste /= _MEAN_TASTE
        in_store = self.store + (self.added if treated else 0.0)
        on_site = self.onsite + (0.0 if treated else self.taken * self.added)
        bought = {
            "store": rng.random(self.people) < in_store * taste,
            "onsite": rng.random(self.people) < on_site * taste,
        }
        numbers = {"people": float(self.people)}
        for shop, flags in bought.items():
            numbers[f"{shop}_buyers"] = float(flags.sum())
            spent = flags * self._amounts(rng)
            numbers[f"{shop}_amount"] = float(spent.sum())
            numbers[f"{shop}_amount_squared"] = float((spent**2).sum())
        numbers["both_buyers"] = float((bought["store"] & bought["onsite"]).sum())
        return numbers

    def _amounts(self, rng: np.random.Generator) -> NDArray[np.float64]:
        return PRICE * rng.lognormal(-(_SPREAD**2) / 2, _SPREAD, self.people)


_MEAN_TASTE = float(
    np.minimum(
        np.exp(_TASTE * np.random.default_rng(0).standard_normal(1_000_000) - _TASTE**2 / 2), 8
    ).mean()
)
_ESTIMATES: dict[str, tuple[tuple[str, ...], Callable[..., Interval]]] = {
    "joint_known": (COUNTS, lambda *n: joint_difference(pair_of_buyers(*n))),
    "joint_any": (COUNTS[:3], lambda *n: joint_difference(pair_of_buyers(*n))),
    "joint_amount": (("people", *AMOUNTS), lambda *n: joint_difference(pair_of_amounts(*n))),
    "share_known": (COUNTS, lambda *n: share_taken(pair_of_buyers(*n))),
    "share_any": (COUNTS[:3], lambda *n: share_taken(pair_of_buyers(*n))),
    "share_amount": (("people", *AMOUNTS), lambda *n: share_taken(pair_of_amounts(*n))),
}
ESTIMATES = tuple(_ESTIMATES)


def replicate(world: World, studies: int) -> dict[str, list[Interval]]:
    """By estimate, its intervals in so many studies; where nothing is ruled out, all there is."""
    rng = np.random.default_rng(world.seed)
    found: dict[str, list[Interval]] = {name: [] for name in ESTIMATES}
    for _ in range(studies):
        arms = world.draw(rng)
        for name, (inputs, compute) in _ESTIMATES.items():
            try:
                one = compute(*(arm[part] for arm in arms for part in inputs))
            except UnboundedError:
                one = Interval(float("nan"), -inf, inf)
            found[name].append(one)
    return found


def coverage(intervals: list[Interval], truth: float) -> float:
    """The share of the intervals that hold the truth."""
    return sum(one.lower <= truth <= one.upper for one in intervals) / len(intervals)


def study(**changes: object) -> SubstitutionStudy:
    """A study of one merchant."""
    start, end = date(2026, 5, 1), date(2026, 5, 30)
    made = SubstitutionStudy(merchant="m", study="s", start=start, end=end)
    return made.model_copy(update=changes)


def shops_of(
    treated: Mapping[str, float],
    holdout: Mapping[str, float],
    asked: SubstitutionStudy | None = None,
) -> Findings:
    """The study of two arms, through the gate with the default policy; half of all are seen."""
    rows = [
        (arm, *cell)
        for arm, numbers in (("treated", treated), ("holdout", holdout))
        for cell in _cells(numbers)
    ]
    shops = protect(table("shops", ("arm",), rows, contrast="arm"), Policy())
    return substitution.findings({"shops": shops}, asked or study(), "CNY")


def _cells(numbers: Mapping[str, float]) -> list[tuple[str, float, str, int, int | None]]:
    people = int(numbers["people"])
    cells: list[tuple[str, float, str, int, int | None]] = [
        ("assigned", 2 * people, PEOPLE, 2 * people, None),
        ("people", people, PEOPLE, 2 * people, people),
    ]
    cells += [(name, numbers[name], PEOPLE, people, int(numbers[name])) for name in COUNTS[1:]]
    for name in AMOUNTS:
        unit = MONEY_SQUARED if name.endswith("_squared") else MONEY
        buyers = int(numbers[f"{name.partition('_')[0]}_buyers"])
        cells.append((name, numbers[name], unit, people, buyers))
    return cells
