"""The contract of every table a platform may open: its columns, their roles and types.

One table of contracts drives the agreement's check, the platforms' ingest, the handover's schema
and the reference in the docs, so that they cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Platform(StrEnum):
    """The two parties that own rows."""

    ADS = "ads"
    STORE = "store"


class KeyRole(StrEnum):
    """Who has keys of their own."""

    ADS = "ads"
    STORE = "store"
    ROOM = "room"
    REVIEWER = "reviewer"


class Role(StrEnum):
    """What a column may be used for."""

    EVENT = "event"  # names a row, so that a repeated delivery is one event; never leaves the room
    IDENTIFIER = "identifier"  # a person; tokenised; counted distinct, nothing else
    JOIN_KEY = "join_key"  # tokenised under the platforms' common key; joined on, nothing else
    TIME = "time"
    DIMENSION = "dimension"
    MEASURE = "measure"


class ValueType(StrEnum):
    """How a column is stored; money is whole minor units (fen, cent)."""

    TEXT = "text"
    INTEGER = "integer"
    MONEY = "money"
    NUMBER = "number"
    TIME = "time"


class IdentifierKind(StrEnum):
    """How an identifier is normalised, and the domain its token is separated by."""

    ACCOUNT = "account"
    CLICK_ID = "click_id"
    EMAIL = "email"
    PHONE = "phone"

    @property
    def plural(self) -> str:
        """Several of the kind, as people say it."""
        return f"{self.replace('_', ' ')}s"


@dataclass(frozen=True)
class Column:
    """A column's contract.

    `kinds` closes the list of values a text column may hold. `needed_by` names the kinds of event
    on which a column that is not `required` must hold a value.
    """

    role: Role
    type: ValueType = ValueType.TEXT
    required: bool = True
    identifier: IdentifierKind | None = None
    kinds: tuple[str, ...] = ()
    needed_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableContract:
    """A table's owner and its columns by name; `optional` columns may be missing in an export."""

    platform: Platform
    columns: dict[str, Column]
    optional: tuple[str, ...] = ()


ENGAGEMENTS = ("comment", "like", "collect", "share", "follow")
# A `click` leads to the store; a click on a `blue_link`, to the content platform's own shop. A
# `back_search` is for the merchant or its products, after a note was read.
TOUCH_KINDS = ("impression", "click", "read", *ENGAGEMENTS, "back_search", "blue_link")
ORDER_KINDS = ("purchase", "refund")
# What people do in a store besides looking round and buying: they view a product or make it a
# `favourite`, `subscribe` to the store or `join` its members, and pay a `deposit` on a pre-sale
# order. No kind of visit is called as a kind of touch is.
STORE_KINDS = ("view", "favourite", "subscribe", "join", "deposit")
VISIT_KINDS = ("visit", "search", "cart", *ORDER_KINDS, *STORE_KINDS)
CUSTOMERS = ("new", "existing")
ARMS = ("treated", "holdout")

_PAID = (*ORDER_KINDS, "deposit")
_EVENT = Column(Role.EVENT)
_TEXT = Column(Role.DIMENSION)
_MAYBE_TEXT = Column(Role.DIMENSION, required=False)
_TIME = Column(Role.TIME, ValueType.TIME)
_MAYBE_MONEY = Column(Role.MEASURE, ValueType.MONEY, required=False)
_MAYBE_INTEGER = Column(Role.MEASURE, ValueType.INTEGER, required=False)
# A person may be unknown (null or a placeholder): such rows are kept and count as one person.
_PERSON = Column(Role.IDENTIFIER, required=False, identifier=IdentifierKind.ACCOUNT)
_CID = Column(Role.JOIN_KEY, required=False, identifier=IdentifierKind.CLICK_ID)
_SHARED = {
    "email": Column(Role.JOIN_KEY, required=False, identifier=IdentifierKind.EMAIL),
    "phone": Column(Role.JOIN_KEY, required=False, identifier=IdentifierKind.PHONE),
}

TABLES: dict[str, TableContract] = {
    "touches": TableContract(
        Platform.ADS,
        {
            "event_id": _EVENT,
            "kind": Column(Role.DIMENSION, kinds=TOUCH_KINDS),
            "user": _PERSON,
            "merchant": _TEXT,
            "campaign": _MAYBE_TEXT,
            "creator": _MAYBE_TEXT,
            "note": _MAYBE_TEXT,
            "time": _TIME,
            "cost": _MAYBE_MONEY,
            "cid": _CID,
            "format": _MAYBE_TEXT,
            "task_group": _MAYBE_TEXT,
        },
        optional=("format", "task_group"),
    ),
    "assignments": TableContract(
        Platform.ADS,
        {
            "user": _PERSON,
            "study": _TEXT,
            "merchant": _TEXT,
            "arm": Column(Role.DIMENSION, kinds=ARMS),
            "time": _TIME,
        },
    ),
    "users": TableContract(
        Platform.ADS,
        {"user": _PERSON, "region": _MAYBE_TEXT, "prior_engagements": _MAYBE_INTEGER, **_SHARED},
        optional=tuple(_SHARED),
    ),
    # Orders in the content platform's own shop; a collaboration may do without them.
    "onsite_orders": TableContract(
        Platform.ADS,
        {
            "event_id": _EVENT,
            "kind": Column(Role.DIMENSION, kinds=ORDER_KINDS),
            "user": _PERSON,
            "merchant": _TEXT,
            "time": _TIME,
            "order": Column(Role.EVENT, required=False, needed_by=ORDER_KINDS),
            "amount": Column(Role.MEASURE, ValueType.MONEY, required=False, needed_by=ORDER_KINDS),
        },
    ),
    "visits": TableContract(
        Platform.STORE,
        {
            "event_id": _EVENT,
            "kind": Column(Role.DIMENSION, kinds=VISIT_KINDS),
            "buyer": _PERSON,
            "merchant": _TEXT,
            "time": _TIME,
            "order": Column(Role.EVENT, required=False, needed_by=_PAID),
            "amount": Column(Role.MEASURE, ValueType.MONEY, required=False, needed_by=_PAID),
            "cid": _CID,
            "product": _MAYBE_TEXT,
            "customer": Column(Role.DIMENSION, required=False, kinds=CUSTOMERS),
        },
        optional=("product", "customer"),
    ),
    "buyers": TableContract(
        Platform.STORE,
        {
            "buyer": _PERSON,
            "region": _MAYBE_TEXT,
            "prior_orders": _MAYBE_INTEGER,
            "prior_amount": _MAYBE_MONEY,
            **_SHARED,
        },
        optional=tuple(_SHARED),
    ),
    "merchants": TableContract(
        Platform.STORE,
        {
            "merchant": _TEXT,
            "name": _TEXT,
            "shop_type": _TEXT,
            "category": _TEXT,
            "score": Column(Role.MEASURE, ValueType.NUMBER),
            "daily_budget": Column(Role.MEASURE, ValueType.MONEY),
        },
    ),
}

# Every column by its full name, `table.column`.
COLUMNS: dict[str, Column] = {
    f"{table}.{name}": column
    for table, contract in TABLES.items()
    for name, column in contract.columns.items()
}


def tables_of(platform: Platform) -> dict[str, TableContract]:
    """The contracts of the tables that `platform` owns, by table name."""
    return {name: table for name, table in TABLES.items() if table.platform is platform}
