"""Noisy numbers as drawn, kept in the room: the same question finds the same numbers.

They are as private as what is released of them; nothing true is kept. Only the room's owner can
read them all the same: what the thresholds withhold is nobody's to see.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cleanroom import ledger, signing
from cleanroom.errors import LedgerError

Drawn = list[dict[str, Any]]  # the tables of a study, as `gate.noise.draw` makes them


@dataclass(frozen=True)
class Store:
    """The folder of drawn numbers, a file for each content."""

    folder: Path

    def holds(self, content: str) -> bool:
        """Whether the numbers of a content are here."""
        return self._file(content).exists()

    def keep(self, content: str, tables: Drawn) -> None:
        """Keep numbers, durably and whole or not at all; those that are here already stay.

        So of two processes that drew at once, both go on with the numbers of the first.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = self.folder / f".{secrets.token_hex(8)}"
        signing.write_secret(partial, signing.canonical(tables))
        try:
            os.link(partial, self._file(content))
        except FileExistsError:
            pass
        finally:
            partial.unlink()
        signing.sync(self.folder)

    def read(self, content: str, path: Path) -> Drawn:
        """The numbers of a content, which the ledger at `path` names from here on.

        Raises `LedgerError` if they are not the ones that it names, `KeysError` if others can read
        them.
        """
        tables: Drawn = json.loads(signing.read_secret(self._file(content)))
        seal = signing.digest(tables)

        def unnamed(records: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
            named = _named(content, records)
            if named not in (None, seal):
                raise LedgerError(
                    "Numbers that the room had drawn are not those that its ledger names.",
                    f"restore {self._file(content).name} in the room's folder 'noise'.",
                )
            return {"content": content, "sha256": seal} if named is None else None

        ledger.append_if(path, ledger.Event.NOISE_DRAWN, unnamed)
        return tables

    def _file(self, content: str) -> Path:
        return self.folder / f"{content}.json"


def _named(content: str, records: Iterable[dict[str, Any]]) -> str | None:
    """The digest of the numbers drawn since a content was last paid for, if any were read."""
    named: str | None = None
    for record in records:
        facts = record["facts"]
        if record["event"] == ledger.Event.BUDGET_SPENT:
            if any(study["content"] == content for study in facts["studies"]):
                named = None
        elif record["event"] == ledger.Event.NOISE_DRAWN and facts["content"] == content:
            named = str(facts["sha256"])
    return named
