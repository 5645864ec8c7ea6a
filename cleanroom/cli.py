"""The `cleanroom` command: each party's steps, in the order of the pipeline.

Heavy libraries are imported inside the commands, so that `cleanroom --help` answers at once.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cleanroom.errors import CleanroomError, ExitCode, StudyError
from cleanroom.tables import KeyRole, Platform

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Measure across two platforms without either handing the other its rows.\n\n"
    "Start with `cleanroom demo`: it plays all parties on one machine, each in its own "
    "process and directory, and prints every command it runs.",
)
agreement = typer.Typer(no_args_is_help=True, help="Read, check and complete the agreement.")
keys = typer.Typer(no_args_is_help=True, help="Create keys, on the machine of who owns them.")
party = typer.Typer(no_args_is_help=True, help="A platform's steps, on its own machine.")
room = typer.Typer(no_args_is_help=True, help="The room's steps, on the room's machine.")
review = typer.Typer(no_args_is_help=True, help="The reviewers' steps: look, sign, release.")
for name, group in {
    "agreement": agreement,
    "keys": keys,
    "party": party,
    "room": room,
    "review": review,
}.items():
    app.add_typer(group, name=name)

AgreementFile = Annotated[Path, typer.Option("--agreement", help="The agreement's YAML file.")]
Out = Annotated[Path, typer.Option("--out", help="Where to write; created if absent.")]
RoomFolder = Annotated[Path, typer.Argument(help="The room's directory.")]
Notebooks = Annotated[Path, typer.Option(help="Folder of the permitted notebooks.")]


def main() -> NoReturn:
    """Run the command line; failures end with their exit code and words, never with a value."""
    try:
        app()
    except CleanroomError as error:
        typer.secho(f"Error: {error}", fg=typer.colors.RED, err=True)
        sys.exit(error.exit_code)
    except Exception as error:
        # An unforeseen error may quote a row: only its kind and its place are told.
        typer.secho(f"Error: unforeseen {type(error).__name__} {_place(error)}.", err=True)
        sys.exit(1)
    sys.exit(ExitCode.OK)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where all parties' directories go.")] = Path(
        "out/demo"
    ),
    people: Annotated[int, typer.Option(help="People simulated.", min=2000)] = 200_000,
    merchants: Annotated[int, typer.Option(help="Merchants simulated.", min=3)] = 20,
    configs: Annotated[Path, typer.Option(help="Folder of the agreement.")] = Path("configs"),
    notebooks: Notebooks = Path("notebooks"),
) -> None:
    """Play the whole collaboration on simulated data with known truth."""
    from cleanroom.bench.demo import Stage, play

    play(Stage(out, configs, notebooks), people, merchants)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Where the two platforms' exports go.")],
    people: Annotated[int, typer.Option(help="People simulated.", min=2000)] = 200_000,
    merchants: Annotated[int, typer.Option(help="Merchants simulated.", min=3)] = 20,
    seed: Annotated[int, typer.Option(help="Another seed, another world.")] = 7,
) -> None:
    """Write two platforms' exports, bad rows included, and the truth behind them."""
    from cleanroom.simulation import SimulationSettings, write_exports
    from cleanroom.simulation import simulate as imagine

    write_exports(imagine(SimulationSettings(people, merchants, seed=seed)), out)
    typer.echo(f"Exports in {out / 'ads'} and {out / 'store'}; the truth in {out / 'truth'}")


@agreement.command("check")
def agreement_check(file: Annotated[Path, typer.Argument(help="The agreement.")]) -> None:
    """Read an agreement, say what it allows, and print its digest."""
    from cleanroom.agreement import agreement_digest, load

    read = load(file)
    typer.echo(f"{read.collaboration}, version {read.version}, epoch {read.epoch}")
    for platform in Platform:
        opened = read.opened(platform)
        columns = sum(len(c) for c in opened.values())
        typer.echo(f"  {platform} opens {', '.join(opened)} ({columns} columns)")
    typer.echo(f"  studies: {', '.join(read.studies)}")
    typer.echo(f"  digest: {agreement_digest(read)}")


