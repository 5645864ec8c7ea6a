"""`cleanroom desk`: the review desk in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cleanroom.cli.options import RoomFolder


def desk(
    folder: RoomFolder,
    keys: Annotated[
        Path | None, typer.Option(help="The directory of the reviewer's own keys.")
    ] = None,
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0)] = 0,
) -> None:
    """Open the review desk for one reviewer, on this machine alone.

    Prints its address, with the token that logs in. Without `--keys` it is read-only.
    """
    from cleanroom.desk.server import serve
    from cleanroom.desk.standing import Desk, read_papers

    read_papers(folder)  # what does not verify is told here, before anybody opens a browser
    serve(Desk(folder, keys), port, _tell)


def _tell(address: str) -> None:
    typer.echo(f"The review desk: {address}\nControl-C ends it.")
