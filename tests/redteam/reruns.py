"""Attacks that subtract: the same question of other days, other merchants, another handover."""

from __future__ import annotations

from collections.abc import Callable

from cleanroom.study import LiftStudy
from cleanroom.tables import Platform
from tests.redteam.attack import FEW, Attack, by_difference
from tests.redteam.worlds import (
    Outlet,
    Scene,
    clicks,
    comings,
    day,
    merged,
    named,
    numbers,
    passers,
    purchases,
    touch,
    visit,
)
from tests.room.event_log import Row

BUYERS = ("path", "purchase", "people")
VISITORS = ("path", "visit", "people")
ORDERS = ("money", "orders")
REVENUE = ("money", "revenue")
LAST = 13  # the day of the target's click
PAUSED = 6  # a day on which nobody clicks


def _two_weeks(few: int) -> Callable[[int], Scene]:
    """People click on each of 13 days but one, and some come and buy; then the target and a few."""

    def scene(number: int) -> Scene:
        crowd, last = named("one", 240 + number), named("few", few)
        day_of = {one: n % (LAST - 1) + (n % (LAST - 1) >= PAUSED) for n, one in enumerate(crowd)}
        touches = [row for one in crowd for row in clicks([one], day_of[one])]
        visits = [row for one in crowd[:190] for row in comings([one], day_of[one])]
        visits += [row for one in crowd[:100] for row in purchases([one], day_of[one])]
        touches += clicks([*last, "target"], LAST)
        visits += comings(last, LAST) + purchases(last, LAST)
        days = [number for number in range(LAST) if number != PAUSED]
        return Scene(
            merged(passers(days), {"touches": touches, "visits": visits}),
            {"visits": comings(["target"], LAST) + purchases(["target"], LAST)},
            others=few,
        )

    return scene


def _one_day_less(outlet: Outlet, scene: Scene) -> bool | None:
    whole, less = (numbers(outlet.conversion(0, last)).get(BUYERS) for last in (LAST, LAST - 1))
    return by_difference(whole, less, scene.others)


def _one_day_more(outlet: Outlet, scene: Scene) -> bool | None:
    less, whole = (numbers(outlet.conversion(0, last)).get(BUYERS) for last in (LAST - 1, LAST))
    return by_difference(less, whole, scene.others)


def _whole_less_parts(outlet: Outlet, scene: Scene) -> bool | None:
    """Orders add up over days: of all days, less those of two parts that leave out the last."""
    spans = ((0, LAST), (0, 6), (7, LAST - 1))
    whole, one, two = (numbers(outlet.conversion(*days)).get(ORDERS) for days in spans)
    if whole is None or one is None:
        return None
    return by_difference(whole - one, two, scene.others)


def _sliding(outlet: Outlet, scene: Scene) -> bool | None:
    """A week that slides by a day: from the day that leaves it to the day that enters."""
    weeks = [outlet.conversion(first, first + 6) for first in range(LAST - 9, LAST - 5)]
    before, last = (numbers(week).get(BUYERS) for week in weeks[-2:])
    return by_difference(before, last, scene.others)


def _twin_shops(few: int) -> Callable[[int], Scene]:
    """Two shops of one owner with the same people, but for the target and a few.

    Those buy at the first alone, the target perhaps at both.
    """

    def scene(number: int) -> Scene:
        crowd, apart, shops = named("one", 100 + number), named("few", few), ("m", "m2")
        touches, visits = [], purchases([*apart, "target"], 0)
        for shop in shops:
            came = [*crowd[:70], *apart, "target"]
            touches += clicks([*crowd, *apart, "target"], 0, shop)
            visits += comings(came, 0, shop) + purchases(crowd[:40], 0, 900, shop)
        return Scene(
            merged(passers(shops=shops), {"touches": touches, "visits": visits}),
            {},
            {"visits": purchases(["target"], 0, 900, "m2")},
            shops=shops,
            others=few,
        )

    return scene


