"""Assisted orders: what a channel took part in without being the last to be touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import narwhals as nw

from cleanroom.borders import EVENTS, Table
from cleanroom.policy import Policy
from cleanroom.room.attribution_layout import assists_layout
from cleanroom.room.counting import Cell, Key, fewer, single, table
from cleanroom.room.engine import Frame
from cleanroom.room.numbered import Counted, Numbering, Sides, behind, on
from cleanroom.tables import Platform

_OF = ("merchant", "channel")
_ORDERS = "orders"


def assists_table(
    shared: Frame,
    names: Mapping[str, Sequence[str]],
    bought: Mapping[Key, Counted],
    about: tuple[str, int],
    policy: Policy,
    numbers: Numbering,
) -> Table:
    """The table `assists` of merchants and their channels, as `names` has them.

    `shared`: the rows of `credit.credited`. `bought`: by merchant the people of all orders, under
    `own_people`. `about`: the column of channels, and the touches' window in days.
    """
    assisted = _assisted(shared)
    marks, most = {_ORDERS: nw.lit(1)}, {_ORDERS: policy.max_events_per_person}
    users = numbers.count(assisted.drop("buyer").unique(), _OF, "user", marks, most)
    buyers = numbers.count(assisted.drop("user").unique(), _OF, "buyer", marks, most)

    def sides(key: Key) -> tuple[Counted, Counted]:
        return users.get(key, Counted()), buyers.get(key, Counted())

    def cell(key: Key) -> Cell:
        by_user, by_buyer = sides(key)
        base = bought.get(key[:1], Counted())["own_people"]
        people, most = fewer(by_user, by_buyer, _ORDERS), single(_ORDERS, by_user, by_buyer)
        return *key, _ORDERS, by_buyer[_ORDERS], EVENTS, base, people, *most

    def who(cell: Cell) -> Sides:
        by_user, by_buyer = sides((str(cell[0]), str(cell[1])))
        return on(Platform.ADS, by_user, _ORDERS) | on(Platform.STORE, by_buyer, _ORDERS)

    def everybody(cell: Cell) -> Sides:
        return on(Platform.STORE, bought.get((str(cell[0]),), Counted()), "own_people")

    cells = [cell((merchant, channel)) for merchant in names for channel in names[merchant]]
    return table(assists_layout(*about), cells, lambda one: behind(who(one), everybody(one)))


def _assisted(shared: Frame) -> Frame:
    """One row for each order, channel and user of a channel that the order's last touch is not."""
    order = ("merchant", "order")
    last = shared.group_by(*order, "channel").agg(nw.col("last").sum()).filter(nw.col("last") == 0)
    touched = shared.select(*order, "channel", "user", "buyer").unique()
    return touched.join(last.drop("last"), on=[*order, "channel"], how="semi")
