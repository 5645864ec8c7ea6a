"""Whatever a reader could paste runs, and prints what the page says it prints.

A page's commands run one after the other in one shell, as a reader would type them, in a copy of a
checkout in which a small demo has been played. `make` is not run again: its targets exist. Of a
server only the program is started.
"""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, Command, blocks, commands, name

LANGUAGES = {"console", "python", "text", "yaml", "mermaid"}
# Read by people, and drawn from the code, which has tests of its own.
DRAWN = "docs/commands.md"
READ = [page for page in PAGES if name(page) != DRAWN and list(commands(page))]
TARGETS = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
# What the shell says of a job that was killed, whenever it notices.
KILLED = re.compile(r"^bash: line \d+: +\d+ Killed .*\n", re.MULTILINE)
MARK = "\x1e"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which `make demo` has run, but for its size."""
    folder = tmp_path_factory.mktemp("checkout")
    for part in ("configs", "notebooks"):
        shutil.copytree(ROOT / part, folder / part)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    told = run("cleanroom demo --people 4000 --merchants 3", folder)
    assert told.returncode == 0, told.stdout[-3000:]
    return folder


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A shell script's end, its output and errors in one text."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": programs, "NO_COLOR": "1", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
    )


def instead(typed: str) -> str:
    """What is run for what is typed."""
    match typed.split():
        case ["make", target]:
            assert target in TARGETS, f"make {target}"
            return "true"
        case ["jupyter", "lab", *words]:
            files = [word.rpartition("=")[2] for word in words]
            return " && ".join(
                ["jupyter lab --version >/dev/null", *(f"test -e {f}" for f in files)]
            )
        case ["cleanroom", "desk", room, "--keys", keys, *_]:
            return f"cleanroom desk --help >/dev/null && test -e {room} && test -e {keys}"
        case _:
            return typed


def session(page: Path, folder: Path) -> list[tuple[Command, int, str]]:
    """Each command of a page with its exit code and what it printed."""
    typed = list(commands(page))
    # The mark prints the exit code and leaves it as it was, so that `echo $?` tells it too.
    mark = f"code=$?; printf '{MARK}%s{MARK}' $code; (exit $code)"
    told = run("\n".join(f"{instead(one.typed)}\n{mark}" for one in typed), folder).stdout
    told = KILLED.sub("", told)
    parts = told.split(MARK)[:-1]
    assert len(parts) == 2 * len(typed), told[-2000:]
    return [
        (one, int(code), text)
        for one, text, code in zip(typed, parts[::2], parts[1::2], strict=True)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("page", READ, ids=name)
def test_what_a_page_has_its_reader_paste_works(page: Path, checkout: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkout"
    shutil.copytree(checkout, folder, symlinks=True)
    played = session(page, folder)
    following = [*(one.typed for one, _, _ in played[1:]), ""]
    for (one, code, text), then in zip(played, following, strict=True):
        where = f"{name(page)}, line {one.line}: {one.typed}\nprinted:\n{text}"
        assert code == 0 or then == "echo $?", where
        assert not one.expected or printed_as_expected(one.expected, text), where


def printed_as_expected(expected: str, text: str) -> bool:
    """`...` stands for anything, also for nothing; spaces and line ends count as one space."""
    expected = re.sub(r"\s*\n\.\.\.$", "...", expected.strip())
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(expected, text.strip(), options)


def test_pages_have_blocks_of_known_languages_only() -> None:
    strange = {
        f"{name(page)}, line {block.line}: {block.language}"
        for page in PAGES
        for block in blocks(page)
        if block.language not in LANGUAGES
    }
    assert strange == set()


def test_there_is_something_to_paste_on_the_pages_that_teach() -> None:
    taught = {name(page) for page in READ}
    assert {"README.md", "docs/tutorial.md"} <= taught
    assert sum(len(list(commands(page))) for page in READ) >= 30


def test_a_command_that_fails_or_prints_other_things_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo one\ntwo\n$ false\n$ echo $?\n1\n```\n")
    (echo, code, text), (_, failed, _), (_, _, told) = session(page, tmp_path)
    assert (code, failed, told.strip()) == (0, 1, "1")
    assert not printed_as_expected(echo.expected, text)
