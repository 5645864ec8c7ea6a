"""What is handed over: opened columns only, people and join keys as tokens, signed, whole."""

from __future__ import annotations

import hashlib
import hmac
import json
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cleanroom import sealing, signing
from cleanroom.agreement import (
    Agreement,
    TokenHash,
    agreement_digest,
    parse,
    to_record,
    with_keys,
)
from cleanroom.errors import AgreementError, HandoverError, KeysError, SealError
from cleanroom.party import handover, ingest
from cleanroom.party.checks import Field
from cleanroom.party.derive import join_key, token_key
from cleanroom.party.handover import write_handover
from cleanroom.party.ingest import ExportTable
from cleanroom.party.keys import create_keys, load_keys
from cleanroom.tables import TABLES, TOUCH_KINDS, VISIT_KINDS, IdentifierKind, Platform, Role
from tests.agreements import agreed, signed_by_both
from tests.party import room
from tests.party.exports import (
    CANARY,
    GOOD,
    NOW,
    TOUCHES,
    VISITS,
    Party,
    no_canary,
    report_on,
    with_cell,
    write_good,
    write_table,
)


def test_the_manifest_describes_every_opened_table(ads: Party, agreement: Agreement) -> None:
    handed, _ = ads.hand_over()
    body = handed.manifest["body"]
    assert json.loads((ads.out / "manifest.json").read_bytes()) == handed.manifest
    assert handed.directory == ads.out
    varying = {"nonce", "sealed_key", "tables"}
    assert {name: value for name, value in body.items() if name not in varying} == {
        "format": "cleanroom-handover-2",
        "collaboration": "red-cat-plan",
        "epoch": "2026-h1",
        "agreement": agreement_digest(agreement),
        "party": "ads",
        "created": "2026-06-01T00:00:00+00:00",
    }
    assert set(body["tables"]) == set(agreement.opened(Platform.ADS))
    for name, facts in body["tables"].items():
        assert facts["rows"] == len(GOOD[name])
        assert facts["sha256"] == signing.file_digest(ads.out / facts["file"])
        assert facts["quarantined"] == {}
    assert {f.name for f in ads.out.iterdir()} == {
        "manifest.json",
        *(facts["file"] for facts in body["tables"].values()),
    }


def test_the_party_signs_the_manifest_as_a_handover(ads: Party, agreement: Agreement) -> None:
    manifest = ads.hand_over()[0].manifest
    key = agreement.parties[Platform.ADS].identity_key or ""
    assert signing.verifies(key, manifest["signature"], "handover", manifest["body"])
    changed = {**manifest["body"], "party": "store"}
    assert not signing.verifies(key, manifest["signature"], "handover", changed)


def test_opened_columns_are_handed_over_in_their_types(ads: Party, store: Party) -> None:
    ads.hand_over()
    store.hand_over()
    time = pl.Datetime("us", "UTC")
    assert dict(ads.read("touches").schema) == {
        **dict.fromkeys(("event_id", "kind", "user", "merchant"), pl.String()),
        **dict.fromkeys(("campaign", "creator", "note"), pl.String()),
        "time": time,
        "cost": pl.Int64(),
        "cid": pl.String(),
        "task_group": pl.String(),
    }
    assert dict(store.read("merchants").schema) == {
        **dict.fromkeys(("merchant", "name", "shop_type", "category"), pl.String()),
        "score": pl.Float64(),
        "daily_budget": pl.Int64(),
    }
    assert ads.read("touches")["time"][0] == datetime(2026, 5, 1, 2, tzinfo=UTC)
    assert ads.read("assignments").schema["time"] == time
    assert store.read("merchants").to_dicts() == GOOD["merchants"]


