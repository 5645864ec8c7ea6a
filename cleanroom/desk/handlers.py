"""The desk's addresses, and what answers at each of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado import web

from cleanroom.desk import acting, reading
from cleanroom.desk.acting import RefusedError
from cleanroom.desk.answering import ROOT, Page
from cleanroom.desk.approving import proposal_of, sign_template
from cleanroom.desk.chain import ledger_page
from cleanroom.desk.language import Said, said
from cleanroom.desk.pages import Body, document
from cleanroom.desk.provenance import provenance
from cleanroom.desk.sitting import Sitting
from cleanroom.desk.standing import Desk, Papers, opened
from cleanroom.desk.tabled import estimates_page, table_page
from cleanroom.desk.template_pages import template_list, template_page
from cleanroom.desk.views import Frame
from cleanroom.errors import CleanroomError
from cleanroom.gate.candidate import sealed
from cleanroom.review.case import visible_votes
from cleanroom.review.records import ActKind, plain
from cleanroom.room.place import ledger_of

_DIGEST = "([0-9a-f]{64})"


class QueuePage(Page):
    """All candidates."""

    @web.authenticated
    def get(self) -> None:
        """The queue."""
        papers, by = self.read()
        self.show(reading.queue(papers, by), "queue", by, papers)


class OverviewPage(Page):
    """One candidate at a glance."""

    @web.authenticated
    def get(self, digest: str) -> None:
        """The overview."""
        shown, papers, by = self.opened(digest)
        self.show(reading.overview(shown, by), "overview", by, papers)


class TablesPage(Page):
    """A candidate's tables."""

    @web.authenticated
    def get(self, digest: str, name: str = "") -> None:
        """One table; the first, if none is named."""
        shown, papers, by = self.opened(digest)
        name = name or next(iter(shown.candidate.tables))
        if name not in shown.candidate.tables:
            raise web.HTTPError(404)
        page = table_page(reading.heading(shown.paper), shown.candidate, name)
        self.show(page, "tables", by, papers)


class EstimatesHandler(Page):
    """A candidate's estimates."""

    @web.authenticated
    def get(self, digest: str) -> None:
        """All estimates."""
        shown, papers, by = self.opened(digest)
        page = estimates_page(reading.heading(shown.paper), shown.candidate)
        self.show(page, "estimates", by, papers)


class ComparePage(Page):
    """A candidate beside the last release."""

    @web.authenticated
    def get(self, digest: str) -> None:
        """What changed."""
        shown, papers, by = self.opened(digest)
        self.show(reading.comparison(shown), "compare", by, papers)


class ProvenancePage(Page):
    """What a candidate rests on."""

    @web.authenticated
    def get(self, digest: str) -> None:
        """Everything by digest."""
        shown, papers, by = self.opened(digest)
        self.show(provenance(shown, papers.agreement), "provenance", by, papers)


class Form(Page):
    """What pages that are signed have in common."""

    def signed(self) -> acting.Signed:
        """What the form says."""
        return acting.Signed(
            tuple(self.get_body_arguments("candidate")),
            self.get_body_argument("seen", ""),
            dict(self._by_part("decision")),
            dict(self._by_part("comment")),
            len(set(self.get_body_arguments("checked"))),
            self.get_body_argument("passphrase", "", strip=False),
        )

    def done(self, form: acting.Signed, told: Said) -> None:
        """Go to what was signed, and tell what was done."""
        digests = form.candidates
        self.back(f"candidates/{digests[0]}" if len(digests) == 1 else "", told)

    def _by_part(self, field: str) -> Iterator[tuple[str, str]]:
        """What was said of all (`decision`) and of each part (`decision.NAME`)."""
        for name in self.request.body_arguments:
            word, _, part = name.partition(".")
            if word == field:
                yield part, self.get_body_argument(name).replace("\r\n", "\n").strip()


