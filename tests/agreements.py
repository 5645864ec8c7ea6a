"""Agreements that both platforms have signed, with keys made for the test."""

from __future__ import annotations

from pathlib import Path

from cleanroom import signing
from cleanroom.agreement import Agreement, with_keys
from cleanroom.consent import signed
from cleanroom.party.keys import create_keys, load_keys
from cleanroom.tables import Platform

Folders = dict[Platform, Path]


def agreed(draft: Agreement, folders: Folders) -> Agreement:
    """The draft with new keys of the platforms, made in `folders`, and a room's; signed by both."""
    public = [create_keys(folders[platform], draft, platform) for platform in Platform]
    room = {"role": "room", "identity_key": signing.public_of(signing.new_key())}
    return signed_by_both(with_keys(draft, [*public, room]), folders)


def signed_by_both(agreement: Agreement, folders: Folders) -> Agreement:
    """The completed agreement, signed with the keys that lie in `folders`."""
    for platform in Platform:
        key = load_keys(folders[platform], agreement, platform).identity
        agreement = signed(agreement, platform, key)
    return agreement
