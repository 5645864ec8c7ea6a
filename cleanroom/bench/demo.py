"""The demo: all parties of a collaboration on one machine, each a process with its own directory.

Nothing here does a party's work: it writes the exports, starts the same commands that the parties
would, and at the end, because the data is simulated, lays the truth beside the estimates.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile, rmtree

from rich.console import Console

from cleanroom import signing
from cleanroom.agreement import JoinMode, load, write
from cleanroom.errors import DemoError
from cleanroom.review.office import docket
from cleanroom.review.states import State
from cleanroom.tables import Platform

REVIEWER, ANALYST = "demo-reviewer", "demo-analyst"
console = Console(highlight=False)


@dataclass(frozen=True)
class Stage:
    """Where the demo plays: its output, and the folders of agreement and notebooks."""

    out: Path
    configs: Path
    notebooks: Path
    join: JoinMode = JoinMode.KEYED

    @property
    def draft(self) -> Path:
        """The agreement without keys: the one that is shipped, or with another join."""
        shipped = self.configs / "red-cat-plan.yaml"
        return shipped if self.join is JoinMode.KEYED else self.out / "draft.yaml"

    @property
    def room(self) -> Path:
        """The room's directory."""
        return self.out / "room"

    @property
    def agreement(self) -> Path:
        """The completed agreement, the same for all parties."""
        return self.out / "agreement.yaml"

    def party(self, platform: Platform) -> Path:
        """A platform's directory."""
        return self.out / platform


def play(stage: Stage, people: int, merchants: int) -> None:
    """Play the collaboration; a second run takes up what the first one finished.

    Writes `timings.json`: seconds by stage. Raises `DemoError` if a party's step fails.
    """
    timings: dict[str, float] = {}
    _make_room_for(stage, {"people": people, "merchants": merchants, "join": stage.join.value})
    with _timed(timings, "exports", "Two platforms write their exports (simulated)"):
        _exports(stage, people, merchants)
    with _timed(timings, "keys", "Each party makes its keys; both platforms sign the agreement"):
        _keys(stage)
    with _timed(timings, "handovers", "Each platform checks, tokenises and hands over"):
        _handovers(stage)
    if stage.join is JoinMode.BLINDED:
        with _timed(timings, "match", "Both blind; the room joins what both have blinded"):
            _match(stage)
    with _timed(timings, "templates", "Both platforms approve what may be run on real rows"):
        _templates(stage)
    with _timed(timings, "run", "The room joins, and runs every merchant's notebooks"):
        settings = stage.configs / "red-cat-plan.run.yaml"
        _run("run", stage.room, "--settings", settings, "--notebooks", stage.notebooks, live=True)
    with _timed(
        timings, "review", "Reviewers of both platforms sign; what both signed is released"
    ):
        _review(stage)
    with _timed(timings, "report", "Reports are drawn from the releases alone"):
        _report(stage)
    signing.write_canonical(stage.out / "timings.json", timings)
    _compare(stage)
    console.print(f"\nOpen [bold]{stage.out / 'reports' / 'index.html'}[/]")


def _make_room_for(stage: Stage, settings: dict[str, int | str]) -> None:
    """Clear what another demo left at `stage.out`; never a folder that a demo did not make."""
    marker = stage.out / "demo.json"
    settings = {**settings, "format": 3}
    if stage.out.exists() and any(stage.out.iterdir()):
        if not marker.exists():
            raise DemoError(
                f"{stage.out} holds something that no demo wrote.", "name another --out."
            )
        if json.loads(marker.read_bytes()) != settings:
            rmtree(stage.out)
    signing.write_canonical(marker, settings)


def _exports(stage: Stage, people: int, merchants: int) -> None:
    exports = stage.out / "exports"
    done = exports / "done.json"
    if not done.exists():
        _run("simulate", "--out", exports, "--people", people, "--merchants", merchants)
        signing.write_canonical(done, {})


def _keys(stage: Stage) -> None:
    if (stage.room / "agreement.yaml").exists():
        return
    draft = stage.draft
    if not draft.exists():
        _write_draft(stage)
    roles: list[tuple[Path, Sequence[str]]] = [
        *((stage.party(p) / "keys", (p,)) for p in Platform),
        (stage.room, ("room",)),
        *(
            (
                stage.out / "reviewers" / p,
                ("reviewer", "--platform", p, "--name", REVIEWER),
            )
            for p in Platform
        ),
    ]
    missing = [(f, role) for f, role in roles if not (f / "public.json").exists()]
    _run_at_once(
        [
            ("keys", "create", *role, "--out", f, "--key-file", _key_file(f), "--agreement", draft)
            for f, role in missing
        ]
    )
    public = [word for folder, _ in roles for word in ("--public", folder / "public.json")]
    _run("agreement", "complete", draft, *public, "--out", stage.agreement)
    for platform in Platform:
        own = ("--platform", platform, "--keys", stage.party(platform) / "keys")
        _run("agreement", "sign", stage.agreement, *own)
    copyfile(stage.agreement, stage.room / "agreement.yaml")


def _write_draft(stage: Stage) -> None:
    """The shipped agreement with the demo's join in place of its own."""
    shipped = load(stage.configs / "red-cat-plan.yaml")
    join = shipped.join.model_copy(update={"mode": stage.join})
    write(shipped.model_copy(update={"join": join}), stage.draft)


