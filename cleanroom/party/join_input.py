"""What a platform's blinded join starts from: each identifier of a handover beside its handle.

It holds raw identifiers, so it lies within the export's own directory, as the quarantine does, and
only its owner can read it. Handles are pseudo-random: sorted by them, identifiers are shuffled.

    join/<kind>/000.parquet …    columns `identifier` and `handle`, by handle, each once
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from cleanroom import signing
from cleanroom.agreement import TokenHash
from cleanroom.errors import JoinError
from cleanroom.matching import HANDLE_BYTES
from cleanroom.party.normalise import normalised
from cleanroom.party.tokens import HMACS
from cleanroom.tables import IdentifierKind

JOIN = "join"
_UNSORTED = "unsorted-{}"
_SORTED_AT_ONCE = 8_000_000  # rows
_PLACES = 16**3  # that the first digits of a handle tell apart
_SCHEMA = {"identifier": pl.String, "handle": pl.String}
_DUMMY_BYTES = 32  # that stand for an identifier which nobody has


@dataclass(frozen=True, repr=False)
class HandleKey:
    """What makes handles: a key (`derive.handle_key`), and the hash that the agreement names."""

    key: str
    token_hash: TokenHash


def handle(identifier: pl.Expr, key: HandleKey) -> pl.Expr:
    """The handle of a normalised identifier: the first 32 hex characters of its HMAC."""
    return HMACS[key.token_hash](identifier, key.key).str.head(2 * HANDLE_BYTES)


def pairs(
    rows: pl.LazyFrame, column: pl.Expr, kind: IdentifierKind, key: HandleKey
) -> pl.LazyFrame:
    """The identifiers in a text `column` of `rows`, each with its handle under `key`."""
    known = rows.select(identifier=normalised(column, kind)).drop_nulls()
    return known.with_columns(handle=handle(pl.col("identifier"), key))


def unsorted(folder: Path, part: str) -> Path:
    """The new file in `folder` to write a part's `pairs` into; only its owner can read it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / _UNSORTED.format(part)
    signing.write_secret(file, b"")
    return file


def sort(folder: Path) -> None:
    """Sort what was written into all `unsorted`, each identifier once, and remove that.

    So many handles at a time as fit into memory; they are spread evenly, so none need be counted.
    """
    files = sorted(folder.glob(_UNSORTED.format("*")))
    found = pl.scan_parquet(files, glob=False)
    rows = found.select(pl.len()).collect().item()
    parts = max(-(-rows // _SORTED_AT_ONCE), 1)
    bounds = [f"{part * _PLACES // parts:03x}" for part in range(parts)]
    for number, (low, high) in enumerate(zip(bounds, [*bounds[1:], "g"], strict=True)):
        own = found.filter(pl.col("handle") >= low, pl.col("handle") < high)
        file = folder / f"{number:03}.parquet"
        signing.write_secret(file, b"")
        own.unique().sort("handle").sink_parquet(file, compression="zstd", compression_level=1)
    for written in files:
        written.unlink()


@dataclass(frozen=True)
class Piece:
    """Some identifiers and as many handles of 16 bytes, in the handles' order."""

    identifiers: list[str]
    handles: bytes


@dataclass(frozen=True, repr=False)
class JoinInput:
    """The identifiers of one kind, filled up with dummies from the `key` of 32 bytes."""

    folder: Path
    key: bytes
    dummies: int

    def pieces(self, size: int) -> Iterator[Piece]:
        """All of them in the order of the handles, `size` in a piece; at least one piece.

        The same key gives the same pieces, so that a match can go on after a restart.
        """
        waiting = pl.DataFrame(schema=_SCHEMA)
        empty = True
        for frame in self._merged(size):
            waiting = pl.concat([waiting, frame])
            while waiting.height >= size:
                yield _piece(waiting.head(size))
                waiting, empty = waiting.slice(size), False
        if waiting.height or empty:
            yield _piece(waiting)

    def _merged(self, size: int) -> Iterator[pl.DataFrame]:
        dummies = _dummies(self.key, self.dummies)
        for frame in frames(self.folder, size):
            due = dummies.filter(pl.col("handle") < frame["handle"][-1])
            dummies = dummies.slice(due.height)
            yield pl.concat([frame, due]).sort("handle") if due.height else frame
        yield dummies


def count(folder: Path) -> int:
    """How many identifiers the join input in `folder` holds; raises `JoinError` if it is gone."""
    return sum(
        int(pl.scan_parquet(file, glob=False).select(pl.len()).collect().item())
        for file in _files(folder)
    )


def frames(folder: Path, size: int) -> Iterator[pl.DataFrame]:
    """The join input in frames of about `size` rows; raises `JoinError` if it is gone."""
    for file in _files(folder):
        rows = pl.scan_parquet(file, glob=False)
        for start in range(0, int(rows.select(pl.len()).collect().item()), size):
            yield rows.slice(start, size).collect()


def require_handles(folder: Path, key: HandleKey) -> None:
    """Raise `JoinError` unless the handles are those under `key`, of the handover at hand."""
    for frame in frames(folder, 1000):
        if not frame.select((pl.col("handle") == handle(pl.col("identifier"), key)).all()).item():
            raise JoinError(
                f"The join input at {folder} was written with another handover.",
                "name the export and the handover that were made together, or hand over again.",
            )
        return


def _files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("[0-9]*.parquet"))
    if not files:
        raise JoinError(
            f"There is no join input at {folder}.",
            "name the export that was handed over under this agreement, or hand it over again.",
        )
    return files


def _piece(frame: pl.DataFrame) -> Piece:
    handles = bytes.fromhex("".join(frame["handle"].to_list()))
    return Piece(frame["identifier"].to_list(), handles)


def _dummies(key: bytes, number: int) -> pl.DataFrame:
    """So many identifiers that nobody has, with handles, by handle: the key stream of AES-256 in
    counter mode (NIST SP 800-38A), which no one without the key can tell from random bytes."""
    width = HANDLE_BYTES + _DUMMY_BYTES
    stream = Cipher(AES(key), CTR(bytes(16))).encryptor().update(bytes(width * number))
    text = stream.hex()
    rows = [text[i : i + 2 * width] for i in range(0, len(text), 2 * width)]
    frame = pl.DataFrame({"row": rows}, schema={"row": pl.String})
    digits = 2 * HANDLE_BYTES
    columns = {
        "identifier": pl.col("row").str.slice(digits),
        "handle": pl.col("row").str.head(digits),
    }
    return frame.select(**columns).sort("handle")