@agreement.command("complete")
def agreement_complete(
    draft: Annotated[Path, typer.Argument(help="The agreement without keys.")],
    public: Annotated[list[Path], typer.Option(help="A party's public.json; once for each.")],
    out: Annotated[Path, typer.Option(help="The completed agreement.")],
) -> None:
    """Fill the parties', the room's and the reviewers' public keys into an agreement."""
    from cleanroom.agreement import agreement_digest, load, with_keys, write

    completed = with_keys(load(draft), [json.loads(file.read_text()) for file in public])
    write(completed, out)
    typer.echo(f"{out}: digest {agreement_digest(completed)}")


@agreement.command("permit")
def agreement_permit(
    file: Annotated[Path, typer.Argument(help="The agreement to amend.")],
    notebooks: Notebooks = Path("notebooks"),
) -> None:
    """Write the digests of the notebooks as they are now into an agreement."""
    from cleanroom.agreement import load
    from cleanroom.signing import file_digest

    text = file.read_text(encoding="utf-8")
    for study, permitted in load(file).studies.items():
        digest = file_digest(notebooks / permitted.notebook)
        # The text is amended, not written anew, so that the agreement keeps its comments.
        name = re.escape(permitted.notebook)
        text = re.sub(rf"(notebook: *{name}\s+sha256: *)\S+", rf'\g<1>"{digest}"', text)
        typer.echo(f"{study}: {permitted.notebook} {digest}")
    file.write_text(text, encoding="utf-8")


@keys.command("create")
def keys_create(
    role: Annotated[KeyRole, typer.Argument(help="Whose keys.")],
    agreement_file: AgreementFile,
    out: Annotated[Path, typer.Option(help="A directory for them; only its owner may read it.")],
    platform: Annotated[Platform | None, typer.Option(help="A reviewer's platform.")] = None,
    name: Annotated[str | None, typer.Option(help="A reviewer's name.")] = None,
) -> None:
    """Create keys; prints the file with the public part, which goes into the agreement."""
    from cleanroom.agreement import load
    from cleanroom.bench.enrol import create_keys

    typer.echo(create_keys(role, out, load(agreement_file), platform, name))


@party.command("handover")
def party_handover(
    platform: Annotated[Platform, typer.Argument(help="Whose export this is.")],
    agreement_file: AgreementFile,
    export: Annotated[Path, typer.Option(help="Directory of the platform's export files.")],
    keys_folder: Annotated[Path, typer.Option("--keys", help="The platform's keys.")],
    out: Out,
) -> None:
    """Check an export, quarantine bad rows with reasons, tokenise, and write the handover."""
    from cleanroom.agreement import load
    from cleanroom.party.handover import write_handover
    from cleanroom.party.keys import load_keys

    read = load(agreement_file)
    _, report = write_handover(export, load_keys(keys_folder, read, platform), read, out)
    typer.echo(report)


@room.command("accept")
def room_accept(
    folder: RoomFolder,
    handovers: Annotated[list[Path], typer.Argument(help="Handovers, one of each platform.")],
) -> None:
    """Verify handovers against the agreement and take them into the vault."""
    from cleanroom import ledger
    from cleanroom.room.place import agreement_of, ledger_of
    from cleanroom.room.vault import accept

    read = agreement_of(folder)
    for handover in handovers:
        taken = accept(folder, handover, read)
        facts = {"party": taken.party, "handover": taken.digest, "rows": taken.rows}
        ledger.append(ledger_of(folder), ledger.Event.HANDOVER_ACCEPTED, facts)
        rows = ", ".join(f"{count:,} {table}" for table, count in taken.rows.items())
        typer.echo(f"{taken.party}: {rows}")


@room.command("merchants")
def room_merchants(folder: RoomFolder) -> None:
    """List the merchants that take part, and why others do not."""
    from cleanroom.room.eligibility import eligibility
    from cleanroom.room.place import agreement_of
    from cleanroom.room.vault import open_vault

    read = agreement_of(folder)
    eligible, excluded = eligibility(open_vault(folder, read), read)
    for merchant in eligible:
        typer.echo(f"{merchant['merchant']}  {merchant['name']}  takes part")
    for other in excluded:
        typer.echo(f"{other['merchant']}  {other['name']}  left out: {other['reason']}")


