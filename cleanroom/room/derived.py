"""Links and attributed events, computed once for the handovers in force and kept for all studies.

They are the room's own rows: as secret as the handovers, encrypted in the same directory, deleted
with them, and kept under a digest of all they depend on, so that nothing outdated is ever read.
This is where a join happens, within its limits (`joins`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cleanroom import signing
from cleanroom.agreement import JoinMode
from cleanroom.errors import HandoverError
from cleanroom.room.blinded import match_of
from cleanroom.room.engine import Frame, scan, sink
from cleanroom.room.folders import appearing_whole, locked
from cleanroom.room.join_keys import with_join_key
from cleanroom.room.joins import count_matches, enter, require_matches
from cleanroom.room.journeys import attribute
from cleanroom.room.link import link
from cleanroom.room.match import match
from cleanroom.room.opened import Opened, blank, write_sealed
from cleanroom.room.panel import linked_bridges, shared_bridges
from cleanroom.room.vault import Vault, opened_path, storage_key
from cleanroom.tables import IdentifierKind

# Part of the digest: raise it whenever a rule of `match`, `link` or `journeys` changes.
_RULES = 1


def links(vault: Vault) -> Frame:
    """The rows of `link.link` over all the data, from disk once computed."""
    return scan(_derived(vault, "links"))


def attributed(vault: Vault) -> Frame:
    """The rows of `journeys.attribute` over all the data, from disk once computed."""
    return scan(_derived(vault, "attributed"))


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


def _derived(vault: Vault, name: str) -> Path:
    window = vault.agreement.join.attribution_window_days
    sources = {"rules": _RULES, "handovers": vault.handovers, "window_days": window}
    if vault.agreement.join.mode is JoinMode.BLINDED:
        sources["match"] = match_of(vault)
    folder = vault.room / "derived" / signing.digest(sources)
    if not folder.exists():
        _keep(vault, sources, folder)
    return opened_path(vault, folder / f"{name}.sealed")


def _keep(vault: Vault, sources: dict[str, Any], folder: Path) -> None:
    """Compute in memory and keep encrypted; of several processes one does, the others wait."""
    with locked(vault.room):
        if folder.exists():
            return
        if not all(file.exists() for file in vault.paths.values()):
            # What is derived would outlive them.
            raise HandoverError("A newer handover came in meanwhile.", "ask again.")
        enter(vault)
        found = _derive(vault, sources["window_days"])
        with appearing_whole(folder) as partial:
            for name, rows in found.items():
                sealed = partial / f"{name}.sealed"
                write_sealed(rows.path, sealed, storage_key(vault), folder.name)
            signing.write_canonical(partial / "sources.json", sources)


def _derive(vault: Vault, window: int) -> dict[str, Opened]:
    touches, visits = (with_join_key(vault, table, "cid") for table in ("touches", "visits"))
    require_matches(vault, count_matches(touches, visits, "cid"))
    found = {name: blank(name) for name in ("links", "attributed")}
    sink(link(match(touches, visits, window)), found["links"].path)
    linked = scan(found["links"].path)
    sink(attribute(linked, visits, window), found["attributed"].path)
    return found
