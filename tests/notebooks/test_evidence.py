"""Executed notebooks as evidence: what they may hold, and what a failure tells."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import nbformat
import pytest

from cleanroom.agreement import StudyKind
from cleanroom.bench.execute import ALLOWED, execute, keep_allowed_outputs
from cleanroom.errors import NotebookError, StudyError
from cleanroom.study import ConversionStudy, parameters_of, parse_study

STUDY = ConversionStudy(merchant="m", start=date(2026, 5, 1), end=date(2026, 5, 30))
CANARY = "canary-4711"


def notebook(path: Path, *cells: str) -> Path:
    names = ("room", *parameters_of(StudyKind.CONVERSION))
    parameters = "\n".join(f"{name} = ''" for name in names)
    book = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
            *(nbformat.v4.new_code_cell(cell) for cell in cells),
        ]
    )
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book.metadata["kernelspec"] = kernel
    nbformat.write(book, path)
    return path


@pytest.mark.slow
def test_evidence_holds_allowed_outputs_only_and_no_path_of_the_machine(tmp_path: Path) -> None:
    code = (
        "from IPython.display import HTML, Markdown, display\n"
        "from ipykernel.connect import get_connection_info\n"
        f"print('{CANARY}')\n"
        f"display(HTML('<b>{CANARY}</b>'))\n"
        "display(Markdown(get_connection_info(unpack=True)['transport']))\n"
        f"'{CANARY}'"
    )
    evidence = tmp_path / "evidence" / "one.ipynb"
    execute(notebook(tmp_path / "study.ipynb", code), STUDY, tmp_path, evidence)
    book = nbformat.read(evidence, as_version=4)
    outputs = [o for cell in book.cells for o in cell.get("outputs", [])]
    texts = [output.data["text/markdown"] for output in outputs]
    assert texts[0] == "*Left out in cell 3: stream.*"  # papermill puts the parameters in cell 2
    assert texts[1] == "*Left out in cell 3: text/plain, text/html.*"
    assert texts[2:] == ["ipc", "*Left out in cell 3: text/plain.*"]
    assert CANARY not in json.dumps(outputs)
    assert str(tmp_path) not in evidence.read_text()
    assert book.metadata.papermill.input_path == "study.ipynb"
    assert book.metadata.papermill.output_path == "one.ipynb"


@pytest.mark.slow
def test_a_failure_tells_its_cell_and_leaves_nothing_behind(tmp_path: Path) -> None:
    failing = notebook(
        tmp_path / "study.ipynb", f"x = '{CANARY}'", f"raise ValueError(x + '{CANARY}')"
    )
    with pytest.raises(NotebookError, match=r"failed in cell 4 \(ValueError\)") as caught:
        execute(failing, STUDY, tmp_path, tmp_path / "evidence" / "one.ipynb")
    assert CANARY not in str(caught.value)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["study.ipynb"]


def test_a_traceback_is_replaced_by_its_cell() -> None:
    error = nbformat.v4.new_output(
        "error", ename="ValueError", evalue=CANARY, traceback=[f"line 1 {CANARY}"]
    )
    drawing = nbformat.v4.new_output(
        "display_data", data={"image/svg+xml": "<svg/>", "text/plain": CANARY}
    )
    cell: Any = nbformat.v4.new_code_cell("1/0", outputs=[error, drawing])
    book = nbformat.v4.new_notebook(cells=[cell])
    keep_allowed_outputs(book)
    kept = [dict(output.data) for output in book.cells[0].outputs]
    assert kept == [
        {"text/markdown": "*Left out in cell 1: error.*"},
        {"image/svg+xml": "<svg/>"},
    ]
    assert {name for data in kept for name in data} <= set(ALLOWED)


@pytest.mark.parametrize(
    "secret", ["ab" * 16, "A" * 22 + "b" * 20 + "==", "-----BEGIN PRIVATE KEY-----", "F" * 64]
)
@pytest.mark.parametrize("name", ["merchant", "study"])
def test_a_parameter_that_looks_like_a_key_is_refused_and_not_repeated(
    name: str, secret: str
) -> None:
    parameters = {"merchant": "m", "study": "s", "start": "2026-05-01", "end": "2026-05-30"}
    with pytest.raises(StudyError, match=f"'{name}' looks like a key") as caught:
        parse_study(StudyKind.LIFT, {**parameters, name: f"x {secret}"})
    assert secret not in str(caught.value)
