"""The desk's addresses: each request is read, answered by the pure pages, and nothing is kept.

Jupyter's own handlers bring token login, the check of the host header, and XSRF tokens; the same
addresses serve in an analyst's JupyterLab and where the desk starts alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.httputil import url_concat

from cleanroom.desk import acting, reading
from cleanroom.desk.acting import RefusedError
from cleanroom.desk.chain import ledger_page
from cleanroom.desk.language import Language, Said, preferred, said
from cleanroom.desk.pages import content_policy, document, render
from cleanroom.desk.provenance import provenance
from cleanroom.desk.standing import Case, Cases, Desk, read_cases
from cleanroom.desk.tabled import estimates_page, table_page
from cleanroom.desk.views import Body, Frame, Problem
from cleanroom.errors import CleanroomError
from cleanroom.gate.candidate import sealed
from cleanroom.room.place import ledger_of, votes_folder

ROOT = "cleanroom/desk"
_LANGUAGE, _NOTICE = "cleanroom-desk-language", "cleanroom-desk-notice"
_DIGEST = "([0-9a-f]{64})"
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

    def frame(self, here: str, by: reading.Sitting, cases: Cases | None = None) -> Frame:
        """What stands around a page."""
        return Frame(
            self.language,
            cases.agreement.collaboration if cases else "",
            self.root,
            here,
            by.name,
            by.platform,
            by.read_only,
            self.xsrf_token.decode(),
            self._notice(),
        )

    def show(self, page: Body, here: str, by: reading.Sitting, cases: Cases | None = None) -> None:
        """Answer with a page."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(render(page, self.frame(here, by, cases)))

    def read(self) -> tuple[Cases, reading.Sitting]:
        """All candidates, and who sits at the desk."""
        cases = read_cases(self.desk.room)
        return cases, reading.sitting(self.desk, cases.agreement)

    def case(self, digest: str) -> tuple[Case, Cases, reading.Sitting]:
        """One candidate; raises `RefusedError` if the room has it no more."""
        cases, by = self.read()
        (case,) = acting.chosen_cases(cases, [digest])
        return case, cases, by

    def back(self, path: str, notice: Said) -> None:
        """Go to a page (so that a reload does nothing again) that tells what was done."""
        told = json.dumps([notice.message, notice.many, dict(notice.facts)])
        self.set_signed_cookie(_NOTICE, told, expires_days=None, path=self.root, **_STRICT)
        self.redirect(self.root + path, status=303)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A refusal or a failure as a page: in words, never with a trace or a value."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        title, nobody = said("This was not done"), reading.Sitting()
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
        self.finish(render(page, Frame(self.language, root=root, read_only=nobody.read_only)))

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


class QueuePage(Page):
    """All candidates."""

    @web.authenticated
    def get(self) -> None:
        """The queue."""
        cases, by = self.read()
        self.show(reading.queue(cases, by, self.desk), "queue", by, cases)


class OverviewPage(Page):
    """One candidate at a glance."""

    @web.authenticated
    def get(self, digest: str) -> None:
        """The overview."""
        case, cases, by = self.case(digest)
        self.show(reading.overview(case, cases, by, self.desk), "overview", by, cases)


class TablesPage(Page):
    """A candidate's tables."""

    @web.authenticated
    def get(self, digest: str, name: str = "") -> None:
        """One table; the first, if none is named."""
        case, cases, by = self.case(digest)
        name = name or next(iter(case.candidate.tables))
        if name not in case.candidate.tables:
            raise web.HTTPError(404)
        page = table_page(reading.heading(case), case.candidate, name)
        self.show(page, "tables", by, cases)


class EstimatesHandler(Page):
    """A candidate's estimates."""

    @web.authenticated
    def get(self, digest: str) -> None:
        """All estimates."""
        case, cases, by = self.case(digest)
        page = estimates_page(reading.heading(case), case.candidate)
        self.show(page, "estimates", by, cases)


class ComparePage(Page):
    """A candidate beside the last release."""

    @web.authenticated
    def get(self, digest: str) -> None:
        """What changed."""
        case, cases, by = self.case(digest)
        self.show(reading.comparison(case), "compare", by, cases)


class ProvenancePage(Page):
    """What a candidate rests on."""

    @web.authenticated
    def get(self, digest: str) -> None:
        """Everything by digest."""
        case, cases, by = self.case(digest)
        self.show(provenance(case, cases.agreement), "provenance", by, cases)


