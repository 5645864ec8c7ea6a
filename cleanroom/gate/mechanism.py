"""Drawing noise, with OpenDP: exact samplers over whole numbers, seeded by the system.

Source: OpenDP 0.16, `make_laplace` and `make_gaussian` over integers (Ghosh et al. 2012; Canonne,
Kamath and Steinke 2020). Arithmetic on floats, as in a textbook's sampler, would give values away
in the last digits (Mironov 2012, CCS).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from cleanroom.errors import StudyError
from cleanroom.noise import Mechanism


def require_libraries() -> None:
    """Raise `StudyError` unless noise can be drawn and accounted for, before any is paid for."""
    try:
        version("opendp"), version("dp-accounting")
    except PackageNotFoundError:
        raise StudyError(
            "The agreement asks for noise, and the libraries for it are not installed.",
            "install them in the room: pip install 'cleanroom[privacy]'.",
        ) from None


def add_noise(values: Sequence[int], scale: float, mechanism: Mechanism) -> list[int]:
    """Whole numbers with noise of the mechanism's `scale`, each drawn on its own."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    domain: Any = dp.vector_domain(dp.atom_domain(T="i64"))
    if mechanism is Mechanism.LAPLACE:
        measurement = dp.m.make_laplace(domain, dp.l1_distance(T="i64"), scale=scale)
    else:
        measurement = dp.m.make_gaussian(domain, dp.l2_distance(T="f64"), scale=scale)
    return [int(value) for value in measurement(list(values))]
