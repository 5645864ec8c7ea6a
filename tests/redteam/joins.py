"""Attacks by a platform that picks what it brings into a join, and reads how much of it matched.

The trees are those of Guo et al. (2022), USENIX Security, and Jiang, Du and Yan (2024), NDSS
(AnonPSI): ask for the size of a set's intersection, then of parts of it, until a part has matched
as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cleanroom.tables import Platform
from tests.redteam.attack import FEW, Attack, by_difference
from tests.redteam.worlds import (
    Outlet,
    Scene,
    buyers,
    clicks,
    comings,
    merged,
    named,
    numbers,
    passers,
    purchases,
    touch,
    viewers,
)
from tests.room.event_log import Row

LINKED = ("link", "linked", "people")
PART = 60  # people, more than min_people


def _clickers(few: int) -> Callable[[int], Scene]:
    """People who clicked, of whom two in three came, a few who came, and the target: perhaps."""

    def scene(number: int) -> Scene:
        crowd, some = named("one", 2 * PART + number), named("few", few)
        came = [one for place, one in enumerate(crowd) if place % 3]
        touches = clicks([*crowd, *some, "target"], 0)
        return Scene(
            merged(viewers(), {"touches": touches, "visits": comings([*came, *some], 0)}),
            {"visits": comings(["target"], 0)},
            others=few,
        )

    return scene


def _bring(outlet: Outlet, scene: Scene, people: set[str]) -> int | None:
    """As the ads platform: hand over with the CIDs of `people` only; how many are linked?

    None if it is refused, or the number withheld.
    """
    rows = [
        row if row["user"].removeprefix("u-") in people else {**row, "cid": None}
        for row in scene.common["touches"]
    ]
    refusal = outlet.hand_over(Platform.ADS, {"touches": rows})
    linked = numbers(refusal or outlet.conversion(0, 5)).get(LINKED)
    return None if linked is None else round(linked)


def _people(scene: Scene) -> list[str]:
    return [r["user"].removeprefix("u-") for r in scene.common["touches"] if r["cid"]]


def tree(people: Sequence[str], size: Callable[[set[str]], int | None]) -> bool | None:
    """Whether the last of `people` matched, from the sizes of ever smaller sets that hold them.

    Where a set's size is not told, that of what was left out may be: the two make up the whole.
    """
    whole = size(set(people))
    while whole is not None and whole not in (0, len(people)):
        rest, people = people[: len(people) // 2], people[len(people) // 2 :]
        part = size(set(people))
        left = size(set(rest)) if part is None else None
        whole = whole - left if left is not None else part
    return None if whole is None else whole > 0


def _tree(outlet: Outlet, scene: Scene) -> bool | None:
    def size(people: set[str]) -> int | None:
        return _bring(outlet, scene, people)

    return tree(_people(scene), size)


def _three_joins(outlet: Outlet, scene: Scene) -> bool | None:
    """Two large parts, the target and a few together, then each part: every two inputs differ."""
    people = _people(scene)
    rest = people[: -1 - scene.others]
    both, first, second = (
        _bring(outlet, scene, {*part}) for part in (people, rest[:PART], rest[PART:])
    )
    if both is None or first is None:
        return None
    return by_difference(both - first, second, scene.others)


def _third_handover(outlet: Outlet, scene: Scene) -> bool | None:
    """Spoil the CIDs of many, then put them back but for the target's and those of a few.

    The people are the same.
    """
    true, people = scene.common["touches"], _people(scene)
    first = numbers(outlet.conversion(0, 5)).get(LINKED)
    for spoilt in (people[:PART], people[-1 - scene.others :]):
        rows = [_spoilt(row, {f"u-{one}" for one in spoilt}) for row in true]
        if outlet.hand_over(Platform.ADS, {"touches": rows}) is not None:
            return None
    return by_difference(first, numbers(outlet.conversion(0, 5)).get(LINKED), scene.others)


def _spoilt(row: Row, people: set[str]) -> Row:
    return {**row, "cid": f"no-{row['cid']}"} if row["user"] in people else row


def _puppets(number: int) -> Scene:
    """Accounts of the attacker's that click, some of which really come and buy; and the target.

    The other clicks are not handed over.
    """
    puppets = named("puppet", 80 + number)
    visits = comings(puppets[:60], 0) + purchases(puppets[:30], 0)
    return Scene(
        merged(passers(), {"touches": clicks([*puppets, "target"], 0), "visits": visits}),
        {"visits": comings(["target"], 0) + purchases(["target"], 0)},
    )


def _read_puppets(outlet: Outlet, scene: Scene) -> bool | None:
    told = numbers(outlet.conversion(0, 5)).get(("path", "purchase", "people"))
    return by_difference(told, buyers(scene))


def _probe(number: int) -> Scene:
    """The store has a visit with a CID; the secret is whether the ads side has the click."""
    crowd, strays = named("one", 100 + number), named("stray", 20)
    came = comings([*crowd[: 70 + number], *strays, "target"], 0)
    return Scene(
        {"touches": clicks(crowd, 0), "visits": came},
        {"touches": clicks(["target"], 0)},
        {"touches": [touch("u-target", 0, None)]},
    )


def _with_and_without(outlet: Outlet, scene: Scene) -> bool | None:
    """Read the match sizes, hand over again without the target, and read them again."""
    first = _matched(outlet)
    rest = [row for row in scene.common["visits"] if row["buyer"] != "b-target"]
    if outlet.hand_over(Platform.STORE, {"visits": rest}) is not None:
        return None
    return first != _matched(outlet)


def _matched(outlet: Outlet) -> list[str]:
    """What the diagnostics say matched, in people and in CIDs."""
    lines = str(outlet.diagnostics()).splitlines()
    return [line for line in lines if line.split()[:1] == ["matched"]]


ATTACKS = (
    Attack(
        "an intersection-size tree",
        "its own clicks",
        "as the ads platform: hands over half of its CIDs, then half of those, and reads how many "
        "are linked, until all or none are",
        _clickers(0),
        _tree,
        held_by="`min_people`, `min_converters`, the join input",
    ),
    Attack(
        "match sizes, with and without",
        "its own visits",
        "as the store: reads the diagnostics, hands over again without the target",
        _probe,
        _with_and_without,
        held_by="the join input",
    ),
    Attack(
        "three joins",
        f"its own clicks, and that {FEW} of those people came",
        "brings two parts, those and the target into a join, then one part, then the other",
        _clickers(FEW),
        _three_joins,
        held_by="`differencing`",
    ),
    Attack(
        "the third handover",
        "the same",
        "spoils many CIDs in a second handover, in a third the target's and theirs alone",
        _clickers(FEW),
        _third_handover,
        held_by="the join input, `differencing`",
    ),
    Attack(
        "made-up people",
        "which of its own made-up accounts bought",
        "hands over their clicks and the target's, no others",
        _puppets,
        _read_puppets,
        conceded="Made-up people",
    ),
)
