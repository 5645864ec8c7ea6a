"""`cleanroom agreement`: what a platform types to sign, to verify, and to see what changed."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cleanroom import cli
from cleanroom.agreement import load, with_keys, write
from cleanroom.errors import ExitCode
from cleanroom.party.keys import create_keys
from cleanroom.tables import Platform

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; gives its exit code and all it printed."""

    def typed(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["cleanroom", "agreement", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out + told.err

    return typed


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The founding agreement, completed with the keys at `tmp_path / <platform>`."""
    draft = load(ROOT / "configs" / "red-cat-plan.yaml")
    lock = tmp_path / "unlock.key"
    public = [create_keys(tmp_path / platform, draft, platform, lock) for platform in Platform]
    room = {"role": "room", "identity_key": "c1" * 32, "transport_key": "c2" * 32}
    write(with_keys(draft, [*public, room]), tmp_path / "plan.yaml")
    return tmp_path / "plan.yaml"


def sign(run: Run, file: Path, platform: Platform, keys: Platform | None = None) -> tuple[int, str]:
    return run("sign", file, "--platform", platform, "--keys", file.parent / (keys or platform))


def test_both_sign_and_the_agreement_is_in_force(run: Run, file: Path) -> None:
    code, told = run("verify", file)
    assert code == ExitCode.AGREEMENT
    assert "ads: not signed\n  store: not signed\n" in told
    for platform in Platform:
        code, told = sign(run, file, platform)
        assert code == ExitCode.OK
        assert f"signed by {platform}; digest " in told
    code, told = run("verify", file)
    assert code == ExitCode.OK
    assert "ads: signed\n  store: signed\n" in told
    assert told.endswith("In force today.\n")


def test_an_altered_agreement_is_told_by_who_signed_it(run: Run, file: Path) -> None:
    sign(run, file, Platform.ADS)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("min_people: 50", "min_people: 5"), encoding="utf-8")
    sign(run, file, Platform.STORE)
    code, told = run("verify", file)
    assert code == ExitCode.AGREEMENT
    assert "ads: altered after it signed\n  store: signed\n" in told
    assert "was altered after the ads platform signed it." in told


def test_an_agreement_that_ended_is_told_by_its_last_day(run: Run, file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("2035-12-31", "2026-01-31"), encoding="utf-8")
    for platform in Platform:
        sign(run, file, platform)
    code, told = run("verify", file)
    assert code == ExitCode.AGREEMENT
    assert "ads: signed\n  store: signed\n" in told
    assert "ended on 2026-01-31" in told


def test_a_platform_signs_with_its_own_keys_alone(run: Run, file: Path) -> None:
    before = file.read_bytes()
    assert sign(run, file, Platform.ADS, Platform.STORE)[0] == ExitCode.KEYS
    assert file.read_bytes() == before


def test_a_draft_is_not_signed(run: Run, file: Path) -> None:
    draft = (ROOT / "configs" / "red-cat-plan.yaml").read_bytes()
    file.write_bytes(draft)
    code, told = sign(run, file, Platform.ADS)
    assert code == ExitCode.KEYS
    assert "does not name the public keys of ads and store yet" in told
    assert file.read_bytes() == draft


def test_two_agreements_are_told_apart_by_their_terms(run: Run, file: Path) -> None:
    other = file.with_name("other.yaml")
    shutil.copyfile(file, other)
    sign(run, other, Platform.ADS)
    assert run("diff", file, other) == (ExitCode.OK, "no difference\n")
    other.write_text(other.read_text().replace("max_joins: 31", "max_joins: 2"), encoding="utf-8")
    assert run("diff", file, other) == (ExitCode.OK, "policy.max_joins: 31 -> 2\n")
