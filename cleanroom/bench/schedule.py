"""A schedule for reports that come again, of which no two runs can be subtracted.

Time is cut into steps of whole days. A window is a number of whole steps, the next run's lies one
step later, and each is asked once, when nothing that is still to come can change it. So two runs
differ by whole steps, and a step is long enough for people enough to differ with it; what is too
rare for that is withheld. All is worked out from what the operator expects or from what was
released, never from rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from math import ceil, sqrt
from statistics import NormalDist

from pydantic import Field

from cleanroom.agreement import Agreement, Model, StudyKind
from cleanroom.bench.settings import RunSettings, study_for
from cleanroom.borders import PEOPLE, Candidate
from cleanroom.errors import StudyError
from cleanroom.gate.budget import budget
from cleanroom.noise import COARSER, reach_cost
from cleanroom.policy import Policy, Rounding, strictest
from cleanroom.room.reach import reach_of

LONGEST = 182  # days of a step: who needs more has too few people for a schedule
RISK = 0.01  # that any run of a schedule collides or falls below a threshold, if all is as expected


class Every(StrEnum):
    """How often a report is wanted; a step is so many days or a multiple of them."""

    DAY = "day"
    WEEK = "week"

    @property
    def days(self) -> int:
        """As days."""
        return 1 if self is Every.DAY else 7


class Wanted(Model):
    """What the operator wants and expects, as written in a file.

    `every`, `runs`, `first`: how often, how many, and the first day to report. `window_days`: how
    far a report looks back; 0: to the one before. `refund_days`: how long refunds come.
    `late_days`: how late rows are handed over. `merchants`: how many are reported.
    Of the smallest of them on a weak day: `people` who could do it (who click), `converters` who do
    the rarest thing that is to be told; `regulars`: the share of these who come in every step.
    """

    every: Every = Every.WEEK
    runs: int = Field(default=8, ge=1, le=366)
    first: date
    window_days: int = Field(default=0, ge=0)
    refund_days: int = Field(default=30, ge=0)
    late_days: int = Field(default=2, ge=0)
    merchants: int = Field(default=1, ge=1)
    people: float | None = Field(default=None, gt=0)
    converters: float | None = Field(default=None, gt=0)
    regulars: float = Field(default=0.2, ge=0, lt=1)

    @property
    def stated(self) -> Expectation | None:
        """What the file says to expect, if it does."""
        if self.people is None or self.converters is None:
            return None
        return Expectation(self.people, self.converters, self.regulars)


@dataclass(frozen=True)
class Expectation:
    """People and converters that the smallest merchant has on a weak day, and who comes again."""

    people: float
    converters: float
    regulars: float

    def behind(self, a_day: float, days: int) -> float:
        """Distinct people of so many days, of whom there are `a_day` on one."""
        return a_day * (days * (1 - self.regulars) + self.regulars)

    def changed(self, step: int) -> float:
        """People in the rarest cell of one window only, of two that are a step apart."""
        return 2 * self.converters * step * (1 - self.regulars)


@dataclass(frozen=True)
class Run:
    """One run: on which day or later, and the first and last day of its window."""

    on: date
    start: date
    end: date


@dataclass(frozen=True)
class Costs:
    """What a schedule costs.

    `delay`: days from the last day of a window to its run. `withheld`: the chance that a number as
    small as the smallest expected is withheld. `budget`: the share of the privacy budget that a run
    takes, None where there is no noise. `naive`: people by whom the smallest cell of a report that
    slides by a day would change.
    """

    delay: int
    withheld: float
    budget: float | None
    naive: float


@dataclass(frozen=True)
class Schedule:
    """Runs, a `step` of days apart, of windows of `window` days, under `policy`.

    `settings`: those of every run but for its days.
    """

    step: int
    window: int
    policy: Policy
    runs: tuple[Run, ...]
    costs: Costs
    settings: RunSettings

    def settings_of(self, run: Run) -> RunSettings:
        """The settings of one run, as `cleanroom run` takes them."""
        days = {"start": run.start.isoformat(), "end": run.end.isoformat()}
        studies = {kind: {**asked, **days} for kind, asked in self.settings.studies.items()}
        return self.settings.model_copy(update={"studies": studies})


def expected_from(candidate: Candidate, regulars: float) -> Expectation:
    """What a candidate's released numbers lead one to expect of a day like those of its period.

    Raises `StudyError` if it released fewer than two numbers of people.
    """
    study = candidate.manifest["study"]
    days = (date.fromisoformat(study["end"]) - date.fromisoformat(study["start"])).days + 1
    table = candidate.tables["path" if study["kind"] == StudyKind.CONVERSION else "arms"]
    counts = table.cells.filter(unit=PEOPLE)["value"].drop_nulls().to_list()
    if len(counts) < 2 or min(counts) <= 0:
        raise StudyError(
            "The candidate tells too few numbers of people to plan by.",
            "write what you expect as people and converters.",
        )
    # Of so many distinct people in all, a day has had more: regulars were counted once.
    spread = days * (1 - regulars) + regulars
    return Expectation(max(counts) / spread, min(counts) / spread, regulars)


def schedule(
    agreement: Agreement, settings: RunSettings, expected: Expectation, wanted: Wanted
) -> Schedule:
    """The schedule with the shortest step that is safe; equal inputs give equal schedules.

    Raises `StudyError` if even the longest step is not, or the agreement ends before the last run.
    """
    own = agreement.effective_policy
    policy = strictest(own, settings.policy or own)
    step = _step(policy, settings, expected, wanted)
    window = _window(step, wanted)
    delay = _delay(agreement, settings, wanted)
    runs = tuple(_runs(wanted, step, window, delay))
    if runs[-1].on > agreement.valid_until:
        raise StudyError(
            f"The last run would be on {runs[-1].on}, and the agreement ends on "
            f"{agreement.valid_until}.",
            "ask for fewer runs, or have the agreement amended.",
        )
    stricter = _stricter(policy, expected, step, window)
    costs = Costs(
        delay=delay,
        withheld=_withheld(stricter, expected, window),
        budget=_budget_share(policy, settings, wanted),
        naive=expected.changed(1),
    )
    if stricter != policy:
        settings = settings.model_copy(update={"policy": stricter})
    return Schedule(step, window, stricter, runs, costs, settings)


def _window(step: int, wanted: Wanted) -> int:
    return max(ceil(wanted.window_days / step), 1) * step


def _stricter(policy: Policy, expected: Expectation, step: int, window: int) -> Policy:
    """The policy under which two windows that are a step apart have no cell that is too close.

    A cell changes by twice what a step brings of people who come once; so whatever leaves must be
    large enough for that. Windows that overlap tell days twice, between which corrections may come:
    no exact number of them. Under noise a person is hidden in a difference as well.
    """
    if policy.noise is not None:
        return policy
    once = 2 * (1 - expected.regulars) * step / window
    least = ceil(policy.min_people / once)
    overlap = window > step and policy.round_counts is Rounding.NONE
    changes = {
        "min_people": max(policy.min_people, least),
        "min_converters": max(policy.min_converters, least),
        "round_counts": Rounding.BASE_5 if overlap else policy.round_counts,
    }
    return policy.model_copy(update=changes)


def _step(policy: Policy, settings: RunSettings, expected: Expectation, wanted: Wanted) -> int:
    sure = NormalDist().inv_cdf(1 - RISK / wanted.runs)
    share = _budget_share(policy, settings, wanted)
    for step in range(wanted.every.days, LONGEST + 1, wanted.every.days):
        if (
            _clear(expected, step, _window(step, wanted), policy, sure)
            and policy.join_period_days // step + 1 <= policy.max_joins
            and (share is None or _within_budget(share, policy, step))
        ):
            return step
    raise StudyError(
        f"Even {LONGEST} days bring too few people, or too many runs, for a schedule.",
        "report fewer merchants or several as one, leave out the rarest number, or ask once.",
    )


def _clear(expected: Expectation, step: int, window: int, policy: Policy, sure: float) -> bool:
    """Whether a window's cells surely leave, and surely differ from the next one's by enough."""
    people, converters = _thresholds(_stricter(policy, expected, step, window))
    clear = [
        (expected.behind(expected.people, window), people),
        (expected.behind(expected.converters, window), converters),
    ]
    if policy.noise is None:
        clear.append((expected.changed(step), policy.min_people))
    return all(count - sure * sqrt(count) >= least for count, least in clear)


def _thresholds(policy: Policy) -> tuple[float, float]:
    """The fewest people, and converters, of a cell that leaves; noisy ones clear a margin."""
    margin = policy.noise.margin * policy.noise.standard_deviation if policy.noise else 0.0
    return policy.min_people + COARSER * margin, policy.min_converters + margin


def _withheld(policy: Policy, expected: Expectation, window: int) -> float:
    """The chance that the smallest cell is withheld, its counts being by chance (Poisson)."""
    counts = expected.people, expected.converters
    kept = 1.0
    for a_day, least in zip(counts, _thresholds(policy), strict=True):
        count = expected.behind(a_day, window)
        kept *= 1 - NormalDist(count, sqrt(count)).cdf(least)
    return 1 - kept


def _budget_share(policy: Policy, settings: RunSettings, wanted: Wanted) -> float | None:
    if policy.noise is None:
        return None
    studies = [study_for(settings, kind, "any") for kind in settings.studies]
    rho = sum(reach_cost(policy.noise, reach_of(study, policy)) for study in studies)
    return wanted.merchants * rho / budget([], policy.noise).total


def _within_budget(share: float, policy: Policy, step: int) -> bool:
    assert policy.noise is not None
    return share * ceil(policy.noise.horizon_days / step) <= 1


def _delay(agreement: Agreement, settings: RunSettings, wanted: Wanted) -> int:
    """Days until nothing that counts in a window can be still to come."""
    clicks = StudyKind.CONVERSION in settings.studies
    following = agreement.join.attribution_window_days if clicks else 0
    return following + wanted.refund_days + wanted.late_days + 1


def _runs(wanted: Wanted, step: int, window: int, delay: int) -> Iterator[Run]:
    for number in range(wanted.runs):
        start = wanted.first + timedelta(days=number * step)
        end = start + timedelta(days=window - 1)
        yield Run(end + timedelta(days=delay), start, end)
