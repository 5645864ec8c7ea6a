"""One simulation that most statements are about, large enough to have every case in it."""

from __future__ import annotations

import pytest

from cleanroom.simulation import Simulation, SimulationSettings, simulate


@pytest.fixture(scope="session")
def settings() -> SimulationSettings:
    return SimulationSettings(people=20_000, merchants=6)


@pytest.fixture(scope="session")
def simulation(settings: SimulationSettings) -> Simulation:
    return simulate(settings)
