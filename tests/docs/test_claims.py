"""The threat model names its tests, the glossary names what is there, and the help is light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, name

TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
HEAVY = {"altair", "jinja2", "papermill", "polars", "pydantic", "scipy", "sklearn"}


def functions(file: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_test_that_a_page_names_exists(page: Path) -> None:
    for file, function in TEST.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / file).is_file(), file
        assert not function or function in functions(ROOT / file), function


@pytest.mark.parametrize("heading", ["What holds", "Who might work together"])
def test_every_row_of_the_threat_model_names_a_test(heading: str) -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    (claims,) = re.findall(rf"^## {heading}\n(.*?)^## ", text, re.DOTALL | re.MULTILINE)
    rows = re.findall(r"^\| (?!---|claim|who \|)(.+) \|$", claims, flags=re.MULTILINE)
    assert len(rows) >= 10
    assert [row for row in rows if not TEST.search(row)] == []


def test_code_that_the_glossary_names_is_in_the_package() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    package = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "cleanroom").rglob("*.py"))
    words = set(re.findall(r"`([^`]+)`", text))
    assert len(words) > 5
    assert {word for word in words if not re.search(rf"\b{re.escape(word)}\b", package)} == set()


@pytest.mark.parametrize("group", ["", "party", "room", "review"])
def test_help_loads_no_heavy_library(group: str) -> None:
    # Typer itself loads pydantic, where it is installed, for the help of single commands.
    heavy = HEAVY - {"pydantic"} if group else HEAVY
    program = (
        "import sys\nfrom cleanroom.cli import app\n"
        f"try:\n    app({[*group.split(), '--help']})\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        f"print('loaded:', [name for name in {sorted(heavy)} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "Usage:" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded: []"
