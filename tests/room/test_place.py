"""The agreement in the room: verified on every use, and what is in force is remembered."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cleanroom import ledger
from cleanroom.agreement import agreement_digest, parse, to_record, write
from cleanroom.bench.answer import answer
from cleanroom.errors import AgreementError
from cleanroom.gate.candidate import read_candidate
from cleanroom.policy import Policy, Rounding
from cleanroom.room.place import agreement_of, ledger_of
from cleanroom.study import ConversionStudy, LiftStudy
from tests.room.event_log import FEW, Room

PERMITTED = {"conversion": {"notebook": "conversion.ipynb"}}


def lay(room: Room, **altered: Any) -> None:
    """Lay the agreement into the room, some of its terms altered after it was signed."""
    signatures = {platform.value: text for platform, text in room.agreement.signatures.items()}
    record = {**to_record(room.agreement), **altered, "signatures": signatures}
    write(parse(record, "the agreement"), room.directory / "agreement.yaml")


def refusal(room: Room) -> str:
    with pytest.raises(AgreementError) as refused:
        agreement_of(room.directory)
    return refused.value.problem


def adopted(room: Room) -> list[tuple[str, int]]:
    return [
        (record["facts"]["agreement"], record["facts"]["version"])
        for record in ledger.records(ledger_of(room.directory))
        if record["event"] == ledger.Event.AGREEMENT_ADOPTED
    ]


def test_the_room_works_under_what_both_platforms_signed(room: Room) -> None:
    lay(room)
    assert agreement_of(room.directory) == room.agreement


def test_a_directory_without_an_agreement_is_no_room_to_work_in(room: Room) -> None:
    assert "no room with an agreement" in refusal(room)


def test_an_unsigned_agreement_is_refused(room: Room) -> None:
    write(parse(room.terms(), "unsigned"), room.directory / "agreement.yaml")
    assert "lacks the signature of the ads and store platforms." in refusal(room)
    assert adopted(room) == []


def test_an_agreement_that_ended_is_refused(room: Room) -> None:
    room.agree(valid_until="2026-01-31")
    lay(room)
    assert "ended on 2026-01-31 (valid_until)." in refusal(room)


def test_what_was_altered_is_named_beside_what_is_in_force(room: Room) -> None:
    lay(room)
    agreement_of(room.directory)
    lay(room, policy={**FEW, "min_people": 3}, retention_days=9_999)
    told = refusal(room)
    assert "was altered after the ads and store platforms signed it." in told
    assert told.splitlines()[1:] == [
        "  - retention_days: 30 -> 9999",
        "  - policy.min_people: 2 -> 3",
    ]
    lay(room)
    assert agreement_of(room.directory) == room.agreement


def test_what_is_not_signed_yet_is_named_beside_what_is_in_force(room: Room) -> None:
    lay(room)
    agreement_of(room.directory)
    write(parse(room.terms(version=2), "unsigned"), room.directory / "agreement.yaml")
    assert refusal(room).splitlines()[1:] == ["  - version: 1 -> 2"]


def test_an_agreement_altered_before_the_room_ever_saw_it_is_refused(room: Room) -> None:
    lay(room, policy={**FEW, "min_people": 3})
    assert refusal(room).endswith("was altered after the ads and store platforms signed it.")


def test_each_version_is_recorded_once_when_it_takes_its_place(room: Room) -> None:
    digests = []
    for version in (1, 2):
        room.agree(version=version)
        lay(room)
        for _ in range(2):
            assert agreement_of(room.directory).version == version
        digests.append(agreement_digest(room.agreement))
    assert adopted(room) == [(digests[0], 1), (digests[1], 2)]


def test_a_memory_that_cannot_be_read_changes_no_verdict(room: Room) -> None:
    lay(room)
    for damaged in (b"{", b"[]", b"\xff"):
        agreement_of(room.directory)
        (room.directory / "agreement.in-force.json").write_bytes(damaged)
        assert agreement_of(room.directory) == room.agreement
    (room.directory / "agreement.in-force.json").write_bytes(b"{")
    lay(room, policy={**FEW, "min_people": 3})
    assert "was altered" in refusal(room)


def policy(**stricter: int) -> Policy:
    """The test room's policy with a stricter rule."""
    return Policy.model_validate({**FEW, **stricter})


