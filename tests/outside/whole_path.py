"""A release of the whole path: delay, what each rule credits, and campaigns beside each other."""

from __future__ import annotations

from typing import Any

from cleanroom.borders import EVENTS, MONEY, PEOPLE, Protected, Release
from cleanroom.studies import conversion
from cleanroom.study import ALL, UNATTRIBUTED
from tests.factories import protected
from tests.outside.factories import RICH_PATH, _conversion, _release

Rows = list[tuple[Any, ...]]

# By campaign people reached, who clicked, seen in the store and buyers; then cost and revenue.
CAMPAIGNS = {
    "spring-launch": ((21_400, 7_010, 4_300, 301), (9_100_00, 80_120_00)),
    "mothers-day": ((19_850, 6_020, 3_410, 226), (8_050_00, 59_400_00)),
    "members": ((4_300, 1_180, 602, None), (2_200_00, None)),
}
STEPS = ("reach", "click", "visit", "purchase")
CREDITED = {  # spring-launch, mothers-day, members
    "last": (331, 214, 66),
    "waterfall": (322, 225, 64),
    "first": (288, 259, 64),
    "linear": (309.5, 236.2, 65.3),
    "time_decay": (316.1, 229.7, 65.2),
    "position": (309.3, 236.7, 65),
    "shapley": (308.2, 237.4, 65.4),
}
JOURNEYS = {
    ("start", "spring-launch"): 6_020,
    ("start", "mothers-day"): 5_480,
    ("start", "members"): 1_030,
    ("spring-launch", "mothers-day"): 610,
    ("mothers-day", "spring-launch"): 720,
    ("spring-launch", "members"): 120,
    ("members", "spring-launch"): 90,
    ("mothers-day", "members"): 80,
    ("members", "mothers-day"): 60,
    ("spring-launch", "conversion"): 331,
    ("mothers-day", "conversion"): 214,
    ("members", "conversion"): 66,
    ("spring-launch", "no conversion"): 5_769,
    ("mothers-day", "no conversion"): 5_146,
    ("members", "no conversion"): 1_014,
}
DELAY = {"1": (190, 40), "2–3": (88, 60), "4–7": (120, 310), "8–15": (104, 900), "16–30": (46, 900)}
WEEKS = {
    "2026-04-01": (40, 21, 30, 24, 9),
    "2026-04-08": (44, 22, 33, 27, 11),
    "2026-04-15": (41, 24, 30, 25),
    "2026-04-22": (47, 20, 34),
}


def whole_path(name: str = "Aurelle Skin") -> tuple[Release]:
    """The conversion study of `rich()` with all its tables; little is withheld."""
    study, tables, _ = _conversion("m-001", RICH_PATH, 19_350_00, 148_720_00, 8_340)
    tables |= {one.name: one for one in (*_by_campaign(), *_credit(), *_delay())}
    return (_release(study, tables, conversion.findings(tables, "CNY"), name),)


def _by_campaign() -> tuple[Protected, Protected]:
    path: Rows = [
        (campaign, step, PEOPLE, count, PEOPLE)
        for campaign, (people, _) in CAMPAIGNS.items()
        for step, count in zip(STEPS, people, strict=True)
    ]
    money: Rows = [
        (campaign, name, amount, MONEY)
        for campaign, (_, amounts) in CAMPAIGNS.items()
        for name, amount in zip(("cost", "revenue"), amounts, strict=True)
    ]
    return (
        protected("path_by", ("campaign", "step"), path, "incomplete"),
        protected("money_by", ("campaign",), money, "incomplete"),
    )


def _credit() -> tuple[Protected, ...]:
    wholes = {ALL: 820, "attributed": 611, UNATTRIBUTED: 209}
    orders: Rows = [(part, "orders", value, EVENTS) for part, value in wholes.items()]
    credit: Rows = [
        (rule, part, "orders", value, EVENTS)
        for rule, values in CREDITED.items()
        for part, value in {
            ALL: 820,
            UNATTRIBUTED: 209,
            **dict(zip(CAMPAIGNS, values, strict=True)),
        }.items()
    ]
    assists: Rows = [
        (part, "orders", value, EVENTS) for part, value in zip(CAMPAIGNS, (61, 92, 14), strict=True)
    ]
    steps: Rows = [(*step, "steps", taken, EVENTS) for step, taken in JOURNEYS.items()]
    return (
        protected("orders", ("campaign",), orders),
        protected("credit", ("rule", "campaign"), credit),
        protected("assists", ("campaign",), assists),
        protected("steps", ("from", "to"), steps),
    )


def _delay() -> tuple[Protected, Protected]:
    watched: Rows = [(ALL, ALL, PEOPLE, 14_022, PEOPLE)]
    for days, people in DELAY.items():
        watched += [
            (outcome, days, PEOPLE, count, PEOPLE)
            for outcome, count in zip(("ordered", "lost"), people, strict=True)
        ]
    weeks: Rows = [
        (week, days, measure, orders * each, unit)
        for week, counts in WEEKS.items()
        for days, orders in zip(DELAY, counts, strict=False)
        for measure, each, unit in (("orders", 1, EVENTS), ("revenue", 243_00, MONEY))
    ]
    return (
        protected("delay", ("outcome", "days"), watched),
        protected("maturity", ("week", "days"), weeks),
    )
