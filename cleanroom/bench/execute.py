"""Run one approved notebook with papermill: checked before the kernel starts, kept as evidence."""

from __future__ import annotations

import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cleanroom import signing
from cleanroom.errors import NotebookError
from cleanroom.review.templates import Template
from cleanroom.study import Study, to_parameters

ALLOWED = ("text/markdown", "image/svg+xml")  # outputs that are kept as evidence
_KERNEL = [
    "--log-level=CRITICAL",  # what a kernel logs may quote a cell
    # Altair imports jsonschema, which compiles a grammar of URIs for a check that no chart uses
    # (1.8 s in each kernel) and does without it where it cannot be imported.
    "--IPKernelApp.exec_lines=import sys; sys.modules.setdefault('rfc3987_syntax', None)",
]


def approved_notebook(template: Template, folder: Path) -> Path:
    """A template's notebook; raises `NotebookError` unless it is byte for byte the approved one.

    `folder` holds the notebooks by the names that templates give.
    """
    path = folder / template.notebook
    if not path.is_file():
        raise NotebookError(f"There is no notebook {template.notebook}.", "name its folder.")
    if signing.file_digest(path) != template.sha256:
        raise NotebookError(
            f"{template.notebook} is not the notebook that both platforms approved.",
            "undo the change, or have both platforms approve a template with this one "
            "(`cleanroom template propose`).",
        )
    return path


def execute(notebook: Path, study: Study, room: Path, evidence: Path) -> None:
    """Execute `notebook` for `study`; the executed copy appears at `evidence` only when whole.

    The kernel talks over files of this machine (IPC), not over the network. Raises
    `NotebookError` naming the cell that failed, never what it printed.
    """
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    logging.getLogger("papermill").setLevel(logging.ERROR)
    # The kernel runs in the room's directory, so that the evidence names no path of this machine.
    parameters: dict[str, Any] = {"room": ".", **to_parameters(study)}
    _check_parameters(notebook, parameters)
    try:
        # Sockets in a folder of its own: kernels that run at once must not meet on one.
        with TemporaryDirectory(prefix="cleanroom-") as sockets:
            wire = {"transport": "ipc", "ip": str(Path(sockets) / "kernel")}
            book = papermill.execute_notebook(
                notebook,
                None,
                parameters,
                progress_bar=False,
                cwd=room,
                kernel_name="python3",
                extra_arguments=_KERNEL,
                shutdown_kernel="immediate",  # it holds nothing that would need a slow goodbye
                config=Config({"KernelManager": wire}),
            )
    except PapermillExecutionError as error:
        raise NotebookError(
            f"{notebook.name} failed in cell {error.cell_index + 1} ({error.ename}).",
            "run the notebook for this merchant in JupyterLab to see why.",
        ) from None
    except Exception as error:
        # Whatever else goes wrong may quote what a cell held: only its kind is told.
        raise NotebookError(
            f"{notebook.name} could not be run ({type(error).__name__}).",
            "check that its kernel starts in JupyterLab.",
        ) from None
    keep_allowed_outputs(book)
    book.metadata.papermill.update(input_path=notebook.name, output_path=evidence.name)
    evidence.parent.mkdir(parents=True, exist_ok=True)
    partial = evidence.with_suffix(".partial")
    nbformat.write(book, partial)
    partial.replace(evidence)


def keep_allowed_outputs(book: Any) -> None:
    """Leave in an executed notebook only what may be evidence: text with marks, and drawings.

    In place of anything else (a printed line, a page of HTML, a traceback) stands its type and the
    number of its cell.
    """
    import nbformat

    for number, cell in enumerate(book.cells, 1):
        kept = []
        for output in cell.get("outputs", []):
            data = {t: what for t, what in output.get("data", {}).items() if t in ALLOWED}
            if not data:
                types = ", ".join(output.get("data", {})) or output.output_type
                data = {"text/markdown": f"*Left out in cell {number}: {types}.*"}
            kept.append(nbformat.v4.new_output("display_data", data=data))
        if "outputs" in cell:
            cell.outputs = kept


def _check_parameters(notebook: Path, parameters: dict[str, Any]) -> None:
    """Papermill only warns of a parameter the notebook does not have, and runs on the default."""
    import papermill

    known = papermill.inspect_notebook(str(notebook))
    missing = [name for name in parameters if name not in known]
    if missing:
        raise NotebookError(
            f"{notebook.name} has no parameter {', '.join(missing)}.",
            "add it to the cell tagged 'parameters'.",
        )
