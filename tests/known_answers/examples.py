"""Studies of given counts, brought through the gate as a run would bring them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from cleanroom.borders import EVENTS, MONEY, MONEY_SQUARED, PEOPLE, Findings
from cleanroom.gate.protect import protect
from cleanroom.policy import Policy
from cleanroom.studies import conversion, lift
from cleanroom.study import LiftStudy
from tests.factories import protected, table

PATH = {
    "reach": (120_334, 310_000),
    "read": (60_000, 75_000),
    "engage": (9_000, 12_000),
    "click": (8_120, 10_500),
    "visit": (4_012, 6_100),
    "search": (900, 1_400),
    "cart": (700, 910),
    "purchase": (312, 350),
}
MONEY_CELLS = {"cost": (1_234_560, MONEY), "orders": (345, EVENTS), "revenue": (5_123_400, MONEY)}
LINK = {"clicked": 8_000, "linked": 4_100}


class Arm(NamedTuple):
    """One arm: people assigned, those studied, buyers, and the moments of what each spent."""

    assigned: int
    people: int
    converters: int
    amount: float = 0.0
    amount_squared: float = 0.0


def lift_study(planned: float = 0.5, max_amount: int = 500_000) -> LiftStudy:
    """A linked-panel study of one merchant."""
    return LiftStudy(
        merchant="m",
        start=date(2026, 5, 1),
        end=date(2026, 5, 30),
        study="s",
        planned_treated_share=planned,
        max_amount=max_amount,
    )


def lift_of(treated: Arm, holdout: Arm, study: LiftStudy | None = None) -> Findings:
    """The lift study of two arms, through the gate with the default policy."""
    return lifts_of([(treated, holdout)], study or lift_study())[0]


def lifts_of(pairs: Sequence[tuple[Arm, Arm]], study: LiftStudy) -> list[Findings]:
    """The lift study of many pairs of arms (treated, holdout), each as a merchant of its own."""
    rows = [
        (f"m{number}", name, *cell)
        for number, pair in enumerate(pairs)
        for name, arm in zip(("treated", "holdout"), pair, strict=True)
        for cell in arm_cells(arm)
    ]
    arms = protect(table("arms", ("merchant", "arm"), rows, contrast="arm"), Policy())
    own = [arms.only("merchant", f"m{number}") for number in range(len(pairs))]
    return [lift.findings({"arms": one}, study, "CNY") for one in own]


def conversion_of(
    withheld: tuple[str, ...] = (), changed: dict[str, float] | None = None
) -> Findings:
    """The conversion study of the numbers above, some `withheld` or `changed` by cell name:
    'people_click', 'events_click', 'cost', 'clicked'."""

    def value(cell: str, plain: float) -> float | None:
        return None if cell in withheld else float((changed or {}).get(cell, plain))

    path = [
        (step, unit, value(f"{unit}_{step}", plain), unit)
        for step, numbers in PATH.items()
        for unit, plain in zip((PEOPLE, EVENTS), numbers, strict=True)
    ]
    money = [(name, value(name, plain), unit) for name, (plain, unit) in MONEY_CELLS.items()]
    link = [(name, PEOPLE, value(name, plain), PEOPLE) for name, plain in LINK.items()]
    tables = {
        "path": protected("path", ("step",), path),
        "money": protected("money", (), money),
        "link": protected("link", ("outcome",), link),
    }
    return conversion.findings(tables, "CNY")


def arm_cells(arm: Arm) -> list[tuple[str, float, str, int, int | None]]:
    """An arm's cells, as a row of the table `arms` has them after its arm."""
    # Where everyone assigned is studied, the people studied are the base itself.
    studied = None if arm.people == arm.assigned else arm.people
    bought = arm.people, arm.converters
    return [
        ("assigned", arm.assigned, PEOPLE, arm.assigned, None),
        ("people", arm.people, PEOPLE, arm.assigned, studied),
        ("converters", arm.converters, PEOPLE, *bought),
        ("amount", arm.amount, MONEY, *bought),
        ("amount_squared", arm.amount_squared, MONEY_SQUARED, *bought),
    ]
