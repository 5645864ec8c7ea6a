"""How every address of the desk answers: a request is read, pure pages answer, nothing is kept.

Jupyter's own handlers bring token login, the check of the host header, and XSRF tokens; the same
addresses serve in an analyst's JupyterLab and where the desk starts alone.
"""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.httputil import url_concat

from cleanroom.desk import acting
from cleanroom.desk.acting import RefusedError
from cleanroom.desk.language import Language, Said, preferred, said
from cleanroom.desk.pages import Body, content_policy, render
from cleanroom.desk.sitting import Sitting, sitting_at
from cleanroom.desk.standing import Desk, Opened, Papers, opened, packet_words, read_papers
from cleanroom.desk.views import Frame, Problem
from cleanroom.errors import CleanroomError

ROOT = "cleanroom/desk"
_LANGUAGE, _NOTICE = "cleanroom-desk-language", "cleanroom-desk-notice"
_STRICT: dict[str, Any] = {"httponly": True, "samesite": "Strict"}


class Page(JupyterHandler):
    """What every address of the desk has in common."""

    def initialize(self, desk: Desk) -> None:
        """Take where the desk stands."""
        self.desk = desk

    @property
    def content_security_policy(self) -> str:
        """Nothing runs or loads that is not the page's own."""
        return content_policy()

    def set_default_headers(self) -> None:
        """What each answer says of itself to the browser."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Cross-Origin-Opener-Policy", "same-origin")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")

    async def prepare(self, *, _redirect_to_login: bool = True) -> None:
        """Take the login token and the language out of the address, where they could be read."""
        await super().prepare(_redirect_to_login=_redirect_to_login)
        if self._finished or self.request.method != "GET":
            return
        arguments = self.request.query_arguments
        if "lang" in arguments and (chosen := self.get_query_argument("lang")) in set(Language):
            self.set_cookie(_LANGUAGE, chosen, path=self.base_url, **_STRICT)
        if self.current_user and ("token" in arguments or "lang" in arguments):
            kept = [
                (name, value.decode())
                for name, values in arguments.items()
                for value in values
                if name not in ("token", "lang")
            ]
            self.redirect(url_concat(self.request.path, kept))

    @property
    def root(self) -> str:
        """The desk's own address, with a slash at its end."""
        return f"{url_path_join(self.base_url, ROOT)}/"

    @property
    def language(self) -> Language:
        """The language that the reader chose, or else that their browser asks for."""
        chosen = self.get_cookie(_LANGUAGE)
        if chosen in set(Language):
            return Language(chosen)
        return preferred(self.request.headers.get("Accept-Language", ""))

    def frame(self, here: str, by: Sitting, papers: Papers | None = None) -> Frame:
        """What stands around a page."""
        return Frame(
            self.language,
            papers.agreement.collaboration if papers else "",
            self.root,
            here,
            by.name,
            by.platform,
            by.read_only,
            self.xsrf_token.decode(),
            self._notice(),
            by.seat,
            packet_words(self.desk),
        )

    def show(self, page: Body, here: str, by: Sitting, papers: Papers | None = None) -> None:
        """Answer with a page."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(render(page, self.frame(here, by, papers)))

    def read(self) -> tuple[Papers, Sitting]:
        """All candidates, and who sits at the desk."""
        papers = read_papers(self.desk.room)
        return papers, sitting_at(self.desk, papers.agreement)

    def opened(self, digest: str) -> tuple[Opened, Papers, Sitting]:
        """One candidate, opened; raises `RefusedError` if there is none on the desk."""
        papers, by = self.read()
        (paper,) = acting.chosen_papers(papers, [digest])
        return opened(self.desk.room, papers, paper), papers, by

    def back(self, path: str, notice: Said) -> None:
        """Go to a page (so that a reload does nothing again) that tells what was done."""
        told = json.dumps([notice.message, notice.many, dict(notice.facts)])
        self.set_signed_cookie(_NOTICE, told, expires_days=None, path=self.root, **_STRICT)
        self.redirect(self.root + path, status=303)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A refusal or a failure as a page: in words, never with a trace or a value."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        title = said("This was not done")
        if isinstance(error, RefusedError):
            self.set_status(error.status)
            page = Problem(title, *error.told)
        elif isinstance(error, CleanroomError):
            self.set_status(409)
            page = Problem(title, error.problem, error.remedy)
        elif status_code == 404:
            page = Problem(
                said("There is no such page"),
                said("The address leads nowhere."),
                said("Go back to the queue and open it from there."),
            )
        elif status_code == 403:
            page = Problem(
                title,
                said("The request did not come from this desk, or its form is too old."),
                said("Open the desk anew and send the form from there."),
            )
        else:
            page = Problem(
                title,
                said("Something unforeseen went wrong at the desk."),
                said("Look at the terminal in which it was started."),
            )
        self.set_header("Content-Type", "text/html; charset=utf-8")
        root = self.root if self.current_user else ""
        self.finish(render(page, Frame(self.language, root=root)))

    def log_exception(self, *error: Any) -> None:
        """Refusals are answers, not faults; of a fault only its kind is logged, never a value."""
        kind = error[0]
        if kind is not None and not issubclass(kind, (CleanroomError, web.HTTPError)):
            self.log.error("The desk failed: %s", kind.__name__)

    def _notice(self) -> Said | None:
        told = self.get_signed_cookie(_NOTICE)
        if told is None:
            return None
        self.clear_cookie(_NOTICE, path=self.root)
        message, many, facts = json.loads(told)
        return Said(message, many, facts)
