"""The oracle: pytauargus's optimal suppression and audit, each in a process of its own.

Its native engine may crash, and prints; its input is the "JJ" format of τ-Argus: cells with
weight, status, bounds and protection levels, then equations. Run as a program it reads a file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cleanroom.gate.audit import Protection
from cleanroom.gate.linear import Flags, Numbers
from cleanroom.gate.relations import Relations

MINUTES = 1


@dataclass(frozen=True, eq=False)
class Case:
    """A table for the oracle. Zeros are not used as complements; weights become whole."""

    relations: Relations
    primary: Flags
    protection: Protection
    weight: Numbers


def suppressed(case: Case) -> Flags:
    """The cells that its optimal method withholds."""
    found = _run(case, case.primary, "suppress")["cells"]
    withheld = case.primary.copy()
    withheld[found] = True
    return withheld


def audited(case: Case, withheld: Flags) -> tuple[Numbers, Numbers, float]:
    """The least and the greatest value of each withheld cell, and the audit's processor seconds."""
    answer = _run(case, withheld, "audit")
    rows = answer["rows"]
    assert [row["cell"] for row in rows] == np.flatnonzero(withheld).tolist()
    least = np.array([row["min"] for row in rows])
    return least, np.array([row["max"] for row in rows]), float(answer["seconds"])


def written(case: Case, withheld: Flags) -> str:
    """The case in the JJ format."""
    relations = case.relations
    lines = ["0", str(len(relations.cells))]
    for place, value in enumerate(relations.values):
        asked = case.protection
        status = "u" if case.primary[place] else "m" if withheld[place] else "s"
        if status == "s" and value == 0:
            status = "z"
        lines.append(
            f"{place} {value:.0f} {case.weight[place]:.0f} {status} "
            f"{relations.lower[place]:.0f} {relations.upper[place]:.0f} "
            f"{asked.down[place]:.3f} {asked.up[place]:.3f} {asked.width[place]:.0f}"
        )
    lines.append(str(len(relations.rows)))
    for row in relations.rows:
        terms = " ".join(f"{relations.place[cell]} ({x:.0f})" for cell, x in row.terms.items())
        lines.append(f"0 {len(row.terms)} : {terms}")
    return "\n".join(lines) + "\n"


def _run(case: Case, withheld: Flags, task: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.jj"
        file.write_text(written(case, withheld), encoding="utf-8")
        command = [sys.executable, __file__, str(file), task]
        # It leaves logs where it runs.
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main(file: str, task: str) -> None:
    """Answer one task; the last line is the answer in JSON."""
    from pytauargus._tauargus import HiTaSCtrl, audit_jj

    started = time.process_time()
    if task == "audit":
        rows = audit_jj(file)
        print(json.dumps({"rows": rows, "seconds": time.process_time() - started}))
        return
    code = HiTaSCtrl().full_jj(file, file + ".out", MINUTES)
    cells = [int(line) for line in Path(file + ".out").read_text().split()]
    print(json.dumps({"cells": cells, "code": code, "seconds": time.process_time() - started}))


if __name__ == "__main__":
    main(*sys.argv[1:])
