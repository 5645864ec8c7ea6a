"""`cleanroom room`: the room's steps, on the room's machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cleanroom.cli.options import MailboxUrl, RoomFolder, Timeout
from cleanroom.errors import CleanroomError, StudyError

app = typer.Typer(no_args_is_help=True, help="The room's steps, on the room's machine.")

Kind = Literal["conversion", "lift", "observational", "geo"]


@app.command("accept")
def room_accept(
    folder: RoomFolder,
    handovers: Annotated[list[Path], typer.Argument(help="Handovers, one of each platform.")],
) -> None:
    """Open and verify handovers, and take them in.

    Each takes the place of its platform's earlier one, which is deleted.
    """
    from cleanroom.room.place import agreement_of
    from cleanroom.room.vault import accept, room_keys

    read = agreement_of(folder)
    keys = room_keys(folder, read.collaboration)
    for handover in handovers:
        taken = accept(folder, handover, read, keys=keys)
        typer.echo(f"{taken.party}: {_counts(taken.rows)}")


@app.command("expire")
def room_expire(folder: RoomFolder) -> None:
    """Delete what may not be kept any longer.

    Handovers whose retention is over or that a newer one replaced, and all that was derived from
    them; who was behind answers as old as that. Each leaves a receipt in the ledger.
    """
    from cleanroom.room.retention import expire
    from cleanroom.room.shown import forget

    gone = expire(folder)
    for each in gone:
        typer.echo(f"{each.party} deleted ({each.why}): {_counts(each.rows)}")
    forgotten = forget(folder)
    if forgotten:
        typer.echo(f"forgotten who was behind earlier answers: {forgotten} files")
    if not gone and not forgotten:
        typer.echo("Nothing to delete.")


@app.command("match")
def room_match(
    folder: RoomFolder,
    mailbox: MailboxUrl,
    timeout: Timeout = 3600,
    anew: Annotated[bool, typer.Option("--new", help="Open another match, whatever is.")] = False,
) -> None:
    """Run the blinded join of the handovers in force.

    Both platforms take part with `cleanroom party match`. Waits for them; killed, it goes on.
    """
    from cleanroom.cli.progress import Shown
    from cleanroom.mailbox import open_mailbox
    from cleanroom.room.blinded import Meeting, match
    from cleanroom.room.place import agreement_of
    from cleanroom.room.vault import open_vault, room_keys
    from cleanroom.stepwise import alone, run

    agreement = agreement_of(folder)
    vault, keys = open_vault(folder, agreement), room_keys(folder, agreement.collaboration)
    shown = Shown("room")
    meeting = Meeting(vault, keys, open_mailbox(mailbox), shown)
    with alone(folder / "matches"):
        run(match(meeting, anew), timeout, shown)


@app.command("rotate")
def room_rotate(
    folder: RoomFolder,
    rotations: Annotated[list[Path], typer.Argument(help="Rotations, one of each platform.")],
    check: Annotated[
        bool, typer.Option("--check", help="Only verify them; nothing is changed.")
    ] = False,
) -> None:
    """Put a new epoch's tokens in the place of the old.

    Every person keeps their number. The platform's old tokens and handovers are deleted.
    """
    from cleanroom.room.place import agreement_of
    from cleanroom.room.rotation import known_and_carried, rotate

    read = agreement_of(folder)
    for rotation in rotations:
        if check:
            known, carried = known_and_carried(folder, rotation, read)
            typer.echo(f"{rotation}: names {carried:,} of the {known:,} persons known")
        else:
            typer.echo(rotate(folder, rotation, read))


@app.command("merchants")
def room_merchants(folder: RoomFolder) -> None:
    """List who takes part, and why others do not."""
    from cleanroom.room.eligibility import eligibility
    from cleanroom.room.place import agreement_of
    from cleanroom.room.vault import open_vault

    read = agreement_of(folder)
    eligible, excluded = eligibility(open_vault(folder, read), read)
    for merchant in eligible:
        typer.echo(f"{merchant['merchant']}  {merchant['name']}  takes part")
    for other in excluded:
        typer.echo(f"{other['merchant']}  {other['name']}  left out: {other['reason']}")


@app.command("diagnostics")
def room_diagnostics(folder: RoomFolder) -> None:
    """Show how the two sides' rows were joined.

    How much matched, and how often each rule of the link was needed. Every number has passed the
    gate, and is rounded.
    """
    from cleanroom.bench.diagnostics import told

    typer.echo(told(folder))


@app.command("answer")
def room_answer(
    folder: RoomFolder,
    kind: Annotated[Kind, typer.Option(help="Which study.")],
    parameters: Annotated[str, typer.Option(help="The study's parameters as JSON.")],
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")] = False,
) -> None:
    """Answer one study; prints the candidate's file.

    This is what a notebook calls.
    """
    from cleanroom.agreement import StudyKind
    from cleanroom.bench.answer import answer
    from cleanroom.study import parse_study

    try:
        study = parse_study(StudyKind(kind), _parameters(parameters))
        told = {"candidate": str(answer(folder, [study])[0])}
    except CleanroomError as error:
        if not as_json:
            raise
        told = {"problem": error.problem, "remedy": error.remedy}
    typer.echo(json.dumps(told) if as_json else told["candidate"])


@app.command("preview")
def room_preview(
    folder: RoomFolder,
    kind: Annotated[Kind, typer.Option(help="Which study.")],
    parameters: Annotated[str, typer.Option(help="The study's parameters as JSON.")],
    people: Annotated[float | None, typer.Option(help="People you expect to study.")] = None,
    rate: Annotated[float | None, typer.Option(help="Share of them you expect to buy.")] = None,
    lift: Annotated[float | None, typer.Option(help="Rise of that share you hope for.")] = None,
) -> None:
    """Say how large a study's noise is and what of the privacy budget it takes; spends nothing.

    With --people and --rate it says what that means for the effect you expect.
    """
    from cleanroom.agreement import StudyKind
    from cleanroom.bench.preview import Plan, preview
    from cleanroom.study import parse_study

    study = parse_study(StudyKind(kind), _parameters(parameters))
    plan = None if people is None or rate is None else Plan(people, rate, lift)
    for line in preview(folder, study, plan):
        typer.echo(line)


def _counts(rows: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {table}" for table, count in rows.items())


def _parameters(text: str) -> dict[str, Any]:
    try:
        parameters = json.loads(text)
    except ValueError:
        parameters = None
    if not isinstance(parameters, dict):
        raise StudyError("The parameters are not a JSON object.", 'write {"merchant": "M01", ...}.')
    return parameters
