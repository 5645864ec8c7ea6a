"""The desk in a real browser: what two reviewers do there, and what others try.

`UPDATE_IMAGES=1 pytest tests/desk/test_browser.py` writes the pictures of the documentation anew.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Browser, Page, expect

from cleanroom.borders import candidate_digest
from cleanroom.gate.release import read_release
from cleanroom.review import office
from cleanroom.review.templates import Bounds
from cleanroom.tables import Platform
from tests.desk.browser import chromium, decide, keep_image, open_page, served
from tests.desk.rooms import WORDS, Place, furnish, make_place
from tests.outside import factories

pytestmark = pytest.mark.slow
HOSTILE = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = make_place(tmp_path_factory.mktemp("desk"))
    furnish(made)
    return made


@pytest.fixture(scope="module")
def desks(place: Place, browser: Browser) -> Iterator[dict[Platform, str]]:
    """A desk for each reviewer: their addresses, with the token."""
    del browser  # asked for first: without one, no desk has to start
    started = [served("cleanroom", "desk", place.room, "--keys", place.keys[p]) for p in Platform]
    with started[0] as ads, started[1] as store:
        yield {Platform.ADS: ads, Platform.STORE: store}


@pytest.fixture
def ann(browser: Browser, desks: dict[Platform, str]) -> Iterator[Page]:
    page = open_page(browser, desks[Platform.ADS])
    yield page
    page.context.close()


@pytest.fixture
def bo(browser: Browser, desks: dict[Platform, str]) -> Iterator[Page]:
    page = open_page(browser, desks[Platform.STORE])
    yield page
    page.context.close()


def open_candidate(page: Page, merchant: str) -> None:
    page.get_by_role("navigation", name="Desk").get_by_role("link", name="Queue").click()
    page.get_by_role("link", name=merchant).first.click()
    # A key pressed before the page is there would be pressed on the one before it.
    expect(page.get_by_role("heading", level=1)).to_contain_text(merchant)


def approve(page: Page, merchant: str, comment: str = "") -> None:
    open_candidate(page, merchant)
    page.get_by_role("link", name="Decide").last.click()
    decide(page, "Approve", comment)
    page.get_by_role("button", name="Sign").click()
    expect(page.get_by_role("status")).to_contain_text("Your vote is signed. Keep your receipt:")


def test_two_reviewers_take_a_release_from_the_queue_to_released(
    ann: Page, bo: Page, place: Place, tmp_path: Path
) -> None:
    keep_image(ann, "desk-queue", tmp_path)
    open_candidate(ann, "Camellia House")
    expect(ann.get_by_text("No reviewer has decided yet; it takes one of each")).to_be_visible()
    reject = ann.get_by_role("button", name="Reject")
    expect(reject).to_be_disabled()
    expect(reject).to_have_accessible_description(
        "It can be rejected once a reviewer of each platform has voted."
    )
    ann.get_by_role("link", name="Decide").last.click()
    decide(ann, "Approve", "As planned.")
    ann.get_by_label("Passphrase").fill("")
    keep_image(ann, "desk-decide", tmp_path)
    ann.get_by_label("Passphrase").fill(WORDS)
    ann.get_by_role("button", name="Sign").click()
    expect(ann.get_by_text("It waits for a reviewer of the store platform.")).to_be_visible()

    open_candidate(bo, "Camellia House")
    expect(bo.get_by_text("ann voted; shown once you have decided")).to_be_visible()
    expect(bo.get_by_text("As planned.")).to_have_count(0)
    approve(bo, "Camellia House")
    expect(bo.get_by_text("As planned.").first).to_be_visible()
    expect(bo.get_by_text("Both platforms approve. It is released in the room")).to_be_visible()
    keep_image(bo, "desk-overview", tmp_path)
    place.release()
    bo.reload()
    expect(bo.get_by_text("It has been released.")).to_be_visible()
    (written,) = place.releases.glob("conversion-m-012-*.json")
    assert len(read_release(written, place.agreement).votes) == 2
    bo.get_by_role("link", name="Ledger").click()
    expect(bo.get_by_text("The chain holds")).to_be_visible()
    keep_image(bo, "desk-ledger", tmp_path, whole=False)


def test_tables_and_what_changed_are_shown_beside_what_guards_them(
    ann: Page, tmp_path: Path
) -> None:
    open_candidate(ann, "Dewdrop Atelier")
    ann.get_by_role("link", name="Tables").click()
    row = ann.get_by_role("row").filter(has_text="Campaign group").filter(has_text="buyers")
    expect(row).to_contain_text("withheld")
    expect(row).to_contain_text("Known: fewer than 10 people are counted or are left out")
    keep_image(ann, "desk-table", tmp_path)
    open_candidate(ann, "Aurelle Skin")
    ann.get_by_role("link", name="Compare").click()
    expect(ann.get_by_text("521 people now and 548 before differ by 27")).to_be_visible()
    keep_image(ann, "desk-compare", tmp_path)
    ann.get_by_role("link", name="Provenance").click()
    expect(ann.get_by_text("verified with the room’s key in the agreement")).to_be_visible()
    keep_image(ann, "desk-provenance", tmp_path)


def test_a_vote_that_is_not_its_reviewers_counts_for_nothing(ann: Page, place: Place) -> None:
    forged = place.added["Orchid Lane"]
    place.vote(forged, Platform.STORE, key=Ed25519PrivateKey.generate())
    approve(ann, "Orchid Lane", "The vote of the store platform is not theirs.")
    expect(ann.get_by_text("A vote on it is not its reviewer’s, and does not")).to_be_visible()
    expect(ann.get_by_text("compare the ledger with another copy")).to_be_visible()
    place.release()
    assert not list(place.releases.glob(f"*-{forged.manifest['study']['merchant']}-*"))


def test_what_changed_since_it_was_seen_is_not_signed(ann: Page, place: Place) -> None:
    open_candidate(ann, "Linden & Ash")
    ann.get_by_role("link", name="Decide").last.click()
    decide(ann, "Approve", "Looks right.")
    votes = place.votes_in_ledger()
    place.replace("Linden & Ash", category="sports")
    ann.get_by_role("button", name="Sign").click()
    expect(ann.get_by_role("alert")).to_contain_text("It is settled: nothing is decided on it")
    assert place.votes_in_ledger() == votes


def test_a_double_click_signs_once(ann: Page, place: Place) -> None:
    open_candidate(ann, "Northbay Running")
    ann.get_by_role("link", name="Decide").last.click()
    decide(ann, "Request changes: say", "The groups are not those planned.")
    votes = place.votes_in_ledger()
    ann.get_by_role("button", name="Sign").dblclick(no_wait_after=True)
    expect(ann.get_by_role("status")).to_contain_text("igned")
    ann.reload()
    assert place.votes_in_ledger() == votes + 1


def test_changes_asked_for_on_one_table_go_back_to_the_author(
    ann: Page, place: Place, tmp_path: Path
) -> None:
    asked = place.add(factories.rich("Sparrow & Co", "m-041")[0])
    open_candidate(ann, "Sparrow & Co")
    ann.get_by_role("link", name="Decide").last.click()
    decide(ann, "Approve: it")
    ann.get_by_text("Say otherwise of single tables").click()
    money = ann.get_by_role("group", name="Cost, orders, and revenue")
    money.get_by_role("radio", name="Request changes").check()
    money.get_by_label("On this table").fill("Which orders are these?")
    keep_image(ann, "desk-tables-apart", tmp_path)
    ann.get_by_role("button", name="Sign").click()
    expect(ann.get_by_text("Which orders are these?").first).to_be_visible()
    expect(ann.get_by_role("button", name="Return")).to_be_disabled()
    place.vote(asked, Platform.STORE)
    ann.reload()
    ann.get_by_role("link", name="Return").click()
    ann.get_by_label("Passphrase").fill(WORDS)
    ann.get_by_role("button", name="Sign the return").click()
    expect(ann.get_by_role("status")).to_contain_text("It is returned to its author.")


def test_a_template_is_compared_and_approved_at_the_desk(
    ann: Page, place: Place, tmp_path: Path
) -> None:
    first = next(iter(place.wide.values()))
    bounds = {**first.parameters, "merchant": Bounds(one_of=("m-001", "m-012"))}
    changes = {"parameters": bounds, "sha256": "5e" * 32}
    office.propose(place.ledger, [first.model_copy(update=changes)], "analyst")
    ann.goto(ann.url)
    ann.get_by_role("link", name="1 template waits for your approval.").click()
    ann.get_by_role("link", name=first.name).first.click()
    expect(ann.get_by_role("row").filter(has_text="anything").last).to_contain_text("m-001, m-012")
    keep_image(ann, "desk-template", tmp_path)
    for box in ann.get_by_role("checkbox").all():
        box.check()
    ann.get_by_role("radio", name="Approve").check()
    ann.get_by_label("Passphrase").fill(WORDS)
    ann.get_by_role("button", name="Sign").click()
    expect(ann.get_by_role("status")).to_contain_text("Your approval is signed.")
    ann.get_by_role("link", name=first.name).first.click()
    expect(ann.get_by_role("radio", name="Approve")).to_be_disabled()
    expect(ann.get_by_text("Your platform has approved it already.")).to_be_visible()


def test_a_page_of_another_origin_can_neither_sign_nor_frame_the_desk(
    ann: Page, place: Place
) -> None:
    address = urlsplit(ann.url)
    digest = candidate_digest(place.added["Dewdrop Atelier"])
    form = (
        f'<form method="post" action="http://{address.netloc}/cleanroom/desk/word">'
        f'<input name="candidate" value="{digest}"><button>Win</button></form>'
        f'<iframe src="http://{address.netloc}/cleanroom/desk"></iframe>'
    )
    other = ann.context.new_page()
    other.route("http://elsewhere.test/", lambda r: r.fulfill(body=form, content_type="text/html"))
    other.goto("http://elsewhere.test/")
    expect(other.frame_locator("iframe").get_by_text("Queue")).to_have_count(0)
    with other.expect_response("**/word") as answer:
        other.get_by_role("button", name="Win").click()
    assert answer.value.status in (403, 404)
    # Nor could it with the reviewer's own cookies, which no browser sends along from elsewhere.
    root = ann.url.rstrip("/")
    for headers in ({"Origin": "http://elsewhere.test"}, {}):
        sent = ann.request.post(f"{root}/word", form={"candidate": digest}, headers=headers)
        assert sent.status in (403, 404)
    assert not list(place.releases.glob("*-m-015-*"))


@pytest.mark.parametrize("host", ["elsewhere.test", "elsewhere.test:80", "10.0.0.1"])
def test_another_host_name_is_refused(desks: dict[Platform, str], host: str) -> None:
    address = urlsplit(desks[Platform.ADS])
    connection = http.client.HTTPConnection(address.netloc, timeout=10)
    connection.request("GET", f"{address.path}?{address.query}", headers={"Host": host})
    assert connection.getresponse().status == 403
    connection.close()


@pytest.mark.parametrize("path", ["api/contents", "api/kernels", "api/terminals", "files", "lab"])
def test_a_desk_alone_serves_nothing_but_the_desk(ann: Page, path: str) -> None:
    address = urlsplit(ann.url)
    assert ann.request.get(f"http://{address.netloc}/{path}").status in (403, 404)


def test_without_the_token_nobody_gets_in(browser: Browser, desks: dict[Platform, str]) -> None:
    page = open_page(browser, desks[Platform.ADS].partition("?")[0])
    assert "/login" in page.url
    expect(page.get_by_text("Aurelle")).to_have_count(0)
    page.context.close()


def test_the_token_does_not_stay_in_the_address(ann: Page) -> None:
    assert "token" not in ann.url


def test_a_script_in_a_name_or_a_comment_is_text(ann: Page, place: Place) -> None:
    place.add(factories.rich(HOSTILE, "m-666")[1])
    heard: list[str] = []
    ann.on("console", lambda message: heard.append(message.text))
    ann.goto(ann.url)
    ann.get_by_role("row").filter(has_text="m-666").get_by_role("link").click()
    expect(ann.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    ann.get_by_role("link", name="Decide").last.click()
    decide(ann, "Approve", HOSTILE)
    ann.get_by_role("button", name="Sign").click()
    expect(ann.get_by_role("definition").filter(has_text="<img")).to_have_text(HOSTILE)
    assert ann.title().startswith(HOSTILE[:20])
    assert ann.locator("script, img").count() == 0
    assert heard == []


def test_a_decision_can_be_signed_from_the_keyboard(ann: Page, place: Place) -> None:
    open_candidate(ann, "Tern & Tide")
    ann.keyboard.press("Tab")
    expect(ann.get_by_role("link", name="Skip to the content")).to_be_focused()
    ann.get_by_role("link", name="Decide").last.focus()
    ann.keyboard.press("Enter")
    first = ann.get_by_role("checkbox").first
    first.focus()
    for _ in range(4):
        ann.keyboard.press("Space")
        ann.keyboard.press("Tab")
    ann.keyboard.press("Space")
    ann.keyboard.press("Tab")  # to single tables, which stay closed
    ann.keyboard.press("Tab")
    ann.keyboard.type("From the keyboard.")
    ann.keyboard.press("Tab")
    ann.keyboard.type(WORDS)
    ann.keyboard.press("Enter")
    expect(ann.get_by_role("status")).to_contain_text("Your vote is signed.")


def test_a_candidate_is_kept_as_one_page_and_as_the_sealed_bundle(
    ann: Page, browser: Browser, tmp_path: Path
) -> None:
    open_candidate(ann, "Aurelle Skin")
    with ann.expect_download() as sealed:
        ann.get_by_role("link", name="The sealed candidate").click()
    assert json.loads(sealed.value.path().read_bytes()).keys() == {
        "record",
        "signature",
        "votes",
        "found",
    }
    with ann.expect_download() as whole:
        ann.get_by_role("link", name="All of this as one page").click()
    file = tmp_path / "whole.html"
    whole.value.save_as(file)
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    assert asked == [file.as_uri()]
    assert page.locator("a[href^=http], form, script, nav").count() == 0
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 37, 48)"
    for heading in ("What would leave", "Estimates", "Beside the last release", "What it rests on"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    page.close()


def test_a_chinese_browser_is_answered_in_chinese_and_english_is_one_press_away(
    browser: Browser, desks: dict[Platform, str], tmp_path: Path
) -> None:
    page = open_page(browser, desks[Platform.STORE], locale="zh-CN")
    expect(page.get_by_role("heading", level=1)).to_have_text("队列")
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Queue")
    page.get_by_role("link", name="Ledger").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ledger")
    page.context.close()


def test_jupyterlab_opens_the_desk_which_is_read_only_there(
    browser: Browser, place: Place, tmp_path: Path
) -> None:
    options = ("--no-browser", "--allow-root", "--port=0", f"--ServerApp.root_dir={tmp_path}")
    lab = served(
        "jupyter-lab",
        *options,
        f"--CleanroomDesk.room={place.room}",
        address=r"http://127\.0\.0\.1:\d+/lab\?token=\w+",
    )
    with lab as address:
        page = open_page(browser, address)
        tile = page.locator(".jp-LauncherCard", has_text="Review desk")
        with page.context.expect_page() as opened:
            tile.click()
        desk = opened.value
        expect(desk.get_by_role("heading", level=1)).to_have_text("Queue")
        told = desk.get_by_text("Read only: no reviewer’s key is at hand here.")
        expect(told.first).to_be_visible()
        for name in ("Decide on the selected", "Decide on all"):
            expect(desk.get_by_role("button", name=name)).to_be_disabled()
        page.context.close()
