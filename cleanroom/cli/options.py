"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AgreementFile = Annotated[Path, typer.Option("--agreement", help="The agreement's YAML file.")]
Out = Annotated[Path, typer.Option("--out", help="Where to write; created if absent.")]
RoomFolder = Annotated[Path, typer.Argument(help="The room's directory.")]
Notebooks = Annotated[Path, typer.Option(help="Folder of the permitted notebooks.")]
