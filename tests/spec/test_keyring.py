"""Keys at rest: encrypted, their owner's alone, and never taken for another's."""

from __future__ import annotations

import copy
import json
import os
import pickle
import stat
from pathlib import Path

import pytest

from cleanroom import signing
from cleanroom.errors import KeysError
from cleanroom.keyring import HOLDS, Keyring, Secret, create_keyring, open_keyring
from cleanroom.tables import KeyRole

ABOUT = {"collaboration": "red-cat-plan", "epoch": "2026-h1"}
WORDS = "correct horse battery"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def made(folder: Path, tmp_path: Path) -> Keyring:
    return create_keyring(folder, KeyRole.ADS, ABOUT, tmp_path / "lock" / "ads.key")


@pytest.mark.parametrize("role", KeyRole)
def test_each_role_gets_its_secrets_back(role: KeyRole, folder: Path, tmp_path: Path) -> None:
    made = create_keyring(folder, role, ABOUT, tmp_path / "lock")
    opened = open_keyring(folder, role=role.value, **ABOUT)
    assert opened.secrets == made.secrets
    assert opened.public == made.public == json.loads((folder / "public.json").read_bytes())
    assert tuple(made.secrets) == HOLDS[role]
    assert len(set(made.secrets.values())) == len(HOLDS[role])
    assert made.public["identity_key"] == signing.public_of(opened.identity)


def test_a_passphrase_opens_what_it_locked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANROOM_PASSPHRASE", WORDS)
    made = create_keyring(folder, KeyRole.STORE, ABOUT)
    assert open_keyring(folder).secrets == made.secrets
    monkeypatch.setenv("CLEANROOM_PASSPHRASE", WORDS + "s")
    with pytest.raises(KeysError, match="The passphrase does not open"):
        open_keyring(folder)
    monkeypatch.delenv("CLEANROOM_PASSPHRASE")
    with pytest.raises(KeysError, match="nobody to ask"):
        open_keyring(folder)


def test_a_short_passphrase_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANROOM_PASSPHRASE", "short")
    with pytest.raises(KeysError, match="at least 12 characters") as caught:
        create_keyring(folder, KeyRole.STORE, ABOUT)
    assert "short" not in str(caught.value)
    assert not (folder / "keys.json").exists()


def test_no_secret_stands_in_a_file_as_it_is(made: Keyring, folder: Path) -> None:
    written = b"".join(file.read_bytes() for file in folder.iterdir())
    for secret in made.secrets.values():
        assert secret not in written
        assert secret.hex().encode() not in written


def test_only_their_owner_can_enter(made: Keyring, folder: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "keys.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "lock" / "ads.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
@pytest.mark.parametrize("name", ["keys/keys.json", "lock/ads.key"])
def test_a_file_open_to_others_is_refused(
    name: str, mode: int, made: Keyring, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / name).chmod(mode)
    with pytest.raises(KeysError, match=r"is open to others[^$]*chmod u=rwX,go="):
        open_keyring(folder)


def test_a_directory_open_to_others_is_refused(made: Keyring, folder: Path) -> None:
    folder.chmod(0o750)
    with pytest.raises(KeysError, match="keys is open to others"):
        open_keyring(folder)


def test_what_is_missing_is_named(made: Keyring, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(KeysError, match=r"no keys at .*nowhere"):
        open_keyring(tmp_path / "nowhere")
    (tmp_path / "lock" / "ads.key").unlink()
    with pytest.raises(KeysError, match=r"ads\.key cannot be read"):
        open_keyring(folder)
    (folder / "keys.json").unlink()
    with pytest.raises(KeysError, match=r"keys\.json cannot be read"):
        open_keyring(folder)


@pytest.mark.parametrize(
    "content", [b"", b"no key", b"{}", b"[]", b'{"format":"cleanroom-keys-1"}']
)
def test_a_damaged_file_is_named_and_not_quoted(
    content: bytes, made: Keyring, folder: Path
) -> None:
    (folder / "keys.json").write_bytes(content)
    with pytest.raises(KeysError, match=r"keys\.json is not readable") as caught:
        open_keyring(folder)
    assert "no key" not in str(caught.value)


@pytest.mark.parametrize("name", ["lock", "nonce", "sealed"])
def test_a_part_that_was_exchanged_does_not_open(
    name: str, made: Keyring, folder: Path, tmp_path: Path
) -> None:
    create_keyring(tmp_path / "other", KeyRole.ADS, ABOUT, tmp_path / "lock" / "ads.key")
    other = json.loads((tmp_path / "other" / "keys.json").read_bytes())
    own = json.loads((folder / "keys.json").read_bytes())
    (folder / "keys.json").write_bytes(signing.canonical({**own, name: other[name]}))
    with pytest.raises(KeysError, match="does not open"):
        open_keyring(folder)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"epoch": "2026-h2"}, "for epoch '2026-h1', not '2026-h2'"),
        ({"collaboration": "blue"}, "for collaboration 'red-cat-plan', not 'blue'"),
        ({"role": "store"}, "for role 'ads', not 'store'"),
    ],
)
def test_anothers_keys_are_refused_and_it_is_said_whose(
    wanted: dict[str, str], says: str, made: Keyring, folder: Path
) -> None:
    with pytest.raises(KeysError, match=says):
        open_keyring(folder, **wanted)


