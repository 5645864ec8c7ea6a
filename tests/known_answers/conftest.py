"""The public data sets with known answers, where they are at hand (`tests.real_data.files`).

Tests that need a file which is not there are skipped and say so.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from tests.real_data import files


@pytest.fixture(scope="session")
def known_data() -> Callable[[str], pl.DataFrame]:
    """Read one CSV file, plain or gzipped, by its name within the directory."""

    def read(name: str) -> pl.DataFrame:
        try:
            return files.read(name)
        except files.AbsentError as absent:
            pytest.skip(str(absent))

    return read
