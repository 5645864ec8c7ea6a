"""The agreement: what can be written in it, and what it says of a mistake."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cleanroom.agreement import (
    Agreement,
    Join,
    JoinMode,
    StudyKind,
    agreement_digest,
    load,
    parse,
    to_record,
    with_keys,
    write,
)
from cleanroom.errors import AgreementError, ExitCode
from cleanroom.policy import Policy
from cleanroom.tables import IdentifierKind, Platform, Role

RED_CAT = Path(__file__).parents[2] / "configs" / "red-cat-plan.yaml"
ENROLMENTS = [
    {"role": "ads", "identity_key": "a1" * 32, "transport_key": "a2" * 32},
    {"role": "store", "identity_key": "b1" * 32, "transport_key": "b2" * 32},
    {"role": "room", "identity_key": "c1" * 32, "transport_key": "c2" * 32},
    {"role": "reviewer", "platform": "ads", "name": "wei", "identity_key": "a3" * 32},
    {"role": "reviewer", "platform": "store", "name": "ana", "identity_key": "b3" * 32},
]


@pytest.fixture(scope="module")
def agreement() -> Agreement:
    return load(RED_CAT)


def changed(agreement: Agreement, place: str, value: Any) -> dict[str, Any]:
    """The agreement's record with `value` at a dotted place; `...` takes the key away."""
    record = to_record(agreement)
    *above, last = place.split(".")
    target = record
    for part in above:
        target = target.setdefault(part, {})
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return record


def complaint(record: Any) -> str:
    with pytest.raises(AgreementError) as caught:
        parse(record, "plan.yaml")
    assert caught.value.exit_code is ExitCode.AGREEMENT
    return caught.value.problem


def test_the_founding_agreement_says_what_the_programme_says(agreement: Agreement) -> None:
    assert (agreement.collaboration, agreement.epoch) == ("red-cat-plan", "2026-h1")
    assert (agreement.timezone, agreement.currency) == ("Asia/Shanghai", "CNY")
    assert (agreement.valid_from, agreement.valid_until) == (date(2026, 1, 1), date(2035, 12, 31))
    assert agreement.join.mode is JoinMode.KEYED
    assert agreement.join.attribution_window_days == 15
    assert (agreement.policy.min_people, agreement.policy.min_converters) == (50, 10)
    assert agreement.eligibility.shop_types == {"tmall"}
    assert agreement.eligibility.categories == {"beauty", "sports", "health"}
    assert agreement.eligibility.min_score == 4.5
    assert agreement.eligibility.min_daily_budget == 500_000


def test_each_platform_opens_its_own_tables(agreement: Agreement) -> None:
    ads = {"touches", "assignments", "users", "onsite_orders"}
    assert set(agreement.opened(Platform.ADS)) == ads
    assert set(agreement.opened(Platform.STORE)) == {"visits", "buyers", "merchants"}
    assert agreement.opened(Platform.ADS)["touches"]["cid"] is Role.JOIN_KEY
    for table in agreement.opens.values():
        assert not {"email", "phone"} & set(table)


def test_a_merchant_that_names_no_scope_has_opened_every_study(agreement: Agreement) -> None:
    assert agreement.may_study("M01", StudyKind.LIFT)
    assert agreement.may_study("M05", StudyKind.CONVERSION)
    assert not agreement.may_study("M05", StudyKind.LIFT)


