"""The desk as people have it: a process of its own, and a real browser.

Debian's Chromium, driven with Playwright, whose own download of a browser is not used. Where none
is installed the tests are skipped, except in CI, which sets CLEANROOM_BROWSER=required.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.desk.rooms import WORDS

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE = 60_000  # milliseconds: a busy machine is no fault of the desk
_BIN = Path(sys.executable).parent
_FLAGS = ["--no-sandbox", "--disable-lcd-text"]  # in a container its sandbox cannot start


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    path = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if path is None:
        told = "no Chromium is installed: as root, apt-get install chromium"
        if os.environ.get("CLEANROOM_BROWSER") == "required":
            pytest.fail(told)
        pytest.skip(told)
    expect.set_options(timeout=_PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


@contextmanager
def served(*words: object, address: str = r"https?://\S+") -> Iterator[str]:
    """A command that serves, until the end of the block; its address, as it prints it."""
    command = [str(_BIN / str(words[0])), *map(str, words[1:])]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield next(m[0] for line in server.stdout if (m := re.search(address, line)))
        finally:
            server.terminate()
            server.communicate()


def open_page(browser: Browser, address: str, locale: str = "en-GB") -> Page:
    """A page of a browser of its own, with nothing kept from another."""
    page = browser.new_context(
        viewport={"width": 1000, "height": 640}, locale=locale, accept_downloads=True
    ).new_page()
    page.set_default_timeout(_PATIENCE)
    page.goto(address)
    return page


def keep_image(page: Page, name: str, folder: Path, *, whole: bool = True) -> None:
    """A picture of the page, or of its top; `UPDATE_IMAGES=1` puts it among the documentation's."""
    update = os.environ.get("UPDATE_IMAGES")
    file = (IMAGES if update else folder) / f"{name}.png"
    page.screenshot(path=file, full_page=whole)
    assert file.stat().st_size > 10_000


def decide(page: Page, choice: str, comment: str = "", ticks: Sequence[int] = range(4)) -> None:
    """Fill in the form of a decision that is open, all but the last press."""
    for number in ticks:
        page.get_by_role("checkbox").nth(number).check()
    page.get_by_role("radio", name=choice).first.check()
    if comment:
        page.get_by_label("Comment, signed").fill(comment)
    page.get_by_label("Passphrase").fill(WORDS)