@pytest.mark.parametrize(
    ("own", "asked", "effective"),
    [
        ({}, None, policy(min_people=60)),
        ({"ads": {**FEW, "min_people": 70}}, None, policy(min_people=70)),
        ({"store": {**FEW, "rounding": 4}}, Policy(), Policy(min_people=60, rounding=20)),
        ({}, Policy(min_converters=80), Policy(min_people=60, min_converters=80)),
    ],
)
def test_an_answer_is_given_under_the_strictest_of_all_policies(
    own: dict[str, Any], asked: Policy | None, effective: Policy, room: Room
) -> None:
    parties = room.terms()["parties"]
    for platform, policy in own.items():
        parties[platform]["policy"] = policy
    room.agree(parties=parties, policy={**FEW, "min_people": 60}, studies=PERMITTED)
    lay(room)
    room.vault()
    study = ConversionStudy(merchant="m", start=date(2026, 3, 1), end=date(2026, 3, 9))
    (file,) = answer(room.directory, [study], asked)
    manifest = read_candidate(file, room.public_key).manifest
    assert manifest["policy"] == effective.model_dump()


def test_an_answer_counts_and_rounds_as_the_policy_says(room: Room) -> None:
    room.agree(policy={**FEW, "max_events_per_person": 2, "min_people": 50}, studies=PERMITTED)
    lay(room)
    seen = [f"02T0{hour}:00 impression u{n}" for n in range(53) for hour in range(n % 4 + 1)]
    room.vault(touches="\n".join(["time kind user", *seen]))
    study = ConversionStudy(merchant="m", start=date(2026, 3, 1), end=date(2026, 3, 9))
    (file,) = answer(room.directory, [study], Policy(round_counts=Rounding.BASE_5))
    tables = read_candidate(file, room.public_key).tables
    assert tables["path"].rounding is Rounding.BASE_5
    reach = tables["path"].only("step", "reach").values()
    assert reach == {("people",): 55, ("events",): 90}  # 53 people, 92 events once cut
    cut = tables["bounds"].only("bounded", "reach").values()
    assert cut == {("people",): 25}  # 26 of the 53


def test_a_lift_is_told_up_to_the_amount_that_counts(room: Room) -> None:
    policy = {**FEW, "min_converters": 2, "max_amount_per_person": 70_000}
    room.agree(policy=policy, studies={"lift": PERMITTED["conversion"]})
    lay(room)
    people = [*range(12)]
    arms = ["treated", "holdout"]
    room.vault(
        touches="\n".join(["time kind user cid", *(f"02T10:00 click u{n} c{n}" for n in people)]),
        visits="\n".join(
            [
                "time kind buyer cid order amount",
                *(f"02T10:05 visit b{n} c{n} - -" for n in people),
                *(f"12T10:05 purchase b{n} - o{n} {40_000 + n * 10_000}" for n in people[:8]),
            ]
        ),
        assignments="\n".join(
            ["user study arm time", *(f"u{n} s {arms[n % 2]} 10T00:00" for n in range(18))]
        ),
    )
    study = LiftStudy(merchant="m", start=date(2026, 3, 10), end=date(2026, 3, 20), study="s")
    (file,) = answer(room.directory, [study])
    candidate = read_candidate(file, room.public_key)
    assert candidate.manifest["study"]["max_amount"] == 500_000  # as it was asked
    assert "counting at most ¥700.00 a person" in candidate.findings.summary[2]
    estimates = candidate.findings.estimates
    assert estimates["amount_treated"].value == 40_000 + 60_000 + 70_000 * 2
    assert estimates["capped_treated"].value == 2
