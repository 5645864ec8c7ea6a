"""What a platform computes and keeps in a blinded join: handles, pieces, points, secrets."""

from __future__ import annotations

import copy
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from cleanroom.agreement import TokenHash, parse, to_record
from cleanroom.errors import AgreementError, HandoverError, JoinError, KeysError
from cleanroom.party import join_input
from cleanroom.party import match as at_party
from cleanroom.party.blinding import Crew, blinded, cores, doubled, rates
from cleanroom.party.curve import domain, new_secret
from cleanroom.party.derive import handle_key
from cleanroom.party.join_input import (
    HandleKey,
    JoinInput,
    count,
    pairs,
    require_handles,
    sort,
    unsorted,
)
from cleanroom.party.match_state import finish, is_finished, new_state, read_state
from cleanroom.party.tokens import hmac_sha256
from cleanroom.stepwise import Silent
from cleanroom.tables import IdentifierKind, Platform
from tests.blinding import ADS, CID, ROOM, STORE, Scene, scene
from tests.party.exports import Party

EMAIL = IdentifierKind.EMAIL
SECRET = bytes(range(32))
KEY = HandleKey("ab" * 32, TokenHash.HMAC_SHA256)
SECRETS = {CID.value: (domain("test"), SECRET)}
IDENTIFIERS = [f"id-{n}" for n in range(50)]


def written(folder: Path, identifiers: Sequence[str | None]) -> Path:
    """The join input of these identifiers, handles under `KEY`."""
    rows = pl.LazyFrame({"cid": identifiers}, schema={"cid": pl.String})
    pairs(rows, pl.col("cid"), CID, KEY).sink_parquet(unsorted(folder, "touches"))
    sort(folder)
    return folder


def read(folder: Path) -> pl.DataFrame:
    return pl.concat(pl.read_parquet(file) for file in sorted(folder.glob("*.parquet")))


# Handles


def test_a_handle_is_the_beginning_of_the_identifier_s_hmac(tmp_path: Path) -> None:
    frame = read(written(tmp_path, [" id-1 "]))
    hashed = pl.select(hmac_sha256(pl.lit("id-1"), KEY.key)).item()
    assert frame.rows() == [("id-1", hashed[:32])]


def test_handles_stand_in_the_handover_where_tokens_did(tmp_path: Path) -> None:
    match = scene(tmp_path, ["a", "b", "", "a"], ["a"])
    found = match.handed_over(Platform.ADS, "touches")["cid"].to_list()
    by_handle = match.identifiers(Platform.ADS)
    assert [by_handle.get(handle) for handle in found] == ["a", "b", None, "a"]
    key = handle_key(match.keys(Platform.ADS), CID, match.side(Platform.ADS).nonce)
    folder = match.home / ADS / "export" / "join" / CID
    require_handles(folder, HandleKey(key, TokenHash.HMAC_SHA256))


def test_only_join_keys_become_handles(tmp_path: Path) -> None:
    match = scene(tmp_path, ["a"], ["a"])
    touches = match.handed_over(Platform.ADS, "touches")
    assert {name: len(touches[name][0]) for name in ("user", "cid")} == {"user": 64, "cid": 32}


def test_a_shared_identifier_is_joined_beside_the_click_ids(tmp_path: Path) -> None:
    match = scene(
        tmp_path, ["a", "b"], ["a", "b"], emails=["Ann@example.org", None, "bob@example.org"]
    )
    assert {p.name for p in (match.home / ADS / "export" / "join").iterdir()} == {CID, EMAIL}
    match.play()
    assert match.links() == {("a", "a"), ("b", "b")}
    assert match.links(EMAIL) == {(e, e) for e in ("ann@example.org", "bob@example.org")}


def test_a_keyed_handover_leaves_no_join_input(ads: Party) -> None:
    ads.hand_over()
    assert not (ads.export / "join").exists()


# Join inputs


def test_a_join_input_has_each_identifier_once_by_handle(tmp_path: Path) -> None:
    frame = read(written(tmp_path, [*IDENTIFIERS, None, "null", *IDENTIFIERS]))
    assert sorted(frame["identifier"]) == sorted(IDENTIFIERS)
    assert frame["handle"].is_sorted()
    assert count(tmp_path) == 50


def test_a_join_input_is_its_owner_s_alone(tmp_path: Path) -> None:
    folder = written(tmp_path / "join", IDENTIFIERS)
    assert folder.stat().st_mode & 0o077 == 0
    assert [file.name for file in folder.iterdir()] == ["000.parquet"]
    assert (folder / "000.parquet").stat().st_mode & 0o077 == 0


