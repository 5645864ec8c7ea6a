"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cleanroom.tables import Platform

AgreementFile = Annotated[Path, typer.Option("--agreement", help="The agreement's YAML file.")]
Out = Annotated[Path, typer.Option("--out", help="Where to write; created if absent.")]
RoomFolder = Annotated[Path, typer.Argument(help="The room's directory.")]
Notebooks = Annotated[Path, typer.Option(help="Folder of the notebooks.")]
MailboxUrl = Annotated[
    str, typer.Option("--mailbox", help="A directory that all three reach, or an fsspec address.")
]
Timeout = Annotated[float, typer.Option(help="Seconds to wait for the others.", min=0)]
ReviewerPlatform = Annotated[Platform, typer.Option("--platform", help="The reviewer's platform.")]
ReviewerName = Annotated[
    str, typer.Option("--reviewer", help="The reviewer's name in the agreement.")
]
ReviewerKeys = Annotated[
    Path, typer.Option("--keys", help="The directory of the reviewer's own keys.")
]
Comment = Annotated[str, typer.Option(help="Why, in words that the author may read.")]
Author = Annotated[str, typer.Option(help="Who asks for it; never one of its reviewers.")]