def _key_file(keys: Path) -> Path:
    """What locks a party's keys: beside them here; on a medium of its own where it matters."""
    return keys.with_name(f"{keys.name}.unlock")


def _handovers(stage: Stage) -> None:
    waiting = [p for p in Platform if not (stage.party(p) / "handover" / "manifest.json").exists()]
    _run_at_once([_handover(stage, platform) for platform in waiting])
    _run("room", "accept", stage.room, *(stage.party(p) / "handover" for p in Platform))
    _run("room", "merchants", stage.room)


def _handover(stage: Stage, platform: Platform) -> tuple[object, ...]:
    own = stage.party(platform)
    export = stage.out / "exports" / platform
    return (
        *("party", "handover", platform, "--agreement", stage.agreement, "--export", export),
        *("--keys", own / "keys", "--out", own / "handover"),
    )


def _match(stage: Stage) -> None:
    if any((stage.room / "matches").glob("*/match.json")):
        return
    mailbox = ("--mailbox", stage.out / "mailbox")
    platforms: list[Sequence[object]] = [
        (
            *("party", "match", platform, "--agreement", stage.agreement, *mailbox),
            *("--export", stage.out / "exports" / platform),
            *("--keys", stage.party(platform) / "keys"),
            *("--handover", stage.party(platform) / "handover"),
            *("--state", stage.party(platform) / "match-state"),
        )
        for platform in Platform
    ]
    _run_at_once([*platforms, ("room", "match", stage.room, *mailbox)])


def _templates(stage: Stage) -> None:
    drafts = stage.configs / "red-cat-plan.templates.yaml"
    own = ("--author", ANALYST, "--notebooks", stage.notebooks)
    _run("template", "propose", stage.room, drafts, *own)
    for platform in Platform:
        _run("template", "approve", stage.room, *_reviewer(stage, platform))
    _run("template", "list", stage.room)


def _review(stage: Stage) -> None:
    """Both platforms vote on all; of one candidate a reviewer asks for changes first."""
    _talk_over(stage)
    for platform in Platform:
        looked = ("--decision", "approve", "--comment", "Looked at, in the demo.")
        _run("review", "vote", stage.room, *looked, *_reviewer(stage, platform))
    _run("review", "release", stage.room, "--out", stage.out / "releases")
    verified = ("--agreement", stage.agreement, "--release", stage.out / "releases")
    _run("verify", stage.room / "ledger.jsonl", *verified)


def _talk_over(stage: Stage) -> None:
    """One platform asks for changes of a candidate; where it stands, the reviewers can read."""
    cases = docket(stage.room / "ledger.jsonl").cases.values()
    digest = next((case.candidate for case in cases if case.state is State.IN_REVIEW), None)
    if digest is None:
        return
    doubts = ("--decision", "request-changes", "--comment", "Are these the days we agreed?")
    ads = _reviewer(stage, Platform.ADS)
    _run("review", "vote", stage.room, "--candidate", digest, *doubts, *ads)
    _run("review", "status", stage.room, digest)
    settled = ("--decision", "approve", "--comment", "They are: asked and answered.")
    _run("review", "vote", stage.room, "--candidate", digest, *settled, *ads)


def _reviewer(stage: Stage, platform: Platform) -> tuple[object, ...]:
    keys = stage.out / "reviewers" / platform
    return ("--platform", platform, "--reviewer", REVIEWER, "--keys", keys)


def _report(stage: Stage) -> None:
    folder, summary = stage.out / "releases", stage.room / "summary.json"
    where = ("--agreement", stage.agreement, "--out", stage.out / "reports", "--summary", summary)
    _run("report", folder, *where)


def _compare(stage: Stage) -> None:
    from cleanroom.bench.truth import compare

    console.print("\n[bold]Truth beside estimate[/] (the data is simulated, so this may be shown)")
    console.print(compare(stage.out / "releases", stage.agreement, stage.out / "exports" / "truth"))


@contextmanager
def _timed(timings: dict[str, float], name: str, title: str) -> Iterator[None]:
    console.print(f"\n[bold]{title}[/]")
    start = time.perf_counter()
    yield
    timings[name] = round(time.perf_counter() - start, 2)
    console.print(f"[dim]{timings[name]:.1f} s[/]")


def _run(*words: object, live: bool = False) -> None:
    """One party's command, in its own process; `live` leaves it the terminal (a progress bar)."""
    command = _announce(words)
    done = subprocess.run(command, check=False, text=True, stdout=None if live else subprocess.PIPE)
    _finish(done.returncode, done.stdout, words)


def _run_at_once(commands: Sequence[Sequence[object]]) -> None:
    """Several parties' commands at the same time."""
    started = [
        subprocess.Popen(
            _announce(words), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for words in commands
    ]
    for process, words in zip(started, commands, strict=True):
        told, _ = process.communicate()
        _finish(process.returncode, told, words)


def _announce(words: Sequence[object]) -> list[str]:
    text = [str(word) for word in words]
    console.print(f"$ cleanroom {' '.join(text)}", style="cyan", markup=False, soft_wrap=True)
    return [sys.executable, "-m", "cleanroom", *text]


def _finish(code: int, told: str | None, words: Sequence[object]) -> None:
    if told:
        console.print(told.rstrip(), markup=False, soft_wrap=True)
    if code:
        step = " ".join(str(word) for word in words[:2])
        raise DemoError(
            f"'cleanroom {step}' ended with exit code {code}.", "see what it said above."
        )
