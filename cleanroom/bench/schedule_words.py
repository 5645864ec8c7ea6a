"""A schedule for people: what was chosen and why, what it costs, and what not to do with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from cleanroom.bench.schedule import (
    Expectation,
    Run,
    Schedule,
    Wanted,
    expected_from,
    schedule,
)
from cleanroom.bench.settings import load_as, load_settings
from cleanroom.errors import StudyError
from cleanroom.gate.candidate import read_candidate
from cleanroom.policy import Policy, strictest
from cleanroom.room.place import agreement_of


def plan_runs(
    room: Path, settings_file: Path, wanted_file: Path, out: Path, like: Path | None
) -> list[str]:
    """Plan, write a settings file for each run into `out`, and say what was planned.

    `like`: a candidate whose released numbers say what to expect, where the file does not. Raises
    `StudyError` if neither does, and what `schedule` raises.
    """
    agreement = agreement_of(room)
    settings, wanted = load_settings(settings_file), load_as(Wanted, wanted_file)
    expected = wanted.stated
    if like is not None:
        candidate = read_candidate(like, agreement.room.identity_key or "")
        expected = expected or expected_from(candidate, wanted.regulars)
    if expected is None:
        raise StudyError(
            f"{wanted_file.name} does not say what to expect.",
            "write people and converters, or name a candidate with --like.",
        )
    plan = schedule(agreement, settings, expected, wanted)
    own = agreement.effective_policy
    files = write_runs(plan, out)
    lines = explained(plan, strictest(own, settings.policy or own), expected)
    return [*lines, f"{len(files)} files of settings in {out}; the first is {files[0].name}."]


def write_runs(plan: Schedule, folder: Path) -> list[Path]:
    """Write each run's settings, named for its day, as `cleanroom run` takes them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for run in plan.runs:
        files.append(folder / f"run-{run.on}.yaml")
        files[-1].write_text(_settings_text(plan, run), encoding="utf-8")
    return files


def explained(plan: Schedule, policy: Policy, expected: Expectation) -> list[str]:
    """The schedule in sentences; `policy` is what holds without it."""
    return [
        *_chosen(plan, policy),
        *_reasons(plan, policy, expected),
        *_prices(plan),
        "Run each file once, on its day or later. Run again after another handover, it asks anew "
        "of a window that is told already: what came late would be the difference.",
        "What comes later than was said here stays out of its window: correct it in words.",
    ]


def _chosen(plan: Schedule, policy: Policy) -> Iterator[str]:
    first, last, new = plan.runs[0], plan.runs[-1], plan.policy
    kind = "one after the other" if plan.window == plan.step else f"a new one every {plan.step}"
    yield f"Windows: {_days(plan.window)} each, {kind}; the first {first.start} to {first.end}."
    yield f"Runs: {len(plan.runs)}, every {_days(plan.step)}, from {first.on} to {last.on}."
    if (new.min_people, new.min_converters) != (policy.min_people, policy.min_converters):
        yield (
            f"Rules: min_people {new.min_people}, min_converters {new.min_converters}; a smaller "
            "number could come too close to the next window's."
        )
    if new.round_counts is not policy.round_counts:
        yield f"Rounding: {new.round_counts}, since windows that overlap tell a day twice."


def _reasons(plan: Schedule, policy: Policy, expected: Expectation) -> Iterator[str]:
    steps = f"Steps of {_days(plan.step)}"
    if policy.noise is not None:
        yield f"{steps}: noisy counts clear the thresholds, and the budget lasts."
        return
    yield (
        f"{steps}: the rarest number changes by about {expected.changed(plan.step):,.0f} people "
        f"from window to window, where {policy.min_people} have to; shorter steps are too close."
    )
    if plan.costs.naive < policy.min_people:
        yield (
            f"A window that slides by a day would change by about {plan.costs.naive:,.0f}: two "
            "such reports could be subtracted."
        )


def _prices(plan: Schedule) -> Iterator[str]:
    costs = plan.costs
    yield (
        f"Delay: {_days(costs.delay)} from a window's last day to its run, so that orders and "
        f"refunds of its clicks are in; a day is told {costs.delay} to "
        f"{costs.delay + plan.step - 1} days after it."
    )
    yield f"Grain: one number for {_days(plan.window)}; no single day is told."
    yield f"Withheld: {costs.withheld:.1%} of numbers as small as the smallest expected."
    if costs.budget is not None:
        yield f"Privacy budget: {costs.budget:.1%} of it for each run."


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def _settings_text(plan: Schedule, run: Run) -> str:
    settings = plan.settings_of(run).model_dump(mode="json", exclude_none=True)
    head = f"# To be run once, on {run.on} or later, with the handovers of that day.\n\n"
    return head + yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
