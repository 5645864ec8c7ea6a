"""Large event logs as Parquet part files: what two platforms export, or what they hand over.

Each value follows from its row's number alone, so that a part is written without the others and no
log is ever in memory. Four in five events are touches, a tenth of those are clicks; three in five
visits follow one of the clicks. A few merchants have most events, a few people are very busy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from polars_hash import CryptographicHashingNameSpace

from cleanroom.borders import handover_schema
from cleanroom.tables import Platform

START = date(2026, 4, 1)
DAYS = 60
STUDIED = 20  # merchants that have a holdout, every fifth by size
PART_ROWS = 1_000_000
_MERCHANTS = 100
_EVENTS_A_PERSON = 20
_TOUCH_KINDS = np.array(["click", "like", "read", "read", *["impression"] * 6])
_VISIT_KINDS = np.array([*["visit"] * 10, *["search"] * 3, *["cart"] * 3, *["purchase"] * 3])
_REFUND, _REFUNDED = 19, 17  # which of twenty visits is a refund, and of which one
_MIDNIGHT = datetime(START.year, START.month, START.day, tzinfo=UTC)
_MICROSECONDS_A_DAY = 86_400_000_000

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EventLog:
    """A log of `events`; `raw`: identifiers as a platform has them, else as tokens."""

    events: int
    raw: bool = False

    @property
    def touches(self) -> int:
        """How many of the events are the ads platform's."""
        return self.events * 4 // 5

    @property
    def people(self) -> int:
        """How many people there are: each has an account on either side."""
        return self.events // _EVENTS_A_PERSON

    def write(self, folder: Path, platform: Platform) -> None:
        """Write a platform's tables into `folder`, each a folder of parts."""
        sizes = {"touches": self.touches, "assignments": 2 * self.people, "users": self.people}
        if platform is Platform.STORE:
            sizes = {"visits": self.events - self.touches, "buyers": self.people}
        for table, rows in sizes.items():
            (folder / table).mkdir(parents=True)
            for number, numbers in enumerate(_slices(rows)):
                frame = self._frame(table, numbers)
                file = folder / table / f"part-{number:05}.parquet"
                frame.write_parquet(file, compression="zstd", compression_level=1)

    def _frame(self, table: str, numbers: Numbers) -> pl.DataFrame:
        values = {
            "touches": self._touches,
            "visits": self._visits,
            "assignments": self._assigned,
            "users": self._users,
            "buyers": self._buyers,
        }
        columns = values[table](numbers)
        schema = handover_schema(table, columns)
        frame = pl.DataFrame(columns)
        return frame.select(pl.col(name).cast(kind) for name, kind in schema.items())

    def _touches(self, n: Numbers) -> dict[str, pl.Series]:
        merchant = _merchant(n)
        return {
            "event_id": _text("t", n),
            "kind": pl.Series(_TOUCH_KINDS[n % 10]),
            "user": self._person("u", self._user(n)),
            "merchant": _text("M", merchant),
            "campaign": _text("c", merchant * 3 + n % 3),
            "creator": _text("k", n % 60),
            "note": _text("n", merchant * 20 + n % 20),
            "time": _time(_moment(n)),
            "cost": pl.Series(np.where(n % 10 == 0, 50 + n % 90, 0)),
            "cid": self._cid(n, n % 10 == 0),
        }

    def _visits(self, n: Numbers) -> dict[str, pl.Series]:
        place = n % 20
        of = np.where(place == _REFUND, n - (_REFUND - _REFUNDED), n)
        follows = _drawn(of, 3) < 0.6
        click = (_drawn(of, 4) * (self.touches // 10)).astype(np.int64) * 10
        alone = of + 7 * self.events
        later = (_drawn(of, 5) ** 2 * 20 * _MICROSECONDS_A_DAY).astype(np.int64)
        moment = np.where(follows, _moment(click) + later, _moment(alone))
        moment += np.where(place == _REFUND, 3 * _MICROSECONDS_A_DAY, 0)
        bought = place >= len(_VISIT_KINDS) - 3
        kinds = np.append(_VISIT_KINDS, "refund")[place]
        return {
            "event_id": _text("v", n),
            "kind": pl.Series(kinds),
            "buyer": self._person("b", np.where(follows, self._user(click), self._user(alone))),
            "merchant": _text("M", np.where(follows, _merchant(click), _merchant(alone))),
            "time": _time(moment),
            "order": _where(bought, _text("o", of)),
            "amount": _where(bought, pl.Series(1_000 + of % 30_000)),
            "cid": self._cid(click, follows & (place != _REFUND)),
        }

    def _assigned(self, n: Numbers) -> dict[str, pl.Series]:
        user = n // 2
        study = (_drawn(n, 6) * STUDIED).astype(np.int64) * (_MERCHANTS // STUDIED)
        return {
            "user": self._person("u", user),
            "study": pl.Series(["holdout"]).new_from_index(0, len(n)),
            "merchant": _text("M", study),
            "arm": pl.Series(np.where(_drawn(n, 7) < 0.5, "treated", "holdout")),
            "time": _time(np.full(len(n), DAYS // 2 * _MICROSECONDS_A_DAY)),
        }

    def _users(self, n: Numbers) -> dict[str, pl.Series]:
        return {
            "user": self._person("u", n),
            "region": _text("r", n % 30),
            "prior_engagements": pl.Series(n % 7),
        }

    def _buyers(self, n: Numbers) -> dict[str, pl.Series]:
        return {
            "buyer": self._person("b", n),
            "region": _text("r", n % 30),
            "prior_orders": pl.Series(n % 3),
            "prior_amount": pl.Series(n % 3 * 5_000),
        }

    def _user(self, n: Numbers) -> Numbers:
        return (_drawn(n, 2) ** 2 * self.people).astype(np.int64)

    def _person(self, kind: str, person: Numbers) -> pl.Series:
        return self._hashed(_text(kind, person))

    def _cid(self, click: Numbers, has: npt.NDArray[np.bool_]) -> pl.Series:
        return self._hashed(_where(has, _text("cid-", click)))

    def _hashed(self, texts: pl.Series) -> pl.Series:
        if self.raw:
            return texts
        return pl.select(CryptographicHashingNameSpace(pl.lit(texts)).sha2_256()).to_series()


def studied() -> list[str]:
    """The merchants that have a holdout."""
    return _text("M", np.arange(0, _MERCHANTS, _MERCHANTS // STUDIED)).to_list()


def _slices(rows: int) -> Iterator[Numbers]:
    for first in range(0, rows, PART_ROWS):
        yield np.arange(first, min(first + PART_ROWS, rows))


def _drawn(n: Numbers, salt: int) -> npt.NDArray[np.float64]:
    """A number between 0 and 1 for each of `n`: the finaliser of SplitMix64 (Steele, Lea and
    Flood, OOPSLA 2014)."""
    z = n.astype(np.uint64) + np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))).astype(np.float64) / 2.0**64


def _merchant(n: Numbers) -> Numbers:
    return (_drawn(n, 1) ** 3 * _MERCHANTS).astype(np.int64)


def _moment(n: Numbers) -> Numbers:
    """Microseconds since the log's first midnight, on its first forty days."""
    return (_drawn(n, 8) * 40 * _MICROSECONDS_A_DAY).astype(np.int64)


def _time(moment: Numbers) -> pl.Series:
    since = int((_MIDNIGHT - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
    return pl.Series(moment + since).cast(pl.Datetime("us", "UTC"))


def _text(prefix: str, n: Numbers) -> pl.Series:
    return pl.select(pl.lit(prefix) + pl.lit(pl.Series(n)).cast(pl.String)).to_series()


def _where(condition: npt.NDArray[np.bool_], values: pl.Series) -> pl.Series:
    return pl.select(pl.when(pl.lit(pl.Series(condition))).then(pl.lit(values))).to_series()
