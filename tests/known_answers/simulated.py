"""Simulated randomised studies with known truth, by person, through the gate and the study.

A person has a leaning z. It moves what was spent before, who is shown the campaign, and who buys;
the campaign adds the same chance to buy to everybody who is shown it. So comparing those shown with
the rest would mislead, and the arms do not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from cleanroom.borders import Findings
from cleanroom.gate.protect import protect
from cleanroom.policy import Policy
from cleanroom.studies import lift
from cleanroom.studies.intervals import Proportion
from cleanroom.studies.lift_doubts import Circumstances
from cleanroom.studies.power import power
from cleanroom.studies.score import difference_of_proportions
from cleanroom.studies.sequential import always_valid_difference
from tests.known_answers.examples import (
    Arm,
    Prior,
    arm_cells,
    exposure_rows,
    lift_study,
    lift_table,
    part_rows,
    prior_rows,
    week_rows,
)

Numbers = npt.NDArray[np.float64]
PEOPLE, WEEKS, LOOKS = 6_000, 4, 60
BASE, LEANS, SHOWN, SEEN = 0.06, 0.6, 0.8, 0.6
MU, SIGMA, MAX_AMOUNT = log(20_000), 0.8, 200_000
ESTIMATORS = (
    "absolute_lift",
    "relative_conversion_lift",
    "absolute_lift_adjusted",
    "absolute_lift_post_stratified",
    "effect_on_exposed",
    "amount_lift",
    "relative_conversion_value_lift",
    "amount_lift_adjusted",
    "amount_lift_cuped",
    "amount_lift_post_stratified",
    "amount_effect_on_exposed",
)


@dataclass(frozen=True)
class World:
    """`lift`: what the assignment adds to the rate of buying. Violations: `split`, the true share
    of the treated where half is planned; `leaning`, by how much z moves the assignment; `lost`, the
    share of the treated whose outcome cannot be seen; `leak`, the share of the holdout shown the
    campaign; `fading`, whether it works in the first week alone."""

    lift: float
    seed: int
    split: float = 0.5
    leaning: float = 0.0
    lost: float = 0.0
    leak: float = 0.0
    fading: bool = False

    def truth(self, name: str) -> float:
        """The true value of one of the `ESTIMATORS`."""
        value = self.lift / SHOWN if name.endswith("on_exposed") else self.lift
        if name.startswith("relative"):
            return self.lift / BASE
        return value * _mean_amount() if name.startswith("amount") else value

    def promised(self) -> float:
        """The power that the planner promises the absolute lift."""
        return power(PEOPLE, BASE, 0.5, self.lift)


SOUND = World(lift=0.02, seed=11)
PLANTED = {
    "nothing": SOUND,
    "sample-ratio mismatch": replace(SOUND, split=0.52),
    "imbalance": replace(SOUND, leaning=0.2),
    "unequal linked shares": replace(SOUND, lost=0.06),
    "contamination": replace(SOUND, leak=0.1),
    "novelty": replace(SOUND, lift=0.04, fading=True),
}


@dataclass(frozen=True)
class Found:
    """One estimator over many studies: values and the ends of the intervals."""

    values: Numbers
    lower: Numbers
    upper: Numbers

    def coverage(self, truth: float) -> float:
        """How often the interval holds the truth."""
        return float(((self.lower <= truth) & (truth <= self.upper)).mean())

    def excludes(self, value: float) -> float:
        """How often the interval excludes a value."""
        return 1 - self.coverage(value)

    def bias(self, truth: float) -> float:
        """Mean error."""
        return float(self.values.mean() - truth)


def replicate(world: World, studies: int) -> dict[str, Found]:
    """Each of the `ESTIMATORS` over so many studies of a world."""
    found = studied(world, studies)
    return {name: _gathered(found, name) for name in ESTIMATORS}


def verdicts(world: World, studies: int) -> list[dict[str, str]]:
    """The verdicts of each study's checks by name."""
    return [{n: str(c.verdict) for n, c in f.checks.items()} for f in studied(world, studies)]


def studied(world: World, studies: int) -> list[Findings]:
    """The findings of so many studies, all through the gate."""
    rng = np.random.default_rng(world.seed)
    rows: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    for number in range(studies):
        for name, cells in _drawn(world, rng).items():
            rows[name] += [(f"m{number}", *cell) for cell in cells]
    by_merchant = {
        name: protect(lift_table(name, ("merchant",), cells), Policy()).split("merchant")
        for name, cells in rows.items()
    }
    study, about = lift_study(max_amount=MAX_AMOUNT), Circumstances(complete=True)
    return [
        lift.findings({n: p[f"m{i}"] for n, p in by_merchant.items()}, study, "CNY", about)
        for i in range(studies)
    ]


