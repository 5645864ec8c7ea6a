"""Tokens (pseudonyms): HMAC-SHA256 (RFC 2104) of a normalised identifier, in lower-case hex.

Computed by the `polars-hash` plugin as an expression, so that a table streams through. The plugin
takes the key as text: the HMAC key is the UTF-8 form of that text, here 64 hex characters.
"""

from __future__ import annotations

import polars as pl
from polars_hash import CryptographicHashingNameSpace

from cleanroom.party.normalise import normalised
from cleanroom.tables import IdentifierKind


def token(column: pl.Expr, kind: IdentifierKind, key: str) -> pl.Expr:
    """The tokens of a text `column` of identifiers; null where there is no identifier."""
    return hmac_sha256(normalised(column, kind), key)


def hmac_sha256(message: pl.Expr, key: str) -> pl.Expr:
    """HMAC-SHA256 of text or binary under the UTF-8 form of `key`, in hex; null stays null."""
    return CryptographicHashingNameSpace(message).hmac_sha256(key=key)
