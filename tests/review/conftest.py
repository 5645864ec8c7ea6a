from __future__ import annotations

from pathlib import Path

import pytest

from tests.review.stage import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk whose templates both platforms have approved."""
    return Desk(tmp_path / "ledger.jsonl").open()