def test_one_that_does_not_fit_into_memory_is_sorted_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read(written(tmp_path / "whole", IDENTIFIERS))
    monkeypatch.setattr(join_input, "_SORTED_AT_ONCE", 8)
    in_parts = written(tmp_path / "parts", IDENTIFIERS)
    assert len(list(in_parts.iterdir())) == 7
    assert read(in_parts).equals(whole)


@pytest.mark.parametrize("size", [1, 7, 50, 51, 100])
@pytest.mark.parametrize("dummies", [0, 1, 13])
def test_pieces_are_of_one_size_and_hold_everything_once(
    size: int, dummies: int, tmp_path: Path
) -> None:
    folder = written(tmp_path, IDENTIFIERS)
    pieces = list(JoinInput(folder, SECRET, dummies).pieces(size))
    lengths = [len(piece.identifiers) for piece in pieces]
    assert sum(lengths) == 50 + dummies
    assert set(lengths[:-1]) <= {size}
    together = [i for piece in pieces for i in piece.identifiers]
    assert len(set(together)) == 50 + dummies
    assert set(IDENTIFIERS) <= set(together)
    joined = b"".join(piece.handles for piece in pieces)
    handles = [joined[i : i + 16] for i in range(0, len(joined), 16)]
    assert handles == sorted(set(handles))
    assert len(handles) == 50 + dummies


def test_no_identifier_is_one_empty_piece(tmp_path: Path) -> None:
    (piece,) = JoinInput(written(tmp_path, [None]), SECRET, 0).pieces(5)
    assert (piece.identifiers, piece.handles) == ([], b"")


def test_dummies_are_the_same_after_a_restart_and_others_under_another_key(tmp_path: Path) -> None:
    folder = written(tmp_path, IDENTIFIERS)
    first, again, other = (
        list(JoinInput(folder, key, 9).pieces(20)) for key in (SECRET, SECRET, new_secret())
    )
    assert first == again
    made = [
        {i for p in pieces for i in p.identifiers} - {*IDENTIFIERS} for pieces in (first, other)
    ]
    assert [len(dummies) for dummies in made] == [9, 9]
    assert made[0] & made[1] == set()


# Points


def test_a_crew_computes_what_one_process_does() -> None:
    points = blinded(SECRETS[CID], IDENTIFIERS)
    with Crew(SECRETS, 1) as alone, Crew(SECRETS, 2) as crew:
        assert crew.most_in_flight > 0
        for who in (alone, crew):
            assert who.blind(CID, IDENTIFIERS).result() == points
            assert who.double(CID, points).result() == doubled(SECRETS[CID], points)


def test_both_orders_of_blinding_meet() -> None:
    other = (SECRETS[CID][0], new_secret())
    one_way = doubled(other, blinded(SECRETS[CID], IDENTIFIERS))
    assert one_way == doubled(SECRETS[CID], blinded(other, IDENTIFIERS))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_crew_tells_which_points_are_none(processes: int) -> None:
    with Crew(SECRETS, processes) as crew, pytest.raises(JoinError, match="1 of small order"):
        crew.double(CID, bytes(32)).result()


def test_a_forecast_rests_on_rates_measured_here() -> None:
    assert min(rates()) > 0
    assert cores() >= 1


