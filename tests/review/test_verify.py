"""`cleanroom verify`: with public keys alone either platform finds whatever was tampered with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cleanroom import cli, ledger
from cleanroom.agreement import load, write
from cleanroom.errors import ExitCode
from cleanroom.ledger import Event
from cleanroom.review.records import plain, sign_vote
from tests.review.stage import AGREED, ANN, ROOM, SAM, STRANGER, Desk, candidate
from tests.review.tampering import TAMPERINGS, Story, story, tampered


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return story(tmp_path_factory.mktemp("story"))


def verify(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["cleanroom", "verify", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out + said.err


def test_a_ledger_as_it_was_written_verifies_with_its_releases(
    told: Story, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, words = verify(
        monkeypatch,
        capsys,
        *(told.ledger, "--agreement", told.agreement, "--release", told.release),
        *("--head", ledger.head(told.ledger)),
    )
    assert code == ExitCode.OK
    assert "The chain holds, and every step was allowed: 18 records" in words
    assert "Signatures verified: 8" in words  # four on templates, three votes, a receipt
    assert "release.json: released" in words


NAMED = {
    "a record was changed": "Ledger record 8 was changed after it was written",
    "a record was removed": "Ledger record 11 does not follow the record before it: the one",
    "two records were exchanged": "Ledger record 11 does not follow the record before it: it was",
    "a record was repeated": "Ledger record 12 does not follow the record before it: it was",
    "the end was cut off": "does not hold the release of release.json",
    "a vote was changed, and the chain written anew": "Ledger record 18 (vote_signed): The vote",
    "a record was removed, and the chain written anew": (
        "Ledger record 4 (template_approved) was not allowed where it stands: It was signed after "
        "a record that this ledger does not hold"
    ),
    "a vote was removed, and the chain written anew": (
        "Ledger record 12 (release_made) was not allowed where it stands"
    ),
}


@pytest.mark.parametrize("how", TAMPERINGS)
def test_what_was_tampered_with_is_found_and_named(
    how: str,
    told: Story,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy = tampered(told, how, tmp_path / "copy.jsonl")
    code, words = verify(
        monkeypatch,
        capsys,
        *(copy, "--agreement", told.agreement, "--release", told.release),
    )
    assert code == ExitCode.LEDGER
    assert NAMED[how] in words
    assert "compare with the other platform's copy" in words


def test_an_end_that_is_missing_shows_beside_a_receipt_that_somebody_kept(
    told: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tampered(told, "the end was cut off", tmp_path / "copy.jsonl")
    assert verify(monkeypatch, capsys, copy)[0] == ExitCode.OK  # a chain alone cannot show it
    code, words = verify(monkeypatch, capsys, copy, "--head", ledger.head(told.ledger))
    assert code == ExitCode.LEDGER
    assert "which was seen: its end is missing, or it was written anew" in words


def test_a_line_cut_short_is_said(
    told: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "copy.jsonl").write_bytes(told.ledger.read_bytes()[:-5])
    code, words = verify(monkeypatch, capsys, tmp_path / "copy.jsonl")
    assert code == ExitCode.OK
    assert "Its last line is cut short" in words


@pytest.mark.parametrize("signer", [STRANGER, ANN.key, ROOM])
def test_a_vote_that_another_signed_is_found(
    signer: object,
    desk: Desk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from cleanroom.review.office import ballot
    from cleanroom.review.records import Decision

    desk.submit(candidate())
    body = ballot(desk.docket, desk.case(candidate()), SAM, Decision.APPROVE)
    forged = sign_vote(body, signer)  # type: ignore[arg-type]
    ledger.append(desk.path, Event.VOTE_SIGNED, plain(forged))
    write(AGREED, tmp_path / "agreement.yaml")
    words = (desk.path, "--agreement", tmp_path / "agreement.yaml")
    code, said = verify(monkeypatch, capsys, *words)
    assert code == ExitCode.LEDGER
    assert "(vote_signed): The vote of 'sam' of store is not theirs" in said


def test_what_was_made_under_another_agreement_asks_for_that_one(
    told: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = load(told.agreement).model_copy(update={"version": 2})
    write(other, tmp_path / "other.yaml")
    code, words = verify(monkeypatch, capsys, told.ledger, "--agreement", tmp_path / "other.yaml")
    assert code == ExitCode.LEDGER
    assert "which was not given" in words
    both = ("--agreement", tmp_path / "other.yaml", "--agreement", told.agreement)
    code, _ = verify(monkeypatch, capsys, told.ledger, *both, "--release", told.release)
    assert code == ExitCode.OK
