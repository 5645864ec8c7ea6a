"""The public data sets with known answers, where they are at hand.

`CLEANROOM_KNOWN_DATA` names their directory; by default it stands beside the checkout. Tests that
need a file which is not there are skipped and say so.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest

_BESIDE_CHECKOUT = Path(__file__).parents[2].parent / "shared" / "data"
_DATA = Path(os.environ.get("CLEANROOM_KNOWN_DATA", _BESIDE_CHECKOUT))


@pytest.fixture(scope="session")
def known_data() -> Callable[..., pl.DataFrame]:
    """Read one CSV file, plain or gzipped, by its name within the directory."""

    def read(name: str, separator: str = ",") -> pl.DataFrame:
        file = _DATA / name
        if not file.exists():
            pytest.skip(f"known data '{name}' is not at hand; set CLEANROOM_KNOWN_DATA")
        content = file.read_bytes()
        plain = gzip.decompress(content) if file.suffix == ".gz" else content
        return pl.read_csv(BytesIO(plain), separator=separator, infer_schema_length=None)

    return read
