from __future__ import annotations

import copy
import itertools
import json
import pickle
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from cleanroom import signing
from cleanroom.agreement import Agreement, TokenHash, parse, to_record, with_keys
from cleanroom.errors import KeysError
from cleanroom.party.derive import fingerprint, join_key, token_key
from cleanroom.party.keys import PartyKeys, create_keys, load_keys
from cleanroom.tables import IdentifierKind, Platform


@pytest.fixture
def folders(agreement: Agreement, tmp_path: Path) -> dict[Platform, Path]:
    return {platform: tmp_path / platform / "keys" for platform in Platform}


@pytest.fixture
def keys(agreement: Agreement, folders: dict[Platform, Path]) -> dict[Platform, PartyKeys]:
    return {platform: load_keys(folders[platform], agreement, platform) for platform in Platform}


def amended(agreement: Agreement, **changes: object) -> Agreement:
    return parse({**to_record(agreement), **changes}, "amended")


def test_the_public_part_is_what_the_agreement_is_completed_with(
    draft: Agreement, tmp_path: Path
) -> None:
    public = create_keys(tmp_path / "k", draft, Platform.STORE, tmp_path / "lock")
    assert json.loads((tmp_path / "k" / "public.json").read_bytes()) == public
    assert {name: value for name, value in public.items() if not name.endswith("_key")} == {
        "role": "store",
        "collaboration": draft.collaboration,
        "epoch": draft.epoch,
    }


def test_keys_are_never_written_over(
    draft: Agreement, folders: dict[Platform, Path], tmp_path: Path
) -> None:
    before = (folders[Platform.ADS] / "keys.json").read_bytes()
    with pytest.raises(KeysError, match="not empty"):
        create_keys(folders[Platform.ADS], draft, Platform.ADS)
    assert (folders[Platform.ADS] / "keys.json").read_bytes() == before
    (tmp_path / "file").write_text("x")
    with pytest.raises(KeysError, match="not empty"):
        create_keys(tmp_path / "file", draft, Platform.ADS)


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"collaboration": "other"}, "collaboration"), ({"epoch": "2026-h2"}, "epoch")],
)
def test_keys_of_another_collaboration_or_epoch_are_refused(
    changes: dict[str, str], named: str, agreement: Agreement, folders: dict[Platform, Path]
) -> None:
    with pytest.raises(KeysError, match=f"for {named} '{getattr(agreement, named)}', not"):
        load_keys(folders[Platform.ADS], amended(agreement, **changes), Platform.ADS)


def test_the_other_partys_keys_are_refused(
    agreement: Agreement, folders: dict[Platform, Path]
) -> None:
    with pytest.raises(KeysError, match="for role 'store', not 'ads'"):
        load_keys(folders[Platform.STORE], agreement, Platform.ADS)


@pytest.mark.parametrize("key", ["identity_key", "transport_key"])
def test_keys_that_the_agreement_does_not_name_are_refused(
    key: str, agreement: Agreement, folders: dict[Platform, Path]
) -> None:
    other = with_keys(agreement, [{"role": "ads", key: "ab" * 32}])
    with pytest.raises(KeysError, match=f"{key} of ads is not that of the keys at hand"):
        load_keys(folders[Platform.ADS], other, Platform.ADS)


def test_a_draft_agreement_has_to_be_completed_first(
    draft: Agreement, agreement: Agreement, folders: dict[Platform, Path]
) -> None:
    with pytest.raises(KeysError, match="the public keys of ads and store yet"):
        load_keys(folders[Platform.ADS], draft, Platform.ADS)
    half = with_keys(draft, [{"role": "ads", "transport_key": "ab" * 32}])
    with pytest.raises(KeysError, match="the public keys of store yet"):
        load_keys(folders[Platform.ADS], half, Platform.ADS)


def test_keys_are_never_shown_pickled_or_copied(keys: dict[Platform, PartyKeys]) -> None:
    own = keys[Platform.ADS]
    assert repr(own) == str(own) == "PartyKeys(ads, red-cat-plan, 2026-h1: secrets not shown)"
    for reproduce in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(KeysError, match="cannot be pickled"):
            reproduce(own)


def test_both_platforms_derive_the_same_join_keys(keys: dict[Platform, PartyKeys]) -> None:
    for kind in IdentifierKind:
        assert join_key(keys[Platform.ADS], kind) == join_key(keys[Platform.STORE], kind)


