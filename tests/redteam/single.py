"""Attacks on one release, or on a question again: linked tables, amounts, rounding, words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from sys import setprofile
from types import FrameType
from typing import Any

from cleanroom.study import ConversionStudy, LiftStudy
from cleanroom.tables import Platform
from tests.redteam.attack import Attack, by_difference
from tests.redteam.worlds import (
    Answer,
    Outlet,
    Refused,
    Scene,
    buyers,
    clicks,
    comings,
    day,
    merged,
    named,
    numbers,
    passers,
    purchases,
    touch,
    viewers,
)

CLICKED = ("link", "clicked", "people")
VISITORS = ("path", "visit", "people")
PURCHASES = ("path", "purchase", "events")
BUYERS = ("path", "purchase", "people")
ORDERS = ("money", "orders")
REVENUE = ("money", "revenue")


def _linked_tables(number: int) -> Scene:
    """Of those who clicked with a CID all came, the target perhaps; others clicked without one."""
    crowd = named("one", 60 + number)
    touches = clicks([*crowd, "target"], 0)
    touches += [touch(f"u-{other}", 0, None) for other in named("other", 40)]
    return Scene(
        merged(viewers(), {"touches": touches, "visits": comings(crowd, 0)}),
        {"visits": comings(["target"], 0)},
    )


def _all_came(outlet: Outlet, _scene: Scene) -> bool | None:
    """`linked` is withheld, as nearly all are; the path tells the same people as its visitors."""
    found = numbers(outlet.conversion(0, 5))
    came, could = found.get(VISITORS), found.get(CLICKED)
    return True if came is not None and came == could else None


def _once_each(number: int) -> Scene:
    """All visitors bought, the target perhaps; one event a person counts."""
    crowd = named("one", 60 + number)
    came = [*crowd, "target"]
    touches = clicks([*came, *named("other", 40)], 0)
    visits = comings(came, 0) + purchases(crowd, 1)
    return Scene(
        merged(viewers(), {"touches": touches, "visits": visits}),
        {"visits": purchases(["target"], 1)},
        policy={"max_events_per_person": 1},
    )


def _all_bought(outlet: Outlet, _scene: Scene) -> bool | None:
    """The buyers are withheld, as nearly all bought; their purchases and orders are one each."""
    found = numbers(outlet.conversion(0, 5))
    could = found.get(VISITORS)
    bought = {found.get(PURCHASES), found.get(ORDERS)} - {None}
    return True if could in bought else None


def _between_steps(number: int) -> Scene:
    """All who clicked came and bought, the target perhaps."""
    crowd = named("one", 60 + number)
    touches, visits = clicks([*crowd, "target"], 0), comings(crowd, 0) + purchases(crowd, 0)
    return Scene(
        merged(viewers(), {"touches": touches, "visits": visits}),
        {"visits": comings(["target"], 0) + purchases(["target"], 0)},
    )


def _nested(outlet: Outlet, _scene: Scene) -> bool | None:
    """Bound the visitors by the steps around them, by events, and by rates."""
    found = numbers(outlet.conversion(0, 5))
    clicked = found.get(("path", "click", "people"), found.get(("path", "reach", "people")))
    bounds = [found.get(("path", step, "people")) for step in ("search", "cart", "purchase")]
    least = max((bound for bound in bounds if bound is not None), default=0.0)
    return True if clicked is not None and least == clicked else None


def _great_spender(number: int) -> Scene:
    """The target is known to have spent by far the most: 500,000 or 400,000."""
    crowd = named("one", 100 + number)
    visits = comings([*crowd[:70], "target"], 0) + purchases(crowd[:40], 1)
    common = merged(passers(), {"touches": clicks([*crowd, "target"], 0), "visits": visits})
    orders = [purchases(["target"], 1, amount) for amount in (500_000, 400_000)]
    return Scene(common, {"visits": orders[0]}, {"visits": orders[1]})


def _spent_how_much(outlet: Outlet, scene: Scene) -> bool | None:
    revenue = numbers(outlet.conversion(0, 5)).get(REVENUE)
    return None if revenue is None else revenue - 900 * buyers(scene) > 450_000


def _great_or_not(number: int) -> Scene:
    """The target spent 500,000, or as little as all."""
    scene = _great_spender(number)
    return Scene(scene.common, scene.secret, {"visits": purchases(["target"], 1)})


def _by_the_rule(outlet: Outlet, _scene: Scene) -> bool | None:
    """Revenue is withheld by the rule of dominance, or it is not."""
    answered = outlet.conversion(0, 5)
    if isinstance(answered, Refused):
        return None
    rules = {row[0]: row[3] for row in answered["tables"]["money"]["cells"]}
    return rules["revenue"] in ("dominance", "p_percent")


def _at_the_threshold(number: int) -> Scene:
    """49 others clicked; the secret is whether the target did."""
    return Scene(
        {"touches": clicks(named(f"one{number}-", 49), 0), "visits": []},
        {"touches": clicks(["target"], 0)},
    )


def _over_the_threshold(outlet: Outlet, _scene: Scene) -> bool | None:
    return ("path", "reach", "people") in numbers(outlet.conversion(0, 5))


def _all_known(rounding: str, others: int = 40) -> Callable[[int], Scene]:
    """The attacker knows on which day which of the others bought."""

    def scene(number: int) -> Scene:
        crowd = named("one", 100 + number)
        touches, visits = clicks(["target"], 0), comings(["target"], 0)
        for n, one in enumerate(crowd):
            touches += clicks([one], n % 12)
            visits += comings([one] if n < 80 else [], n % 12)
            visits += purchases([one] if n < others else [], n % 12)
        return Scene(
            merged(passers(range(7)), {"touches": touches, "visits": visits}),
            {"visits": purchases(["target"], 0)},
            policy={"round_counts": rounding},
        )

    return scene


def _less_the_others(outlet: Outlet, scene: Scene) -> bool | None:
    return by_difference(numbers(outlet.conversion(0, 11)).get(BUYERS), buyers(scene))


def _asked_again(outlet: Outlet, scene: Scene) -> bool | None:
    """The same, and with days added on which nothing was: average what is told."""
    asked = [(0, 11)] * 3 + [(0, last) for last in (12, 13)]
    told = [numbers(outlet.conversion(*days)).get(BUYERS) for days in asked]
    seen = [each for each in told if each is not None]
    # Equal rounded numbers say no more than one of them.
    if len({*seen}) < 2:
        return None
    return sum(seen) / len(seen) > buyers(scene) + 0.5


def _many_spans(outlet: Outlet, scene: Scene) -> bool | None:
    """Spans of other lengths: at one of them the others alone are at the edge of a multiple."""
    fits = {True, False}
    for last in (11, 10, 9, 8):
        told = numbers(outlet.conversion(0, last)).get(BUYERS)
        others = buyers(scene, last)
        if told is not None:
            fits -= {bit for bit in fits if abs(others + bit - told) > 2}
    return fits.pop() if len(fits) == 1 else None


def _by_a_rate(outlet: Outlet, scene: Scene) -> bool | None:
    answered = outlet.conversion(0, 11)
    if isinstance(answered, Refused):
        return None
    rate = answered["estimates"]["purchase_per_click"]["value"]
    exact = (rate or 0) * len(scene.common["touches"])
    whole, others = round(exact), buyers(scene)
    # A rate of rounded numbers makes no whole number of people.
    if abs(exact - whole) > 1e-6 or whole not in (others, others + 1):
        return None
    return whole > others


def _over_the_edge(outlet: Outlet, scene: Scene) -> bool | None:
    told = numbers(outlet.conversion(0, 11)).get(BUYERS)
    return None if told is None else told > buyers(scene)


QUESTIONS: tuple[Callable[[], Any], ...] = (
    lambda: ConversionStudy(merchant="nobody", start=day(0), end=day(5)),
    lambda: ConversionStudy(merchant="m", start=day(300), end=day(305)),
    lambda: LiftStudy(merchant="m", study="none", start=day(0), end=day(5)),
    lambda: LiftStudy(
        merchant="m", study="none", start=day(0), end=day(5), population="shared_identifier"
    ),
    lambda: ConversionStudy(merchant="m", start=date(1999, 1, 1), end=date(1999, 1, 2)),
)


def _hidden(number: int) -> Scene:
    """Few clicked, the target among them, and few bought, the target perhaps: all is withheld."""
    crowd = named("one", 30 + number)
    visits = comings([*crowd[:20], "target"], 0) + purchases(crowd[:5], 0)
    return Scene(
        merged(viewers(10), {"touches": clicks([*crowd, "target"], 0), "visits": visits}),
        {"visits": purchases(["target"], 0)},
    )


def _seen_otherwise(look: Callable[[Outlet], object]) -> Callable[[Outlet, Scene], bool]:
    """Build the room without the secret oneself, and see whether the outlet is like it."""

    def play(outlet: Outlet, scene: Scene) -> bool:
        with Outlet(scene, secret=False) as own:
            return look(outlet) != look(own)

    return play


def _words(outlet: Outlet) -> list[Answer | Refused | str | None]:
    """What is said of questions that cannot be answered, and of handovers that are refused."""
    said: list[Any] = [outlet.ask(question()) for question in QUESTIONS]
    said.append(outlet.hand_over(Platform.STORE, {"visits": [{"kind": "no such kind"}]}))
    said.append(outlet.hand_over(Platform.STORE, {"visits": []}))
    return [each if isinstance(each, Refused) else _lasting(each) for each in said]


def _lasting(answered: Any) -> Any:
    """A record without what differs in any two rooms: keys, digests, times."""
    if not isinstance(answered, dict):
        return answered
    return {part: answered[part] for part in ("tables", "estimates", "checks", "summary")}


def _everything(outlet: Outlet) -> object:
    return _lasting(outlet.conversion(0, 5))


def _work(outlet: Outlet) -> Counter[str]:
    """The functions of the clean room that an answer calls, and how often: its path, not its time.

    What an engine does inside depends on the number of rows, which platforms know.
    """
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _argument: object) -> None:
        module = str(frame.f_globals.get("__name__", ""))
        if event == "call" and module.startswith("cleanroom."):
            calls[f"{module}.{frame.f_code.co_qualname}"] += 1

    outlet.conversion(0, 4)  # so that whatever is done once is done
    setprofile(count)
    try:
        outlet.conversion(0, 5)
    finally:
        setprofile(None)
    return calls


ATTACKS = (
    Attack(
        "steps within each other",
        "nothing",
        "bounds a withheld step by the released steps around it",
        _between_steps,
        _nested,
        held_by="`min_converters`",
    ),
    Attack(
        "linked tables",
        "nothing",
        "reads those who were linked, withheld since they are nearly all, as the path's visitors",
        _linked_tables,
        _all_came,
        held_by="`complementary`",
    ),
    Attack(
        "one event each",
        "the agreement: one event a person counts",
        "reads the buyers, withheld since nearly all bought, as purchases or orders",
        _once_each,
        _all_bought,
        held_by="`complementary`",
    ),
    Attack(
        "the largest amount",
        "who spent by far the most, and what all others did",
        "reads off revenue, and what is computed from it, how much that was",
        _great_spender,
        _spent_how_much,
        held_by="`dominance`, `p_percent`",
    ),
    Attack(
        "a hidden cell",
        "everything but the secret",
        "builds the room without it, and looks for any difference in what leaves, all withheld",
        _hidden,
        _seen_otherwise(_everything),
        held_by="withheld values are gone",
    ),
    Attack(
        "words of refusals",
        "everything but the secret",
        "asks what cannot be answered, hands over what is refused; compares words and exit codes",
        _hidden,
        _seen_otherwise(_words),
        held_by="errors carry coordinates",
    ),
    Attack(
        "time",
        "everything but the secret",
        "compares which steps an answer takes and how often, where all is withheld",
        _hidden,
        _seen_otherwise(_work),
        held_by="one path for all",
    ),
    Attack(
        "the same again",
        "how many others bought",
        "asks many times, and with empty days added, and averages; counts are rounded",
        _all_known("base_5"),
        _asked_again,
        held_by="an equal cell is rounded equally",
    ),
    Attack(
        "many spans",
        "on which days all others bought",
        "asks for spans of many lengths; counts are rounded",
        _all_known("base_5"),
        _many_spans,
        held_by="`differencing`",
    ),
    Attack(
        "rates",
        "its own clicks, and how many others bought",
        "takes a rate times the exact number of its clickers; counts are rounded",
        _all_known("base_5"),
        _by_a_rate,
        held_by="rates of what was released",
    ),
    Attack(
        "the edge of a multiple",
        "how many others bought: 72, which is rounded to 70, and 73 to 75",
        "reads the rounded number",
        _all_known("base_5", others=42),
        _over_the_edge,
        conceded="Exact numbers",
    ),
    Attack(
        "all others",
        "how many others bought",
        "subtracts them; counts are not rounded",
        _all_known("none"),
        _less_the_others,
        conceded="Exact numbers",
    ),
    Attack(
        "the threshold",
        "that 49 others clicked",
        "sees whether the count is released",
        _at_the_threshold,
        _over_the_threshold,
        conceded="What is withheld",
    ),
    Attack(
        "the rule's name",
        "who would have spent by far the most",
        "sees whether revenue is withheld for dominance",
        _great_or_not,
        _by_the_rule,
        conceded="What is withheld",
    ),
)
