"""The desk's addresses, and what answers at each of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado import web

from cleanroom.desk import acting, reading
from cleanroom.desk.acting import RefusedError
from cleanroom.desk.answering import ROOT, Page
from cleanroom.desk.chain import ledger_page
from cleanroom.desk.language import said
from cleanroom.desk.pages import Body, document
from cleanroom.desk.provenance import provenance
from cleanroom.desk.sitting import Sitting
from cleanroom.desk.standing import Cases, Desk
from cleanroom.desk.tabled import estimates_page, table_page
from cleanroom.desk.views import Frame
from cleanroom.errors import CleanroomError
from cleanroom.gate.candidate import sealed
from cleanroom.room.place import ledger_of, votes_folder

_DIGEST = "([0-9a-f]{64})"


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
        self.show(reading.overview(case, by, self.desk), "overview", by, cases)


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
                dict(self._choices()),
                self.get_body_argument("comment", "").replace("\r\n", "\n").strip(),
                len(set(self.get_body_arguments("checked"))),
                self.get_body_argument("passphrase", "", strip=False),
            ),
        )
        self.back(f"candidates/{candidates[0]}" if len(candidates) == 1 else "", told)

    def _choices(self) -> Iterator[tuple[str, str]]:
        """What was chosen on each ballot: `decision` on the whole, `decision.NAME` on a table."""
        for field in self.request.body_arguments:
            word, _, ballot = field.partition(".")
            if word == "decision":
                yield ballot, self.get_body_argument(field)

    def _form(self, digests: Sequence[str]) -> None:
        cases, by = self.read()
        chosen = acting.chosen_cases(cases, digests)
        self.show(reading.decision(chosen, by), "decide", by, cases)


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
        cases: Cases | None = None
        try:
            cases, by = self.read()
        except CleanroomError:  # a broken ledger is what this page is for
            by = Sitting(read_only=said("Read only: the room is not sound."))
        self.show(page, "ledger", by, cases)


class WholePage(Page):
    """A candidate as one HTML file."""

    @web.authenticated
    def get(self, digest: str) -> None:
        """Every page of the candidate, one after the other, leading nowhere."""
        case, cases, by = self.case(digest)
        head = reading.heading(case)
        pages: list[Body] = [
            reading.overview(case, by, self.desk),
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


def attach(desk: Desk, server: ServerApp) -> None:
    """Have a Jupyter server answer at the desk's addresses as well."""
    own = addresses(desk, server.base_url)
    server.web_app.add_handlers(".*$", own)  # type: ignore[no-untyped-call]


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
    start = url_path_join(base_url, ROOT)
    return [(start + path, handler, {"desk": desk}) for path, handler in table.items()]