def test_people_and_join_keys_leave_as_tokens_and_placeholders_as_null(
    ads: Party, agreement: Agreement
) -> None:
    rows = with_cell(with_cell(TOUCHES, 1, "user", "unknown"), 2, "cid", " 0 ")
    write_table(ads.export, "touches", rows, "csv")
    ads.hand_over()
    keys = load_keys(ads.keys, agreement, Platform.ADS)

    def expected(key: str, value: str) -> str:
        return hmac.new(key.encode(), value.encode(), hashlib.sha256).hexdigest()

    own, common = (
        token_key(keys, IdentifierKind.ACCOUNT),
        join_key(keys, IdentifierKind.CLICK_ID),
    )
    users = [None, *(expected(own, f"CANARY-user-{n}") for n in (1, 0, 1))]
    assert ads.read("touches")["user"].to_list() == users
    assert ads.read("touches")["cid"].to_list() == [
        *[None] * 3,
        expected(common, "CANARY-cid-3"),
    ]


def test_both_platforms_give_a_cid_the_same_token(ads: Party, store: Party) -> None:
    ads.hand_over()
    store.hand_over()
    clicked = ads.read("touches")["cid"].drop_nulls()
    seen = store.read("visits")["cid"]
    assert clicked.to_list() == seen.to_list()[:2]  # CANARY-cid-1 and -3 on both sides


def test_the_same_person_has_other_tokens_on_each_platform(ads: Party, store: Party) -> None:
    write_table(ads.export, "touches", with_cell(TOUCHES, 1, "user", "CANARY-one"), "csv")
    write_table(store.export, "visits", with_cell(VISITS, 1, "buyer", "CANARY-one"), "csv")
    ads.hand_over()
    store.hand_over()
    assert ads.read("touches")["user"][0] != store.read("visits")["buyer"][0]
    assert ads.read("touches")["user"][0] != ads.read("touches")["cid"][1]


def test_a_shared_identifier_joins_and_accounts_do_not(draft: Agreement, tmp_path: Path) -> None:
    record = to_record(draft)
    record["join"]["shared_identifier"] = "phone"
    for table in ("users", "buyers"):
        record["opens"][table]["phone"] = "join_key"
    opened = agreed(parse(record, "with phone"), {p: tmp_path / p for p in Platform})
    spellings = {"users": "138-0013-8001", "buyers": "+86 13800138001"}
    parties = {}
    for table, platform in (("users", Platform.ADS), ("buyers", Platform.STORE)):
        export = tmp_path / "exports" / platform
        write_good(export, platform)
        write_table(export, table, [{**GOOD[table][0], "phone": spellings[table]}], "csv")
        out = tmp_path / "out" / platform
        parties[table] = Party(platform, opened, tmp_path / platform, export, out)
        parties[table].hand_over()
    phones = {party.read(table)["phone"][0] for table, party in parties.items()}
    assert len(phones) == 1
    assert None not in phones


def test_a_column_that_is_not_opened_stays_at_home(ads: Party) -> None:
    rows = [{**row, "phone": f"{CANARY}-phone", "email": "x", "age": 30} for row in GOOD["users"]]
    write_table(ads.export, "users", rows, "csv")
    _, report = ads.hand_over()
    assert ads.read("users").columns == ["user", "region", "prior_engagements"]
    assert report_on("users", report).left_at_home == 3
    assert "not opened, left at home: 3" in str(report)
    assert "age" not in str(report)


def test_columns_may_stand_in_any_order(ads: Party) -> None:
    write_table(ads.export, "touches", [dict(reversed(row.items())) for row in TOUCHES], "csv")
    ads.hand_over()
    assert ads.read("touches").columns == list(ads.agreement.opens["touches"])


