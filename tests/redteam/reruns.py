"""Attacks that subtract: the same question of other days, other merchants, another handover."""

from __future__ import annotations

from cleanroom.study import LiftStudy
from cleanroom.tables import Platform
from tests.redteam.attack import Attack, by_difference
from tests.redteam.worlds import (
    Outlet,
    Refused,
    Scene,
    clicks,
    comings,
    day,
    named,
    numbers,
    purchases,
    touch,
    visit,
)

BUYERS = ("path", "purchase", "people")
VISITORS = ("path", "visit", "people")
ORDERS = ("money", "orders")
REVENUE = ("money", "revenue")
LAST = 13  # the day of the target's click
PAUSED = 6  # a day on which nobody clicks


def _two_weeks(number: int) -> Scene:
    """People click on each of 13 days but one, and some come and buy; then the target, alone."""
    crowd, target = named("one", 240 + number), ["target"]
    day_of = {one: n % (LAST - 1) + (n % (LAST - 1) >= PAUSED) for n, one in enumerate(crowd)}
    touches = [row for one in crowd for row in clicks([one], day_of[one])]
    visits = [row for one in crowd[:190] for row in comings([one], day_of[one])]
    visits += [row for one in crowd[:100] for row in purchases([one], day_of[one])]
    return Scene(
        {"touches": touches + clicks(target, LAST), "visits": visits},
        {"visits": comings(target, LAST) + purchases(target, LAST)},
    )


def _one_day_less(outlet: Outlet, _scene: Scene) -> bool | None:
    whole, less = outlet.conversion(0, LAST), outlet.conversion(0, LAST - 1)
    # Refused outright in both rooms, since the clicks differ as well: that says nothing.
    if isinstance(less, Refused):
        return None
    return by_difference(numbers(whole).get(BUYERS), numbers(less).get(BUYERS))


def _one_day_more(outlet: Outlet, _scene: Scene) -> bool | None:
    less, whole = outlet.conversion(0, LAST - 1), outlet.conversion(0, LAST)
    if isinstance(whole, Refused):
        return None
    return by_difference(numbers(less).get(BUYERS), numbers(whole).get(BUYERS))


def _whole_less_parts(outlet: Outlet, _scene: Scene) -> bool | None:
    """Orders add up over days: of all days, less those of two parts that leave out the last."""
    whole, one, two = (outlet.conversion(*days) for days in ((0, LAST), (0, 6), (7, LAST - 1)))
    if isinstance(two, Refused):
        return None
    orders = [numbers(part).get(ORDERS) for part in (whole, one, two)]
    if orders[0] is None or orders[1] is None:
        return None
    return by_difference(orders[0] - orders[1], orders[2])


def _sliding(outlet: Outlet, _scene: Scene) -> bool | None:
    """A week that slides by a day: from the day that leaves it to the day that enters."""
    weeks = [outlet.conversion(first, first + 6) for first in range(LAST - 5)]
    if isinstance(weeks[-1], Refused):
        return None
    before, last = (numbers(week).get(BUYERS) for week in weeks[-2:])
    return by_difference(before, last)


def _twin_shops(number: int) -> Scene:
    """Two shops of one owner that the same people click on and buy at, but for the target."""
    crowd, target = named("one", 100 + number), ["target"]
    touches, visits = [], []
    for shop in ("m", "m2"):
        touches += clicks(crowd + target, 0, shop)
        visits += comings(crowd[:70] + target, 0, shop) + purchases(crowd[:40], 0, 900, shop)
    visits += purchases(target, 0)
    return Scene(
        {"touches": touches, "visits": visits},
        {"visits": purchases(target, 0, 900, "m2")},
        shops=("m", "m2"),
    )


def _compare_shops(outlet: Outlet, _scene: Scene) -> bool | None:
    one, two = (numbers(outlet.conversion(0, 5, shop)).get(BUYERS) for shop in ("m", "m2"))
    if one is None:
        return None
    # The second kept back for being too close, it is not the same.
    return one == two


def _buyer_without_click(number: int) -> Scene:
    """The target bought; the secret is on the ads side: whether a click of theirs led there."""
    crowd, target = named("one", 100 + number), ["target"]
    return Scene(
        {
            "touches": clicks(crowd, 0),
            "visits": comings(crowd[:70] + target, 0) + purchases(crowd[:40] + target, 1),
        },
        {"touches": clicks(target, 0)},
        {"touches": [touch("u-target", 0, None)]},
    )


def _without_the_order(outlet: Outlet, scene: Scene) -> bool | None:
    """Hand over again without the target's order: nobody's CIDs have changed."""
    first = numbers(outlet.conversion(0, 5)).get(BUYERS)
    rest = [r for r in scene.common["visits"] if r["buyer"] != "b-target" or r["cid"]]
    if outlet.hand_over(Platform.STORE, {"visits": rest}) is not None:
        return None
    return by_difference(first, numbers(outlet.conversion(0, 5)).get(BUYERS))