@room.command("answer")
def room_answer(
    folder: RoomFolder,
    kind: Annotated[str, typer.Option(help="conversion or lift.")],
    parameters: Annotated[str, typer.Option(help="The study's parameters as JSON.")],
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")] = False,
) -> None:
    """Answer one study; prints the candidate's file. What notebooks call."""
    from cleanroom.agreement import StudyKind
    from cleanroom.bench.answer import answer
    from cleanroom.study import parse_study

    try:
        if kind not in list(StudyKind):
            raise StudyError(f"There is no study '{kind}'.", f"one of {', '.join(StudyKind)}.")
        told = {
            "candidate": str(
                answer(folder, [parse_study(StudyKind(kind), json.loads(parameters))])[0]
            )
        }
    except CleanroomError as error:
        if not as_json:
            raise
        told = {"problem": error.problem, "remedy": error.remedy}
    typer.echo(json.dumps(told) if as_json else told["candidate"])


@app.command()
def run(
    folder: RoomFolder,
    settings: Annotated[Path, typer.Option(help="The run's YAML file.")],
    notebooks: Notebooks = Path("notebooks"),
) -> None:
    """Run every eligible merchant's studies; what was done before is not done again."""
    from cleanroom.bench.progress import run_with_progress

    run_with_progress(folder, settings, notebooks)


@review.command("list")
def review_list(folder: RoomFolder) -> None:
    """What waits: each candidate, what it would release, what was withheld and by which rule."""
    from cleanroom.desk.queue import queue
    from cleanroom.room.place import agreement_of

    for item in queue(folder, agreement_of(folder)):
        withheld = ", ".join(f"{n} by {rule}" for rule, n in sorted(item.withheld.items()))
        typer.echo(
            f"{item.digest[:12]}  {item.file.stem}  releases {item.released_cells} cells, "
            f"withholds {withheld or 'none'}; {len(item.votes)} votes"
        )


@review.command("vote")
def review_vote(
    folder: RoomFolder,
    decision: Annotated[str, typer.Option(help="approve or reject.")],
    platform: Annotated[Platform, typer.Option(help="The reviewer's platform.")],
    reviewer: Annotated[str, typer.Option(help="The reviewer's name in the agreement.")],
    key: Annotated[Path, typer.Option(help="The reviewer's own signing key.")],
    candidate: Annotated[list[str] | None, typer.Option(help="Digests; all if none.")] = None,
) -> None:
    """Sign a decision on exactly what `review list` showed."""
    from cleanroom.desk import decide
    from cleanroom.desk.queue import undecided
    from cleanroom.gate.release import Decision
    from cleanroom.room.place import agreement_of

    read = agreement_of(folder)
    by = decide.reviewer(read, platform, reviewer, key)
    chosen = [
        item
        for item in undecided(folder, read, platform, reviewer)
        if not candidate or any(item.digest.startswith(start) for start in candidate)
    ]
    decide.decide(folder, chosen, by, Decision(decision))
    typer.echo(f"{reviewer} of {platform}: {decision} signed on {len(chosen)} candidates")


@review.command("release")
def review_release(folder: RoomFolder, out: Out) -> None:
    """Release what both platforms' reviewers approved."""
    from cleanroom.desk.decide import release_approved
    from cleanroom.room.place import agreement_of

    released, waiting = release_approved(folder, agreement_of(folder), out)
    typer.echo(f"{len(released)} released into {out}")
    for file, reason in waiting.items():
        typer.echo(f"  not released: {file}: {reason}")


@app.command()
def report(
    releases: Annotated[Path, typer.Argument(help="Folder of releases.")],
    agreement_file: AgreementFile,
    out: Out,
    summary: Annotated[Path | None, typer.Option(help="The run's summary.json.")] = None,
) -> None:
    """Write one HTML page a merchant, and an index, from verified releases alone."""
    from cleanroom.bench.publish import publish

    pages = publish(releases, agreement_file, out, summary)
    typer.echo(f"{len(pages) - 1} reports; start with {pages[-1]}")


@app.command()
def verify(ledger_file: Annotated[Path, typer.Argument(help="A ledger.jsonl.")]) -> None:
    """Verify a ledger's chain; either platform can, on its own copy."""
    from collections import Counter

    from cleanroom.ledger import records

    events = Counter(record["event"] for record in records(ledger_file))
    typer.echo(f"The chain holds: {events.total()} records")
    for event, count in sorted(events.items()):
        typer.echo(f"  {count:>5}  {event}")


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
