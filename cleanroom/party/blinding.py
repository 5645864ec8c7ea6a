"""Blinding on all cores: worker processes that hold the match's secrets in memory only.

A worker imports the arithmetic and nothing else, gets the secrets over the pipe it is started
with, and ends when the process that started it ends, however that ends.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import connection, get_context, parent_process
from threading import Thread
from types import TracebackType
from typing import Any, Self

from cleanroom.errors import JoinError
from cleanroom.party import curve

FEWEST = 16_384  # points that are worth another process: fewer are done sooner than it starts
_MEASURED = 1024  # points that a forecast rests on

# By kind of identifier: the domain of its points, and the secret that they are blinded with.
Secrets = dict[str, tuple[bytes, bytes]]
_secrets: Secrets = {}  # in a worker


def blinded(secret: tuple[bytes, bytes], identifiers: list[str]) -> bytes:
    """The points of identifiers in a domain, under the secret beside it."""
    domain, scalar = secret
    return curve.multiplied(curve.hashed((i.encode() for i in identifiers), domain), scalar)


def doubled(secret: tuple[bytes, bytes], points: bytes) -> bytes:
    """Points of the other platform under the own secret as well.

    Raises `JoinError` if one of them is none that an honest party sends.
    """
    curve.checked(points)
    return curve.multiplied(points, secret[1])


class Crew:
    """Processes that blind under `secrets`, by kind; a context.

    With one process only, the work is done right here.
    """

    def __init__(self, secrets: Secrets, processes: int) -> None:
        self.processes = max(processes, 1)
        self._secrets = secrets
        self._pool: ProcessPoolExecutor | None = None

    @property
    def most_in_flight(self) -> int:
        """Chunks that may be under way at once, so that memory does not grow with their number."""
        return 2 * self.processes if self._pool else 0

    def blind(self, kind: str, identifiers: list[str]) -> Future[bytes]:
        """`blinded` with the secret of the kind."""
        return self._do(blinded, kind, identifiers)

    def double(self, kind: str, points: bytes) -> Future[bytes]:
        """`doubled` with the secret of the kind."""
        return self._do(doubled, kind, points)

    def __enter__(self) -> Self:
        if self.processes > 1:
            # Not forked: a fork would take along all that this process has in memory.
            spawned = get_context("spawn")
            self._pool = ProcessPoolExecutor(self.processes, spawned, _begin, (self._secrets,))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _do(self, work: Callable[..., bytes], kind: str, content: Any) -> Future[bytes]:
        if self._pool:
            return self._pool.submit(_in_worker, work, kind, content)
        future: Future[bytes] = Future()
        try:
            future.set_result(work(self._secrets[kind], content))
        except JoinError as error:
            future.set_exception(error)
        return future


def cores() -> int:
    """The processors that this process may use."""
    available = getattr(os, "sched_getaffinity", None)  # macOS has none
    return len(available(0)) if available else os.cpu_count() or 1


def rates() -> tuple[float, float]:
    """How many identifiers one process blinds here in a second, and how many points it doubles."""
    secret = (curve.domain("forecast"), curve.new_secret())
    identifiers = [f"identifier-{number}" for number in range(_MEASURED)]
    start = time.perf_counter()
    points = blinded(secret, identifiers)
    between = time.perf_counter()
    doubled(secret, points)
    end = time.perf_counter()
    return _MEASURED / (between - start), _MEASURED / (end - between)


def _begin(secrets: Secrets) -> None:
    _secrets.update(secrets)
    parent = parent_process()
    if parent is not None:  # a killed parent closes nothing that its workers wait on
        Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def _in_worker(work: Callable[..., bytes], kind: str, content: Any) -> bytes:
    return work(_secrets[kind], content)
