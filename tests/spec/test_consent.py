"""Consent: what both platforms signed holds; all else is refused, and what differs is named."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from cleanroom import signing
from cleanroom.agreement import Agreement, agreement_digest, load, parse, to_record, with_keys
from cleanroom.consent import (
    Consent,
    consent_of,
    differences,
    require_signed,
    signed,
    write_signatures,
)
from cleanroom.errors import AgreementError, KeysError
from cleanroom.tables import Platform

RED_CAT = Path(__file__).parents[2] / "configs" / "red-cat-plan.yaml"
DRAFT = load(RED_CAT)
KEYS = {platform: Ed25519PrivateKey.generate() for platform in Platform}
ROOM_KEYS = {"role": "room", "identity_key": "c1" * 32, "transport_key": "c2" * 32}
PLATFORM_KEYS = [
    {"role": p.value, "identity_key": signing.public_of(KEYS[p]), "transport_key": f"{n}a" * 32}
    for n, p in enumerate(Platform)
]
COMPLETED = with_keys(DRAFT, [*PLATFORM_KEYS, ROOM_KEYS])
DAY = date(2026, 6, 1)


def by_both(agreement: Agreement) -> Agreement:
    for platform, key in KEYS.items():
        agreement = signed(agreement, platform, key)
    return agreement


SIGNED = by_both(COMPLETED)


def altered(**terms: Any) -> Agreement:
    """The signed agreement, its signatures kept, some terms changed."""
    signatures = {platform.value: text for platform, text in SIGNED.signatures.items()}
    return parse({**to_record(SIGNED), **terms, "signatures": signatures}, "the altered agreement")


def refusal(agreement: Agreement, today: date = DAY) -> str:
    with pytest.raises(AgreementError) as refused:
        require_signed(agreement, today)
    return refused.value.problem


def test_what_both_signed_is_in_force() -> None:
    require_signed(SIGNED, DAY)
    require_signed(SIGNED)
    assert {consent_of(SIGNED, platform) for platform in Platform} == {Consent.GIVEN}


def test_a_signature_is_ed25519_over_the_canonical_form() -> None:
    message = b"cleanroom/agreement\0" + signing.canonical(to_record(COMPLETED))
    assert SIGNED.signatures == {p: key.sign(message).hex() for p, key in KEYS.items()}


@pytest.mark.parametrize("platform", Platform)
def test_a_missing_signature_is_named(platform: Platform) -> None:
    alone = signed(COMPLETED, platform, KEYS[platform])
    (other,) = set(Platform) - {platform}
    assert f"lacks the signature of the {other} platform." in refusal(alone)
    assert "lacks the signature of the ads and store platforms." in refusal(COMPLETED)


@pytest.mark.parametrize(
    "terms",
    [
        {"version": 2},
        {"policy": {"min_people": 49}},
        {"valid_until": "2036-12-31"},
        {"join": {"attribution_window_days": 16}},
        {"merchant_scopes": {}},
    ],
)
def test_whatever_was_altered_after_signing_is_refused(terms: dict[str, Any]) -> None:
    assert "was altered after the ads and store platforms signed it." in refusal(altered(**terms))


def test_an_alteration_that_one_platform_signed_is_refused_in_the_name_of_the_other() -> None:
    one = signed(altered(policy={"min_people": 2}), Platform.ADS, KEYS[Platform.ADS])
    assert "was altered after the store platform signed it." in refusal(one)


def test_one_platforms_signature_does_not_serve_the_other() -> None:
    ads, store = (SIGNED.signatures[platform].lower() for platform in Platform)
    swapped = SIGNED.model_copy(update={"signatures": {Platform.ADS: store, Platform.STORE: ads}})
    assert {consent_of(swapped, platform) for platform in Platform} == {Consent.BROKEN}


def test_a_signature_for_another_purpose_is_none_on_the_agreement() -> None:
    other = signing.sign(KEYS[Platform.ADS], "handover", to_record(COMPLETED))
    forged = SIGNED.model_copy(update={"signatures": {**SIGNED.signatures, Platform.ADS: other}})
    assert "altered after the ads platform signed it" in refusal(forged)


@pytest.mark.parametrize(
    ("today", "words"),
    [
        (date(2025, 12, 31), "is not in force before 2026-01-01 (valid_from)."),
        (date(2036, 1, 1), "ended on 2035-12-31 (valid_until)."),
    ],
)
def test_an_agreement_holds_on_its_days_alone(today: date, words: str) -> None:
    assert words in refusal(SIGNED, today)
    for day in (SIGNED.valid_from, SIGNED.valid_until):
        require_signed(SIGNED, day)


def test_today_is_a_day_of_the_agreements_own_time_zone() -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # a day apart, at any moment
        today = datetime.now(ZoneInfo(zone)).date()
        terms = {"valid_from": "2026-01-01", "valid_until": today.isoformat(), "timezone": zone}
        require_signed(by_both(parse({**to_record(COMPLETED), **terms}, "ends today")))
        terms["valid_until"] = (today - timedelta(days=1)).isoformat()
        with pytest.raises(AgreementError, match="valid_until"):
            require_signed(by_both(parse({**to_record(COMPLETED), **terms}, "ended yesterday")))


def test_a_draft_cannot_be_signed() -> None:
    without_room = with_keys(DRAFT, PLATFORM_KEYS)
    with pytest.raises(
        AgreementError, match=r"is a draft: it lacks room\.identity_key, room\.transport_key\."
    ):
        signed(without_room, Platform.ADS, KEYS[Platform.ADS])
    assert "parties.store.identity_key, parties.store.transport_key" in refusal(DRAFT)


def test_another_key_than_the_one_agreed_cannot_sign() -> None:
    for key in (Ed25519PrivateKey.generate(), KEYS[Platform.STORE]):
        with pytest.raises(KeysError, match="not the ads platform's identity key"):
            signed(COMPLETED, Platform.ADS, key)


def test_the_order_of_signing_changes_nothing() -> None:
    store_first = COMPLETED
    for platform in reversed(Platform):
        store_first = signed(store_first, platform, KEYS[platform])
    assert store_first == SIGNED
    assert agreement_digest(store_first) == agreement_digest(SIGNED) == agreement_digest(COMPLETED)


# The file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The founding agreement with its comments, keys filled in by hand."""
    text = RED_CAT.read_text(encoding="utf-8")
    for enrolment in (*PLATFORM_KEYS, ROOM_KEYS):
        for name in ("identity_key", "transport_key"):
            if name in enrolment:
                text = text.replace(f"{name}: null", f'{name}: "{enrolment[name]}"', 1)
    (tmp_path / "plan.yaml").write_text(text, encoding="utf-8")
    assert agreement_digest(load(tmp_path / "plan.yaml")) == agreement_digest(COMPLETED)
    return tmp_path / "plan.yaml"