def looked_at(tests: int, seed: int) -> tuple[float, float]:
    """Tests without an effect looked at `LOOKS` times as their buyers come in: how often the usual
    interval excludes zero at any look, and how often the one that holds at every look does."""
    rng, people = np.random.default_rng(seed), 20_000
    wrong = np.zeros(2)
    for _ in range(tests):
        new = rng.binomial(people, 0.03 / LOOKS, (2, LOOKS)).cumsum(axis=1)
        arms = [[Proportion(float(n), people) for n in arm] for arm in new]
        for place, method in enumerate((difference_of_proportions, always_valid_difference)):
            found = (method(*pair).p_value < 0.05 for pair in zip(*arms, strict=True))
            wrong[place] += any(found)
    naive, valid = wrong / tests
    return float(naive), float(valid)


def _gathered(found: Sequence[Findings], name: str) -> Found:
    shown = [one.estimates[name] for one in found if one.estimates[name].value is not None]
    ends = np.array([(e.value, e.lower, e.upper) for e in shown], dtype=float).T
    return Found(*ends)


def _mean_amount() -> float:
    """Of a buyer's amount, cut off at the most that counts."""
    at, normal = (log(MAX_AMOUNT) - MU) / SIGMA, NormalDist()
    below = exp(MU + SIGMA**2 / 2) * normal.cdf(at - SIGMA)
    return below + MAX_AMOUNT * (1 - normal.cdf(at))


def _drawn(world: World, rng: np.random.Generator) -> dict[str, list[tuple[Any, ...]]]:
    """One study's cells by table."""
    z = rng.standard_normal(PEOPLE)
    tilt = 1 / (1 + np.exp(-world.leaning * z)) - 0.5
    treated = rng.random(PEOPLE) < world.split + tilt
    seen = ~(treated & (rng.random(PEOPLE) < world.lost))
    shown = (rng.random(PEOPLE) < SHOWN + 0.1 * np.tanh(z)) & treated
    shown |= ~treated & (rng.random(PEOPLE) < world.leak)
    orders = rng.poisson(0.7 * np.exp(0.8 * z - 0.32))
    prior = np.minimum(orders * rng.lognormal(MU, 0.4, PEOPLE), MAX_AMOUNT)
    habit = BASE * np.exp(LEANS * z - LEANS**2 / 2)
    luck = rng.random(PEOPLE)
    won = (luck >= habit) & (luck < habit + world.lift / SHOWN * shown)
    bought = (luck < habit) | won
    week = rng.integers(0, WEEKS, PEOPLE)
    if world.fading:
        week = np.where(won, 0, week)
    amount = np.where(bought, np.minimum(rng.lognormal(MU, SIGMA, PEOPLE), MAX_AMOUNT), 0.0)
    # Who cannot be seen was assigned all the same; others were never in a position to be.
    others = rng.binomial(round(PEOPLE * (1 / SEEN - 1)), world.split)
    unseen = {"treated": others, "holdout": round(PEOPLE * (1 / SEEN - 1)) - others}
    arms = {"treated": treated, "holdout": ~treated}
    cells: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    made = {}
    for name, of in arms.items():
        here = of & seen
        made[name] = _arm(int(of.sum()) + int(unseen[name]), here, bought, amount)
        cells["arms"] += [(name, *cell) for cell in arm_cells(made[name])]
        cells["prior"] += prior_rows(name, made[name].people, _prior(here, prior, bought, amount))
    both = treated & seen & shown
    exposed = int(both.sum()), int((both & bought).sum()), float(amount[both].sum())
    leaked = int((~treated & seen & shown).sum())
    cells["exposure"] = exposure_rows(
        made["treated"], exposed, 1e3 * exposed[0], made["holdout"].people, leaked
    )
    pairs = [arms[name] & seen & bought for name in arms]
    cells["weeks"] = week_rows(
        (made["treated"].people, made["holdout"].people),
        {f"week_{w + 1:02}": _pair([(p & (week == w)).sum() for p in pairs]) for w in range(WEEKS)},
    )
    cells["customers"] = part_rows(
        {
            part: _both([_arm(PEOPLE, of & seen & own, bought, amount) for of in arms.values()])
            for part, own in (("new", orders == 0), ("existing", orders > 0))
        }
    )
    return cells


def _arm(assigned: int, here: npt.NDArray[np.bool_], bought: Any, amount: Numbers) -> Arm:
    spent = amount[here]
    sums = float(spent.sum()), float((spent**2).sum())
    return Arm(assigned, int(here.sum()), int((here & bought).sum()), *sums)


def _prior(here: Any, prior: Numbers, bought: Any, amount: Numbers) -> Prior:
    x = prior[here]
    products = float(x[bought[here]].sum()), float((x * amount[here]).sum())
    return Prior(int((x > 0).sum()), float(x.sum()), float((x**2).sum()), *products)


def _pair(counts: Sequence[Any]) -> tuple[int, int]:
    treated, holdout = counts
    return int(treated), int(holdout)


def _both(arms: Sequence[Arm]) -> tuple[Arm, Arm]:
    treated, holdout = arms
    return treated, holdout
