from __future__ import annotations

from pathlib import Path

import pytest

from tests.room.event_log import Room


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """An empty room under an agreement between two platforms."""
    return Room(tmp_path)
