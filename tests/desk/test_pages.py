"""What stands on the desk's pages, for every reader: pure functions from values to HTML."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from gettext import NullTranslations
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from cleanroom.borders import Candidate, Protected, candidate_digest
from cleanroom.desk import pages, reading
from cleanroom.desk.contents import Change
from cleanroom.desk.language import Language, said
from cleanroom.desk.pages import (
    ACTIONS,
    STANDINGS,
    STATES,
    Body,
    content_policy,
    document,
    render,
)
from cleanroom.desk.tabled import table_page
from cleanroom.desk.views import Queue, Standing
from cleanroom.outside import theme
from cleanroom.review.states import Action, State
from tests.desk.values import (
    ANN,
    FRAME,
    READER,
    all_papers,
    approved,
    bodies,
    paper,
)
from tests.outside import factories
from tests.outside.factories import build

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = '<script>alert(1)</script>" onload="x'
CONTENT = {"bdi", "code", "time"}  # what holds names, digests and days
OWN = r"(/cleanroom/desk/|\?lang=|#content$|data:,$|$)"
VOID = {"meta", "link", "input", "br", "img", "hr"}


class Outline(HTMLParser):
    """The tags of a page with their attributes, and its text; fails on a tag left open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[tuple[str, bool]] = []
        self.open: list[str] = []
        self.is_content: list[bool] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            found = dict(attrs)
            content = (
                tag in CONTENT or "lang" in found or "comment" in (found.get("class") or "").split()
            )
            self.open.append(tag)
            self.is_content.append(tag != "html" and (content or any(self.is_content)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.is_content.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] not in ("style", "title"):
            self.text.append((data.strip(), self.is_content[-1]))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(params=sorted(bodies()))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def golden(html: str) -> str:
    html = re.sub(r"<style>.*?</style>", "<style/>", html, flags=re.DOTALL)
    html = re.sub(r"sha256-[^&]*=", "(style)", html)
    html = re.sub(r"\b[0-9a-f]{64}\b", "(digest)", html)
    html = re.sub(r">[0-9a-f]{12}<", ">(digest)<", html)
    return "\n".join(line.strip() for line in html.splitlines() if line.strip()) + "\n"


def test_a_page_is_as_approved(name: str) -> None:
    page, approved = golden(render(bodies()[name], FRAME)), GOLDEN / f"{name}.html"
    if os.environ.get("UPDATE_GOLDEN"):
        approved.write_text(page, encoding="utf-8")
    assert page == approved.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", Language)
def test_a_page_can_be_read_aloud(name: str, language: Language) -> None:
    page = Outline(render(bodies()[name], replace(FRAME, language=language)))
    (html,) = page.all("html")
    assert html["lang"].split("-")[0] == language
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == tags.count("main") == tags.count("header") == 1
    assert tags.count("table") == tags.count("caption")
    assert all(head.get("scope") in ("row", "col") for head in page.all("th"))
    assert all(nav.get("aria-label") for nav in page.all("nav"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        for reference in ("aria-labelledby", "aria-describedby"):
            assert set(attributes.get(reference, "").split()) <= set(ids)
    inputs = [*page.all("input"), *page.all("textarea")]
    labelled = {label["for"] for label in page.all("label") if "for" in label}
    for field in inputs:
        kind = field.get("type")
        in_label = kind in ("radio", "checkbox") and "aria-label" not in field
        assert kind == "hidden" or in_label or field.get("id") in labelled or "aria-label" in field


def test_what_cannot_be_pressed_says_why_and_is_read_out(name: str) -> None:
    page = Outline(render(bodies()[name], FRAME))
    why = {attributes["id"] for tag, attributes in page.tags if attributes.get("class") == "why"}
    disabled = [button for button in page.all("button") if "disabled" in button]
    assert all(button["aria-describedby"] in why for button in disabled)


def test_a_page_has_no_script_no_style_of_its_own_and_nothing_from_elsewhere(name: str) -> None:
    html = render(bodies()[name], FRAME)
    page = Outline(html)
    assert not {"script", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert not [one for one in attributes if one == "style" or one.startswith("on")]
        for where in ("href", "src", "action", "formaction"):
            assert re.match(OWN, attributes.get(where, ""))
    assert "http" not in html.replace("http-equiv", "")


def test_every_form_carries_the_token(name: str) -> None:
    page = Outline(render(bodies()[name], FRAME))
    tokens = [field for field in page.all("input") if field.get("name") == "_xsrf"]
    assert len(tokens) == len(page.all("form"))
    assert all(field["value"] == FRAME.token for field in tokens)


def test_nothing_is_said_outside_of_the_catalogues(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a language in which every message is ⟦marked⟧, what is not marked is content."""

    class Marked(NullTranslations):
        def gettext(self, message: str) -> str:
            return f"⟦{message}⟧"

        def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
            return f"⟦{msgid1 if n == 1 else msgid2}⟧"

    monkeypatch.setattr(pages, "catalogue", lambda _: Marked())
    pages._templates.cache_clear()
    page = Outline(render(bodies()[name], FRAME))
    pages._templates.cache_clear()
    for text, is_content in page.text:
        words = re.sub(r"⟦.*⟧", "", text, flags=re.DOTALL)
        assert is_content or not re.search(r"[A-Za-z]{2}", words), text
    assert sum("⟦" in text for text, _ in page.text) > 5


def test_a_hostile_name_or_comment_is_text() -> None:
    release = factories.conversion_only(HOSTILE)[0]
    shown = approved(release, HOSTILE)
    for body in (reading.overview(shown, ANN), reading.decision([shown.paper] * 2, ANN)):
        html = render(body, FRAME)
        assert "<script" not in html
        assert "&lt;script&gt;alert(1)" in html
        assert 'onload="x' not in html


def test_anothers_vote_is_not_in_the_page_before_one_has_decided_oneself() -> None:
    hidden = all_papers()[0]
    for body in (reading.overview(hidden, ANN), reading.decision([hidden.paper], ANN, hidden)):
        html = render(body, FRAME)
        assert "Only the store may know this" not in html
        assert "bo</bdi></b> approves" not in html
    seats = reading.overview(hidden, ANN).seats
    assert [seat.standing for seat in seats] == [Standing.EMPTY, Standing.HIDDEN]


def test_a_page_of_several_is_one_document_that_leads_nowhere() -> None:
    shown = all_papers()[1]
    head = reading.heading(shown.paper)
    parts: list[Body] = [reading.overview(shown, ANN), reading.comparison(shown)]
    parts.append(table_page(head, shown.candidate, "path"))
    page = Outline(document(parts, replace(FRAME, root="")))
    assert {link["href"] for link in page.all("a")} == {"#content"}
    assert not page.all("form")
    assert len(page.all("h1")) == 1


def test_a_withheld_cell_is_hatched_and_says_why_in_words() -> None:
    html = render(bodies()["table"], FRAME)
    assert html.count('<span class="hatched">withheld</span>') == 8
    assert "too few people are on one side of it, counted or left out" in html


def test_the_page_of_a_table_shows_no_support_that_the_release_would_not_hold() -> None:
    """What is beside a number follows from the policy alone: the same for every such number."""
    shown = all_papers()[1]
    page = table_page(reading.heading(shown.paper), shown.candidate, "path")
    behind = [row.cell.behind for row in page.rows if row.measure == said("people")]
    assert behind == [said("counted among at least %(people)s people", people=50)] * 8


def test_differences_of_few_people_are_sentences() -> None:
    compared = reading.comparison(all_papers()[1])
    small = [change for change in compared.changes if change.is_small]
    assert [change.difference for change in small] == ["−18", "−27"]
    assert len(compared.implied) == 2
    assert compared.unchanged == 25 - len(compared.changes)
    assert all(isinstance(change, Change) for change in compared.changes)


def test_the_same_study_with_the_same_numbers_has_no_changes() -> None:
    release = factories.rich()[0]
    compared = reading.comparison(paper(release, earlier=release))
    assert compared.earlier is not None
    assert compared.earlier.digest == candidate_digest(release.candidate)
    assert (compared.changes, compared.implied) == ((), ())


def test_every_state_and_standing_has_words() -> None:
    assert set(STATES) == set(State)
    assert set(STANDINGS) == set(Standing)
    assert set(ACTIONS) == set(Action)


def test_without_a_key_every_button_is_disabled_with_the_reason() -> None:
    for shown in all_papers():
        overview = reading.overview(shown, READER)
        assert all(b.reason == READER.read_only for b in (overview.decide, *overview.acts))
    assert reading.decision([all_papers()[0].paper], READER).sign.reason == READER.read_only


def test_what_reviewers_ask_for_of_a_table_is_beside_their_names_once_all_have_decided() -> None:
    html = render(bodies()["disputed"], FRAME)
    assert "Which orders are these?" in html
    seats = reading.overview(all_papers()[6], ANN).seats
    assert [seat.standing for seat in seats] == [Standing.APPROVED, Standing.CHANGES]
    assert [remark.comment for remark in seats[1].remarks] == ["Which orders are these?"]


def test_what_somebody_asks_to_change_is_on_top_and_what_is_decided_waits_no_more() -> None:
    queue = bodies()["queue"]
    assert isinstance(queue, Queue)
    asked = said("A reviewer asks for changes.")
    (top,) = (line for line in queue.concerning if line.concerns[0].says == asked)
    assert (top.heading.merchant, top.selectable, top.waits) == ("Linden & Ash", True, False)
    waiting = [line.heading.merchant for line in queue.plain if line.waits]
    assert waiting == ["Aurelle Skin", "Aurelle Skin", "Heron Works"]


def test_the_standing_rule_holds_both_seats_under_its_name() -> None:
    seats = reading.overview(all_papers()[7], ANN).seats
    assert [(seat.standing, seat.reviewer) for seat in seats] == [
        (Standing.RULE, "plain-sailing")
    ] * 2


def test_why_a_number_is_near_to_an_earlier_answer_is_beside_it() -> None:
    shown = all_papers()[1]
    told = "differs from the answer of 2 May 2026, the same cell, by fewer than 50 people: ask anew"
    near = shown.candidate.tables["path"].cells.with_columns(
        pl.when(pl.col("step") == "cart").then(pl.lit(told)).alias("because"),
        pl.when(pl.col("step") != "cart").then("value"),
        pl.when(pl.col("step") == "cart").then(pl.lit("differencing")).alias("withheld"),
    )
    table = build("cleanroom.gate.testing", Protected, "path", "Path", ("step",), near, "p")
    tables = {**shown.candidate.tables, "path": table}
    made, gate = shown.candidate, "cleanroom.gate.testing"
    candidate = build(gate, Candidate, made.manifest, tables, made.findings, made.signature)
    changed = replace(shown, candidate=candidate)
    html = render(table_page(reading.heading(shown.paper), changed.candidate, "path"), FRAME)
    assert html.count(told) == 2  # of people and of events
    assert told in render(reading.comparison(changed), FRAME)


def contrast(one: str, other: str = "#ffffff") -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colour", [theme.INK, theme.MUTED, theme.ADS, theme.CAUTION])
def test_what_is_read_has_contrast(colour: str) -> None:
    assert contrast(colour) >= 4.5  # as text on white, and as white on a button
    assert contrast("#000000") == pytest.approx(21)


def test_the_policy_allows_the_one_style_and_no_script() -> None:
    policy = content_policy()
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "script-src" not in policy
