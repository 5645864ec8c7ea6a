"""The two collaborations on real data, each played once for all tests; skipped without the data."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.real_data import parties
from tests.real_data.files import AbsentError
from tests.real_data.parties import Stage


@pytest.fixture(scope="session")
def hillstrom(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return _played(parties.hillstrom, tmp_path_factory)


@pytest.fixture(scope="session")
def tmall(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return _played(parties.tmall, tmp_path_factory)


def _played(play: Callable[..., Stage], folders: pytest.TempPathFactory) -> Stage:
    try:
        return play(folders.mktemp("parties"))
    except AbsentError as absent:
        pytest.skip(str(absent))
