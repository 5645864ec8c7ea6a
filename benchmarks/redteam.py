"""The red team's table: what programs learn of one person that see only what leaves the room.

Printed as docs/red-team.md has it. With `--examples N`, the properties of the gate are tried on
that many generated tables or histories each, instead. No yardstick: what counts is 0.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cleanroom.noise import Mechanism
from tests.redteam import page
from tests.redteam.strategies import EXAMPLES

_ROOT = Path(__file__).resolve().parents[1]
PROPERTIES = ("tests/redteam/test_gate_properties.py", "tests/redteam/test_histories.py")


def measure(people: int, _runs: int, examples: int | None = None) -> dict[str, Any]:
    """Play every attack on so many people each, or try every property on `examples` examples."""
    if examples is not None:
        return _tried(examples)
    began = time.perf_counter()
    print(page.table(people))
    learned = {one.name: page.scored(one.name, people).learned for one in page.ATTACKS}
    under_noise = {mechanism: page.played(mechanism) for mechanism in Mechanism}
    for mechanism, (won, most) in under_noise.items():
        print(
            f"{mechanism}: learned {won:.1%} of one person in the game, at most {most:.1%} allowed"
        )
    return {
        "attacks": len(learned),
        "learned": {name: share for name, share in learned.items() if share > 0},
        "under_noise": {str(mechanism): won for mechanism, (won, _) in under_noise.items()},
        "seconds": round(time.perf_counter() - began, 1),
    }


def _tried(examples: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=0"]
    environment = {**os.environ, EXAMPLES: str(examples)}
    began = time.perf_counter()
    done = subprocess.run([*command, *PROPERTIES], cwd=_ROOT, env=environment, check=False)
    return {
        "examples": examples,
        "passed": done.returncode == 0,
        "seconds": round(time.perf_counter() - began, 1),
    }
