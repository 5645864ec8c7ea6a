from __future__ import annotations

import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.party.normalise import PLACEHOLDERS, normalised
from cleanroom.tables import IdentifierKind

ACCOUNT, CLICK_ID = IdentifierKind.ACCOUNT, IdentifierKind.CLICK_ID
EMAIL, PHONE = IdentifierKind.EMAIL, IdentifierKind.PHONE
FULL_WIDTH = [*map(chr, range(0xFF10, 0xFF1A)), "\uff0b"]  # the digits, then plus


def normal(kind: IdentifierKind, *values: str | None) -> list[str | None]:
    frame = pl.DataFrame({"x": list(values)}, schema={"x": pl.String})
    return frame.select(normalised(pl.col("x"), kind))["x"].to_list()


@pytest.mark.parametrize("kind", IdentifierKind)
@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "  \t",
        "0",
        "000",
        "null",
        "NULL",
        " None ",
        "NaN",
        "Unknown",
        "N/A",
        "\\N",
        "未知",
        "-",
        "00000000-0000-0000-0000-000000000000",
        "000000000000000",
    ],
)
def test_an_empty_value_or_a_placeholder_is_no_identifier(
    value: str | None, kind: IdentifierKind
) -> None:
    assert normal(kind, value) == [None]


@pytest.mark.parametrize("kind", [ACCOUNT, CLICK_ID])
def test_what_only_begins_like_a_placeholder_is_an_identifier(kind: IdentifierKind) -> None:
    values = ["null1", "nobody", "unknown-7", "0001", "0-0-1", "n/ab", "xN"]
    assert normal(kind, *values) == values


@pytest.mark.parametrize("kind", [ACCOUNT, CLICK_ID])
def test_accounts_and_click_ids_are_trimmed_and_keep_their_case(kind: IdentifierKind) -> None:
    assert normal(kind, "  aB3x\n", "AB3X") == ["aB3x", "AB3X"]


def test_an_email_address_is_the_same_in_either_case() -> None:
    assert normal(EMAIL, " Li.Wei@Example.COM ", "li.wei@example.com") == ["li.wei@example.com"] * 2


@pytest.mark.parametrize("kind", [ACCOUNT, CLICK_ID, EMAIL])
def test_composed_and_decomposed_letters_are_the_same(kind: IdentifierKind) -> None:
    assert len(set(normal(kind, "jos\u00e9", "jose\u0301"))) == 1


@pytest.mark.parametrize(
    "spelling",
    [
        "13800138001",
        "138 0013 8001",
        "138-0013-8001",
        "+86 138 0013 8001",
        "+86-13800138001",
        "(+86) 13800138001",
        "0086 13800138001",
        "8613800138001",
        "".join(FULL_WIDTH[int(d)] for d in "13800138001"),
        f"{FULL_WIDTH[10]}{FULL_WIDTH[8]}{FULL_WIDTH[6]} 13800138001",
    ],
)
def test_every_spelling_of_a_chinese_mobile_number_is_one_number(spelling: str) -> None:
    assert normal(PHONE, spelling) == ["8613800138001"]


def test_numbers_of_other_countries_and_landlines_carry_their_code() -> None:
    assert normal(PHONE, "+1 (415) 555-2671", "00442071838750", "010-6552 9988") == [
        "14155552671",
        "442071838750",
        "861065529988",
    ]


@pytest.mark.parametrize(
    "value", ["12", "1234567890123456789", "li@example.com", "138x0013800", "++"]
)
def test_what_is_no_phone_number_is_no_identifier(value: str) -> None:
    assert normal(PHONE, value) == [None]


@given(st.lists(st.text(max_size=20), min_size=1), st.sampled_from(IdentifierKind))
def test_a_normal_form_is_its_own_normal_form(values: list[str], kind: IdentifierKind) -> None:
    once = normal(kind, *values)
    if kind is PHONE:  # the code is part of it, and is told by a plus
        assert normal(kind, *(f"+{value}" if value else None for value in once)) == once
    else:
        assert normal(kind, *once) == once


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])), min_size=1))
def test_the_normal_form_is_what_python_makes_of_it(values: list[str]) -> None:
    for value, found in zip(values, normal(ACCOUNT, *values), strict=True):
        assert found in (None, unicodedata.normalize("NFC", value).strip())
        assert found is not None or set(value.strip()) <= set("0-") or len(value.strip()) < 10


def test_every_placeholder_is_told_in_any_case() -> None:
    assert normal(ACCOUNT, *PLACEHOLDERS, *map(str.upper, PLACEHOLDERS)) == [None] * (
        2 * len(PLACEHOLDERS)
    )


@pytest.mark.parametrize("kind", [ACCOUNT, CLICK_ID, EMAIL])
def test_one_value_to_compose_is_found_among_many_that_need_it_not(kind: IdentifierKind) -> None:
    plain = [f"a{number}" for number in range(300_000)]
    frame = pl.LazyFrame({"x": [*plain, "jose\u0301", None, *plain]})
    found = frame.select(normalised(pl.col("x"), kind)).collect(engine="streaming")["x"]
    assert found.to_list() == [*plain, "jos\u00e9", None, *plain]


@pytest.mark.parametrize("kind", IdentifierKind)
def test_columns_without_a_value_have_no_identifiers(kind: IdentifierKind) -> None:
    assert normal(kind) == []
    assert normal(kind, None, None) == [None, None]