def test_no_raw_identifier_is_handed_over(ads: Party, store: Party) -> None:
    for party, table, rows in ((ads, "touches", TOUCHES), (store, "visits", VISITS)):
        write_table(party.export, table, [*rows, with_cell(rows, 1, "kind", "swipe")[0]], "csv")
        handed, report = party.hand_over()
        assert no_canary([str(report), repr(report), repr(handed), str(handed.manifest)])
        assert all(CANARY.encode() not in file.read_bytes() for file in party.out.iterdir())
        for name in handed.manifest["body"]["tables"]:
            assert no_canary([str(party.read(name).rows())])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_csv_and_parquet_give_the_same_handover(suffix: str, ads: Party) -> None:
    for name, rows in GOOD.items():
        if TABLES[name].platform is Platform.ADS:
            write_table(ads.export, name, rows, suffix)
    ads.hand_over()
    touches = ads.read("touches")
    assert touches["event_id"].to_list() == [row["event_id"] for row in TOUCHES]
    assert touches["cost"].to_list() == [row["cost"] for row in TOUCHES]
    assert touches["user"].n_unique() == 2
    assert touches["user"].null_count() == 0
    assert touches["cid"].null_count() == 2


def test_a_parquet_file_may_hold_integer_ids_and_categories(ads: Party) -> None:
    frame = pl.read_parquet(write_table(ads.export, "touches", TOUCHES, "parquet"))
    frame.with_columns(
        pl.col("kind").cast(pl.Categorical),
        pl.col("merchant").cast(pl.Enum(["M01"])),
        pl.int_range(pl.len()).alias("user"),
        pl.lit(None).alias("campaign"),
        pl.col("time").dt.cast_time_unit("ns"),
        pl.col("cost").cast(pl.UInt32),
    ).write_parquet(ads.export / "touches.parquet")
    ads.hand_over()
    touches = ads.read("touches")
    assert touches["kind"].to_list() == [row["kind"] for row in TOUCHES]
    assert touches["campaign"].null_count() == 4
    assert touches["user"].null_count() == 1  # the id 0 is a placeholder
    assert touches["time"][0] == datetime(2026, 5, 1, 2, tzinfo=UTC)


def test_a_byte_order_mark_and_windows_line_ends_are_read(ads: Party) -> None:
    file = write_table(ads.export, "touches", TOUCHES, "csv")
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    _, report = ads.hand_over()
    assert report_on("touches", report).kept == len(TOUCHES)
    assert ads.read("touches")["event_id"][0] == "t0"


def test_a_second_run_replaces_the_first(ads: Party) -> None:
    first, _ = ads.hand_over()
    write_table(ads.export, "touches", TOUCHES[:2], "csv")
    second, _ = ads.hand_over()
    assert second.manifest["body"]["tables"]["touches"]["rows"] == 2
    assert ads.read("touches").height == 2
    assert first.manifest != second.manifest
    names = sorted(path.name for path in ads.out.parent.iterdir())
    assert names == ["export", "handover", "keys"]


def test_the_same_rows_are_handed_over_under_another_nonce(ads: Party) -> None:
    bodies = [ads.hand_over()[0].manifest["body"] for _ in range(2)]
    nonces = [body["nonce"] for body in bodies]
    assert len(set(nonces)) == len({body["sealed_key"] for body in bodies}) == 2
    assert bodies[0]["tables"]["touches"]["sha256"] != bodies[1]["tables"]["touches"]["sha256"]
    assert all(len(bytes.fromhex(nonce)) == 16 for nonce in nonces)


def interrupted(*_: object) -> str:
    raise KeyboardInterrupt