def test_the_digest_is_of_the_content_and_not_of_its_spelling(
    agreement: Agreement, tmp_path: Path
) -> None:
    write(agreement, tmp_path / "again.yaml")
    text = (tmp_path / "again.yaml").read_text(encoding="utf-8")
    reordered = dict(reversed(to_record(agreement).items()))
    assert text != RED_CAT.read_text(encoding="utf-8")
    assert load(tmp_path / "again.yaml") == agreement
    assert agreement_digest(load(tmp_path / "again.yaml")) == agreement_digest(agreement)
    assert agreement_digest(parse(reordered, "x")) == agreement_digest(agreement)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("version", 2),
        ("epoch", "2026-h2"),
        ("policy.min_people", 51),
        ("parties.ads.name", "Another platform"),
        ("merchant_scopes.M05", ["lift"]),
        ("eligibility.min_score", 4.6),
    ],
)
def test_whatever_is_amended_the_digest_changes(
    place: str, value: Any, agreement: Agreement
) -> None:
    amended = parse(changed(agreement, place, value), "x")
    assert agreement_digest(amended) != agreement_digest(agreement)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("curency", "CNY", "curency: unknown key; did you mean 'currency'?"),
        ("join.windw", 3, "join.windw: unknown key; known: attribution_window_days"),
        ("policy.min_peple", 3, "policy.min_peple: unknown key; did you mean 'min_people'?"),
        (
            "parties.ads.identity",
            "00",
            "parties.ads.identity: unknown key; did you mean 'identity_key'?",
        ),
        (
            "studies.lift.notebok",
            "x",
            "studies.lift.notebok: unknown key; did you mean 'notebook'?",
        ),
        ("opens.touchs", {}, "opens: there is no table 'touchs'; did you mean 'touches'?"),
        (
            "opens.users.regin",
            "dimension",
            "opens.users: there is no column 'regin'; did you mean 'region'?",
        ),
        (
            "studies.lfit",
            {},
            "studies.lfit: Input should be 'conversion', 'lift', 'observational', 'geo', "
            "'substitution' or 'spillover'",
        ),
        ("parties.shop", {"name": "x"}, "parties.shop: Input should be 'ads' or 'store'"),
    ],
)
def test_an_unknown_key_is_named_with_the_likely_one(
    place: str, value: Any, words: str, agreement: Agreement
) -> None:
    assert words in complaint(changed(agreement, place, value))


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("version", "1", "version: Input should be a valid integer"),
        ("version", 1.5, "version: Input should be a valid integer"),
        ("version", True, "version: Input should be a valid integer"),
        ("version", 0, "version: Input should be greater than or equal to 1"),
        ("collaboration", 7, "collaboration: Input should be a valid string"),
        ("collaboration", "Red Cat", "collaboration: String should match pattern"),
        ("currency", "yuan", "currency: String should match pattern"),
        ("valid_from", "soon", "valid_from: Input should be a valid date"),
        ("valid_until", "2025-12-31", "valid_until: lies before valid_from."),
        ("timezone", "Asia/Shangai", "timezone: there is no 'Asia/Shangai'"),
        ("timezone", "../etc/passwd", "timezone: there is no '../etc/passwd'"),
        ("timezone", "Asia", "timezone: there is no 'Asia'"),
        ("policy.min_people", 1, "policy.min_people: Input should be greater than or equal to 2"),
        ("policy.min_people", "50", "policy.min_people: Input should be a valid integer"),
        ("eligibility.min_score", float("nan"), "eligibility.min_score: Input should be a finite"),
        ("join.mode", "plain", "join.mode: Input should be 'keyed' or 'blinded'"),
        ("join.pad_to", 0, "join.pad_to: Input should be greater than or equal to 1"),
        ("join.pad_to", 1000, "join.pad_to: only a blinded join is padded."),
        ("token_hash", "md5", "token_hash: Input should be 'hmac-sha256' or 'hmac-sm3'"),
        ("room.transport_key", "c2", "room.transport_key: String should match"),
        ("parties.ads.policy", {"rounding": 0}, "parties.ads.policy.rounding: Input should be gr"),
        ("parties.ads.policy", {"min_peple": 9}, "parties.ads.policy.min_peple: unknown key; did"),
        ("signatures", {"ads": "00"}, "signatures.ads: String should match pattern"),
        ("signatures", {"room": "00" * 64}, "signatures.room: Input should be 'ads' or 'store'"),
        ("join.attribution_window_days", 0, "join.attribution_window_days: Input should be gr"),
        ("room.identity_key", "abc", "room.identity_key: String should match pattern"),
        ("parties.ads.identity_key", "A1" * 32, "parties.ads.identity_key: String should match"),
        ("merchant_scopes.M05", ["liftt"], "merchant_scopes.M05.0: Input should be 'conversion'"),
        ("opens.users.user", "person", "opens.users.user: Input should be 'event', 'identifier'"),
        ("parties.store", ..., "parties: both 'ads' and 'store' must be named."),
        ("room", ..., "room: Field required"),
    ],
)
def test_a_wrong_value_is_told_by_its_place(
    place: str, value: Any, words: str, agreement: Agreement
) -> None:
    assert words in complaint(changed(agreement, place, value))


def test_a_blinded_join_may_be_padded(agreement: Agreement) -> None:
    record = changed(agreement, "join", {"mode": "blinded", "pad_to": 1000})
    assert parse(record, "x").join == Join(mode=JoinMode.BLINDED, pad_to=1000)


def test_the_strictest_of_three_policies_is_in_effect(agreement: Agreement) -> None:
    record = changed(agreement, "parties.ads.policy", {"min_people": 80, "rounding": 2})
    record["parties"]["store"]["policy"] = {"min_people": 60, "max_joins": 4}
    assert agreement.effective_policy == agreement.policy
    effective = parse(record, "x").effective_policy
    assert effective == Policy(min_people=80, max_joins=4, rounding=10)


def test_what_is_amended_is_not_signed_any_more(agreement: Agreement) -> None:
    signed = parse(changed(agreement, "signatures", {"ads": "00" * 64}), "x")
    assert signed.signatures == {Platform.ADS: "00" * 64}
    assert with_keys(signed, ENROLMENTS).signatures == {}


def test_signatures_are_kept_and_are_no_part_of_the_digest(
    agreement: Agreement, tmp_path: Path
) -> None:
    record = changed(agreement, "signatures", {"store": "11" * 64, "ads": "00" * 64})
    signed = parse(record, "x")
    write(signed, tmp_path / "signed.yaml")
    assert load(tmp_path / "signed.yaml").signatures == signed.signatures
    assert agreement_digest(signed) == agreement_digest(agreement)


