"""Consent: both platforms' Ed25519 signatures on an agreement, and whether it is in force.

A signature covers the agreement's canonical form, from which its digest is made; it holds for these
terms alone. Whose the public keys are that the agreement names, no signature on it can say: the
platforms and the room compare its digest once by a way of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cleanroom import signing
from cleanroom.agreement import Agreement, parse, to_record, write
from cleanroom.agreement_file import read_text, values_of, with_signatures
from cleanroom.errors import AgreementError, KeysError
from cleanroom.tables import Platform

_PURPOSE = "agreement"


class Consent(StrEnum):
    """What a platform's signature says of an agreement."""

    GIVEN = "signed"
    MISSING = "not signed"
    BROKEN = "altered after it signed"


def consent_of(agreement: Agreement, platform: Platform) -> Consent:
    """Whether `platform` signed these terms, with the identity key that they name."""
    signature = agreement.signatures.get(platform)
    key = agreement.parties[platform].identity_key
    if signature is None or key is None:
        return Consent.MISSING
    holds = signing.verifies(key, signature, _PURPOSE, to_record(agreement))
    return Consent.GIVEN if holds else Consent.BROKEN


def signed(agreement: Agreement, platform: Platform, key: signing.SigningKey) -> Agreement:
    """The agreement with the signature of `platform`, in place of an earlier one.

    Raises `AgreementError` for a draft, whose public keys are not filled in, and `KeysError` if
    `key` is not the one the agreement names as the platform's identity key.
    """
    _require_complete(agreement)
    if signing.public_of(key) != agreement.parties[platform].identity_key:
        raise KeysError(
            f"The key is not the {platform} platform's identity key in the agreement.",
            "use the key the agreement names, or complete the agreement with this one.",
        )
    signature = signing.sign(key, _PURPOSE, to_record(agreement))
    signatures = agreement.signatures | {platform: signature}
    ordered = {each: signatures[each] for each in Platform if each in signatures}
    return agreement.model_copy(update={"signatures": ordered})


def write_signatures(agreement: Agreement, path: Path) -> None:
    """Lay the signatures below the text of the agreement's file, which keeps its comments.

    A file that does not then read as the agreement (one in JSON, say) is written anew.
    """
    text = with_signatures(read_text(path), agreement.signatures)
    try:
        reads_as_agreed = parse(values_of(text, path.name), path.name) == agreement
    except AgreementError:
        reads_as_agreed = False
    if reads_as_agreed:
        signing.write_whole(path, text.encode())
    else:
        write(agreement, path)


def require_signed(agreement: Agreement, today: date | None = None) -> None:
    """Raise `AgreementError` unless both platforms signed the agreement and it is in force.

    `today` is the day in the agreement's own time zone; the present one, if None.
    """
    _require_complete(agreement)
    said = {platform: consent_of(agreement, platform) for platform in Platform}
    broken = [str(platform) for platform, consent in said.items() if consent is Consent.BROKEN]
    if broken:
        raise AgreementError(
            f"{_named(agreement)} was altered after the {_platforms(broken)} signed it.",
            "restore what was signed, or have both platforms sign what it says now.",
        )
    missing = [str(platform) for platform, consent in said.items() if consent is Consent.MISSING]
    if missing:
        raise AgreementError(
            f"{_named(agreement)} lacks the signature of the {_platforms(missing)}.",
            "have it signed with `cleanroom agreement sign`.",
        )
    _require_in_force(agreement, today or datetime.now(ZoneInfo(agreement.timezone)).date())


def differences(a: Agreement, b: Agreement) -> list[str]:
    """A line for each key that `a` and `b` say other things of: its place, what each says.

    None if their digests are equal: signatures are not compared. Public keys and digests are
    shortened.
    """
    before, after = dict(_leaves(to_record(a))), dict(_leaves(to_record(b)))
    places = [*before, *(place for place in after if place not in before)]
    return [
        f"{place}: {_shown(before.get(place))} -> {_shown(after.get(place))}"
        for place in places
        if before.get(place) != after.get(place)
    ]


def _require_complete(agreement: Agreement) -> None:
    room = agreement.room
    keys = {"room.identity_key": room.identity_key, "room.transport_key": room.transport_key}
    for platform, terms in agreement.parties.items():
        keys[f"parties.{platform}.identity_key"] = terms.identity_key
        keys[f"parties.{platform}.transport_key"] = terms.transport_key
    missing = sorted(place for place, key in keys.items() if key is None)
    if missing:
        raise AgreementError(
            f"{_named(agreement)} is a draft: it lacks {', '.join(missing)}.",
            "complete it with each party's public keys: cleanroom agreement complete.",
        )


def _require_in_force(agreement: Agreement, today: date) -> None:
    if today < agreement.valid_from:
        raise AgreementError(
            f"{_named(agreement)} is not in force before {agreement.valid_from} (valid_from).",
            "wait for that day, or have both platforms sign another version.",
        )
    if today > agreement.valid_until:
        raise AgreementError(
            f"{_named(agreement)} ended on {agreement.valid_until} (valid_until).",
            "have both platforms sign a new version.",
        )


def _named(agreement: Agreement) -> str:
    return f"The agreement {agreement.collaboration}, version {agreement.version},"


def _platforms(names: list[str]) -> str:
    return f"{' and '.join(names)} platform{'s' if len(names) > 1 else ''}"


def _leaves(record: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted places and their values; null is the same as absent."""
    for key, value in record.items():
        # A merchant's or reviewer's name may hold anything; it must not garble the line.
        place = above + (key if re.fullmatch(r"[\w-]+", key) else json.dumps(key))
        if isinstance(value, dict):
            yield from _leaves(value, f"{place}.")
        elif value is not None:
            yield place, value


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value):
        return f"{value[:12]}..."
    return json.dumps(value, ensure_ascii=False)