def test_an_interrupted_run_leaves_what_was_there(
    ads: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = ads.hand_over()
    write_table(ads.export, "touches", TOUCHES[:2], "csv")
    monkeypatch.setattr("cleanroom.signing.sign", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ads.hand_over()
    assert json.loads((ads.out / "manifest.json").read_bytes()) == first.manifest
    assert ads.read("touches").height == len(TOUCHES)
    assert sorted(p.name for p in ads.out.parent.iterdir()) == ["export", "handover", "keys"]


def test_what_a_killed_run_left_is_swept_away(ads: Party) -> None:
    for left in (ads.out.with_name(".handover.partial"), ads.export / ".quarantine.partial"):
        left.mkdir()
        (left / "touches.parquet").write_bytes(b"half")
    ads.hand_over()
    assert sorted(p.name for p in ads.out.parent.iterdir()) == ["export", "handover", "keys"]
    assert not list(ads.export.glob(".*"))


@pytest.mark.parametrize("name", ["thesis.docx", "touches.sealed"])
def test_a_directory_of_other_things_is_never_written_over(name: str, ads: Party) -> None:
    ads.out.mkdir()
    (ads.out / name).write_text("precious")
    with pytest.raises(HandoverError, match="is not a handover"):
        ads.hand_over()
    assert (ads.out / name).read_text() == "precious"


def test_the_export_is_never_written_over(ads: Party) -> None:
    before = sorted(file.name for file in ads.export.iterdir())
    with pytest.raises(HandoverError, match="is not a handover"):
        Party(ads.platform, ads.agreement, ads.keys, ads.export, ads.export).hand_over()
    assert sorted(file.name for file in ads.export.iterdir()) == before


def test_only_the_platforms_own_user_can_enter_the_handover(ads: Party) -> None:
    ads.hand_over()
    assert stat.S_IMODE(ads.out.stat().st_mode) == 0o700


def test_keys_of_another_version_of_the_agreement_are_refused(
    ads: Party, agreement: Agreement
) -> None:
    keys = load_keys(ads.keys, agreement, Platform.ADS)
    newer = parse({**to_record(agreement), "version": 2}, "amended")
    with pytest.raises(KeysError, match=r"agreement with the digest '.{12}', not '.{12}'"):
        write_handover(ads.export, keys, newer, ads.out, NOW)


def test_nothing_is_handed_over_under_an_agreement_that_is_not_signed(
    ads: Party, agreement: Agreement
) -> None:
    unsigned = parse(to_record(agreement), "unsigned")
    with pytest.raises(AgreementError, match="lacks the signature of the ads and store platforms"):
        replace(ads, agreement=unsigned).hand_over()
    assert not ads.out.exists()


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2025-12-31T15:59:59+00:00", "not in force before 2026-01-01"),
        ("2035-12-31T16:00:00+00:00", "ended on 2035-12-31"),
    ],
)
def test_nothing_is_handed_over_before_or_after_the_agreements_days_in_shanghai(
    moment: str, words: str, ads: Party, agreement: Agreement
) -> None:
    keys = load_keys(ads.keys, agreement, Platform.ADS)
    with pytest.raises(AgreementError, match=words):
        write_handover(ads.export, keys, agreement, ads.out, datetime.fromisoformat(moment))
    assert not ads.out.exists()


# Sealed


def test_only_the_room_that_the_agreement_names_can_open_a_handover(store: Party) -> None:
    store.hand_over()
    assert store.read("visits")["amount"].to_list() == [None, 9900, 9900]
    keys = load_keys(store.keys, store.agreement, Platform.STORE)
    for other in (keys.transport, X25519PrivateKey.generate()):
        with pytest.raises(SealError, match="sealed key does not open"):
            room.opened(store.out, "visits", other)


def test_nothing_of_a_table_can_be_read_in_a_handover(store: Party) -> None:
    store.hand_over()
    tokens = store.read("visits")["buyer"].to_list()
    for file in store.out.glob("*.sealed"):
        content = file.read_bytes()
        assert not [w for w in (b"PAR1", b"amount", b"M01", tokens[0].encode()) if w in content]


def test_a_key_is_sealed_for_one_handover_of_one_party_under_one_agreement(ads: Party) -> None:
    body = ads.hand_over()[0].manifest["body"]
    key = room.transport(ads.keys)
    sealing.open_key(body["sealed_key"], key, sealing.handover_context(body))
    for name in ("format", "collaboration", "epoch", "agreement", "party", "nonce"):
        other = sealing.handover_context({**body, name: "other"})
        with pytest.raises(SealError, match="sealed key does not open"):
            sealing.open_key(body["sealed_key"], key, other)


