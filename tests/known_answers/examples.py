"""Studies of given counts, brought through the gate as a run would bring them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from cleanroom.borders import EVENTS, MONEY, MONEY_SQUARED, PEOPLE, Findings, Table
from cleanroom.gate.protect import protect
from cleanroom.policy import Policy
from cleanroom.studies import conversion, lift
from cleanroom.studies.lift_doubts import Circumstances
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


class Prior(NamedTuple):
    """What one arm had spent before: buyers, the moments, and the products with what came after."""

    buyers: int
    amount: float
    amount_squared: float
    of_converters: float
    times_amount: float


def prior_rows(arm: str, people: int, prior: Prior) -> list[tuple[object, ...]]:
    """The arm's cells of the table `prior`."""
    units = (PEOPLE, MONEY, MONEY_SQUARED, MONEY, MONEY_SQUARED)
    names = ("buyers", "amount", "amount_squared", "of_converters", "times_amount")
    return [
        (arm, f"prior_{name}", value, unit, people, prior.buyers)
        for name, value, unit in zip(names, prior, units, strict=True)
    ]


def exposure_rows(
    treated: Arm, exposed: tuple[int, int, float], cost: float, holdout: int, reached: int
) -> list[tuple[object, ...]]:
    """The cells of the table `exposure`: `exposed` people, buyers among them, and their amount;
    `reached` people of the `holdout`, by an impression and by a link alike."""
    shown, bought, amount = exposed
    return [
        ("treated", "exposed", shown, PEOPLE, treated.people, shown),
        ("treated", "exposed_converters", bought, PEOPLE, shown, bought),
        ("treated", "exposed_amount", amount, MONEY, shown, bought),
        ("treated", "cost", cost, MONEY, treated.people, shown),
        ("holdout", "contaminated", reached, PEOPLE, holdout, reached),
        ("holdout", "by_shared_link", reached, PEOPLE, holdout, reached),
    ]


def part_rows(parts: dict[str, tuple[Arm, Arm]]) -> list[tuple[object, ...]]:
    """The cells of a table of segments: by part, both arms (those assigned are everybody)."""
    return [
        (name, part, *cell)
        for part, pair in parts.items()
        for name, arm in zip(("treated", "holdout"), pair, strict=True)
        for cell in arm_cells(arm)[1:]
    ]


def week_rows(
    people: tuple[int, int], bought: dict[str, tuple[int, int]]
) -> list[tuple[object, ...]]:
    """The cells of the table `weeks`: buyers of both arms by week."""
    return [
        (arm, week, "converters", pair[place], PEOPLE, people[place], pair[place])
        for week, pair in bought.items()
        for place, arm in enumerate(("treated", "holdout"))
    ]


def lift_table(name: str, before: tuple[str, ...], cells: Sequence[tuple[object, ...]]) -> Table:
    """A table of the study as the room lays it out, with dimensions `before` its own."""
    part = {"weeks": "week", "customers": "customer", "regions": "region"}.get(name)
    dimensions = (*before, "arm", *([part] if part else []))
    arm = None if name == "exposure" else "arm"
    return table(name, dimensions, list(cells), contrast=arm, whole=part)


def lift_with(
    treated: Arm,
    holdout: Arm,
    study: LiftStudy | None = None,
    about: Circumstances | None = None,
    **more: Sequence[tuple[object, ...]],
) -> Findings:
    """The lift study of two arms and `more` tables by name, through the gate."""
    rows: list[tuple[object, ...]] = [
        (name, *cell)
        for name, arm in (("treated", treated), ("holdout", holdout))
        for cell in arm_cells(arm)
    ]
    rows += more.pop("beyond", ())
    tables = {
        name: protect(lift_table(name, (), cells), Policy())
        for name, cells in {"arms": rows, **more}.items()
    }
    return lift.findings(tables, study or lift_study(), "CNY", about)


def whole_lift(reached: int = 12, about: Circumstances | None = None) -> Findings:
    """A lift study with all its tables; by default its second look, when it is over."""
    about = about or Circumstances(2, complete=True)

    def arm(people: int, converters: int) -> Arm:
        return Arm(people, people, converters, 20_000 * converters, 5e8 * converters)

    def prior(people: int) -> Prior:
        buyers = people // 2
        return Prior(buyers, 8e3 * buyers, 1e8 * buyers, 1e3 * buyers, 3e7 * buyers)

    treated, holdout = arm(30_000, 1_200), arm(30_000, 900)
    parts = {
        "new": (arm(20_000, 500), arm(20_000, 400)),
        "existing": (arm(10_000, 700), arm(10_000, 500)),
    }
    beyond = [
        (n, "beyond", 9e5, MONEY, a.converters, 40)
        for n, a in (("treated", treated), ("holdout", holdout))
    ]
    return lift_with(
        treated._replace(assigned=49_000),
        holdout._replace(assigned=49_000),
        about=about,
        prior=[
            row
            for name in ("treated", "holdout")
            for row in prior_rows(name, 30_000, prior(30_000))
        ],
        exposure=exposure_rows(treated, (20_000, 1_000, 2e7), 3e6, 30_000, reached),
        weeks=week_rows((30_000, 30_000), {"week_01": (700, 500), "week_02": (500, 400)}),
        customers=part_rows(parts),
        regions=part_rows({"Hubei": parts["new"], "elsewhere": parts["existing"]}),
        beyond=beyond,
    )