def test_keys_cannot_be_passed_off_as_those_of_another_epoch(made: Keyring, folder: Path) -> None:
    record = json.loads((folder / "keys.json").read_bytes())
    record["public"]["epoch"] = "2026-h2"
    (folder / "keys.json").write_bytes(signing.canonical(record))
    with pytest.raises(KeysError, match="does not open"):
        open_keyring(folder, epoch="2026-h2")


def test_another_key_file_does_not_open(
    made: Keyring, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signing.write_secret(tmp_path / "wrong.key", bytes(32))
    monkeypatch.setenv("CLEANROOM_KEY_FILE", str(tmp_path / "wrong.key"))
    with pytest.raises(KeysError, match=r"The key file wrong[.]key does not open"):
        open_keyring(folder)
    signing.write_secret(tmp_path / "short.key", b"short")
    monkeypatch.setenv("CLEANROOM_KEY_FILE", str(tmp_path / "short.key"))
    with pytest.raises(KeysError, match="too short"):
        open_keyring(folder)


def test_keys_and_key_file_can_move_together(made: Keyring, tmp_path: Path) -> None:
    (tmp_path / "moved").mkdir()
    (tmp_path / "keys").rename(tmp_path / "moved" / "keys")
    (tmp_path / "lock").rename(tmp_path / "moved" / "lock")
    assert open_keyring(tmp_path / "moved" / "keys").secrets == made.secrets


def test_keys_are_never_written_over(made: Keyring, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="never written over"):
        create_keyring(folder, KeyRole.ADS, ABOUT, tmp_path / "lock" / "ads.key")
    assert open_keyring(folder).secrets == made.secrets


def test_a_creation_that_was_cut_off_leaves_whole_keys_or_none(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(os, "link", cut_off)
        with pytest.raises(KeyboardInterrupt):
            create_keyring(folder, KeyRole.ADS, ABOUT, tmp_path / "lock")
    assert list(folder.iterdir()) == []
    made = create_keyring(folder, KeyRole.ADS, ABOUT, tmp_path / "lock")
    (folder / "public.json").unlink()
    open_keyring(folder)
    assert json.loads((folder / "public.json").read_bytes()) == made.public


def test_keys_are_never_shown_pickled_or_copied(made: Keyring) -> None:
    assert repr(made) == str(made) == "Keyring(ads, red-cat-plan: secrets not shown)"
    for reproduce in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(KeysError, match="cannot be pickled"):
            reproduce(made)


def test_a_secret_is_32_bytes_from_the_system(made: Keyring) -> None:
    assert {len(secret) for secret in made.secrets.values()} == {32}
    assert Secret.STORAGE not in made.secrets
