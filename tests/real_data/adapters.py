"""Real data sets as the raw exports of two platforms: what both sides would have written.

The files' identifiers stand for raw ones, and a person has different ones on each side. What the
files do not have is made here and nowhere else: click ids, moments within the day, the price of a
Tmall order, and the readers of Hillstrom's e-mails that the store does not know. What neither the
files nor a study needs stays null.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from cleanroom.tables import ARMS, TABLES, ValueType

Exports = dict[str, pl.DataFrame]  # raw tables by name

TREATED, HOLDOUT = ARMS
UNTREATED_SEGMENT = "No E-Mail"
# Each e-mail is one merchant's campaign; both studies have the same holdout.
SEGMENTS = {"mens": "Mens E-Mail", "womens": "Womens E-Mail"}
# Readers whom the store does not know, the same number for each of the three segments: were
# everybody linked, being in the study would say of everyone that they are the store's customer.
UNKNOWN_PER_SEGMENT = 4_000
LOST_CLICKS = 50  # one in so many of them clicks
TMALL_PRICE = 10_000  # fen; the file has no amounts


@dataclass(frozen=True)
class Calendar:
    """When a data set's campaign began, and the last day on which its outcomes count."""

    began: datetime
    ended: date

    @property
    def zone(self) -> str:
        """The name of the time zone."""
        return str(self.began.tzinfo)


# Hillstrom: outcomes of the two weeks after the e-mail. Tmall: the sale of 11 November.
HILLSTROM = Calendar(
    datetime(2008, 3, 3, 9, tzinfo=ZoneInfo("America/New_York")), date(2008, 3, 16)
)
TMALL = Calendar(datetime(2014, 11, 11, 9, tzinfo=ZoneInfo("Asia/Shanghai")), date(2014, 11, 11))


def hillstrom_exports(raw: pl.DataFrame, unknown_per_segment: int = UNKNOWN_PER_SEGMENT) -> Exports:
    """Both platforms' tables of Hillstrom's test, `raw` as `files.hillstrom` reads it.

    Readers and customers are the same people under different ids, with one e-mail address. A
    customer of the holdout is in both studies, so what they do is written once per merchant.
    """
    customers = raw.with_row_index("row").with_columns(known=True)
    unknown = _unknown_to_the_store(customers.height, unknown_per_segment)
    people = pl.concat([customers, unknown], how="diagonal")
    people = people.with_columns(
        user=pl.format("reader-{}", "row"),
        buyer=pl.when("known").then(pl.format("customer-{}", "row")),
        region="zip_code",
    )
    studied = pl.concat(_studied(people, *pair) for pair in SEGMENTS.items())
    return {
        "touches": _emails(studied),
        "assignments": studied.select(
            "user", "merchant", "arm", study=pl.lit("email-test"), time=_after(HILLSTROM)
        ),
        # As each platform might have taken the address down.
        "users": _table("users", people, email=pl.format("Person{}@Mail.Example ", "row")),
        "buyers": _table(
            "buyers",
            people.filter("known"),
            email=pl.format("person{}@mail.example", "row"),
            prior_amount=_cents("history"),
        ),
        "visits": _store_events(studied.filter(pl.col("visit") == 1)),
        "merchants": _merchants(pl.Series(list(SEGMENTS))),
    }


def tmall_exports(raw: pl.DataFrame) -> Exports:
    """Both platforms' tables of Tmall's repeat buyers, `raw` as `files.tmall` reads it.

    Each row came by a note: impression, click with a CID, store visit. A repeat buyer's second
    purchase is owed to that click. Nobody was randomised: there are no assignments.
    """
    rows = raw.with_row_index("row").with_columns(
        user=pl.format("reader-{}", "user_id"),
        buyer="user_id",
        merchant=pl.col("merchant_id").cast(pl.String),
        cid=pl.format("click-{}", "row"),
        minutes=pl.col("row") % 600,
    )
    repeat = pl.duration(days=1 + pl.col("row") % 150)
    again = rows.filter(pl.col("label") == 1)
    return {
        "touches": _touches(rows, rows, TMALL),
        "visits": pl.concat(
            [
                _event("visits", "visit", rows, _clicked(TMALL) + pl.duration(minutes=1)),
                _event(
                    "visits",
                    "purchase",
                    again.with_columns(order=_order(), amount=pl.lit(TMALL_PRICE, pl.Int64)),
                    _clicked(TMALL) + repeat,
                ),
            ]
        ),
        "merchants": _merchants(rows["merchant"].unique().sort()),
    }