def test_no_readable_table_is_left_behind(ads: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(ads.export, "touches", with_cell(TOUCHES, 1, "kind", "swipe"), "csv")
    ads.hand_over()
    assert [file.name for file in (ads.export / "quarantine").iterdir()] == ["touches.parquet"]
    monkeypatch.setattr("cleanroom.sealing.encrypt", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ads.hand_over()
    assert not list(ads.export.parent.rglob("*.tokens"))


def test_what_the_agreement_does_not_open_cannot_be_written(
    ads: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ingest.read_export

    def careless(*asked: Any) -> list[ExportTable]:
        """Reads a column that is not opened, as a fault of the program might."""
        touches, *others = real(*asked)
        phone = Field("phone", TABLES["users"].columns["phone"], is_text=True)
        rows = touches.rows.with_columns(phone=pl.lit("13800138000"))
        return [replace(touches, fields=(*touches.fields, phone), rows=rows), *others]

    monkeypatch.setattr(handover, "read_export", careless)
    with pytest.raises(HandoverError, match="other columns than the agreement opens: phone"):
        ads.hand_over()
    assert not ads.out.exists()
    assert not list(ads.export.rglob("*.tokens"))


def test_a_column_of_another_type_cannot_be_written(
    ads: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(field: Field, making: object) -> pl.Expr:
        return field.read.cast(pl.String).alias(field.name)

    monkeypatch.setattr(handover, "_handed_over", careless)
    with pytest.raises(HandoverError, match="opens: cost, time"):
        ads.hand_over()
    assert not ads.out.exists()


def test_without_a_room_s_key_nothing_is_handed_over(
    ads: Party, draft: Agreement, tmp_path: Path
) -> None:
    lock = tmp_path / "other.key"
    public = [create_keys(tmp_path / "other" / p, draft, p, lock) for p in Platform]
    party = replace(ads, agreement=with_keys(draft, public), keys=tmp_path / "other" / "ads")
    with pytest.raises(AgreementError, match=r"lacks .*room\.transport_key"):
        party.hand_over()
    assert not ads.out.exists()


def test_the_hash_that_the_agreement_names_makes_all_tokens(
    ads: Party, store: Party, agreement: Agreement
) -> None:
    def handed_over(token_hash: TokenHash) -> dict[str, pl.DataFrame]:
        agreed = parse(to_record(agreement) | {"token_hash": token_hash.value}, "agreed")
        agreed = signed_by_both(agreed, {p: ads.keys.parents[1] / p / "keys" for p in Platform})
        for party in (ads, store):
            replace(party, agreement=agreed).hand_over()
        return {"touches": ads.read("touches"), "visits": store.read("visits")}

    by_sha256, by_sm3 = (handed_over(token_hash) for token_hash in TokenHash)
    for table, secret in (("touches", ["user", "cid"]), ("visits", ["buyer", "cid"])):
        for column in secret:
            one, other = by_sha256[table][column], by_sm3[table][column]
            assert one.is_null().to_list() == other.is_null().to_list()
            assert one.n_unique() == other.n_unique()
            assert not set(one.drop_nulls()) & set(other.drop_nulls())
            assert other.drop_nulls().str.contains("^[0-9a-f]{64}$").all()
        assert by_sm3[table].drop(secret).equals(by_sha256[table].drop(secret))
    clicked, seen = by_sm3["touches"]["cid"].drop_nulls(), by_sm3["visits"]["cid"]
    assert clicked.to_list() == seen.to_list()[:2]


def test_no_kind_of_visit_is_called_as_a_kind_of_touch_is() -> None:
    assert not set(TOUCH_KINDS) & set(VISIT_KINDS)


def test_every_identifier_of_the_contracts_is_tokenised() -> None:
    for contract in TABLES.values():
        for column in contract.columns.values():
            secret = column.role in (Role.IDENTIFIER, Role.JOIN_KEY)
            assert secret == (column.identifier is not None)
