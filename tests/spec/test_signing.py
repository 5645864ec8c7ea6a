"""Signatures: what a party puts its name to, in one byte form; and the files that hold its keys."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from cleanroom import signing
from cleanroom.errors import ExitCode, KeysError

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
# RFC 8032, section 7.1: secret key, public key, message, signature of tests 1 and 2.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
]


@pytest.fixture
def key() -> signing.SigningKey:
    return Ed25519PrivateKey.generate()


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_keys_and_signatures_are_those_of_rfc_8032(
    secret: str, public: str, message: str, signature: str
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    assert signing.public_of(key) == public
    assert key.sign(bytes.fromhex(message)).hex() == signature


@given(JSON_VALUES)
def test_the_canonical_form_survives_being_read_back(value: Any) -> None:
    form = signing.canonical(value)
    assert json.loads(form) == value
    assert signing.canonical(json.loads(form)) == form


def test_the_canonical_form_has_sorted_keys_no_spaces_and_plain_utf_8() -> None:
    value = {"b": [1, 2.5, None, True], "a": "上海", "A": {}}
    assert signing.canonical(value) == '{"A":{},"a":"上海","b":[1,2.5,null,true]}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")], "\ud800"])
def test_what_json_cannot_carry_has_no_canonical_form(value: Any) -> None:
    with pytest.raises(ValueError, match=r"JSON|surrogates"):
        signing.canonical(value)


@pytest.mark.parametrize("value", [{1: "a"}, [{None: 1}], {"a": {1.5: 2}}, object(), {"a"}])
def test_other_types_and_keys_have_no_canonical_form(value: Any) -> None:
    with pytest.raises(TypeError):
        signing.canonical(value)


def test_a_digest_is_sha_256_of_the_canonical_form(tmp_path: Path) -> None:
    assert signing.digest({"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()
    (tmp_path / "file").write_bytes(b'{"a":1}')
    assert signing.file_digest(tmp_path / "file") == signing.digest({"a": 1})


@given(JSON_VALUES, JSON_VALUES)
def test_a_signature_verifies_for_its_value_only(value: Any, other: Any) -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
    signature = signing.sign(key, "vote", value)
    assert signing.verifies(signing.public_of(key), signature, "vote", value)
    same = signing.canonical(value) == signing.canonical(other)
    assert signing.verifies(signing.public_of(key), signature, "vote", other) == same


def test_a_signature_serves_one_purpose_and_one_key(key: signing.SigningKey) -> None:
    signature = signing.sign(key, "vote", {"a": 1})
    public = signing.public_of(key)
    assert signing.verifies(public, signature, "vote", {"a": 1})
    assert not signing.verifies(public, signature, "candidate", {"a": 1})
    assert not signing.verifies(
        signing.public_of(Ed25519PrivateKey.generate()), signature, "vote", {"a": 1}
    )


@pytest.mark.parametrize("signature", ["", "zz", "00" * 63, "00" * 64, "00" * 65, None, 7])
def test_what_is_no_signature_does_not_verify(signature: Any, key: signing.SigningKey) -> None:
    assert not signing.verifies(signing.public_of(key), signature, "vote", {})


@pytest.mark.parametrize("public", ["", "zz", "00" * 31, "ff" * 32, None])
def test_what_is_no_public_key_verifies_nothing(public: Any, key: signing.SigningKey) -> None:
    assert not signing.verifies(public, signing.sign(key, "vote", {}), "vote", {})


def test_a_secret_is_read_back_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    signing.write_secret(path, b"words")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert signing.read_secret(path) == b"words"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o601, 0o620, 0o777])
def test_a_secret_that_others_can_touch_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    signing.write_secret(path, b"words")
    path.chmod(mode)
    with pytest.raises(KeysError, match="secret is open to others") as caught:
        signing.read_secret(path)
    assert caught.value.exit_code is ExitCode.KEYS
    assert "chmod u=rwX,go=" in caught.value.remedy


def test_a_secret_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    signing.write_secret(path, b"words")
    with pytest.raises(KeysError, match="never written over"):
        signing.write_secret(path, b"others")
    assert signing.read_secret(path) == b"words"


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="none cannot be read"):
        signing.read_secret(tmp_path / "none")


def test_a_json_file_appears_whole_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "value.json"
    signing.write_canonical(path, {"b": 1, "a": 2})
    signing.write_canonical(path, {"a": 3})
    assert path.read_bytes() == b'{"a":3}'
    with pytest.raises(ValueError, match="JSON"):
        signing.write_canonical(path, float("nan"))
    assert path.read_bytes() == b'{"a":3}'
    assert [file.name for file in path.parent.iterdir()] == ["value.json"]
