"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AgreementFile = Annotated[Path, typer.Option("--agreement", help="The agreement's YAML file.")]
Out = Annotated[Path, typer.Option("--out", help="Where to write; created if absent.")]
RoomFolder = Annotated[Path, typer.Argument(help="The room's directory.")]
Notebooks = Annotated[Path, typer.Option(help="Folder of the permitted notebooks.")]
MailboxUrl = Annotated[
    str, typer.Option("--mailbox", help="A directory that all three reach, or an fsspec address.")
]
Timeout = Annotated[float, typer.Option(help="Seconds to wait for the others.", min=0)]
