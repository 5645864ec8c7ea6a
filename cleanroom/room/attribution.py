"""Attribution tables: what each rule credits to whom, and the steps that journeys take.

Orders are dated by the order, in the local days of the study, and net of their refunds. What no
touchpoint came before is `unattributed`, so that by every rule the parts make up all orders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw

from cleanroom.behind import Behind
from cleanroom.borders import EVENTS, MONEY, Table
from cleanroom.policy import Policy
from cleanroom.room.assists import assists_table
from cleanroom.room.attribution_layout import WHOLES, credit_layout, orders_layout, steps_layout
from cleanroom.room.channels import channels_of
from cleanroom.room.counting import Cell, Key, count_people, fewer, on_local_days, single, table
from cleanroom.room.credit import CREDIT_RULES, ORDER, credited
from cleanroom.room.derived import links
from cleanroom.room.engine import Frame
from cleanroom.room.journeys import net_orders
from cleanroom.room.numbered import Counted, Numbering, Sides, behind, numbering, on
from cleanroom.room.touchpoints import touched, touchpoints, transitions
from cleanroom.room.vault import Vault, rows_of
from cleanroom.studies.markov import CONVERSION, NONE, START
from cleanroom.study import ALL, ATTRIBUTED, UNATTRIBUTED, ConversionStudy
from cleanroom.tables import ENGAGEMENTS, Platform

_RULES = [rule.id for rule in CREDIT_RULES]


@dataclass(frozen=True)
class _Sides:
    """The same counts by user and by buyer: of people the smaller rules."""

    by_user: Mapping[Key, Counted]
    by_buyer: Mapping[Key, Counted]

    def of(self, key: Key) -> tuple[Counted, Counted]:
        return self.by_user.get(key, Counted()), self.by_buyer.get(key, Counted())


@dataclass(frozen=True)
class _Orders:
    """Orders by buyer: `wholes`, by merchant, of all, of those with a touchpoint and of those
    without; `channels`, by merchant and channel."""

    wholes: Mapping[str, Mapping[Key, Counted]]
    channels: _Sides

    def of(self, merchant: str, part: str) -> tuple[Counted, ...]:
        """The counts of a part, of each platform that counts people in it."""
        if part in self.wholes:
            return (self.wholes[part].get((merchant,), Counted()),)
        return self.channels.of((merchant, part))


def attribution_tables(
    vault: Vault, merchants: Sequence[str], study: ConversionStudy, policy: Policy
) -> list[Table]:
    """Tables `orders`, `credit`, `assists` and `steps` of all `merchants`, in one pass.

    The study's own merchant is one of them or not. Raises `HandoverError` if the engine fails.
    """
    channel, windows = study.channel, windows_of(study, vault)
    most_days, zone = max(windows.values()), vault.agreement.timezone
    wanted = nw.col("merchant").is_in(sorted(set(merchants)))
    days = on_local_days("time", study.start, study.end, zone)
    visits = rows_of(vault, "visits").filter(wanted)
    touches = rows_of(vault, "touches").filter(wanted)
    bought = visits.filter(nw.col("kind") == "purchase", days)
    orders = net_orders(bought, visits, by=("merchant", "order"), whose=("buyer",))
    own = touched(touches, links(vault), channel)
    points = touchpoints(own, orders, windows)
    names = channels_of(touches, channel, study.start, study.end, most_days, zone)
    names = {merchant: names.get(merchant, ()) for merchant in sorted(set(merchants))}
    numbers = numbering(vault)
    shared = credited(points, ("merchant", "order"), most_days)
    counts = _ordered(shared, points, orders, policy, numbers)
    steps = _steps(transitions(own.filter(days), orders, most_days), policy, numbers)
    window = study.touch_window_days

    def who(cell: Cell) -> Behind:
        merchant, rule, part, measure = map(str, cell[:4])
        mark = _mark(part, rule) + ("" if measure == "orders" else "_net")
        sides = counts.of(merchant, part)
        value = {_party(sides, place): one.groups.get(mark) for place, one in enumerate(sides)}
        return behind(value, on(Platform.STORE, counts.of(merchant, ALL)[0], "own_people"))

    credit = [
        cell
        for merchant, channels in names.items()
        for part in (ALL, UNATTRIBUTED, *channels)
        for rule in _RULES
        for cell in _credit(merchant, rule, part, counts)
    ]
    every = [
        cell
        for merchant in names
        for part in WHOLES
        for cell in _credit(merchant, "", part, counts)
    ]
    return [
        table(
            orders_layout(channel, window),
            [(cell[0], *cell[2:]) for cell in every],
            lambda cell: who((cell[0], "", *cell[1:])),
        ),
        table(credit_layout(channel, window), credit, who),
        assists_table(shared, names, counts.wholes[ALL], (channel, window), policy, numbers),
        table(
            steps_layout(channel, window),
            [cell for m in names for cell in _step_cells(m, names[m], steps)],
            steps.who,
        ),
    ]


def windows_of(study: ConversionStudy, vault: Vault) -> dict[str, int]:
    """By kind of touch, how many times 24 hours before an order it may lie."""
    engaged = dict.fromkeys(("read", *ENGAGEMENTS), study.touch_window_days)
    return {"click": vault.agreement.join.attribution_window_days, **engaged}


def _ordered(
    shared: Frame, points: Frame, orders: Frame, policy: Policy, numbers: Numbering
) -> _Orders:
    marks = {rule: nw.col(rule) for rule in _RULES}
    marks |= {f"{rule}_net": nw.col(rule) * nw.col("net") for rule in _RULES}
    owed = points.select("merchant", "order").unique()
    keys = ["merchant", "order"]
    wholes = {
        ALL: orders,
        ATTRIBUTED: orders.join(owed, on=keys, how="semi"),
        UNATTRIBUTED: orders.join(owed, on=keys, how="anti"),
    }
    own = {"own": nw.lit(ORDER), "own_net": nw.col("net") * ORDER}
    by = ("merchant", "channel")
    sides = (
        numbers.count(shared, by, person, marks, _bounds(marks, policy))
        for person in ("user", "buyer")
    )
    return _Orders(
        {
            part: numbers.count(rows, ("merchant",), "buyer", own, _bounds(own, policy))
            for part, rows in wholes.items()
        },
        _Sides(*sides),
    )


def _bounds(marks: Mapping[str, nw.Expr], policy: Policy) -> dict[str, int | None]:
    """The most that one person counts of each mark, in millionths."""
    events, amount = policy.max_events_per_person, policy.max_amount_per_person
    most = {mark: amount if mark.endswith("_net") else events for mark in marks}
    return {mark: None if bound is None else bound * ORDER for mark, bound in most.items()}


def _mark(part: str, rule: str) -> str:
    return "own" if part in WHOLES else rule


def _party(sides: tuple[Counted, ...], place: int) -> Platform:
    return Platform.ADS if place == 0 and len(sides) > 1 else Platform.STORE


def _credit(merchant: str, rule: str, part: str, counts: _Orders) -> Iterator[Cell]:
    sides, mark = counts.of(merchant, part), _mark(part, rule)
    base = counts.of(merchant, ALL)[0]["own_people"]
    people = fewer(sides[0], sides[-1], mark)
    for measure, name, unit in (("orders", mark, EVENTS), ("revenue", f"{mark}_net", MONEY)):
        most = (number / ORDER for number in single(name, *sides))
        value = sides[-1][name] / ORDER
        yield merchant, rule, part, measure, value, unit, base, people, *most


@dataclass(frozen=True)
class _Steps:
    """Steps by (merchant, from, to), and all of a merchant: `by_person` counts them, the users and
    the linked buyers among these persons are behind them."""

    by_person: Mapping[Key, Mapping[str, int]]
    users: Mapping[Key, Counted]
    buyers: Mapping[Key, Counted]

    def who(self, cell: Cell) -> Behind:
        """The people behind a cell that begins with merchant, from and to."""
        key = tuple(map(str, cell[:3]))

        def sides(key: Key, name: str) -> Sides:
            user, buyer = self.users.get(key, Counted()), self.buyers.get(key, Counted())
            return on(Platform.ADS, user, name) | on(Platform.STORE, buyer, name)

        return behind(sides(key, "steps"), sides(key[:1], "steps_people"))


def _steps(steps: Frame, policy: Policy, numbers: Numbering) -> _Steps:
    marks, most = {"steps": nw.lit(1)}, {"steps": policy.max_events_per_person}
    linked = steps.filter(~nw.col("buyer").is_null())
    by_person: dict[Key, Mapping[str, int]] = {}
    users: dict[Key, Counted] = {}
    buyers: dict[Key, Counted] = {}
    for by in (("merchant",), ("merchant", "from", "to")):
        by_person |= count_people(steps, by, "person", marks, most)
        users |= numbers.count(steps, by, "user", marks, most)
        buyers |= numbers.count(linked, by, "buyer", marks, most)
    return _Steps(by_person, users, buyers)


def _step_cells(merchant: str, channels: Sequence[str], steps: _Steps) -> Iterator[Cell]:
    """Every step there could be, whether anybody took it or not."""
    base = _people(steps, (merchant,))
    for origin in (START, *channels):
        ends = () if origin == START else (CONVERSION, NONE)
        for target in (*(channel for channel in channels if channel != origin), *ends):
            key = (merchant, origin, target)
            own = steps.by_person.get(key, Counted())
            most = single("steps", own, steps.users.get(key, Counted()))
            yield *key, "steps", own["steps"], EVENTS, base, _people(steps, key), *most


def _people(steps: _Steps, key: Key) -> int:
    persons, users = (one.get(key, Counted()) for one in (steps.by_person, steps.users))
    return fewer(persons, users, "steps")
