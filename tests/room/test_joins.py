"""Limits on joins: too few matches, or too many joins, and nothing is kept."""

from __future__ import annotations

import multiprocessing
import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from cleanroom import ledger
from cleanroom.agreement import Agreement
from cleanroom.errors import JoinError
from cleanroom.room import derived
from cleanroom.room.derived import attributed, links, shared_sides
from cleanroom.room.join_keys import with_join_key
from cleanroom.room.joins import count_matches, enter, require_allowed
from cleanroom.room.lift import lift_tables
from cleanroom.room.place import ledger_of
from cleanroom.room.vault import Vault, open_vault
from cleanroom.study import LiftStudy
from cleanroom.tables import IdentifierKind
from tests.blinding import ADS, ROOM, STORE, scene
from tests.room.event_log import FEW, Room, Row

EMAIL = IdentifierKind.EMAIL
TOO_FEW = "Fewer join keys match than the agreement's minimum of"


def joins(room: Path) -> list[dict[str, Any]]:
    records = ledger.records(ledger_of(room))
    return [record["facts"] for record in records if record["event"] == "joined"]


def handed_over(room: Room, people: int) -> Vault:
    """So many users with a click each, all of whom came."""
    touches = [f"02T10:00 click u{n} c{n}" for n in range(people)]
    visits = [f"02T10:05 visit b{n} c{n}" for n in range(people)]
    return room.vault(
        touches="\n".join(["time kind user cid", *touches]),
        visits="\n".join(["time kind buyer cid", *visits]),
    )


# Too few matches


@pytest.mark.parametrize("fewest", [7, 60])
def test_a_join_with_fewer_matches_than_the_minimum_is_refused_and_nothing_is_kept(
    fewest: int, room: Room
) -> None:
    room.agree(policy={**FEW, "min_matches": fewest})
    vault = handed_over(room, 4)  # and the two that `Room.vault` adds
    for frame in (links, attributed):
        with pytest.raises(JoinError, match=TOO_FEW) as refusal:
            frame(vault)
        assert re.findall(r"\d+", str(refusal.value)) == [str(fewest)]
    assert not list((room.directory / "derived").glob("*"))


def test_as_many_matches_as_the_minimum_are_enough(room: Room) -> None:
    room.agree(policy={**FEW, "min_matches": 6})
    links(handed_over(room, 4))


def test_the_minimum_of_an_agreement_that_says_nothing_is_50(room: Room) -> None:
    room.agree(policy={})
    with pytest.raises(JoinError, match=f"{TOO_FEW} 50"):
        links(handed_over(room, 47))
    room.agree(policy={}, version=2)
    links(handed_over(room, 97))


def test_matches_are_keys_that_both_have_before_any_rule_of_the_link(room: Room) -> None:
    touches = """
    time     kind  user cid
    02T10:00 click ann  c1
    02T11:00 click ann  c1
    02T10:00 click -    c2
    """
    visits = """
    time     kind   buyer cid merchant
    01T10:00 visit  -     c1  other
    30T10:00 refund b     c2  m
    """
    vault = room.vault(touches=touches, visits=visits)
    ads, store = (with_join_key(vault, t, "cid") for t in ("touches", "visits"))
    assert count_matches(ads, store, "cid") == 2 + FEW["min_matches"]


def test_a_shared_identifier_has_the_minimum_as_well(room: Room) -> None:
    """And its join is entered though no CID is looked at."""
    room.agree(policy={**FEW, "min_matches": 4})
    people: dict[str, list[Row]] = {
        "users": [{"user": f"u{n}", "email": f"mail{n}"} for n in range(2)],
        "buyers": [{"buyer": f"b{n}", "email": f"mail{n}"} for n in range(2)],
    }
    shared_sides(room.vault(**people), EMAIL)
    assert len(joins(room.directory)) == 1
    room.agree(policy={**FEW, "min_matches": 5}, version=2)
    first, last = date(2026, 3, 1), date(2026, 3, 9)
    population: Literal["shared_identifier"] = "shared_identifier"
    study = LiftStudy(merchant="m", study="s", start=first, end=last, population=population)
    with pytest.raises(JoinError, match=f"{TOO_FEW} 5"):
        lift_tables(room.vault(**people), [study])


# Too many joins


