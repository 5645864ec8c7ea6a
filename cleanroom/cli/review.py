"""`cleanroom review`: the reviewers' steps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cleanroom.cli.options import Out, RoomFolder
from cleanroom.tables import Platform

app = typer.Typer(no_args_is_help=True, help="The reviewers' steps: look, sign, release.")
Choice = Literal["approve", "reject"]


@app.command("list")
def review_list(folder: RoomFolder) -> None:
    """List the candidates, and who voted on them.

    With what each would release, and what was withheld by which rule.
    """
    from cleanroom.desk.queue import queue
    from cleanroom.room.place import agreement_of

    for item in queue(folder, agreement_of(folder)):
        withheld = ", ".join(f"{n} by {rule}" for rule, n in sorted(item.withheld.items()))
        votes = [vote["body"] for vote in item.votes]
        said = ", ".join(f"{v['decision']} by {v['reviewer']} of {v['platform']}" for v in votes)
        typer.echo(
            f"{item.digest[:12]}  {item.file.stem}  {said or 'no votes yet'}\n"
            f"    releases {item.released_cells} cells, withholds {withheld or 'none'}"
        )


@app.command("show")
def review_show(
    folder: RoomFolder,
    digest: Annotated[str, typer.Argument(help="The first characters of its digest.")],
) -> None:
    """Show all that one candidate would release."""
    from cleanroom.desk.queue import named
    from cleanroom.desk.sheet import sheet
    from cleanroom.room.place import agreement_of

    for item in named(folder, agreement_of(folder), [digest]):
        typer.echo(sheet(item))


@app.command("vote")
def review_vote(
    folder: RoomFolder,
    decision: Annotated[Choice, typer.Option(help="What the reviewer says.")],
    platform: Annotated[Platform, typer.Option(help="The reviewer's platform.")],
    reviewer: Annotated[str, typer.Option(help="The reviewer's name in the agreement.")],
    keys: Annotated[Path, typer.Option(help="The directory of the reviewer's own keys.")],
    candidate: Annotated[
        list[str] | None,
        typer.Option(help="A digest's first characters; once for each. All undecided if none."),
    ] = None,
) -> None:
    """Sign a decision on what `review show` showed.

    A later vote on a candidate that is named takes the place of the earlier one.
    """
    from cleanroom.desk import decide
    from cleanroom.desk.queue import named, undecided
    from cleanroom.gate.release import Decision
    from cleanroom.room.place import agreement_of

    read = agreement_of(folder)
    by = decide.reviewer(read, platform, reviewer, keys)
    chosen = (
        named(folder, read, candidate) if candidate else undecided(folder, read, platform, reviewer)
    )
    decide.decide(folder, chosen, by, Decision(decision))
    typer.echo(f"{reviewer} of {platform}: {decision} signed; candidates: {len(chosen)}")


@app.command("release")
def review_release(folder: RoomFolder, out: Out) -> None:
    """Release what both platforms' reviewers approved."""
    from cleanroom.desk.decide import release_approved
    from cleanroom.room.place import agreement_of

    released, waiting = release_approved(folder, agreement_of(folder), out)
    typer.echo(f"{len(released)} released into {out}")
    for file, reason in waiting.items():
        typer.echo(f"  not released: {file}: {reason}")
