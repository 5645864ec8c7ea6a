"""Links and attributed events, computed once for the handovers in force and kept for all studies.

They are the room's own rows: as secret as the handovers, encrypted in the same directory, deleted
with them, and kept under a digest of all they depend on, so that nothing outdated is ever read.
This is where a join happens, within its limits (`joins`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cleanroom import signing
from cleanroom.agreement import JoinMode
from cleanroom.errors import HandoverError
from cleanroom.room.blinded import match_of
from cleanroom.room.engine import Frame, keep
from cleanroom.room.folders import appearing_whole, locked
from cleanroom.room.join_keys import with_join_key
from cleanroom.room.joins import count_matches, enter, require_matches
from cleanroom.room.journeys import attribute
from cleanroom.room.link import link
from cleanroom.room.match import match
from cleanroom.room.opened import Place
from cleanroom.room.panel import linked_bridges, shared_bridges
from cleanroom.room.vault import Vault, is_gone, kept_rows, storage_key
from cleanroom.tables import IdentifierKind

# Part of the digest: raise it whenever a rule of `match`, `link` or `journeys` changes.
_RULES = 2
_FILES = "files.json"  # which files hold which rows, so that none can be missing


def links(vault: Vault) -> Frame:
    """The rows of `link.link` over all the data, from disk once computed."""
    return _derived(vault, "links")


def attributed(vault: Vault) -> Frame:
    """The rows of `journeys.attribute` over all the data, from disk once computed."""
    return _derived(vault, "attributed")


def shared_sides(vault: Vault, identifier: IdentifierKind) -> tuple[Frame, Frame]:
    """The users and the buyers, their shared `identifier` comparable. Nothing is kept.

    Raises `JoinError` as `joins` does, and `HandoverError` if a blinded join has no match yet.
    """
    with locked(vault.room):
        enter(vault)
    users, buyers = (with_join_key(vault, table, identifier) for table in ("users", "buyers"))
    require_matches(vault, count_matches(users, buyers, identifier))
    return users, buyers


def bridges(vault: Vault, population: str) -> Frame:
    """Which user is which buyer, for the `population` of a study: by a link, or by the identifier
    that both platforms hold. Raises as `shared_sides`."""
    identifier = vault.agreement.join.shared_identifier
    if population == "shared_identifier" and identifier is not None:
        return shared_bridges(*shared_sides(vault, identifier), identifier)
    return linked_bridges(links(vault))


def _derived(vault: Vault, name: str) -> Frame:
    window = vault.agreement.join.attribution_window_days
    sources = {"rules": _RULES, "handovers": vault.handovers, "window_days": window}
    if vault.agreement.join.mode is JoinMode.BLINDED:
        sources["match"] = match_of(vault)
    folder = vault.room / "derived" / signing.digest(sources)
    if not folder.exists():
        _keep(vault, sources, folder)
    files = json.loads((folder / _FILES).read_bytes())[name]
    return kept_rows(vault, [folder / file for file in files])


def _keep(vault: Vault, sources: dict[str, Any], folder: Path) -> None:
    """Compute and keep encrypted; of several processes one does, the others wait."""
    with locked(vault.room):
        if folder.exists():
            return
        if is_gone(vault):
            # What is derived would outlive them.
            raise HandoverError("A newer handover came in meanwhile.", "ask again.")
        enter(vault)
        touches, visits = (with_join_key(vault, table, "cid") for table in ("touches", "visits"))
        require_matches(vault, count_matches(touches, visits, "cid"))
        window, place = sources["window_days"], Place(storage_key(vault), folder.name)
        with appearing_whole(folder) as partial:
            linked = keep(link(match(touches, visits, window)), partial, "links", place)
            owed = keep(attribute(linked.rows, visits, window), partial, "attributed", place)
            made = {"links": linked, "attributed": owed}
            names = {name: [file.name for file in kept.files] for name, kept in made.items()}
            signing.write_canonical(partial / _FILES, names)
            signing.write_canonical(partial / "sources.json", sources)