PLACES: list[tuple[str, list[str]]] = [
    ("collaboration", ["red-cat-plan", "other", "red-cat-plan-2026"]),
    ("epoch", ["2026-h1", "2026-h2", "h1"]),
    ("token_hash", list(TokenHash)),
]


def test_no_two_purposes_share_a_key_even_from_the_same_secrets(
    keys: dict[Platform, PartyKeys],
) -> None:
    """Every place in which a use can differ: purpose, collaboration, epoch, party, kind, hash."""
    secret = keys[Platform.ADS].pseudonym
    derived: list[str] = []
    for values in itertools.product(*(options for _, options in PLACES)):
        changes = dict(zip((name for name, _ in PLACES), values, strict=True))
        moved = {
            party: replace(own, pseudonym=secret, **changes)  # type: ignore[arg-type]
            for party, own in keys.items()
        }
        for kind in IdentifierKind:
            derived += [token_key(own, kind) for own in moved.values()]
            derived.append(join_key(moved[Platform.ADS], kind))
            assert join_key(moved[Platform.STORE], kind) == derived[-1]
    assert len(derived) == 3 * 3 * len(TokenHash) * len(IdentifierKind) * 3
    assert len(set(derived)) == len(derived)
    assert all(len(key) == 64 and set(key) <= set("0123456789abcdef") for key in derived)


@pytest.mark.parametrize("moved", [("other", "2026-h1"), ("red-cat-plan", "2026-h2")])
def test_another_collaboration_or_epoch_has_other_keys_even_from_the_same_secrets(
    moved: tuple[str, str], keys: dict[Platform, PartyKeys]
) -> None:
    own = keys[Platform.ADS]
    other = replace(own, collaboration=moved[0], epoch=moved[1])
    for kind in IdentifierKind:
        assert token_key(other, kind) != token_key(own, kind)
        assert join_key(other, kind) != join_key(own, kind)
    assert fingerprint(other) != fingerprint(own)


def test_both_platforms_read_the_same_fingerprint(keys: dict[Platform, PartyKeys]) -> None:
    found = fingerprint(keys[Platform.ADS])
    assert fingerprint(keys[Platform.STORE]) == found
    assert re.fullmatch(r"[0-9]{4}( [0-9]{4}){9}", found)


def test_whoever_exchanged_transport_keys_on_the_way_shows_in_the_fingerprint(
    keys: dict[Platform, PartyKeys],
) -> None:
    """Somebody between the platforms gives each a key of their own in place of the other's."""
    between = [X25519PrivateKey.generate().public_key().public_bytes_raw().hex() for _ in range(2)]
    ads, store = keys[Platform.ADS], keys[Platform.STORE]
    led_ads = replace(ads, transport_keys=(ads.transport_keys[0], between[0]))
    led_store = replace(store, transport_keys=(between[1], store.transport_keys[1]))
    found = {fingerprint(own) for own in (ads, led_ads, led_store)}
    assert len(found) == 3


def test_a_fingerprint_has_nothing_of_a_key(keys: dict[Platform, PartyKeys]) -> None:
    """It is read aloud, so it must be another output of the derivation than any key."""
    own = keys[Platform.ADS]
    digits = fingerprint(own).replace(" ", "")
    for kind in IdentifierKind:
        assert f"{int(join_key(own, kind), 16) % 10**40:040d}" != digits
        assert digits not in join_key(own, kind)


def test_a_transport_key_that_everybody_could_compute_with_is_refused(
    agreement: Agreement, folders: dict[Platform, Path]
) -> None:
    unfit = with_keys(agreement, [{"role": "store", "transport_key": "00" * 32}])
    own = load_keys(folders[Platform.ADS], unfit, Platform.ADS)
    with pytest.raises(KeysError, match="The store platform's transport key is unfit"):
        join_key(own, IdentifierKind.CLICK_ID)
    with pytest.raises(KeysError, match="The store platform's transport key is unfit"):
        fingerprint(own)


def test_no_derived_key_stands_in_a_file(
    keys: dict[Platform, PartyKeys], folders: dict[Platform, Path]
) -> None:
    own = keys[Platform.ADS]
    written = b"".join(file.read_bytes() for file in folders[Platform.ADS].iterdir())
    for kind in IdentifierKind:
        for key in (token_key(own, kind), join_key(own, kind)):
            assert key.encode() not in written
            assert bytes.fromhex(key) not in written


@given(st.binary(max_size=64))
def test_whatever_a_secret_file_holds_is_read_back(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "secret"
        signing.write_secret(path, content)
        assert signing.read_secret(path) == content
