"""The merchant's page and the index: drawn from releases, complete, and closed to the world."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from typing import Any

import polars as pl
import pytest

from cleanroom.borders import Release
from cleanroom.errors import BorderError, CleanroomError, ReleaseError
from cleanroom.outside.report import LeftOut, Published, render_index, render_report
from cleanroom.outside.words import estimate_figure
from tests.outside import factories

HOSTILE = (
    """<script>alert("1")</script><img src=http://x onerror=y> & 'O''Reilly' {{ 7*7 }} \u202e"""
)
MADE = {
    "rich": factories.rich(),
    "mostly withheld": factories.mostly_withheld(),
    "broken split": factories.broken_split(),
    "rounded": factories.rounded(),
    "without effect": factories.without_effect(),
    "conversion only": factories.conversion_only(),
    "lift only": factories.rich()[1:],
    "hostile name": factories.rich(HOSTILE, "m-666"),
}
PAGES = {name: render_report(releases) for name, releases in MADE.items()}
INDEX = render_index(
    [
        *(Published(f"{name}.html", releases) for name, releases in MADE.items()),
        LeftOut("m-004", "Petal & Thread <C>", "a shop of type taobao_c takes no part"),
    ]
)


class Page(HTMLParser):
    """What a page holds: elements, and the text inside those of each class."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[tuple[str, list[str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append((tag, (dict(attrs).get("class") or "").split()))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, classes in self.open:
            for name in classes:
                self.texts.setdefault(name, []).append(data)

    def text(self, name: str) -> str:
        return " ".join(" ".join(self.texts.get(name, [])).split())


@pytest.mark.parametrize("html", [*PAGES.values(), INDEX], ids=[*PAGES, "index"])
def test_a_page_is_whole_and_needs_no_network_and_no_script(html: str) -> None:
    page = Page(html)
    assert page.open == []
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    for tag, attributes in page.elements:
        addresses = [v for n, v in attributes.items() if n.endswith(("href", "src")) and v]
        assert all(tag == "a" and ":" not in address for address in addresses)
        assert not any(name.startswith("on") for name in attributes)
    styles = "".join(re.findall(r"<style>(.*?)</style>", html, re.S))
    assert "url(" not in styles
    assert "@import" not in styles
    assert "default-src 'none'" in html


@pytest.mark.parametrize("html", [*PAGES.values(), INDEX], ids=[*PAGES, "index"])
def test_a_page_can_be_read_aloud(html: str) -> None:
    elements = Page(html).elements
    assert elements[0] == ("html", {"lang": "en"})
    drawings = [a for tag, a in elements if tag == "div" and a.get("role") == "img"]
    assert len(drawings) == sum(tag == "figure" for tag, _ in elements) > 0
    assert all(len(a["aria-label"] or "") > 40 for a in drawings)
    assert all("scope" in attributes for tag, attributes in elements if tag == "th")
    heads = [tag for tag, _ in elements if re.fullmatch(r"h\d", tag)]
    assert heads.count("h1") == 1
    assert heads[0] == "h1"


def test_the_first_screen_has_the_sentences_and_the_numbers_that_matter() -> None:
    page = Page(PAGES["rich"])
    conversion, lift = (release.candidate.findings for release in MADE["rich"])
    lead = page.text("lead")
    assert lead.startswith(lift.summary[0])
    assert conversion.summary[0] in lead
    cards = page.text("cards")
    for number in ("45,210", "17,308", "611", "¥148,720", "7.69", "+207", "+135 to +280"):
        assert number in cards


@pytest.mark.parametrize("name", MADE)
def test_every_check_is_on_the_page(name: str) -> None:
    text = unescape(PAGES[name])
    for release in MADE[name]:
        for check in release.candidate.findings.checks.values():
            assert f"{check.label}: " in text
            assert check.words in text


@pytest.mark.parametrize("name", ["rich", "mostly withheld", "without effect"])
def test_every_estimate_is_on_the_page_as_it_was_released(name: str) -> None:
    text = unescape(PAGES[name])
    shown = 0
    for release in MADE[name]:
        for estimate in release.candidate.findings.estimates.values():
            figure = estimate_figure(estimate, "CNY")
            # Of a check's p-value its check tells, in words.
            if figure.text and not estimate.name.endswith("_p_value"):
                assert figure.text in text
                assert (
                    figure.interval is None
                    or figure.interval in text
                    or estimate.name.startswith("linked")
                )
                shown += 1
    assert shown > 15


def test_a_withheld_number_is_said_to_be_and_never_shown() -> None:
    page = Page(PAGES["mostly withheld"])
    hidden = page.texts["hidden"]
    assert len(hidden) > 10
    assert not any(character.isdigit() for text in hidden for character in text)
    assert not any(character.isdigit() for character in page.text("without"))
    assert "Withheld" in page.text("without")
    # The few buyers, orders and amounts that stood behind the withheld cells.
    for number in ("¥1,460", "¥1,180"):
        assert number not in PAGES["mostly withheld"]


def test_what_was_withheld_is_listed_with_the_rule_in_words() -> None:
    section = PAGES["mostly withheld"].split('id="withheld"')[1].split("</section>")[0]
    assert "Bought: people" in section
    assert "minimum stand behind it" in section
    # How far it is known, as far as the agreement's rule tells and no further.
    assert "fewer than 50 people stand behind it" in section
    assert "fewer than 10 people are counted or are left out" in section
    assert "3 of 8</span>" in section
    assert "38% of the numbers" in section
    assert "Nothing: every number" in PAGES["rich"]


def test_no_data_is_said_apart_from_what_was_withheld() -> None:
    page = Page(PAGES["rounded"])
    assert "No data there is no data on the advertising cost" in page.text("without")
    assert {"no data", "withheld"} <= {*page.texts["hidden"]}
    section = PAGES["rounded"].split("What there is no data on")[1].split("</section>")[0]
    assert "cost" in section
    assert "the platform hands over no records of it" in section
    assert "What there is no data on" not in PAGES["mostly withheld"]


def test_a_rounded_page_says_how_and_how_far_its_numbers_may_be_off() -> None:
    page = PAGES["rounded"]
    assert "rounded to the nearest multiple of 5" in page
    assert "parts need not add up to their whole" in page
    assert "±2" in Page(page).texts["interval"]
    assert "548" not in page  # the exact number of buyers
    assert "rounded" not in PAGES["rich"]
    assert "±" not in PAGES["rich"]


def test_what_was_withheld_together_has_a_row_of_its_own() -> None:
    row = PAGES["rounded"].split("withheld together</th>")[1].split("</tr>")[0]
    assert Page(f"<table>{row}</table>").texts["number"] == ["820", "¥222,000", "20"]


def test_a_failed_check_takes_the_effect_off_the_page() -> None:
    broken = PAGES["broken split"]
    estimates = MADE["broken split"][1].candidate.findings.estimates
    added = estimates["incremental_conversions"].value
    assert added is not None
    assert f"+{added:,.0f}" not in broken
    assert "Not to be used" in Page(broken).text("cards")
    assert "Evidence grade A" not in broken
    assert "Evidence grade A</b> randomised holdout" in PAGES["rich"]


def test_no_result_has_no_evidence_grade() -> None:
    assert "Evidence grade A" not in PAGES["mostly withheld"]
    assert "No result" in PAGES["mostly withheld"]


def test_what_was_not_studied_is_not_on_the_page() -> None:
    assert "Not measured" in Page(PAGES["conversion only"]).text("cards")
    assert 'id="effect"' not in PAGES["conversion only"]
    assert 'id="path"' not in PAGES["lift only"]


def test_a_page_names_what_its_numbers_rest_on() -> None:
    provenance = Page(PAGES["rich"]).text("provenance")
    for digest in ("a1" * 32, "b2" * 32, "c3" * 32, "d4" * 32):
        assert digest in provenance
    for words in ("ads-reviewer", "store-reviewer", "cleanroom 0.1.0", "2 June 2026, 08:30 UTC"):
        assert words in provenance


@pytest.mark.parametrize("html", [PAGES["hostile name"], INDEX], ids=["report", "index"])
def test_a_merchant_s_name_is_text_whatever_it_holds(html: str) -> None:
    assert HOSTILE in unescape(html)
    assert "<script" not in html
    assert "<img" not in html
    assert "49" not in html.split("</h1>", maxsplit=1)[0].split("<h1")[1]


def test_the_order_of_releases_does_not_matter() -> None:
    assert render_report(MADE["rich"][::-1]) == PAGES["rich"]


@pytest.mark.parametrize(
    "given",
    [
        MADE["rich"][0],
        [MADE["rich"][0].candidate],
        [*MADE["rich"], {"candidate": {}}],
        [pl.DataFrame({"value": [1]})],
        MADE["rich"][0].candidate.tables,
    ],
    ids=["a release by itself", "a candidate", "plain values", "a frame", "tables"],
)
def test_a_report_is_drawn_from_releases_only(given: Any) -> None:
    with pytest.raises(BorderError, match="only releases can be reported on"):
        render_report(given)
    with pytest.raises(CleanroomError):
        render_index([Published("x.html", given)])
    with pytest.raises(CleanroomError):
        render_index([given])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "exactly one merchant"),
        ([MADE["rich"][0], MADE["broken split"][1]], "exactly one merchant"),
        ([MADE["rich"][0], MADE["rich"][0]], "two releases of the conversion study"),
    ],
)
def test_a_report_is_of_one_merchant_and_one_release_a_study(
    given: list[Release], says: str
) -> None:
    with pytest.raises(ReleaseError, match=says):
        render_report(given)


def test_the_index_leads_to_every_report_and_names_who_has_none() -> None:
    page = Page(INDEX)
    addresses = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    assert addresses == [f"{name}.html" for name in MADE]
    assert "Petal &amp; Thread &lt;C&gt;" in INDEX
    assert "a shop of type taobao_c takes no part" in INDEX
    for words in ("not to be used", "not measured", "withheld", "+207"):
        assert words in INDEX


def test_an_index_without_a_lift_has_no_chart_of_it() -> None:
    alone = render_index([Published("a.html", MADE["conversion only"])])
    assert "<figure>" not in alone
    assert "Camellia House" in alone
    assert "0 reports" in render_index([])


def test_two_merchants_of_one_name_are_told_apart_in_the_chart() -> None:
    twins = [Published(f"{m}.html", factories.rich("Twin", m)) for m in ("m-1", "m-2")]
    assert "Twin (m-1): +0.85 points" in render_index(twins)


def test_importing_the_page_loads_no_heavy_library() -> None:
    code = "import sys, cleanroom.outside.report; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"altair", "vl_convert", "jinja2", "babel"} & set(done.stdout.split())
