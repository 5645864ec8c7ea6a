"""Run a command and watch the memory of all its processes together."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Watched:
    """How a command ended, what it wrote, and the most memory its processes held at once, in GB."""

    exit_code: int
    printed: str
    complained: str
    peak_gigabytes: float


def watch(command: list[str], environment: Mapping[str, str] | None = None) -> Watched:
    """Run `command` to its end, in `environment` if given.

    Memory that processes share is counted once (PSS) where the system tells; it is sampled ten
    times a second, so a shorter peak is missed.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = psutil.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, sum(_memory(p) for p in [process, *_children(process)]))
            time.sleep(_PAUSE_SECONDS)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return Watched(process.returncode, texts[0], texts[1], round(peak / 1e9, 2))


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def _memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", 0) or full.rss)
    except psutil.Error:
        return 0
