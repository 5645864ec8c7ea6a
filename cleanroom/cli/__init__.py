"""The `cleanroom` command: each party's steps, in the order of the pipeline.

Heavy libraries are imported inside the commands, so that `cleanroom --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from cleanroom.cli import agreement, party, review, room, template
from cleanroom.cli.desk import desk
from cleanroom.cli.options import AgreementFile, Author, Notebooks, Out, RoomFolder
from cleanroom.errors import CleanroomError, ExitCode, LedgerError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Measure across two platforms without either handing the other its rows.\n\n"
    "Start with `cleanroom demo`: it plays all parties on one machine, each in its own "
    "process and directory, and prints every command it runs.",
)
for name, group in {
    "agreement": agreement.app,
    "keys": party.keys,
    "party": party.party,
    "room": room.app,
    "template": template.app,
    "review": review.app,
}.items():
    app.add_typer(group, name=name)
app.command()(desk)


def main() -> NoReturn:
    """Run the command line; failures end with their exit code and words, never with a value."""
    # The studies' matrices have few columns: on a busy machine threads would wait for one another.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
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
    join: Annotated[Literal["keyed", "blinded"], typer.Option(help="The agreed join.")] = "keyed",
) -> None:
    """Play the whole collaboration on simulated data."""
    from cleanroom.agreement import JoinMode
    from cleanroom.bench.demo import Stage, play

    play(Stage(out, configs, notebooks, JoinMode(join)), people, merchants)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Where the two platforms' exports go.")],
    people: Annotated[int, typer.Option(help="People simulated.", min=2000)] = 200_000,
    merchants: Annotated[int, typer.Option(help="Merchants simulated.", min=3)] = 20,
    seed: Annotated[int, typer.Option(help="Another seed, another world.")] = 7,
) -> None:
    """Write two platforms' exports, and the truth.

    Bad rows and hard cases of the link are planted, and counted in the truth.
    """
    from cleanroom.simulation import SimulationSettings, write_exports
    from cleanroom.simulation import simulate as imagine

    write_exports(imagine(SimulationSettings(people, merchants, seed=seed)), out)
    typer.echo(f"Exports in {out / 'ads'} and {out / 'store'}; the truth in {out / 'truth'}")


@app.command()
def run(
    folder: RoomFolder,
    settings: Annotated[Path, typer.Option(help="The run's YAML file.")],
    notebooks: Notebooks = Path("notebooks"),
    author: Author = "schedule",
) -> None:
    """Run every eligible merchant's studies, and submit what comes out for review.

    What was done before is not done again.
    """
    from cleanroom.bench.progress import run_with_progress

    run_with_progress(folder, settings, notebooks, author)


@app.command()
def plan(
    folder: RoomFolder,
    settings: Annotated[Path, typer.Option(help="The YAML file of a run like those to plan.")],
    schedule: Annotated[Path, typer.Option(help="The YAML file of what you want and expect.")],
    out: Out,
    like: Annotated[
        Path | None, typer.Option(help="A candidate whose released numbers say what to expect.")
    ] = None,
) -> None:
    """Plan reports that come again.

    Windows and days so that no two runs can be subtracted, what that costs, and a settings file
    for each run. Looks at no row.
    """
    from cleanroom.bench.schedule_words import plan_runs

    for line in plan_runs(folder, settings, schedule, out, like):
        typer.echo(line)


@app.command()
def report(
    releases: Annotated[Path, typer.Argument(help="Folder of releases.")],
    agreement_file: AgreementFile,
    out: Out,
    summary: Annotated[Path | None, typer.Option(help="The run's summary.json.")] = None,
) -> None:
    """Draw the reports from verified releases.

    One HTML page a merchant, and an index.
    """
    from cleanroom.bench.publish import publish

    pages = publish(releases, agreement_file, out, summary)
    typer.echo(f"{len(pages) - 1} reports; start with {pages[-1]}")


@app.command()
def verify(
    ledger_file: Annotated[Path, typer.Argument(help="A ledger.jsonl.")],
    agreement_files: Annotated[
        list[Path] | None,
        typer.Option("--agreement", help="An agreement it names; once for each version."),
    ] = None,
    releases: Annotated[
        list[Path] | None,
        typer.Option("--release", help="A release, or a folder of them, to find in it."),
    ] = None,
    head: Annotated[
        list[str] | None, typer.Option(help="A receipt: the hash of a record that was seen.")
    ] = None,
    signed: Annotated[
        list[Path] | None, typer.Option(help="A packet's signed.jsonl, to find in it.")
    ] = None,
) -> None:
    """Verify a ledger: its chain, and that every step was allowed.

    With the agreement also each signature; with releases, receipts and what was signed in a packet
    that none of it is missing. Either platform can, on its own copy, with public keys alone.
    """
    from cleanroom.agreement import load
    from cleanroom.gate.verification import verify_ledger, verify_release
    from cleanroom.review.packet import read_words, require_held

    if not ledger_file.is_file():
        raise LedgerError(f"There is no ledger at {ledger_file}.", "name the room's ledger.jsonl.")
    agreements = [load(file) for file in agreement_files or []]
    found = verify_ledger(ledger_file, agreements, head or [])
    typer.echo(f"The chain holds, and every step was allowed: {found.events.total()} records")
    for event, count in sorted(found.events.items()):
        typer.echo(f"  {count:>5}  {event}")
    if agreements:
        typer.echo(f"Signatures verified: {found.signatures}")
    if found.is_cut_short:
        typer.echo("Its last line is cut short: by a crash, or by somebody who cut it.")
    for path in signed or []:
        require_held(found.docket, words := read_words(path))
        typer.echo(f"{path.name}: all {len(words)} recorded")
    for path in [file for each in releases or [] for file in _releases(each)]:
        if not agreements:
            raise LedgerError("A release needs its agreement.", "name its file: --agreement.")
        typer.echo(f"{path.name}: {verify_release(found, path, agreements)}")


def _releases(place: Path) -> list[Path]:
    return sorted(place.glob("*.json")) if place.is_dir() else [place]


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
