"""When an unexposed person's outcome begins to count: at a moment drawn from the exposed's.

Whoever is exposed was there to be exposed, so the time before that is not theirs to win or lose in
(immortal time: Suissa 2008, American Journal of Epidemiology 167, 492-499). Both groups therefore
have outcomes of one length from a moment of the same distribution.
"""

from __future__ import annotations

import numpy as np

from cleanroom.studies.comparison import Whole
from cleanroom.studies.intervals import UndefinedError


def pseudo_moments(exposed: Whole, people: int, seed: int) -> Whole:
    """A moment for each of the unexposed `people`, in the unit of the moments of the `exposed`.

    A controlled draw: the moments are quantiles of the exposed's at even distances, so that the
    two distributions agree as closely as they can, and chance only decides who has which. Raises
    `UndefinedError` if nobody was exposed.
    """
    if not len(exposed):
        raise UndefinedError("nobody was exposed")
    ordered = np.sort(exposed)
    places = (np.arange(people) + 0.5) / max(people, 1) * len(ordered)
    drawn: Whole = ordered[places.astype(np.int64)]
    return np.random.default_rng(seed).permutation(drawn)