class DecidePage(Page):
    """The page that is signed."""

    @web.authenticated
    def get(self) -> None:
        """The form, for the candidates that the address names."""
        self._form(self.get_query_arguments("candidate"))

    @web.authenticated
    def post(self) -> None:
        """Sign."""
        _, by = self.read()
        candidates = tuple(self.get_body_arguments("candidate"))
        told = acting.sign(
            self.desk,
            by,
            acting.Signed(
                candidates,
                self.get_body_argument("seen", ""),
                self.get_body_argument("decision", ""),
                self.get_body_argument("comment", "").replace("\r\n", "\n").strip(),
                len(set(self.get_body_arguments("checked"))),
                self.get_body_argument("passphrase", "", strip=False),
            ),
        )
        self.back(f"candidates/{candidates[0]}" if len(candidates) == 1 else "", told)

    def _form(self, digests: Sequence[str]) -> None:
        cases, by = self.read()
        chosen = acting.chosen_cases(cases, digests)
        self.show(reading.decision(chosen, cases.agreement, by), "decide", by, cases)


class ChoosePage(DecidePage):
    """The same form for candidates ticked in the queue: more than an address can hold."""

    @web.authenticated
    def get(self) -> None:
        """Back to where candidates are ticked."""
        self.redirect(self.root)

    @web.authenticated
    def post(self) -> None:
        """The form; nothing is done yet."""
        digests = self.get_body_arguments("candidate")
        if not digests:
            raise RefusedError(said("No candidate was selected."), said("Go back and tick some."))
        self._form(digests)


class ReleasePage(Page):
    """Releasing."""

    @web.authenticated
    def post(self) -> None:
        """Release the candidates that the form names."""
        _, by = self.read()
        digests = self.get_body_arguments("candidate")
        told = acting.release(self.desk, by, digests)
        self.back(f"candidates/{digests[0]}" if len(digests) == 1 else "", told)


class LedgerHandler(Page):
    """The ledger."""

    @web.authenticated
    def get(self) -> None:
        """A page of the ledger, up to the record that `end` names."""
        end = self.get_query_argument("end", "")
        page = ledger_page(ledger_of(self.desk.room), int(end) if end.isdecimal() else None)
        try:
            cases, by = self.read()
        except CleanroomError:  # a broken ledger is what this page is for
            cases, by = None, reading.Sitting(read_only=said("Read only: the room is not sound."))
        self.show(page, "ledger", by, cases)


class WholePage(Page):
    """A candidate as one HTML file."""

    @web.authenticated
    def get(self, digest: str) -> None:
        """Every page of the candidate, one after the other, leading nowhere."""
        case, cases, by = self.case(digest)
        head = reading.heading(case)
        pages: list[Body] = [
            reading.overview(case, cases, by, self.desk),
            *(table_page(head, case.candidate, name) for name in case.candidate.tables),
            estimates_page(head, case.candidate),
            reading.comparison(case),
            provenance(case, cases.agreement),
        ]
        frame = Frame(self.language, cases.agreement.collaboration)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_attachment_header(f"{digest[:12]}.html")
        self.finish(document(pages, frame))


class SealedFile(Page):
    """A candidate as the sealed bundle."""

    @web.authenticated
    def get(self, digest: str) -> None:
        """The candidate under the room's signature, with its votes once they are open to all."""
        case, _, by = self.case(digest)
        bundle = sealed(case.candidate)
        if all(seat.standing not in ("empty", "hidden") for seat in reading.seats(case, by)):
            files = sorted(votes_folder(self.desk.room, digest).glob("*.json"))
            bundle["votes"] = [json.loads(file.read_bytes()) for file in files]
        self.set_header("Content-Type", "application/json")
        self.set_attachment_header(f"{digest[:12]}.json")
        self.finish(json.dumps(bundle, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def addresses(desk: Desk, base_url: str) -> list[tuple[str, type[Page], dict[str, Desk]]]:
    """Every address of the desk under a server's `base_url`, with what answers there."""
    own = f"/candidates/{_DIGEST}"
    table: dict[str, type[Page]] = {
        "/?": QueuePage,
        "/choose": ChoosePage,
        "/decide": DecidePage,
        "/release": ReleasePage,
        "/ledger": LedgerHandler,
        own: OverviewPage,
        f"{own}/tables": TablesPage,
        f"{own}/tables/([a-z_]+)": TablesPage,
        f"{own}/estimates": EstimatesHandler,
        f"{own}/compare": ComparePage,
        f"{own}/provenance": ProvenancePage,
        f"{own}/whole.html": WholePage,
        f"{own}/sealed.json": SealedFile,
    }
    start = url_path_join(base_url, str(PurePosixPath(ROOT)))
    return [(start + path, handler, {"desk": desk}) for path, handler in table.items()]
