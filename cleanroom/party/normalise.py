"""Identifiers in one form each before they are hashed: two spellings of a person are one token.

    account    trimmed, Unicode NFC; case kept (an opaque key: folding could merge two people)
    click_id   trimmed, Unicode NFC; case kept (click ids are often base 62)
    email      trimmed, Unicode NFC, lower case (local parts are case-insensitive in practice)
    phone      digits with country code (ITU-T E.164), from Unicode NFKC (full-width digits)

Phone: `+` or `00` introduces a country code. Another number is taken as national, of China: a
leading 0 (trunk prefix) is dropped and 86 put before it, unless it is a mobile number that already
starts with 86. What is then not 7 to 15 digits long is no phone number.

A value that is empty, a known placeholder, or nothing but zeros and hyphens is no identifier;
neither is a text that is no phone number in a phone column.
"""

from __future__ import annotations

import re
from typing import Literal

import polars as pl

from cleanroom.tables import IdentifierKind

# In any case of letters; `\\N` is how Hive and MySQL write null into text files.
PLACEHOLDERS = ("null", "none", "nan", "nil", "undefined", "unknown", "n/a", r"\N", "未知")
DEFAULT_COUNTRY_CODE = "86"

_NO_IDENTIFIER = rf"(?i)^(?:{'|'.join(map(re.escape, PLACEHOLDERS))}|[0\-]*)$"
_MOBILE_WITH_CODE = rf"^{DEFAULT_COUNTRY_CODE}1[0-9]{{10}}$"


def normalised(column: pl.Expr, kind: IdentifierKind) -> pl.Expr:
    """The text `column` in the normal form of its `kind`; null where it is no identifier."""
    match kind:
        case IdentifierKind.ACCOUNT | IdentifierKind.CLICK_ID:
            return _present(_composed(column, "NFC"))
        case IdentifierKind.EMAIL:
            return _present(_composed(column, "NFC")).str.to_lowercase()
        case IdentifierKind.PHONE:
            return _phone(_present(_composed(column, "NFKC")))


def _composed(column: pl.Expr, form: Literal["NFC", "NFKC"]) -> pl.Expr:
    """`column` in a Unicode normal form.

    ASCII is in every form already (Unicode Standard Annex 15, section 1.2), so a batch of nothing
    else passes as it is: to compose it would take longer than its HMACs do.
    """

    def compose(batch: pl.Series) -> pl.Series:
        is_ascii = batch.str.len_bytes().sum() == batch.str.len_chars().sum()
        return batch if is_ascii else batch.str.normalize(form)

    return column.map_batches(compose, return_dtype=pl.String, is_elementwise=True)


def _present(column: pl.Expr) -> pl.Expr:
    text = column.str.strip_chars()
    return pl.when(~text.str.contains(_NO_IDENTIFIER)).then(text)


def _phone(text: pl.Expr) -> pl.Expr:
    """E.164 digits of `text`; null if it holds other than digits and the signs between them."""
    dialled = text.str.replace_all(r"[^0-9+]", "").str.replace(r"^00", "+")
    digits = dialled.str.replace_all("+", "", literal=True)
    national = pl.lit(DEFAULT_COUNTRY_CODE) + digits.str.replace(r"^0", "")
    complete = dialled.str.starts_with("+") | digits.str.contains(_MOBILE_WITH_CODE)
    number = pl.when(complete).then(digits).otherwise(national)
    is_phone = (
        text.str.contains(r"^[+0-9 ().\-/]+$")
        & digits.str.contains("[1-9]")
        & number.str.contains(r"^[0-9]{7,15}$")
    )
    return pl.when(is_phone).then(number)
