"""Tokens (pseudonyms): an HMAC (RFC 2104) of a normalised identifier, in lower-case hex.

The agreement names the hash under it: SHA-256 (FIPS 180-4), or SM3 (GB/T 32905-2016) where the
Chinese rules for commercial cryptography ask for it. Both give 32 bytes, so tokens look alike.
Both are expressions, so that a table streams through. The key is text: the HMAC key is its UTF-8
form, here 64 hex characters, because the `polars-hash` plugin takes keys in no other form.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC
from polars_hash import CryptographicHashingNameSpace

from cleanroom.agreement import TokenHash
from cleanroom.party.normalise import normalised
from cleanroom.tables import IdentifierKind


def token(column: pl.Expr, kind: IdentifierKind, key: str, token_hash: TokenHash) -> pl.Expr:
    """The tokens of a text `column` of identifiers; null where there is no identifier."""
    return HMACS[token_hash](normalised(column, kind), key)


def hmac_sha256(message: pl.Expr, key: str) -> pl.Expr:
    """HMAC-SHA256 of text or binary under the UTF-8 form of `key`, in hex; null stays null."""
    return CryptographicHashingNameSpace(message).hmac_sha256(key=key)


def hmac_sm3(message: pl.Expr, key: str) -> pl.Expr:
    """HMAC-SM3 of text or binary under the UTF-8 form of `key`, in hex; null stays null.

    No plugin has SM3, so each value goes through `cryptography`, at about a third of the speed.
    """
    keyed = HMAC(key.encode(), SM3())

    def hashed(messages: pl.Series) -> pl.Series:
        found = [None if m is None else _finished(keyed, m) for m in messages.cast(pl.Binary)]
        return pl.Series(messages.name, found, pl.Binary).bin.encode("hex")

    return message.map_batches(hashed, return_dtype=pl.String, is_elementwise=True)


def _finished(keyed: HMAC, message: bytes) -> bytes:
    # A copy has the key's two blocks behind it already, which are most of the work.
    started = keyed.copy()
    started.update(message)
    return started.finalize()


HMACS: dict[TokenHash, Callable[[pl.Expr, str], pl.Expr]] = {
    TokenHash.HMAC_SHA256: hmac_sha256,
    TokenHash.HMAC_SM3: hmac_sm3,
}
