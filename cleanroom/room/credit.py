"""Attribution rules: how the touchpoints before an order share the credit for it.

Each rule is one object that names itself, says what it does and does it. Credit is in millionths of
an order, whole numbers, and the touchpoints of an order share exactly one order: so what channels
are credited with, and what nothing is credited with, adds up to all orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import narwhals as nw

from cleanroom.room.engine import Frame

ORDER = 1_000_000  # credit of one whole order
HALF_LIFE_DAYS = 7
END_SHARE = 0.4  # of the first and of the last touchpoint, in the position rule

_place, _count, _age = nw.col("place"), nw.col("count"), nw.col("age")


@dataclass(frozen=True, eq=False)
class CreditRule:
    """An attribution rule: its id, what it does in words, and a touchpoint's weight in its order.

    The weight is an expression over `place` (from 1, in order of time) of `count` touchpoints,
    `age` (whole days before the order), `new` (1 for the first of its channel, else 0) and
    `strongest` (the place of the last of those with the highest `priority`).
    """

    id: str
    words: str
    weight: nw.Expr


def _position() -> nw.Expr:
    at_an_end = ((_place == 1) | (_place == _count)).cast(nw.Float64)
    middle = (1 - 2 * END_SHARE) / nw.max_horizontal(_count - 2, nw.lit(1)).cast(nw.Float64)
    return at_an_end * END_SHARE + (1 - at_an_end) * middle


CREDIT_RULES: tuple[CreditRule, ...] = (
    CreditRule("last", "The last touchpoint has all.", (_place == _count).cast(nw.Float64)),
    CreditRule(
        "waterfall",
        "The last of the strongest touchpoints has all: a click before an engagement, that before "
        "a read, that before an impression (the priority waterfall of matched attribution).",
        (_place == nw.col("strongest")).cast(nw.Float64),
    ),
    CreditRule("first", "The first touchpoint has all.", (_place == 1).cast(nw.Float64)),
    CreditRule("linear", "All touchpoints share equally.", nw.lit(1.0)),
    CreditRule(
        "time_decay",
        f"A touchpoint has half as much as one {HALF_LIFE_DAYS} days later, age in whole days.",
        (_age.cast(nw.Float64) * (-log(2) / HALF_LIFE_DAYS)).exp(),
    ),
    CreditRule(
        "position",
        f"The first and the last touchpoint have {END_SHARE:.0%} each, those between share the "
        "rest; two share equally, one has all.",
        _position(),
    ),
    CreditRule(
        "shapley",
        "The channels of a journey share equally, however often each was touched: the Shapley "
        "value of the game in which a set of channels wins the orders that need no other "
        "(Zhao, Mahboobi and Bagheri 2018).",
        nw.col("new").cast(nw.Float64),
    ),
)


def credited(touchpoints: Frame, order: Sequence[str], window_days: int) -> Frame:
    """The touchpoints with a column for each rule: what each is credited with of its order.

    `touchpoints`: `channel`, `priority`, `time`, `order_time`, `event_id`, and `order`, the keys of
    an order; none lies more than `window_days` times 24 hours before its order. Of touchpoints at
    one moment the greater event id is the later.
    """
    ids = [rule.id for rule in CREDIT_RULES]
    weighed = _placed(touchpoints, order, window_days).with_columns(
        **{rule.id: rule.weight for rule in CREDIT_RULES}
    )
    wholes = {f"{name}_whole": nw.col(name).sum().over(*order) for name in ids}
    part = {
        # A tenth is not to lose a millionth to its binary form.
        name: (nw.col(name) / nw.col(f"{name}_whole") * ORDER + 1e-3).floor().cast(nw.Int64)
        for name in ids
    }
    parts = weighed.with_columns(**wholes).with_columns(**part)
    # What is lost to whole numbers is the last touchpoint's that has any of the credit.
    given = {f"{name}_given": nw.col(name).sum().over(*order) for name in ids}
    last = {f"{name}_last": _last_with(name).over(*order) for name in ids}
    all_given = {name: nw.col(name) + _rest(name) for name in ids}
    kept = [*touchpoints.collect_schema().names(), *ids]
    return parts.with_columns(**given, **last).with_columns(**all_given).select(*kept)


def _placed(touchpoints: Frame, order: Sequence[str], window_days: int) -> Frame:
    """The touchpoints with all that a rule's weight may ask of one."""
    place = nw.col("event_id").cum_count().over(*order, order_by=["time", "event_id"])
    numbered = touchpoints.with_columns(
        place=place.cast(nw.Int64),
        age=_whole_days(window_days),
        most=nw.col("priority").max().over(*order),
    )
    is_strongest = nw.col("priority") == nw.col("most")
    return numbered.with_columns(
        count=_place.max().over(*order),
        new=(_place == _place.min().over(*order, "channel")).cast(nw.Int64),
        strongest=nw.when(is_strongest).then(_place).otherwise(0).max().over(*order),
    )


def _last_with(rule: str) -> nw.Expr:
    return nw.when(nw.col(rule) > 0).then(_place).otherwise(0).max()


def _rest(rule: str) -> nw.Expr:
    rest = nw.lit(ORDER) - nw.col(f"{rule}_given")
    return nw.when(_place == nw.col(f"{rule}_last")).then(rest).otherwise(0)


def _whole_days(most: int) -> nw.Expr:
    """Between `time` and `order_time`, by comparisons alone: not every engine subtracts times."""
    days = [
        (nw.col("time").dt.offset_by(f"{24 * day}h") <= nw.col("order_time")).cast(nw.Int64)
        for day in range(1, most + 1)
    ]
    return nw.sum_horizontal(*days)
