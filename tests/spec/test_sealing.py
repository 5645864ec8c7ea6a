"""Sealed files: whole and for their recipient, or not at all."""

from __future__ import annotations

from io import BytesIO

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from cleanroom import sealing
from cleanroom.errors import SealError

KEY = bytes(range(32))
CONTEXT = {"collaboration": "red-cat-plan", "epoch": "2026-h1"}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "CHUNK", 64)


def sealed(content: bytes, key: bytes = KEY, name: str = "touches") -> bytes:
    target = BytesIO()
    sealing.encrypt(BytesIO(content), target, key, name)
    return target.getvalue()


def opened(content: bytes, key: bytes = KEY, name: str = "touches") -> bytes:
    target = BytesIO()
    sealing.decrypt(BytesIO(content), target, key, name)
    return target.getvalue()


def public(key: X25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


@given(st.binary(max_size=200))
def test_what_was_sealed_is_opened_as_it_was(content: bytes) -> None:
    assert opened(sealed(content)) == content


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 127, 128, 129])
def test_content_may_end_anywhere_in_a_chunk(length: int) -> None:
    content = bytes(n % 251 for n in range(length))
    assert opened(sealed(content)) == content
    assert len(sealed(content)) == length + 16 * max(1, -(-length // 64))


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_flipped_bit_is_noticed_wherever_it_is(content: bytes, data: st.DataObject) -> None:
    whole = bytearray(sealed(content))
    place = data.draw(st.integers(0, 8 * len(whole) - 1))
    whole[place // 8] ^= 1 << place % 8
    with pytest.raises(SealError, match="'touches' does not open"):
        opened(bytes(whole))


@given(st.integers(0, 200), st.data())
def test_a_cut_is_noticed_wherever_it_is(length: int, data: st.DataObject) -> None:
    whole = sealed(bytes(length))
    with pytest.raises(SealError):
        opened(whole[: data.draw(st.integers(0, len(whole) - 1))])


def test_chunks_that_are_moved_repeated_missing_or_surplus_are_noticed() -> None:
    whole = sealed(bytes(64) + bytes(range(64)) + b"end")
    first, second, last = whole[:80], whole[80:160], whole[160:]
    for other in (second + first + last, first + last, first + second, whole + last):
        with pytest.raises(SealError):
            opened(other)


def test_content_opens_under_its_own_key_and_name_only() -> None:
    with pytest.raises(SealError):
        opened(sealed(b"rows"), key=bytes(32))
    with pytest.raises(SealError, match="'visits' does not open"):
        opened(sealed(b"rows"), name="visits")


def test_a_data_key_opens_for_its_recipient_and_context_only() -> None:
    recipient, other = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    key = sealing.new_data_key()
    wrapped = sealing.seal_key(key, public(recipient), CONTEXT)
    assert sealing.open_key(wrapped, recipient, CONTEXT) == key
    for transport, context in ((other, CONTEXT), (recipient, {**CONTEXT, "epoch": "2026-h2"})):
        with pytest.raises(SealError, match="does not open"):
            sealing.open_key(wrapped, transport, context)


@pytest.mark.parametrize("wrapped", ["", "zz", "00", "00" * 80])
def test_what_is_no_sealed_key_is_refused(wrapped: str) -> None:
    with pytest.raises(SealError):
        sealing.open_key(wrapped, X25519PrivateKey.generate(), CONTEXT)


def test_the_same_key_is_never_sealed_alike_twice() -> None:
    recipient = public(X25519PrivateKey.generate())
    assert len({sealing.seal_key(KEY, recipient, CONTEXT) for _ in range(5)}) == 5


@pytest.mark.parametrize("recipient", ["", "zz", "00" * 31])
def test_nothing_is_sealed_to_what_is_no_key(recipient: str) -> None:
    with pytest.raises(SealError, match="transport key is unfit"):
        sealing.seal_key(KEY, recipient, CONTEXT)