def test_a_signed_file_keeps_its_text_and_comments(file: Path) -> None:
    before = file.read_text(encoding="utf-8")
    write_signatures(signed(load(file), Platform.STORE, KEYS[Platform.STORE]), file)
    write_signatures(signed(load(file), Platform.ADS, KEYS[Platform.ADS]), file)
    once = file.read_text(encoding="utf-8")
    assert once.startswith(before)
    assert before.count("#") > 10
    assert load(file) == SIGNED
    write_signatures(by_both(load(file)), file)
    assert file.read_text(encoding="utf-8") == once


@pytest.mark.parametrize(
    "block",
    [
        "signatures: {}\n",
        "signatures:\n  # none yet\n",
        'signatures: {"ads": "' + "ab" * 64 + '"}\n',
        "signatures:\n  ads:\n    " + "ab" * 64 + "\n\n  store: '" + "cd" * 64 + "'\n",
    ],
)
def test_signatures_anywhere_in_a_file_make_way_for_the_new_ones(block: str, file: Path) -> None:
    head, tail = file.read_text(encoding="utf-8").split("# Who takes part.")
    file.write_text(f"{head}{block}# Who takes part.{tail}", encoding="utf-8")
    write_signatures(SIGNED, file)
    written = file.read_text(encoding="utf-8")
    assert written.startswith(head + "# Who takes part.")
    assert load(file) == SIGNED


@pytest.mark.parametrize("end", ["", "\n\n\n"])
def test_a_file_may_end_as_it_likes(end: str, file: Path) -> None:
    file.write_text(file.read_text(encoding="utf-8").rstrip("\n") + end, encoding="utf-8")
    write_signatures(SIGNED, file)
    assert load(file) == SIGNED


def test_a_full_disk_leaves_the_agreement_as_it_was(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(path: Path, content: bytes) -> None:
        with path.open("wb") as half:
            half.write(content[: len(content) // 2])
        raise OSError("no space left")

    before, agreed = file.read_text(encoding="utf-8"), load(file)
    monkeypatch.setattr(Path, "write_bytes", fails)
    with pytest.raises(OSError, match="no space left"):
        write_signatures(signed(agreed, Platform.ADS, KEYS[Platform.ADS]), file)
    assert file.read_text(encoding="utf-8") == before
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_an_agreement_in_json_can_be_signed_too(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(json.dumps(to_record(COMPLETED)), encoding="utf-8")
    write_signatures(by_both(load(file)), file)
    assert load(file) == SIGNED


# Differences


def test_a_line_for_each_term_says_what_each_agreement_says() -> None:
    record = to_record(SIGNED)
    record["policy"]["min_people"] = 40
    record["parties"]["ads"]["reviewers"]["wei"] = "0123456789ab" + "00" * 26
    record["opens"]["users"].pop("region")
    del record["merchant_scopes"]["M05"]
    record["merchant_scopes"]["M\n7"] = ["lift"]
    record["opens"]["users"]["region"] = "dimension"
    record["join"]["shared_identifier"] = None
    record["eligibility"]["categories"] = ["beauty"]
    assert differences(SIGNED, parse(record, "x")) == [
        "policy.min_people: 50 -> 40",
        'eligibility.categories: ["beauty", "health", "sports"] -> ["beauty"]',
        'merchant_scopes.M05: ["conversion"] -> none',
        "parties.ads.reviewers.wei: none -> 0123456789ab...",
        'merchant_scopes."M\\n7": none -> ["lift"]',
    ]


def test_signatures_are_no_terms() -> None:
    assert differences(COMPLETED, SIGNED) == []


terms = st.fixed_dictionaries(
    {},
    optional={
        "version": st.integers(1, 3),
        "currency": st.sampled_from(["CNY", "EUR"]),
        "policy": st.fixed_dictionaries({}, optional={"rounding": st.integers(1, 3)}),
        "merchant_scopes": st.dictionaries(
            st.text(st.characters(codec="utf-8"), max_size=2),
            st.lists(st.sampled_from(["lift", "conversion"]), unique=True),
            max_size=2,
        ),
    },
)


@given(terms, terms)
def test_agreements_without_differences_are_those_of_one_digest(
    a: dict[str, Any], b: dict[str, Any]
) -> None:
    one, other = (parse({**to_record(COMPLETED), **change}, "x") for change in (a, b))
    alike = agreement_digest(one) == agreement_digest(other)
    assert (differences(one, other) == []) is alike
    assert all("\n" not in line for line in differences(one, other))
