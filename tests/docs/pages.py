"""The documentation as its tests read it: pages, fenced blocks, links and headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the line of its fence."""

    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Command:
    """What a reader would type, and what the page says then appears (empty: it says nothing)."""

    typed: str
    expected: str
    line: int


def name(page: Path) -> str:
    """A page as people name it: its path from the root."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(found.group(1), found.group(2), text.count("\n", 0, found.start()) + 1)
        for found in _FENCE.finditer(text)
    ]


def commands(page: Path) -> Iterator[Command]:
    """The commands of a page: those behind a `$` in `console` blocks, and its `python` blocks."""
    for block in blocks(page):
        if block.language == "console":
            yield from _console(block)
        elif block.language == "python":
            yield Command(f"python - <<'END'\n{block.text}END", "", block.line)


def _console(block: Block) -> Iterator[Command]:
    _, *typed = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert typed, f"line {block.line}: a console block begins with a $"
    for part in typed:
        command, _, expected = part.partition("\n")
        yield Command(re.sub(r"\s+# .*", "", command), expected, block.line)


def prose(page: Path) -> str:
    """A page's text without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[str]:
    """The targets of a page's links and images."""
    yield from re.findall(r"\]\(([^)\s]+)\)", prose(page))


def anchors(page: Path) -> set[str]:
    """What a link can name in a page: its headings, as GitHub writes them in addresses."""
    headings = re.findall(r"^#+ +(.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