class DecidePage(Form):
    """The page that is signed."""

    @web.authenticated
    def get(self) -> None:
        """The form, for the candidates that the address names."""
        self._form(self.get_query_arguments("candidate"))

    @web.authenticated
    def post(self) -> None:
        """Sign."""
        _, by = self.read()
        form = self.signed()
        self.done(form, acting.sign(self.desk, by, form))

    def _form(self, digests: Sequence[str]) -> None:
        papers, by = self.read()
        chosen = acting.chosen_papers(papers, digests)
        single = opened(self.desk.room, papers, chosen[0]) if len(chosen) == 1 else None
        self.show(reading.decision(chosen, by, single), "decide", by, papers)


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


class WordPage(Form):
    """The page on which a candidate is returned, rejected or recalled."""

    @web.authenticated
    def get(self) -> None:
        """The form, for the candidate and the kind of word that the address names."""
        papers, by = self.read()
        (paper,) = acting.chosen_papers(papers, [self.get_query_argument("candidate", "")])
        kind = self._kind(self.get_query_argument("kind", ""))
        self.show(reading.word(paper, by, kind), "word", by, papers)

    @web.authenticated
    def post(self) -> None:
        """Sign."""
        _, by = self.read()
        form, kind = self.signed(), self._kind(self.get_body_argument("kind", ""))
        self.done(form, acting.act(self.desk, by, kind, form))

    def _kind(self, name: str) -> ActKind:
        found = [kind for kind in acting.ACTS if kind == name]
        if not found:
            raise web.HTTPError(404)
        return found[0]


class TemplatesPage(Form):
    """All study templates, and where they are signed."""

    @web.authenticated
    def get(self) -> None:
        """The list."""
        papers, by = self.read()
        self.show(template_list(papers, by), "templates", by, papers)

    @web.authenticated
    def post(self) -> None:
        """Sign."""
        _, by = self.read()
        self.back("templates", sign_template(self.desk, by, self.signed()))


class TemplateHandler(Page):
    """One study template."""

    @web.authenticated
    def get(self, digest: str) -> None:
        """Its bounds, what is new in it, and the form."""
        papers, by = self.read()
        page = template_page(papers, proposal_of(papers, digest), by)
        self.show(page, "templates", by, papers)


class LedgerHandler(Page):
    """The ledger."""

    @web.authenticated
    def get(self) -> None:
        """A page of the ledger, up to the record that `end` names."""
        end = self.get_query_argument("end", "")
        page = ledger_page(ledger_of(self.desk.room), int(end) if end.isdecimal() else None)
        papers: Papers | None = None
        try:
            papers, by = self.read()
        except CleanroomError:  # a broken ledger is what this page is for
            by = Sitting(read_only=said("Read only: the room is not sound."))
        self.show(page, "ledger", by, papers)


class WholePage(Page):
    """A candidate as one HTML file."""

    @web.authenticated
    def get(self, digest: str) -> None:
        """Every page of the candidate, one after the other, leading nowhere."""
        shown, papers, by = self.opened(digest)
        head = reading.heading(shown.paper)
        pages: list[Body] = [
            reading.overview(shown, by),
            *(table_page(head, shown.candidate, name) for name in shown.candidate.tables),
            estimates_page(head, shown.candidate),
            reading.comparison(shown),
            provenance(shown, papers.agreement),
        ]
        frame = Frame(self.language, papers.agreement.collaboration)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_attachment_header(f"{digest[:12]}.html")
        self.finish(document(pages, frame))


class SealedFile(Page):
    """A candidate as the sealed bundle."""

    @web.authenticated
    def get(self, digest: str) -> None:
        """The candidate under the room's signature, with its votes once its reader may see all.

        Of a release this is what `cleanroom report` and `cleanroom verify` read.
        """
        shown, _, by = self.opened(digest)
        bundle, case = sealed(shown.candidate), shown.case
        if visible_votes(case, by.reader) == case.votes:
            bundle["votes"] = [plain(vote) for vote in (*case.carried, *case.votes)]
            bundle["found"] = [asdict(finding) for finding in case.findings]
        if case.receipt is not None:
            bundle["receipt"] = plain(case.receipt)
        if case.recall is not None:
            bundle["recall"] = plain(case.recall)
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
        "/word": WordPage,
        "/templates": TemplatesPage,
        f"/templates/{_DIGEST}": TemplateHandler,
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
