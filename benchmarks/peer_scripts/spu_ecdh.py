"""One private join with spu's ECDH-PSI, in the interpreter of the peers: CURVE ADS_CSV STORE_CSV.

Two processes are the two parties, linked over loopback. spu 0.9.5 reads and writes CSV files and
has no interface to data in memory, so files are part of its time; their order is not restored
(`disable_alignment`), keys are said to be unique, and the receiver alone gets the result, which
is the least that can be asked of it. Prints one JSON object.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import socket
import sys
import time
from importlib.metadata import version
from typing import Any

RECEIVER = 0


def main() -> None:
    """Start both parties, wait for their reports, and print what it took both together."""
    curve, *files = sys.argv[1:4]
    context = multiprocessing.get_context("spawn")
    ready, reports = context.Barrier(2), context.SimpleQueue()
    ports = _free_ports()
    parties = [
        context.Process(target=_party, args=(rank, curve, file, ports, ready, reports))
        for rank, file in enumerate(files)
    ]
    for party in parties:
        party.start()
    for party in parties:
        party.join()
    if any(party.exitcode for party in parties):
        raise SystemExit("a party of spu failed")
    told = [reports.get() for _ in parties]
    print(
        json.dumps(
            {
                "version": version("spu"),
                "matched": max(one["matched"] for one in told),
                "wall": max(one["wall"] for one in told),
                "cpu": sum(one["cpu"] for one in told),
            }
        )
    )


def _party(rank: int, curve: str, file: str, ports: list[int], ready: Any, reports: Any) -> None:
    from spu import psi
    from spu.libspu import link

    description = link.Desc()
    for index, port in enumerate(ports):
        description.add_party(f"party{index}", f"127.0.0.1:{port}")
    channel = link.create_brpc(description, rank)
    ready.wait()
    wall, cpu = time.perf_counter(), _cpu_seconds()
    report = psi.psi_execute(_config(psi, curve, file), channel)
    wall, cpu = time.perf_counter() - wall, _cpu_seconds() - cpu
    matched = report.intersection_count if rank == RECEIVER else 0
    reports.put({"matched": matched, "wall": wall, "cpu": cpu})
    channel.stop_link()


def _config(psi: Any, curve: str, file: str) -> Any:
    return psi.PsiExecuteConfig(
        protocol_conf=psi.PsiProtocolConfig(
            protocol=psi.PsiProtocol.PROTOCOL_ECDH,
            receiver_rank=RECEIVER,
            broadcast_result=False,
            ecdh_params=psi.EcdhParams(curve=getattr(psi.EllipticCurveType, curve)),
        ),
        input_params=psi.InputParams(path=file, selected_keys=["id"], keys_unique=True),
        output_params=psi.OutputParams(path=f"{file}.joined", disable_alignment=True),
    )


def _cpu_seconds() -> float:
    """Of this process and of the programs it has run: spu sorts with `sort`."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _free_ports() -> list[int]:
    sockets = [socket.socket() for _ in range(2)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


if __name__ == "__main__":
    main()
