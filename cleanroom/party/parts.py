"""Parts of a large table that are made one by one, and not again after an interrupted run.

What is made of a part rests beside the export, readable by its owner alone, until the handover is
whole: its tokens, the rows set aside, and a record, written last, of what both were made from.

    parts/touches-00000.tokens, .bad, .json
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cleanroom import signing

PARTS = "parts"


@dataclass(frozen=True)
class Made:
    """Where a part's tokens (`kept`) and the rows set aside (`bad`) lie, and the record of them."""

    kept: Path
    bad: Path
    record: Path

    def holds(self, source: Path, terms: Any) -> bool:
        """Whether both are whole, and were made from the file `source` on the same `terms`."""
        if not self.record.exists():
            return False
        written: Any = json.loads(self.record.read_bytes())
        return bool(self._files_are_there() and written == self._facts(source, terms))

    def remember(self, source: Path, terms: Any) -> None:
        """Record what both were made from: `terms` is a JSON value of all else they depend on."""
        signing.write_canonical(self.record, self._facts(source, terms))

    def forget(self) -> None:
        """Remove whatever is left of an earlier run."""
        for file in (self.record, self.kept, self.bad):
            file.unlink(missing_ok=True)

    def _files_are_there(self) -> bool:
        return self.kept.exists() and self.bad.exists()

    def _facts(self, source: Path, terms: Any) -> dict[str, Any]:
        files = {"source": source, "kept": self.kept, "bad": self.bad}
        return {"terms": terms, **{name: signing.file_digest(f) for name, f in files.items()}}


def part(export_dir: Path, name: str) -> Made:
    """The part of the name, made or not; the folder of all parts is there from then on."""
    folder = export_dir / PARTS
    folder.mkdir(mode=0o700, exist_ok=True)
    return Made(*(folder / f"{name}.{suffix}" for suffix in ("tokens", "bad", "json")))


def clear(export_dir: Path) -> None:
    """Remove all parts: the handover is whole."""
    shutil.rmtree(export_dir / PARTS, ignore_errors=True)
