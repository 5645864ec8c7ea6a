"""Draws that several parts of the simulation share: delays, and numbers for identifiers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from cleanroom.simulation.settings import Period

Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SECOND = 1_000.0
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def later(rng: np.random.Generator, time: Whole, typical: float, end: int | Whole) -> Whole:
    """Times after `time` and before `end`: exponential with mean `typical` ms, cut at the end.

    Drawn by inverting the distribution function of the exponential truncated to what remains,
    so that nothing piles up at the end. Where nothing remains, the next millisecond.
    """
    remaining = np.maximum(np.asarray(end) - time - 1, 1)
    share = -np.expm1(-remaining / typical)
    delay = -typical * np.log1p(-rng.random(len(time)) * share)
    return time + 1 + delay.astype(np.int64)


def moments(rng: np.random.Generator, count: int, period: Period) -> Whole:
    """Times spread over the local days of `period`, few at night and most in the evening.

    The last hour of a day stays empty, so that what follows still fits into the period.
    """
    days = rng.integers(0, (period.end - period.start) // round(DAY), count) * round(DAY)
    return period.start + 1 + days + (rng.beta(3, 1.8, count) * (DAY - HOUR)).astype(np.int64)


def distinct_numbers(rng: np.random.Generator, count: int, below: int) -> npt.NDArray[np.uint64]:
    """`count` different numbers under `below` in random order: one from each of equal strata."""
    stratum = below // max(count, 1)
    numbers = np.arange(count, dtype=np.uint64) * np.uint64(stratum)
    return rng.permutation(numbers + rng.integers(0, stratum, count, dtype=np.uint64))


def hexadecimal(numbers: npt.NDArray[np.uint64], prefix: str) -> pl.Series:
    """Each number as `prefix` and 16 hexadecimal digits; in NumPy, as Polars has no such cast."""
    octets = numbers.astype(">u8").view(np.uint8).reshape(-1, 8)
    digits = np.stack([_HEX[octets >> 4], _HEX[octets & 15]], axis=2).reshape(-1, 16)
    texts = pl.Series(np.ascontiguousarray(digits).view("S16").ravel(), dtype=pl.Binary)
    return prefix + texts.cast(pl.String)
