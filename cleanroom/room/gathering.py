"""Doubly blinded points of both platforms, gathered and joined: equal points are one identifier.

Points are spread evenly, so that their first byte sorts them into buckets of equal size. Few fit
into memory together; many are kept in buckets on disk, encrypted under a key that only this process
has, and joined bucket by bucket.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from cleanroom import sealing
from cleanroom.errors import JoinError
from cleanroom.matching import HANDLE_BYTES, POINT_BYTES, RECORD_BYTES
from cleanroom.streams import Chunk
from cleanroom.tables import Platform

AT_ONCE = 4_000_000  # records that are joined in memory together
_MOST_BUCKETS = 256  # that the first byte of a point tells apart
_HELD_BACK = 500_000  # records that wait in memory before they go to their buckets
_SPILL = "spill-"
_LENGTH_BYTES = 8
_POINT = [f"point{word}" for word in range(POINT_BYTES // 8)]
_HIGHEST = np.uint64(2**64 - 1)
_LEAST_OVER = np.uint64(2**64 - 19)  # the lowest word of 2^255 - 19, the prime

Records = npt.NDArray[np.uint8]  # rows of RECORD_BYTES: a handle, then a point


class Gathering:
    """The records of a kind, `total` of both platforms together; `folder` is where buckets may
    lie. To be used as a context."""

    def __init__(self, total: int, folder: Path) -> None:
        self._buckets = max(min(-(-total // AT_ONCE), _MOST_BUCKETS), 1)
        self._folder = folder
        self._spill: _Spill | None = None
        self._held: dict[tuple[Platform, int], list[Records]] = {}
        self._waiting = 0

    def add(self, party: Platform, chunk: Chunk) -> None:
        """Take a chunk of a platform's points; raises `JoinError` if one is no canonical point."""
        handles = np.frombuffer(chunk.handles, np.uint8).reshape(-1, HANDLE_BYTES)
        points = np.frombuffer(chunk.points, np.uint8).reshape(-1, POINT_BYTES)
        _check(points, party, chunk.number)
        records = np.concatenate([handles, points], axis=1)
        if self._spill is None:
            self._held.setdefault((party, 0), []).append(records)
            return
        buckets = points[:, 0].astype(np.int64) * self._buckets // 256
        for bucket in np.unique(buckets).tolist():
            self._held.setdefault((party, bucket), []).append(records[buckets == bucket])
        self._waiting += len(records)
        if self._waiting > _HELD_BACK:
            self._put_down(self._spill)

    def links(self) -> Iterator[pl.DataFrame]:
        """The handles of equal points, columns `ads` and `store`, bucket by bucket.

        Raises `JoinError` if a platform has one point under two handles.
        """
        if self._spill:
            self._put_down(self._spill)
        for bucket in range(self._buckets):
            yield _joined(*(self._taken(party, bucket) for party in Platform))

    def __enter__(self) -> Self:
        for left in self._folder.glob(f"{_SPILL}*"):  # by a process that was killed
            rmtree(left)
        if self._buckets > 1:
            self._spill = _Spill(Path(mkdtemp(dir=self._folder, prefix=_SPILL)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._spill:
            rmtree(self._spill.folder)

    def _put_down(self, spill: _Spill) -> None:
        for (party, bucket), records in self._held.items():
            spill.write(f"{party}-{bucket}", np.concatenate(records).tobytes())
        self._held, self._waiting = {}, 0

    def _taken(self, party: Platform, bucket: int) -> Records:
        if self._spill:
            content = self._spill.read(f"{party}-{bucket}")
            return np.frombuffer(content, np.uint8).reshape(-1, RECORD_BYTES)
        none = np.empty((0, RECORD_BYTES), np.uint8)
        return np.concatenate([none, *self._held.pop((party, bucket), [])])


class _Spill:
    """Files that grow by encrypted pieces; their key is in this process alone, and ends with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = sealing.new_data_key()
        self._pieces: dict[str, int] = {}

    def write(self, name: str, content: bytes) -> None:
        number = self._pieces.setdefault(name, 0)
        sealed = BytesIO()
        sealing.encrypt(BytesIO(content), sealed, self._key, f"{name}/{number}")
        self._pieces[name] = number + 1
        with (self.folder / name).open("ab") as file:
            file.write(len(sealed.getbuffer()).to_bytes(_LENGTH_BYTES))
            file.write(sealed.getbuffer())

    def read(self, name: str) -> bytes:
        content = BytesIO()
        if name not in self._pieces:
            return b""
        with (self.folder / name).open("rb") as file:
            for number in range(self._pieces[name]):
                sealed = file.read(int.from_bytes(file.read(_LENGTH_BYTES)))
                sealing.decrypt(BytesIO(sealed), content, self._key, f"{name}/{number}")
        return content.getvalue()


def _check(points: npt.NDArray[np.uint8], party: Platform, number: int) -> None:
    """Raise unless every point is a canonical coordinate, below the prime, and not 0."""
    words = np.ascontiguousarray(points).view("<u8")
    top = words[:, 3] >= _HIGHEST >> np.uint64(1)
    over = top & ((words[:, 3] > _HIGHEST >> np.uint64(1)) | _at_least_the_prime(words))
    faulty = int((over | ~words.any(axis=1)).sum())
    if faulty:
        raise JoinError(
            f"Message {number} of the {party} platform's doubled points: {faulty:,} of "
            f"{len(points):,} points are 0 or not canonical.",
            "have the other platform, which doubled them, run its match with the released program.",
        )


def _at_least_the_prime(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    middle: npt.NDArray[np.bool_] = (words[:, 1] == _HIGHEST) & (words[:, 2] == _HIGHEST)
    return middle & (words[:, 0] >= _LEAST_OVER)


def _joined(ads: Records, store: Records) -> pl.DataFrame:
    sides = {party: _frame(r, party) for party, r in zip(Platform, (ads, store), strict=True)}
    for party, frame in sides.items():
        repeated = frame.height - frame.select(pl.struct(_POINT).n_unique()).item()
        if repeated:
            raise JoinError(
                f"{repeated:,} points of the {party} platform stand under two handles.",
                "have it hand over again, and open a new match.",
            )
    found = sides[Platform.ADS].join(sides[Platform.STORE], on=_POINT)
    return pl.DataFrame(
        {
            party.value: _hex(records[found[party].to_numpy()])
            for party, records in zip(Platform, (ads, store), strict=True)
        },
        schema=dict.fromkeys(map(str, Platform), pl.String),
    )


def _frame(records: Records, party: Platform) -> pl.DataFrame:
    """The points as numbers to join on, and each record's place under the platform's name."""
    words = np.ascontiguousarray(records[:, HANDLE_BYTES:]).view("<u8")
    columns = {name: np.ascontiguousarray(words[:, i]) for i, name in enumerate(_POINT)}
    return pl.DataFrame(columns).with_row_index(party.value)


def _hex(records: Records) -> list[str]:
    digits, width = records[:, :HANDLE_BYTES].tobytes().hex(), 2 * HANDLE_BYTES
    return [digits[i : i + width] for i in range(0, len(digits), width)]
