"""Two platforms with known truth, for the demo and for tests of estimates against the truth."""

from cleanroom.simulation.exports import AdsExport, StoreExport
from cleanroom.simulation.platforms import Simulation, simulate, write_exports
from cleanroom.simulation.settings import SimulationSettings
from cleanroom.simulation.truth import Truth

__all__ = [
    "AdsExport",
    "Simulation",
    "SimulationSettings",
    "StoreExport",
    "Truth",
    "simulate",
    "write_exports",
]
