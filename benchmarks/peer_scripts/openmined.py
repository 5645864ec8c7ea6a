"""One private join with openmined-psi, in the interpreter of the peers: ADS_CSV STORE_CSV.

Both are CSV files with the one column `id`. Server and client are one process, which works
through all phases; nothing goes over a network. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import private_set_intersection.python as psi

_FALSE_POSITIVES = 1e-9  # asked for by the call; the raw structure has none


def main() -> None:
    """Read both sides, join them, and print what it took."""
    server_ids, client_ids = (_read(file) for file in sys.argv[1:3])
    wall, cpu = time.perf_counter(), time.process_time()
    matched = _join(server_ids, client_ids)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    told = {"version": version("openmined-psi"), "matched": matched, "wall": wall, "cpu": cpu}
    print(json.dumps(told))


def _read(file: str) -> list[str]:
    _header, *ids = Path(file).read_text().split()
    return ids


def _join(server_ids: list[str], client_ids: list[str]) -> int:
    server = psi.server.CreateWithNewKey(True)
    client = psi.client.CreateWithNewKey(True)
    setup = server.CreateSetupMessage(
        _FALSE_POSITIVES, len(client_ids), server_ids, psi.DataStructure.RAW
    )
    response = server.ProcessRequest(client.CreateRequest(client_ids))
    return len(client.GetIntersection(setup, response))


if __name__ == "__main__":
    main()