def test_every_mistake_is_told_at_once(agreement: Agreement) -> None:
    record = {**to_record(agreement), "version": "1", "curency": "CNY"}
    words = complaint(record)
    assert "version: Input" in words
    assert "curency: unknown key" in words


@pytest.mark.parametrize("record", [None, [], "text", 3])
def test_an_agreement_is_a_mapping(record: Any) -> None:
    assert "plan.yaml is not a valid agreement" in complaint(record)


def test_a_column_has_one_role(agreement: Agreement) -> None:
    words = complaint(changed(agreement, "opens.touches.user", "dimension"))
    assert "opens.touches.user: its role is 'identifier', not 'dimension'." in words


def test_a_table_is_opened_with_what_the_studies_need_of_it(agreement: Agreement) -> None:
    words = complaint(changed(agreement, "opens.touches.cid", ...))
    assert "opens.touches: the studies need cid as well." in words


def test_a_shared_identifier_is_opened_by_both_sides(agreement: Agreement) -> None:
    record = changed(agreement, "join.shared_identifier", "email")
    assert "opens.users: the shared identifier 'email' is not opened." in complaint(record)
    record["opens"]["users"]["email"] = "join_key"
    assert "opens.buyers: the shared identifier 'email' is not opened." in complaint(record)
    record["opens"]["buyers"]["email"] = "join_key"
    assert parse(record, "x").join.shared_identifier is IdentifierKind.EMAIL


def test_an_identifier_that_nothing_joins_on_stays_at_home(agreement: Agreement) -> None:
    words = complaint(changed(agreement, "opens.users.phone", "join_key"))
    assert "opens.users.phone: join.shared_identifier does not name it." in words


def test_public_keys_are_filled_in(agreement: Agreement) -> None:
    completed = with_keys(agreement, ENROLMENTS)
    assert completed.parties[Platform.ADS].identity_key == "a1" * 32
    assert completed.parties[Platform.STORE].transport_key == "b2" * 32
    assert completed.parties[Platform.STORE].reviewers == {"ana": "b3" * 32}
    assert completed.room.identity_key == "c1" * 32
    assert completed.room.transport_key == "c2" * 32
    assert agreement_digest(completed) != agreement_digest(agreement)


@pytest.mark.parametrize("first", range(len(ENROLMENTS)))
@pytest.mark.parametrize("second", range(len(ENROLMENTS)))
def test_no_public_key_serves_two(first: int, second: int, agreement: Agreement) -> None:
    if first == second:
        return
    enrolments = [dict(enrolment) for enrolment in ENROLMENTS]
    enrolments[second]["identity_key"] = enrolments[first]["identity_key"]
    with pytest.raises(AgreementError, match="a public key is named twice"):
        with_keys(agreement, enrolments)


@pytest.mark.parametrize(
    "enrolment",
    [
        {},
        {"role": "analyst", "identity_key": "d1" * 32},
        {"role": "reviewer", "identity_key": "d1" * 32},
        {"role": "reviewer", "platform": "shop", "name": "x", "identity_key": "d1" * 32},
        {"role": "reviewer", "platform": "ads", "name": "x"},
        {"role": "ads", "identity_key": "short"},
        {"role": "ads", "private_key": "d1" * 32},
    ],
)
def test_a_public_json_of_another_kind_is_refused(
    enrolment: dict[str, str], agreement: Agreement
) -> None:
    with pytest.raises(AgreementError):
        with_keys(agreement, [enrolment])


@pytest.mark.parametrize(("name", "value"), [("collaboration", "other"), ("epoch", "2019-h1")])
def test_a_public_json_for_another_collaboration_or_epoch_is_refused_saying_which(
    name: str, value: str, agreement: Agreement
) -> None:
    meant = {"collaboration": agreement.collaboration, "epoch": agreement.epoch}
    mixed_up = {**ENROLMENTS[1], **meant, name: value}
    with pytest.raises(AgreementError, match=f"keys of 'store' are for {name} '{value}'"):
        with_keys(agreement, [ENROLMENTS[0], mixed_up])
    with_keys(agreement, [ENROLMENTS[0], {**ENROLMENTS[1], **meant}])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(AgreementError, match="No agreement can be read at"):
            load(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version: 1\nepoch: [a\n", "is not YAML near line 3"),
        (b"version: 1\nepoch: a\nversion: 2\n", "names a key twice near line 3"),
        (b"join:\n  mode: keyed\n  mode: keyed\n", "names a key twice near line 3"),
        ("name: 上海".encode("gbk"), "is not YAML"),
        (b"a: !!python/object/apply:os.getcwd []", "is not YAML near line 1"),
        (b"a: !!binary aGk=", "holds a bytes"),
        (b"2026-01-01: a", "has a key that is not text"),
        (b"", "is not a valid agreement"),
    ],
)
def test_a_file_that_is_no_agreement_is_told_by_its_line(
    content: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / "plan.yaml").write_bytes(content)
    with pytest.raises(AgreementError) as caught:
        load(tmp_path / "plan.yaml")
    assert words in str(caught.value)
