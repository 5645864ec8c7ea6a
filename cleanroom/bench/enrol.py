"""Create the keys of any role; each writes `public.json`, the part that the agreement names."""

from __future__ import annotations

from pathlib import Path

from cleanroom import signing
from cleanroom.agreement import Agreement
from cleanroom.errors import KeysError
from cleanroom.tables import KeyRole, Platform


def create_keys(
    role: KeyRole, out: Path, agreement: Agreement, platform: Platform | None, name: str | None
) -> Path:
    """Create one role's keys under `out`; returns its `public.json`.

    `platform` and `name` are a reviewer's. Raises `KeysError` if they are missing, or if there
    are other keys at `out` already (a room keeps the key it has).
    """
    public = out / "public.json"
    if role is KeyRole.ROOM:
        from cleanroom.room.vault import create_room

        key = create_room(out, agreement.collaboration)
        signing.write_canonical(public, {"role": role, "identity_key": key})
    elif role is KeyRole.REVIEWER:
        if platform is None or name is None:
            raise KeysError("A reviewer has a platform and a name.", "add --platform and --name.")
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = signing.new_key()
        signing.write_private_key(out / "reviewer.pem", own)
        enrolment = {"role": role, "platform": platform, "name": name}
        signing.write_canonical(public, {**enrolment, "identity_key": signing.public_of(own)})
    else:
        from cleanroom.party import keys

        keys.create_keys(out, agreement, Platform(role))
    return public