def test_a_join_is_entered_once_without_a_count(room: Room) -> None:
    vault = handed_over(room, 3)
    for again in (vault, open_vault(room.directory, room.agreement)):
        links(again)
        attributed(again)
    for file in (room.directory / "derived").iterdir():
        file.rename(room.home / "lost")
    links(open_vault(room.directory, room.agreement))
    assert joins(room.directory) == [{"handovers": vault.handovers, "mode": "keyed"}]


def test_more_joins_than_agreed_are_refused_until_the_first_lies_a_period_back(room: Room) -> None:
    room.agree(policy={**FEW, "max_joins": 2, "join_period_days": 7})
    vaults = [handed_over(room, people) for people in (3, 5, 7)]
    for vault in vaults[:2]:
        enter(vault)
    third = vaults[2]
    with pytest.raises(JoinError, match="allows 2 joins in 7 days, and there were as many") as no:
        links(third)
    first = next(r for r in ledger.records(ledger_of(room.directory)) if r["event"] == "joined")
    allowed = datetime.fromisoformat(first["time"]) + timedelta(days=7)
    assert f"{allowed:%Y-%m-%d %H:%M} UTC" in no.value.remedy
    assert not list((room.directory / "derived").glob("*"))
    assert len(joins(room.directory)) == 2
    with pytest.raises(JoinError):
        require_allowed(third, allowed - timedelta(seconds=1))
    assert require_allowed(third, allowed)


def test_the_same_handovers_may_be_joined_again_though_no_other_may(room: Room) -> None:
    room.agree(policy={**FEW, "max_joins": 1})
    vault = handed_over(room, 3)
    links(vault)
    assert not require_allowed(vault)
    for file in (room.directory / "derived").iterdir():
        file.rename(room.home / "lost")
    links(vault)
    with pytest.raises(JoinError, match="allows 1 joins in 30 days"):
        links(handed_over(room, 5))


def test_a_join_that_was_refused_for_its_matches_counts(room: Room) -> None:
    """Whether a few more or fewer match is an answer: it cannot be asked for without end."""
    room.agree(policy={**FEW, "min_matches": 20, "max_joins": 2})
    for people in (3, 5):
        with pytest.raises(JoinError, match=TOO_FEW):
            links(handed_over(room, people))
    with pytest.raises(JoinError, match="allows 2 joins"):
        links(handed_over(room, 40))


def test_a_join_is_entered_before_anything_of_it_is_kept(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = handed_over(room, 3)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(ledger, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            links(vault)
        assert not list((room.directory / "derived").glob("*"))
    with monkeypatch.context() as cut:
        cut.setattr(derived, "keep", killed)
        with pytest.raises(KeyboardInterrupt):
            links(vault)
    assert len(joins(room.directory)) == 1
    links(vault)
    assert len(joins(room.directory)) == 1


def _derive(directory: Path, agreement: Agreement) -> None:
    links(open_vault(directory, agreement))


def test_processes_that_derive_at_once_enter_one_join(room: Room) -> None:
    handed_over(room, 3)
    context = multiprocessing.get_context("spawn")
    started = [
        context.Process(target=_derive, args=(room.directory, room.agreement)) for _ in range(3)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
        assert process.exitcode == 0
    assert len(joins(room.directory)) == 1


def test_a_blinded_join_is_entered_before_its_links_are_kept(tmp_path: Path) -> None:
    match = scene(tmp_path, ["a", "b", "c"], ["a", "b"])
    match.play()
    links(match.vault)
    assert joins(match.room) == [{"handovers": match.vault.handovers, "mode": "blinded"}]
    events = [record["event"] for record in ledger.records(ledger_of(match.room))]
    assert events.index("joined") < events.index("matched")


def test_one_blinded_join_too_many_is_not_begun(tmp_path: Path) -> None:
    match = scene(tmp_path, ["a", "b"], ["a", "b"], policy={**FEW, "max_joins": 1})
    match.play()
    match.cids = {**match.cids, **{party: ["a", "c", "d"] for party in match.cids}}
    for party in match.cids:
        match.hand_over(party)
    with pytest.raises(JoinError, match="allows 1 joins"):
        next(match.actor(ROOM))
    before = match.ticket
    assert before.handovers != match.vault.handovers
    assert {ADS, STORE} == set(before.handovers)