def _unknown_to_the_store(first_row: int, per_segment: int) -> pl.DataFrame:
    segments = [*SEGMENTS.values(), UNTREATED_SEGMENT] * per_segment
    unknown = pl.DataFrame({"segment": segments}, schema={"segment": pl.String}).with_row_index(
        "row", offset=first_row
    )
    return unknown.with_columns(known=False)


def _studied(people: pl.DataFrame, merchant: str, segment: str) -> pl.DataFrame:
    """The people of one merchant's study: who got its e-mail, and who got none."""
    treated = pl.col("segment") == segment
    return people.filter(treated | (pl.col("segment") == UNTREATED_SEGMENT)).with_columns(
        merchant=pl.lit(merchant),
        arm=pl.when(treated).then(pl.lit(TREATED)).otherwise(pl.lit(HOLDOUT)),
        cid=pl.when(treated).then(pl.format("{}-click-{}", pl.lit(merchant), "row")),
        # Visits spread over the two weeks, so that there are some on the last day.
        minutes=pl.col("row") % 14 * 24 * 60,
    )


def _emails(studied: pl.DataFrame) -> pl.DataFrame:
    received = studied.filter(pl.col("arm") == TREATED)
    # As of any link, some clicks never arrive: a few of readers whom the store does not know.
    lost = ~pl.col("known") & (pl.col("row") % LOST_CLICKS == 0)
    return _touches(received, received.filter((pl.col("visit") == 1) | lost), HILLSTROM)


def _touches(reached: pl.DataFrame, clicked: pl.DataFrame, calendar: Calendar) -> pl.DataFrame:
    impressions = _event("touches", "impression", reached.drop("cid"), _after(calendar, minutes=1))
    return pl.concat([impressions, _event("touches", "click", clicked, _clicked(calendar))])


def _store_events(visitors: pl.DataFrame) -> pl.DataFrame:
    buyers = visitors.filter(pl.col("conversion") == 1).with_columns(
        order=_order(), amount=_cents("spend")
    )
    arrived = _clicked(HILLSTROM) + pl.duration(minutes=1)
    return pl.concat(
        [
            _event("visits", "visit", visitors, arrived),
            _event("visits", "purchase", buyers, arrived + pl.duration(minutes=10)),
        ]
    )


def _event(table: str, kind: str, rows: pl.DataFrame, time: pl.Expr) -> pl.DataFrame:
    # Numbered by itself, not by its person: an event's name must not be one of theirs.
    name = pl.format("{}-{}", pl.lit(kind), pl.int_range(pl.len()))
    return _table(table, rows, event_id=name, kind=pl.lit(kind), time=time)


def _order() -> pl.Expr:
    return pl.format("order-{}", pl.int_range(pl.len()))


def _table(table: str, rows: pl.DataFrame, **columns: pl.Expr) -> pl.DataFrame:
    """All columns of the contract that `rows` and `columns` have, and nulls where one is needed."""
    contract = TABLES[table]
    rows = rows.with_columns(**columns)
    numbers = (ValueType.INTEGER, ValueType.MONEY)
    absent = {
        name: pl.lit(None, pl.Int64 if column.type in numbers else pl.String)
        for name, column in contract.columns.items()
        if name not in rows.columns and name not in contract.optional
    }
    return rows.with_columns(**absent).select(
        n for n in contract.columns if n in rows.columns or n in absent
    )


def _merchants(merchants: pl.Series) -> pl.DataFrame:
    """Merchants that the programme of `terms` takes."""
    return merchants.to_frame("merchant").with_columns(
        name=pl.format("Merchant {}", "merchant"),
        shop_type=pl.lit("tmall"),
        category=pl.lit("beauty"),
        score=4.8,
        daily_budget=900_000,
    )


def _after(calendar: Calendar, minutes: int = 0) -> pl.Expr:
    return pl.lit(calendar.began + timedelta(minutes=minutes))


def _clicked(calendar: Calendar) -> pl.Expr:
    return _after(calendar, minutes=2) + pl.duration(minutes="minutes")


def _cents(dollars: str) -> pl.Expr:
    return (pl.col(dollars) * 100).round().cast(pl.Int64)