def _compare_shops(outlet: Outlet, scene: Scene) -> bool | None:
    one, two = (numbers(outlet.conversion(0, 5, shop)).get(BUYERS) for shop in ("m", "m2"))
    return by_difference(one, two, scene.others)


def _buyers_without_click(few: int) -> Callable[[int], Scene]:
    """The target and a few bought; the secret is whether a click of the target's led there."""

    def scene(number: int) -> Scene:
        crowd, some = named("one", 100 + number), named("few", few)
        bought = [*some, "target"]
        visits = comings(crowd[:70] + bought, 0) + purchases(crowd[:40] + bought, 1)
        return Scene(
            merged(passers(), {"touches": clicks([*crowd, *some], 0), "visits": visits}),
            {"touches": clicks(["target"], 0)},
            {"touches": [touch("u-target", 0, None)]},
            others=few,
        )

    return scene


def _is_of_few(row: Row) -> bool:
    person = str(row.get("buyer") or row["user"])
    return person[2:] == "target" or person[2:].startswith("few")


def _without(dropped: Callable[[Row], bool]) -> Callable[[Outlet, Scene], bool | None]:
    """As the store: hand over again without some rows of the target's and the few."""

    def play(outlet: Outlet, scene: Scene) -> bool | None:
        first = numbers(outlet.conversion(0, 5)).get(BUYERS)
        rest = [r for r in scene.common["visits"] if not (_is_of_few(r) and dropped(r))]
        if outlet.hand_over(Platform.STORE, {"visits": rest}) is not None:
            return None
        second = numbers(outlet.conversion(0, 5)).get(BUYERS)
        return by_difference(first, second, scene.others)

    return play


def _clicked(few: int) -> Callable[[int], Scene]:
    """The target and a few clicked; of the few it is known that they bought."""

    def scene(number: int) -> Scene:
        crowd, some = named("one", 100 + number), named("few", few)
        visits = comings(crowd[:70] + some, 1) + purchases(crowd[:40] + some, 1)
        touches = clicks([*crowd, *some, "target"], 0)
        return Scene(
            merged(passers(), {"touches": touches, "visits": visits}),
            {"visits": comings(["target"], 1) + purchases(["target"], 1)},
            others=few,
        )

    return scene


def _moved(outlet: Outlet, scene: Scene) -> bool | None:
    """As the ads platform: hand over again with later clicks of the target and the few.

    Nobody's CIDs have changed.
    """
    first = numbers(outlet.conversion(0, 5)).get(BUYERS)
    late = clicks(["x"], 20)[0]["time"]
    rows = [{**r, "time": late} if _is_of_few(r) else r for r in scene.common["touches"]]
    if outlet.hand_over(Platform.ADS, {"touches": rows}) is not None:
        return None
    return by_difference(first, numbers(outlet.conversion(0, 5)).get(BUYERS), scene.others)


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
    return Scene(merged(passers(), common), {"visits": back[:1]}, {"visits": back[1:]})


def _before_and_after(outlet: Outlet, scene: Scene) -> bool | None:
    """Who got the figures before the refund as well: by how much did they fall?"""
    after = numbers(outlet.conversion(0, 5)).get(REVENUE)
    if outlet.hand_over(Platform.STORE, scene.common) is not None:
        return None
    before = numbers(outlet.conversion(0, 5)).get(REVENUE)
    return by_difference(after, before, others=1, unit=4_500)


