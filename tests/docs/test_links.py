"""Links lead somewhere, and every page is reached from the README."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links, name


def local(page: Path) -> list[tuple[Path, str]]:
    """The files, with their anchors, that a page's links name in this repository."""
    found = []
    for link in links(page):
        if "://" not in link:
            file, _, anchor = link.partition("#")
            found.append(((page.parent / file).resolve() if file else page, anchor))
    return found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    missing = [
        f"{file}#{anchor}"
        for file, anchor in local(page)
        if not file.exists() or (anchor and anchor not in anchors(file))
    ]
    assert missing == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            waiting += [f for f, _ in local(page) if f.suffix == ".md" and f.exists()]
    assert set(PAGES) - reached == set()


def test_links_are_found_where_there_are_some() -> None:
    assert len(local(ROOT / "README.md")) > 10
