"""Links and attributed events, computed once for the handovers in force and kept for all studies.

They are the room's own rows: as secret as the handovers, in the same directory, and kept under a
digest of all they depend on, so that nothing outdated is ever read.
"""

from __future__ import annotations

from pathlib import Path

from cleanroom import signing
from cleanroom.room.engine import Frame, scan, sink
from cleanroom.room.folders import appearing_whole
from cleanroom.room.join_keys import with_join_key
from cleanroom.room.journeys import attribute
from cleanroom.room.link import link
from cleanroom.room.match import match
from cleanroom.room.vault import Vault

# Part of the digest: raise it whenever a rule of `match`, `link` or `journeys` changes.
_RULES = 1


def links(vault: Vault) -> Frame:
    """The rows of `link.link` over all the data, from disk once computed."""
    return scan(_derived(vault) / "links.parquet")


def attributed(vault: Vault) -> Frame:
    """The rows of `journeys.attribute` over all the data, from disk once computed."""
    return scan(_derived(vault) / "attributed.parquet")


def _derived(vault: Vault) -> Path:
    window = vault.agreement.join.attribution_window_days
    sources = {"rules": _RULES, "handovers": vault.handovers, "window_days": window}
    folder = vault.room / "derived" / signing.digest(sources)
    if not folder.exists():
        _derive(vault, window, folder)
    return folder


def _derive(vault: Vault, window: int, folder: Path) -> None:
    touches, visits = (with_join_key(vault, table, "cid") for table in ("touches", "visits"))
    with appearing_whole(folder) as partial:
        sink(link(match(touches, visits, window)), partial / "links.parquet")
        linked = scan(partial / "links.parquet")
        sink(attribute(linked, visits, window), partial / "attributed.parquet")
