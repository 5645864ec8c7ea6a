"""The desk on its own: a server on this machine, for one reviewer, that has the desk and no more.

Jupyter's server without its notebooks, kernels, files and terminals, and without its settings
files: none of them can open the desk to others or take its checks away.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable

from jupyter_server.serverapp import ServerApp
from traitlets.config import Config  # noqa: TID253 # this module is loaded to serve, and then last

from cleanroom.desk.answering import ROOT
from cleanroom.desk.handlers import attach
from cleanroom.desk.standing import Desk

_LOOPBACK = "127.0.0.1"


class DeskServer(ServerApp):
    """Jupyter's server with login alone."""

    name = "cleanroom-desk"
    default_services = ("auth",)  # type: ignore[assignment] # fewer than its own thirteen

    def load_config_file(self, *_: object, **__: object) -> None:
        """Nothing: the settings of somebody's Jupyter are not the desk's."""

    def write_server_info_file(self) -> None:
        """Nothing: the login token is not written to a file."""

    def write_browser_open_file(self) -> None:
        """Nothing: neither is the address that holds it."""


def serve(desk: Desk, port: int, tell: Callable[[str], None]) -> None:
    """Serve the desk on this machine until it is interrupted; `tell` is given its address.

    `port`: 0 takes any that is free.
    """
    token = secrets.token_hex(24)
    login = {"token": token, "cookie_options": {"samesite": "Strict"}}
    server = DeskServer(
        config=Config({"IdentityProvider": login}),
        ip=_LOOPBACK,
        port=port,
        port_retries=0,
        open_browser=False,
        default_url=f"/{ROOT}",
        cookie_secret=secrets.token_bytes(32),
        allow_remote_access=False,
        terminals_enabled=False,
        log_level=logging.ERROR,
        answer_yes=True,  # Control-C ends it without a question
        allow_root=True,  # nobody can run anything through it
    )
    server.initialize(argv=[], find_extensions=False)
    server.web_app.settings["xsrf_cookie_kwargs"] = {"samesite": "Strict"}
    attach(desk, server)
    tell(f"http://{_LOOPBACK}:{server.port}{server.base_url}{ROOT}?token={token}")
    server.start()