def _without_the_person(outlet: Outlet, scene: Scene) -> bool | None:
    """Hand over again without the target."""
    first = numbers(outlet.conversion(0, 5)).get(BUYERS)
    rest = [r for r in scene.common["visits"] if r["buyer"] != "b-target"]
    if outlet.hand_over(Platform.STORE, {"visits": rest}) is not None:
        return None
    return by_difference(first, numbers(outlet.conversion(0, 5)).get(BUYERS))


def _refund(number: int) -> Scene:
    """The target returned an order of 9,000, in whole or by half; nobody else's rows changed."""
    crowd, target = named("one", 100 + number), ["target"]
    visits = comings(crowd[:70] + target, 0) + purchases(crowd[:40], 1, 2_000)
    order = purchases(target, 1, 9_000)
    back = [
        {**visit("refund", "b-target", 3, None, amount), "order": order[0]["order"]}
        for amount in (9_000, 4_500)
    ]
    common = {"touches": clicks(crowd + target, 0), "visits": visits + order}
    return Scene(common, {"visits": back[:1]}, {"visits": back[1:]})


def _before_and_after(outlet: Outlet, scene: Scene) -> bool | None:
    """Who got the figures before the refund as well: by how much did they fall?"""
    after = numbers(outlet.conversion(0, 5)).get(REVENUE)
    if outlet.hand_over(Platform.STORE, scene.common) is not None:
        return None
    before = numbers(outlet.conversion(0, 5)).get(REVENUE)
    if after is None or before is None:
        return None
    return {9_000.0: True, 4_500.0: False}.get(before - after)


def _panel(number: int) -> Scene:
    """A holdout; all its buyers but the target spent 3,000 at most."""
    people = named("one", 240 + number)
    visits = comings(people, 0) + comings(["target"], 0)
    visits += purchases([*people[:40], *people[120:160]], 12, 3_000)
    arms = [{"user": f"u-{one}", "arm": "treated"} for one in [*people[:120], "target"]]
    arms += [{"user": f"u-{one}", "arm": "holdout"} for one in people[120:]]
    time = clicks(["x"], 10)[0]["time"]
    assignments = [{**arm, "study": "s", "merchant": "m", "time": time} for arm in arms]
    touches = clicks([*people, "target"], 0)
    return Scene(
        {"touches": touches, "visits": visits, "assignments": assignments},
        {"visits": purchases(["target"], 12, 9_000)},
        {"visits": purchases(["target"], 12, 2_500)},
    )


def _two_caps(outlet: Outlet, _scene: Scene) -> bool | None:
    """Ask twice, with what one person counts bounded at 3,000 and at 9,000."""
    amounts = []
    for most in (3_000, 9_000):
        study = LiftStudy(merchant="m", study="s", start=day(11), end=day(15), max_amount=most)
        amounts.append(numbers(outlet.ask(study)).get(("arms", "treated", "amount")))
    return by_difference(amounts[0], amounts[1], unit=6_000)


ATTACKS = (
    Attack(
        "one day less",
        "its own clicks: on the last day the target's alone",
        "asks for all days, then for all but the last, and subtracts",
        _two_weeks,
        _one_day_less,
        held_by="`differencing`",
    ),
    Attack(
        "one day more",
        "the same",
        "asks for all days but the last, then for all",
        _two_weeks,
        _one_day_more,
        held_by="`differencing`",
    ),
    Attack(
        "a whole less its parts",
        "the same",
        "asks for all days, and for two spans that leave out the last; orders add up",
        _two_weeks,
        _whole_less_parts,
        held_by="`differencing`",
    ),
    Attack(
        "a sliding week",
        "the same",
        "asks every day for the last seven, as a naive schedule does, until a day leaves on which "
        "the ads were paused",
        _two_weeks,
        _sliding,
        held_by="`differencing`",
    ),
    Attack(
        "two shops",
        "that the same people buy at both shops of one owner, but for the target",
        "compares the two answers",
        _twin_shops,
        _compare_shops,
        held_by="`differencing`",
    ),
    Attack(
        "a rerun without one person",
        "its own buyers",
        "as the store: hands over again without the target",
        _buyer_without_click,
        _without_the_person,
        held_by="the join input",
    ),
    Attack(
        "a rerun without one order",
        "its own buyers",
        "as the store: hands over again without the target's order, the CIDs as they were",
        _buyer_without_click,
        _without_the_order,
        held_by="`differencing`",
    ),
    Attack(
        "a changed amount",
        "that between two handovers one order was refunded, the target's",
        "subtracts the revenues: the people behind them are the same",
        _refund,
        _before_and_after,
        held_by="`differencing`",
    ),
    Attack(
        "a moved bound",
        "that nobody but the target spent more than 3,000",
        "asks for a lift study twice, with amounts bounded at 3,000 and at 9,000",
        _panel,
        _two_caps,
        held_by="`differencing`",
    ),
)