WORKERS_OUTLIVED = """
    import os, signal, sys
    from cleanroom.party.blinding import Crew
    if __name__ == "__main__":
        crew = Crew({"click_id": (b"domain", bytes(32))}, 2).__enter__()
        started = [crew.blind("click_id", ["a"]) for _ in range(2)]
        [future.result() for future in started]
        print("blinded", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_workers_of_a_killed_process_end_with_it(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(WORKERS_OUTLIVED))
    killed = subprocess.run(
        [sys.executable, str(program)], stdout=subprocess.PIPE, text=True, check=False, timeout=60
    )
    # Its output has ended, which the workers hold open as long as there are any.
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, "blinded\n")


# State


@pytest.fixture
def match(tmp_path: Path) -> Scene:
    return scene(tmp_path, ["a", "b"], ["b"])


def test_a_state_is_read_as_it_was_made(match: Scene) -> None:
    folder, keys = match.home / "state", match.keys(Platform.ADS)
    made = new_state(folder, keys, "ab" * 32, [CID, EMAIL], 77)
    found = read_state(folder, keys, "ab" * 32)
    assert found is not None
    assert (found.match, found.secrets, found.chunk) == (made.match, made.secrets, 77)
    assert len({*made.secrets.values()}) == 2
    assert read_state(folder, keys, "cd" * 32) is None


def test_a_state_is_of_one_match(match: Scene) -> None:
    folder, keys = match.home / "state", match.keys(Platform.ADS)
    new_state(folder, keys, "ab" * 32, [CID], 77)
    (file,) = folder.rglob("*.json")
    file.rename(file.with_name("cd" * 8 + ".json"))
    with pytest.raises(JoinError, match="does not open"):
        read_state(folder, keys, "cd" * 32)


def test_a_state_that_others_can_read_is_not_used(match: Scene) -> None:
    folder, keys = match.home / "state", match.keys(Platform.ADS)
    new_state(folder, keys, "ab" * 32, [CID], 77)
    next(folder.rglob("*.json")).chmod(0o644)
    with pytest.raises(KeysError, match="open to others"):
        read_state(folder, keys, "ab" * 32)


def test_another_platform_s_matches_in_the_same_place_are_left_alone(match: Scene) -> None:
    folder, ads, store = match.home / "state", *(match.keys(party) for party in Platform)
    for keys in (ads, store):
        new_state(folder, keys, "ab" * 32, [CID], 77)
    finish(folder, ads, "ab" * 32)
    assert is_finished(folder, ads, "ab" * 32)
    assert not is_finished(folder, store, "ab" * 32)
    assert read_state(folder, ads, "ab" * 32) is None
    assert read_state(folder, store, "ab" * 32) is not None


def test_a_new_match_leaves_nothing_of_an_earlier_one(match: Scene) -> None:
    folder, keys = match.home / "state", match.keys(Platform.ADS)
    new_state(folder, keys, "ab" * 32, [CID], 77)
    new_state(folder, keys, "cd" * 32, [CID], 77)
    assert read_state(folder, keys, "ab" * 32) is None


def test_secrets_are_never_shown_or_copied(match: Scene) -> None:
    state = new_state(match.home / "state", match.keys(Platform.ADS), "ab" * 32, [CID], 77)
    assert state.secrets[CID].hex() not in repr(state)
    with pytest.raises(KeysError):
        copy.copy(state)


# A platform's side


def test_a_keyed_agreement_has_no_match(match: Scene) -> None:
    terms = to_record(match.agreement)
    terms["join"]["mode"] = "keyed"
    side = replace(match.side(Platform.ADS), agreement=parse(terms, "keyed"))
    with pytest.raises(JoinError, match="join is not blinded"):
        next(at_party.match(side))


def test_no_part_is_taken_under_an_agreement_that_both_have_not_signed(match: Scene) -> None:
    # One that names other keys would have what the ads platform doubles sealed to whoever made it.
    next(match.actor(ROOM))
    side = match.side(Platform.ADS)
    unsigned = replace(side, agreement=match.agreement.model_copy(update={"signatures": {}}))
    with pytest.raises(AgreementError, match="lacks the signature of the ads and store platforms"):
        next(at_party.match(unsigned))
    assert not side.state.exists()


def test_a_directory_without_a_handover_is_said_to_be_none(match: Scene) -> None:
    shutil.rmtree(match.home / ADS / "handover")
    with pytest.raises(HandoverError, match="There is no handover"):
        match.side(Platform.ADS)


@pytest.mark.parametrize("chunk", [0, 2**20 + 1])
def test_messages_hold_at_least_one_record_and_not_too_many(chunk: int, match: Scene) -> None:
    with pytest.raises(JoinError, match="cannot hold"):
        next(at_party.match(match.side(Platform.ADS, chunk=chunk)))


def test_at_the_start_it_is_said_how_long_it_will_take(match: Scene) -> None:
    told = Told()
    next(match.actor(ROOM))
    next(at_party.match(match.side(Platform.ADS, progress=told)))
    assert told.total == 3
    (line,) = told.lines
    assert re.match(
        r"ads: 2 click ids to blind, 1 to double: about \d+\.\d s on 1 core \(.+\)$", line
    )


class Told(Silent):
    """A progress that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.total = 0

    def says(self, line: str) -> None:
        self.lines.append(line)

    def begins(self, records: int) -> None:
        self.total = records


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_identifiers(tmp_path: Path) -> None:
    peaks = [peak(scene(tmp_path / str(n), ids(n), ids(n), chunk=200)) for n in (1_000, 8_000)]
    assert peaks[1] < 1.5 * peaks[0]


def ids(number: int) -> list[str]:
    return [f"id-{n}" for n in range(number)]


def peak(match: Scene) -> int:
    """The most memory that Python held while the ads platform blinded and doubled."""
    next(match.actor(ROOM))
    match.until_waiting(STORE)
    tracemalloc.start()
    match.until_waiting(ADS)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most
