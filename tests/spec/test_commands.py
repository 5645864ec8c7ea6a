"""The command line: what goes wrong is said in words, and by an exit code of its own kind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cleanroom import cli
from cleanroom.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]
DRAFT = str(ROOT / "configs" / "red-cat-plan.yaml")


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["cleanroom", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (("verify", "nowhere"), ExitCode.LEDGER, "no ledger at nowhere"),
        (("agreement", "check", "nowhere"), ExitCode.AGREEMENT, "nowhere"),
        (("run", "nowhere", "--settings", ROOT / "configs" / "red-cat-plan.run.yaml"),
         ExitCode.AGREEMENT, "nowhere is no room"),
        (("plan", "nowhere", "--settings", "x", "--schedule", "y", "--out", "z"),
         ExitCode.AGREEMENT, "nowhere is no room"),
        (("review", "list", "nowhere"), ExitCode.AGREEMENT, "nowhere is no room"),
        (("desk", "nowhere"), ExitCode.AGREEMENT, "nowhere is no room"),
        (("room", "diagnostics", "nowhere"), ExitCode.AGREEMENT, "nowhere is no room"),
        (("report", "nowhere", "--agreement", DRAFT, "--out", "x"), ExitCode.RELEASE,
         "no releases in nowhere"),
        (("agreement", "complete", DRAFT, "--public", "nowhere", "--out", "x"),
         ExitCode.AGREEMENT, "nowhere is no public.json"),
        (("room", "answer", "nowhere", "--kind", "lift", "--parameters", "{"),
         ExitCode.STUDY, "not a JSON object"),
        (("room", "answer", "nowhere", "--kind", "lift", "--parameters", '{"merchnt": "M01"}'),
         ExitCode.STUDY, "did you mean 'merchant'?"),
        (("keys", "fingerprint", "ads", "--agreement", DRAFT, "--keys", "nowhere"),
         ExitCode.KEYS, "no keys at nowhere"),
        (("keys", "rotate", "ads", "--from-keys", "old", "--from-agreement", DRAFT, "--keys", "new",
          "--agreement", DRAFT, "--export", "x", "--out", "y"), ExitCode.KEYS, "no keys at old"),
        (("room", "rotate", "nowhere", "x"), ExitCode.AGREEMENT, "nowhere is no room"),
        (("review", "vote", "nowhere", "--decision", "maybe"), ExitCode.USAGE, "maybe"),
        (("party", "handover", "ads", "--agreement", DRAFT, "--export", "x", "--keys", "nowhere",
          "--out", "y"), ExitCode.KEYS, "no keys at nowhere"),
    ],
)  # fmt: skip
def test_a_failure_has_its_exit_code_and_says_what_and_where(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[object, ...],
    code: ExitCode,
    problem: str,
) -> None:
    assert run(monkeypatch, *words) == code
    said = capsys.readouterr().err
    assert problem in said
    assert code is ExitCode.USAGE or "What to do: " in said


def test_an_unforeseen_error_tells_its_kind_and_place_and_nothing_it_held(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise RuntimeError("canary-4711")

    monkeypatch.setattr(cli, "app", fail)
    assert run(monkeypatch, "verify", "x") == 1
    said = capsys.readouterr().err
    assert "unforeseen RuntimeError at test_commands.py" in said
    assert "canary" not in said
