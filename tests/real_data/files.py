"""Where the real public data lies, and how it is read. Nothing of it is kept in this repository.

The folder is named by the environment variable CLEANROOM_KNOWN_DATA, else it is `shared/data`
beside the checkout; each set has a folder of its own in it, as `hillstrom/hillstrom.csv.gz`.
"""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl

VARIABLE = "CLEANROOM_KNOWN_DATA"
_BESIDE_CHECKOUT = Path(__file__).parents[3] / "shared" / "data"


class AbsentError(Exception):
    """The data is not on this machine."""


def hillstrom() -> pl.DataFrame:
    """Hillstrom's e-mail test (MineThatData challenge 2008): one row a customer, 64,000.

    Used here: `segment` (the randomised arm), `visit` and `conversion` (0 or 1), `spend` and
    `history` (dollars), `zip_code`. Raises `AbsentError`.
    """
    return read("hillstrom/hillstrom.csv.gz")


def tmall() -> pl.DataFrame:
    """Tmall's repeat buyers (Tianchi): one row per buyer and merchant, 260,864.

    `user_id` bought at `merchant_id` on 11 November; `label`: again within six months (0 or 1).
    Raises `AbsentError`.
    """
    return read("tmall/repeat_buyers.csv.gz")


def read(name: str) -> pl.DataFrame:
    """One CSV file of the folder, plain or gzipped, by its name in it. Raises `AbsentError`."""
    path = Path(os.environ.get(VARIABLE, _BESIDE_CHECKOUT)) / name
    if not path.is_file():
        raise AbsentError(f"real data: there is no {name}; name its folder in {VARIABLE}")
    return pl.read_csv(path, infer_schema_length=None)
