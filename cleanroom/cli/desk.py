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

    Says whose seat it is, and prints its address with the token that logs in. Without `--keys`, or
    with keys that are not a reviewer's, it is read-only.
    """
    from cleanroom.desk.language import Language, catalogue, tell
    from cleanroom.desk.server import serve
    from cleanroom.desk.sitting import sitting_at
    from cleanroom.desk.standing import Desk, packet_words, read_papers

    at = Desk(folder, keys)
    papers = read_papers(folder)  # what does not verify is told before anybody opens a browser
    for words in (sitting_at(at, papers.agreement).seat, packet_words(at)):
        if words is not None:
            typer.echo(tell(words, catalogue(Language.ENGLISH)))
    serve(at, port, _tell)


def _tell(address: str) -> None:
    typer.echo(f"The review desk: {address}\nControl-C ends it.")
