"""Pages as they were approved by eye; `UPDATE_GOLDEN=1 pytest tests/golden` writes them anew.

Left out: the style, the drawings' geometry (their words are kept), and digests.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from cleanroom.outside.report import LeftOut, Published, render_index, render_report
from tests.outside import factories
from tests.outside.whole_path import whole_path

HERE = Path(__file__).parent


def report(name: str) -> str:
    if name == "whole_path":
        return render_report(whole_path())
    return render_report(getattr(factories, name)())


def index() -> str:
    names = ("rich", "mostly_withheld", "broken_split", "without_effect", "conversion_only")
    reports = [Published(f"{name}.html", getattr(factories, name)()) for name in names]
    return render_index([*reports, LeftOut("m-004", "Petal & Thread", "shop type not admitted")])


def outline(html: str) -> str:
    """The page without what differs between machines or is judged by eye."""
    html = re.sub(r"<style>.*?</style>", "<style/>", html, flags=re.S)
    html = re.sub(r"<svg.*?</svg>", lambda drawing: words(drawing[0]), html, flags=re.S)
    html = re.sub(r"\b[0-9a-f]{64}\b", "(digest)", html)
    return "\n".join(line.strip() for line in html.splitlines() if line.strip()) + "\n"


def words(svg: str) -> str:
    return "\n".join(["<svg>", *re.findall(r"<text[^>]*(?<!/)>(.*?)</text>", svg), "</svg>"])


@pytest.mark.parametrize(
    "name", ["rich", "mostly_withheld", "broken_split", "rounded", "whole_path", "index"]
)
def test_a_page_is_as_approved(name: str) -> None:
    page = outline(index() if name == "index" else report(name))
    approved = HERE / f"{name}.html"
    if os.environ.get("UPDATE_GOLDEN"):
        approved.write_text(page, encoding="utf-8")
    assert page == approved.read_text(encoding="utf-8")
