"""Whole releases of invented merchants, made as the house makes them: cells, gate, studies, votes.

`rich()` has everything; `mostly_withheld()` is small; `rounded()` is rounded and lacks data;
`broken_split()` fails its sample-ratio check; `without_effect()` has an interval around zero;
`conversion_only()` has no holdout study.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from cleanroom.absences import NoData
from cleanroom.borders import (
    EVENTS,
    MONEY,
    MONEY_SQUARED,
    PEOPLE,
    Candidate,
    Findings,
    Protected,
    Release,
    Table,
)
from cleanroom.gate.protect import protect
from cleanroom.policy import Policy, Rounding
from cleanroom.room.lift_layout import (
    CUSTOMERS_LAYOUT,
    EXPOSURE_LAYOUT,
    PRIOR_LAYOUT,
    WEEKS_LAYOUT,
)
from cleanroom.studies import conversion, lift
from cleanroom.study import ConversionStudy, LiftStudy, Study
from tests.factories import table as titled_by_name
from tests.known_answers.examples import (
    Arm,
    Prior,
    exposure_rows,
    part_rows,
    prior_rows,
    week_rows,
)

POLICY = Policy(min_people=50, min_converters=10)
BASES = dict.fromkeys(("read", "engage", "click"), "reach") | {"visit": "click"}
BASES |= dict.fromkeys(("search", "cart", "purchase"), "visit")
START, END = date(2026, 4, 1), date(2026, 5, 30)

TITLES = {
    **{
        layout.name: layout.title
        for layout in (PRIOR_LAYOUT, EXPOSURE_LAYOUT, WEEKS_LAYOUT, CUSTOMERS_LAYOUT)
    },
    "path": "People and events at each step from note to order",
    "money": "Cost, orders, and revenue net of refunds, in minor units",
    "link": "What became of the clicks that carried a CID, in people",
    "arms": "Assigned, seen in the panel, and bought, by arm",
    "panel": "Users whose buyer has users in both arms: counted in neither",
}

RICH_PATH = {
    "reach": (45_210, 112_480),
    "read": (16_930, 24_415),
    "engage": (5_120, 6_904),
    "click": (14_022, 17_308),
    "visit": (8_127, 10_940),
    "search": (2_044, 2_918),
    "cart": (1_630, 2_105),
    "purchase": (548, 611),
}
RICH_ARMS = {
    "treated": (50_120, 24_410, 812, 219_340_00),
    "holdout": (49_880, 24_265, 601, 160_110_00),
}


def rich(name: str = "Aurelle Skin", merchant: str = "m-001") -> tuple[Release, Release]:
    """Both studies, everything released, a clear effect."""
    return (
        _release(*_conversion(merchant, RICH_PATH, 19_350_00, 148_720_00, 8_340), name),
        _release(*_lift(merchant, RICH_ARMS, more=_more()), name),
    )


def fewer_buyers(name: str = "Aurelle Skin") -> Release:
    """The conversion study of `rich()` asked again: a few people fewer filled carts and bought."""
    path = {**RICH_PATH, "cart": (1_612, 2_080), "purchase": (521, 580)}
    return _release(*_conversion("m-001", path, 19_350_00, 141_020_00, 8_340), name)


def mostly_withheld(name: str = "Dewdrop Atelier") -> tuple[Release, Release]:
    """Both studies of a merchant with hardly any buyers."""
    path = {step: (people // 90, events // 90) for step, (people, events) in RICH_PATH.items()}
    arms = {"treated": (240, 116, 4, 1_180_00), "holdout": (236, 113, 0, 0)}
    return (
        _release(*_conversion("m-015", path, 210_00, 1_460_00, 92), name),
        _release(*_lift("m-015", arms), name),
    )


def broken_split(name: str = "Northbay Running") -> tuple[Release, Release]:
    """Both studies; the holdout lost people on its way, so that its lift must not be used."""
    arms = {**RICH_ARMS, "holdout": (46_310, 22_530, 598, 157_020_00)}
    return (
        _release(*_conversion("m-005", RICH_PATH, 17_100_00, 231_900_00, 8_204), name),
        _release(*_lift("m-005", arms), name),
    )


def rounded(name: str = "Linden & Ash") -> tuple[Release, Release]:
    """Both studies with rounded counts; no cost is recorded, and hardly anyone held out bought."""
    arms = {**RICH_ARMS, "holdout": (49_880, 24_265, 7, 1_890_00)}
    policy = POLICY.model_copy(update={"round_counts": Rounding.BASE_5})
    return (
        _release(*_conversion("m-021", RICH_PATH, None, 148_720_00, 8_340, policy), name, policy),
        _release(*_lift("m-021", arms, policy), name, policy),
    )


def without_effect(name: str = "Orchid Lane") -> tuple[Release, Release]:
    """Both studies; the two arms bought alike."""
    arms = {**RICH_ARMS, "holdout": (49_880, 24_265, 801, 214_600_00)}
    return (
        _release(*_conversion("m-010", RICH_PATH, 18_900_00, 96_310_00, 8_298), name),
        _release(*_lift("m-010", arms), name),
    )


def conversion_only(name: str = "花间集 Camellia House") -> tuple[Release]:
    """One study; the name is in two scripts."""
    return (_release(*_conversion("m-012", RICH_PATH, 22_080_00, 120_400_00, 8_355), name),)


def _conversion(
    merchant: str,
    path: dict[str, tuple[int, int]],
    cost: int | None,
    revenue: int,
    linked: int,
    policy: Policy = POLICY,
) -> tuple[Study, dict[str, Protected], Findings]:
    people = {step: count for step, (count, _) in path.items()}
    clicked, buyers = people["click"], people["purchase"]
    outcomes = {
        "linked": linked,
        "before_click": linked // 70,
        "outside_window": linked // 25,
        "passed_on": linked // 160,
        "several_users": linked // 220,
    }
    no_cost = ("cost", None, MONEY, *[None] * 5, NoData.NOT_RECORDED)
    money = [
        no_cost if cost is None else ("cost", cost, MONEY, people["reach"], clicked),
        ("orders", path["purchase"][1], EVENTS, buyers, buyers),
        ("revenue", revenue, MONEY, buyers, buyers),
    ]
    links = [(o, "people", n, PEOPLE, clicked, n) for o, n in outcomes.items()]
    tables = _protected(
        policy,
        table("path", ("step",), list(_path_cells(path))),
        table("money", (), money),
        table(
            "link", ("outcome",), [("clicked", "people", clicked, PEOPLE, clicked, None), *links]
        ),
    )
    study = ConversionStudy(merchant=merchant, start=START, end=END)
    return study, tables, conversion.findings(tables, "CNY")


def _path_cells(path: dict[str, tuple[int, int]]) -> Iterator[tuple[Any, ...]]:
    for step, (people, events) in path.items():
        base = (path[BASES[step]][0], people) if step in BASES else (people, None)
        yield step, "people", people, PEOPLE, *base
        yield step, "events", events, EVENTS, people, people


def _lift(
    merchant: str,
    arms: dict[str, tuple[int, int, int, int]],
    policy: Policy = POLICY,
    more: tuple[Table, ...] = (),
) -> tuple[Study, dict[str, Protected], Findings]:
    cells: list[tuple[Any, ...]] = []
    for arm, (assigned, people, buyers, amount) in arms.items():
        squares = 1.6 * amount**2 / max(buyers, 1)
        cells += [
            (arm, "assigned", assigned, PEOPLE, assigned, None),
            (arm, "people", people, PEOPLE, assigned, people),
            (arm, "converters", buyers, PEOPLE, people, buyers),
            (arm, "amount", amount, MONEY, buyers, buyers),
            (arm, "amount_squared", squares, MONEY_SQUARED, buyers, buyers),
            (arm, "capped", buyers // 40, PEOPLE, people, buyers // 40),
        ]
    assigned = sum(arm[0] for arm in arms.values())
    both = [("both_arms", "people", assigned // 400, PEOPLE, assigned, assigned // 400)]
    tables = _protected(
        policy,
        table("arms", ("arm",), cells, contrast="arm", adds_up=True),
        table("panel", ("outcome",), both),
        *more,
    )
    study = LiftStudy(merchant=merchant, start=START, end=END, study="spring-2026")
    return study, tables, lift.findings(tables, study, "CNY")


def _more() -> tuple[Table, ...]:
    """What stands beside the arms of a lift where all of it was made."""
    treated, holdout = (Arm(*arm, 1.6 * arm[3] ** 2 / arm[2]) for arm in RICH_ARMS.values())
    parts = {
        "new": (
            treated._replace(people=20_000, converters=400),
            holdout._replace(people=19_900, converters=390),
        ),
        "existing": (
            treated._replace(people=4_410, converters=412),
            holdout._replace(people=4_365, converters=211),
        ),
    }
    prior = Prior(9_800, 3e8, 2.2e13, 4e7, 9e11)
    weeks = {
        "week_01": (140, 110),
        "week_02": (190, 150),
        "week_03": (210, 150),
        "week_04": (272, 191),
    }
    return (
        table(
            "prior",
            ("arm",),
            [row for arm in RICH_ARMS for row in prior_rows(arm, 24_265, prior)],
            contrast="arm",
        ),
        table(
            "exposure", ("arm",), exposure_rows(treated, (20_100, 720, 1.9e7), 6_400_00, 24_265, 31)
        ),
        table("weeks", ("arm", "week"), week_rows((24_410, 24_265), weeks), contrast="arm"),
        table("customers", ("arm", "customer"), part_rows(parts), contrast="arm"),
    )


def table(name: str, *rest: Any, **more: Any) -> Table:
    """A table as `tests.factories` makes it, with the title the room gives it."""
    return titled_by_name(name, *rest, title=TITLES[name], **more)


def _protected(policy: Policy, *tables: Table) -> dict[str, Protected]:
    return {one.name: protect(one, policy) for one in tables}


def _release(
    study: Study,
    tables: dict[str, Protected],
    findings: Findings,
    name: str,
    policy: Policy = POLICY,
) -> Release:
    manifest = {
        "question": "3f" * 32,
        "study": study.model_dump(mode="json"),
        "merchant_name": name,
        "category": "beauty",
        "collaboration": "red-cat-plan",
        "agreement": "a1" * 32,
        "policy": policy.model_dump(mode="json"),
        "currency": "CNY",
        "timezone": "Asia/Shanghai",
        "window_days": 15,
        "handovers": {"ads": "b2" * 32, "store": "c3" * 32},
        "template": "a9" * 32,
        "notebook": {"name": f"{study.kind}.ipynb", "sha256": "d4" * 32},
        "code_version": "0.1.0",
        "created": "2026-06-02T08:15:00+00:00",
    }
    votes = tuple(
        {
            "body": {
                "candidate": "e5" * 32,
                "platform": platform,
                "reviewer": f"{platform}-reviewer",
                "decision": "approve",
                "time": f"2026-06-02T0{hour}:30:00+00:00",
            },
            "signature": "f6" * 64,
        }
        for platform, hour in (("ads", 8), ("store", 9))
    )
    gate = "cleanroom.gate.testing"
    candidate = build(gate, Candidate, manifest, tables, findings)
    release: Release = build(gate, Release, candidate, votes)
    return release


def build(module: str, kind: Any, *fields: Any, **more: Any) -> Any:
    """Build a border value in `module`, as far as borders can tell."""
    namespace: dict[str, Any] = {"__name__": module}
    exec("def build(kind, fields, more):\n    return kind(*fields, **more)", namespace)
    return namespace["build"](kind, fields, more)