def _panel(number: int) -> Scene:
    """A holdout, of which some were never linked; all buyers but the target spent 3,000 at most."""
    people, others = named("one", 240 + number), named("other", 60)
    bought = [*people[:40], *people[120:160]]
    visits = comings([*people, "target"], 0) + purchases(bought, 12, 3_000)
    treated, holdout = [*people[:120], "target", *others[:30]], [*people[120:], *others[30:]]
    arms = [{"user": f"u-{one}", "arm": "treated"} for one in treated]
    arms += [{"user": f"u-{one}", "arm": "holdout"} for one in holdout]
    time = clicks(["x"], 10)[0]["time"]
    assignments = [{**arm, "study": "s", "merchant": "m", "time": time} for arm in arms]
    touches = clicks([*people, "target"], 0)
    return Scene(
        {"touches": touches, "visits": visits, "assignments": assignments},
        {"visits": purchases(["target"], 12, 9_000)},
        {"visits": purchases(["target"], 12, 6_000)},
    )


def _two_caps(outlet: Outlet, _scene: Scene) -> bool | None:
    """Ask twice, with what one person counts bounded at 3,000 and at 9,000."""
    amounts = []
    for most in (3_000, 9_000):
        study = LiftStudy(merchant="m", study="s", start=day(11), end=day(15), max_amount=most)
        amounts.append(numbers(outlet.ask(study)).get(("arms", "treated", "amount")))
    lower, higher = amounts
    return by_difference(lower, higher, others=1, unit=3_000)


ATTACKS = (
    Attack(
        "one day less",
        f"its own clicks, and that on the last day {FEW} others clicked, who bought",
        "asks for all days, then for all but the last, and subtracts",
        _two_weeks(FEW),
        _one_day_less,
        held_by="`differencing`",
    ),
    Attack(
        "one day more",
        "the same",
        "asks for all days but the last, then for all",
        _two_weeks(FEW),
        _one_day_more,
        held_by="`differencing`",
    ),
    Attack(
        "a whole less its parts",
        "the same",
        "asks for all days, and for two spans that leave out the last; orders add up",
        _two_weeks(FEW),
        _whole_less_parts,
        held_by="`differencing`, `complementary`",
    ),
    Attack(
        "a sliding week",
        "the same",
        "asks every day for the last seven, as a naive schedule does, until a day leaves on which "
        "the ads were paused",
        _two_weeks(FEW),
        _sliding,
        held_by="`differencing`",
    ),
    Attack(
        "two shops",
        f"that the same people buy at both shops of one owner, but for {FEW} and the target",
        "compares the two answers",
        _twin_shops(FEW),
        _compare_shops,
        held_by="`differencing`",
    ),
    Attack(
        "a rerun without a few people",
        f"its own buyers, and that {FEW} of them clicked",
        "as the store: hands over again without those and the target",
        _buyers_without_click(FEW),
        _without(lambda row: True),
        held_by="the join input, `differencing`",
    ),
    Attack(
        "a rerun without a few orders",
        "the same",
        "as the store: hands over again without their orders, the CIDs as they were",
        _buyers_without_click(FEW),
        _without(lambda row: row["cid"] is None),
        held_by="`differencing`",
    ),
    Attack(
        "a few clicks moved",
        f"its own clicks, and that {FEW} of those people bought",
        "as the ads platform: hands over again with a later time for their clicks and the "
        "target's, the CIDs as they were",
        _clicked(FEW),
        _moved,
        held_by="`differencing`",
    ),
    Attack(
        "a changed amount",
        "that between two handovers one order was refunded, the target's, by half or in whole",
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
    Attack(
        "the silence of a day",
        "its own clicks: on the last day the target's alone",
        "asks for all days, then for all but the last: the buyers are withheld, or the same",
        _two_weeks(0),
        _one_day_less,
        conceded="That something changed",
    ),
    Attack(
        "the silence of a rerun",
        "its own buyers",
        "as the store: hands over again without the target's order, and sees the same",
        _buyers_without_click(0),
        _without(lambda row: row["cid"] is None),
        conceded="That something changed",
    ),
    Attack(
        "the silence of a moved click",
        "its own clicks",
        "as the ads platform: hands over again with a later time for the target's click, and sees "
        "the same",
        _clicked(0),
        _moved,
        conceded="That something changed",
    ),
)
