"""Create the keys of any role; each writes `public.json`, the part that the agreement names."""

from __future__ import annotations

from pathlib import Path

from cleanroom.agreement import Agreement
from cleanroom.errors import KeysError
from cleanroom.keyring import PUBLIC, create_keyring
from cleanroom.tables import KeyRole, Platform


def create_keys(
    role: KeyRole,
    out: Path,
    agreement: Agreement,
    *,
    key_file: Path | None = None,
    platform: Platform | None = None,
    name: str | None = None,
) -> Path:
    """Create one role's keys under `out`; returns its `public.json`.

    They are locked with `key_file`, or else with a passphrase. `platform` and `name` are a
    reviewer's. Raises `KeysError` if they are missing, or if there are other keys at `out` already
    (a room keeps the keys it has).
    """
    if role is KeyRole.ROOM:
        from cleanroom.room.vault import create_room

        create_room(out, agreement.collaboration, key_file)
    elif role is KeyRole.REVIEWER:
        if platform is None or name is None:
            raise KeysError("A reviewer has a platform and a name.", "add --platform and --name.")
        about = {"collaboration": agreement.collaboration, "platform": platform.value, "name": name}
        create_keyring(out, role, about, key_file)
    else:
        from cleanroom.party import keys

        keys.create_keys(out, agreement, Platform(role), key_file)
    return out / PUBLIC
