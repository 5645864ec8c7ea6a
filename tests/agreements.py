"""Agreements that both platforms have signed, with keys made for the test."""

from __future__ import annotations

import os
from pathlib import Path

from cleanroom.agreement import Agreement, with_keys
from cleanroom.consent import signed
from cleanroom.keyring import create_keyring
from cleanroom.party.keys import create_keys, load_keys
from cleanroom.tables import KeyRole, Platform

Folders = dict[Platform, Path]


def agreed(draft: Agreement, folders: Folders) -> Agreement:
    """The draft with new keys of the platforms, made in `folders`, and a room's; signed by both.

    The key file that locks them, and the room's keys, lie in the folder that holds `folders`.
    """
    home = Path(os.path.commonpath(folders.values()))
    lock = home / "unlock.key"
    public = [create_keys(folders[p], draft, p, lock) for p in Platform]
    about = {"collaboration": draft.collaboration}
    public += [create_keyring(home / "room-keys", KeyRole.ROOM, about, lock).public]
    return signed_by_both(with_keys(draft, public), folders)


def signed_by_both(agreement: Agreement, folders: Folders) -> Agreement:
    """The completed agreement, signed with the keys that lie in `folders`."""
    for platform in Platform:
        key = load_keys(folders[platform], agreement, platform).identity
        agreement = signed(agreement, platform, key)
    return agreement
