"""The desk in JupyterLab: read-only, for analysts, at the address `cleanroom/desk`.

Jupyter's settings name the room: `c.CleanroomDesk.room = "…"` in `jupyter_server_config.py`, or
`--CleanroomDesk.room=…` on its command line. There are no keys here and none can be named: kernels
run beside it, and what they run could use them.
"""

from __future__ import annotations

from pathlib import Path

from jupyter_server.serverapp import ServerApp

from cleanroom.desk.handlers import attach
from cleanroom.desk.standing import Desk


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "cleanroom.desk.extension"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    room = server.config.get("CleanroomDesk", {}).get("room", "")
    desk = Desk(Path(str(room)) if room else Path(server.root_dir))
    attach(desk, server)
