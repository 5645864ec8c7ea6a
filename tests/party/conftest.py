from __future__ import annotations

from pathlib import Path

import pytest

from cleanroom.agreement import Agreement, load
from cleanroom.tables import Platform
from tests.agreements import agreed
from tests.party.exports import Party, write_good

DRAFT = Path(__file__).parents[2] / "configs" / "red-cat-plan.yaml"


@pytest.fixture
def draft() -> Agreement:
    """The demo's agreement, without keys."""
    return load(DRAFT)


@pytest.fixture
def agreement(draft: Agreement, tmp_path: Path) -> Agreement:
    """The demo's agreement, signed with the keys made at `tmp_path / <platform> / keys`."""
    return agreed(draft, {platform: tmp_path / platform / "keys" for platform in Platform})


@pytest.fixture
def ads(agreement: Agreement, tmp_path: Path) -> Party:
    return _party(Platform.ADS, agreement, tmp_path)


@pytest.fixture
def store(agreement: Agreement, tmp_path: Path) -> Party:
    return _party(Platform.STORE, agreement, tmp_path)


def _party(platform: Platform, agreement: Agreement, tmp_path: Path) -> Party:
    home = tmp_path / platform
    write_good(home / "export", platform)
    return Party(platform, agreement, home / "keys", home / "export", home / "handover")
