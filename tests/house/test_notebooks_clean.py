"""Notebooks are committed as they are written, never as they ran."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

NOTEBOOKS = sorted(
    path
    for path in (Path(__file__).parents[2] / "notebooks").rglob("*.ipynb")
    if ".ipynb_checkpoints" not in path.parts
)


def traces(notebook: Any) -> list[str]:
    """What a run has left in a notebook, and what a run needs that is not there."""
    found = [f"metadata.{key}" for key in ("papermill", "widgets") if key in notebook.metadata]
    for number, cell in enumerate(notebook.cells):
        found += [
            f"cell {number}: {key}" for key in ("outputs", "execution_count") if cell.get(key)
        ]
        found += [
            f"cell {number}: metadata.{key}"
            for key in ("papermill", "execution", "collapsed")
            if key in cell.metadata
        ]
    tagged = sum("parameters" in cell.metadata.get("tags", []) for cell in notebook.cells)
    return found if tagged == 1 else [*found, f"{tagged} cells tagged 'parameters'"]


def clean() -> Any:
    parameters = nbformat.v4.new_code_cell("merchant = ''", metadata={"tags": ["parameters"]})
    return nbformat.v4.new_notebook(cells=[parameters, nbformat.v4.new_markdown_cell("# Study")])


def test_there_are_notebooks() -> None:
    assert {path.stem for path in NOTEBOOKS} >= {"conversion", "lift"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_stripped_and_has_one_parameters_cell(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert traces(notebook) == []


def test_traces_of_a_run_are_found() -> None:
    ran = clean()
    ran.metadata["papermill"] = {"parameters": {"merchant": "m"}}
    ran.cells[0].execution_count = 1
    ran.cells[0].outputs = [nbformat.v4.new_output("stream", text="1")]
    ran.cells[0].metadata["papermill"] = {"duration": 0.1}
    assert traces(clean()) == []
    assert traces(ran) == [
        "metadata.papermill",
        "cell 0: outputs",
        "cell 0: execution_count",
        "cell 0: metadata.papermill",
    ]


@pytest.mark.parametrize("copies", [0, 2])
def test_a_notebook_has_exactly_one_parameters_cell(copies: int) -> None:
    notebook = clean()
    notebook.cells = notebook.cells[:1] * copies
    assert traces(notebook) == [f"{copies} cells tagged 'parameters'"]
