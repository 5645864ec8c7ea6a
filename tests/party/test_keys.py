from __future__ import annotations

import copy
import json
import pickle
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom import signing
from cleanroom.agreement import Agreement, parse, to_record, with_keys
from cleanroom.errors import KeysError
from cleanroom.party.derive import join_key, token_key
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
    with pytest.raises(KeysError, match="does not name both platforms' public keys yet"):
        load_keys(folders[Platform.ADS], draft, Platform.ADS)


def test_keys_are_never_shown_pickled_or_copied(keys: dict[Platform, PartyKeys]) -> None:
    own = keys[Platform.ADS]
    assert repr(own) == str(own) == "PartyKeys(ads, red-cat-plan, 2026-h1: secrets not shown)"
    for reproduce in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(KeysError, match="cannot be pickled"):
            reproduce(own)


def test_both_platforms_derive_the_same_join_keys(keys: dict[Platform, PartyKeys]) -> None:
    for kind in IdentifierKind:
        assert join_key(keys[Platform.ADS], kind) == join_key(keys[Platform.STORE], kind)


def test_no_two_purposes_share_a_key(
    keys: dict[Platform, PartyKeys], agreement: Agreement, tmp_path: Path
) -> None:
    derived = [join_key(keys[Platform.ADS], kind) for kind in IdentifierKind]
    derived += [token_key(own, kind) for own in keys.values() for kind in IdentifierKind]
    assert len(set(derived)) == len(derived) == 3 * len(IdentifierKind)
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


def test_a_transport_key_that_everybody_could_compute_with_is_refused(
    agreement: Agreement, folders: dict[Platform, Path]
) -> None:
    unfit = with_keys(agreement, [{"role": "store", "transport_key": "00" * 32}])
    own = load_keys(folders[Platform.ADS], unfit, Platform.ADS)
    with pytest.raises(KeysError, match="transport key is unfit"):
        join_key(own, IdentifierKind.CLICK_ID)


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
