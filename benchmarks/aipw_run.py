"""Our part of the benchmark `aipw`: one cross-fitted effect on the exposed, folds given."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge  # noqa: TID253 (imports are not timed)

from cleanroom.studies.comparison import Comparison, Target
from cleanroom.studies.cross_fitting import FOLDS, Learners, foresee
from cleanroom.studies.doubly_robust import effect_of_foreseen


def main() -> None:
    """Estimate, and print the effect and the seconds it took."""
    people = np.load(sys.argv[1])
    comparison = Comparison(people["exposed"], people["outcome"], people["covariates"])
    fold_of = np.arange(len(comparison.outcome)) % FOLDS
    learners = Learners(LogisticRegression(solver="newton-cholesky"), Ridge())
    wall, cpu = time.perf_counter(), time.process_time()
    foreseen = foresee(comparison, learners, Target.EXPOSED, fold_of)
    effect = effect_of_foreseen(comparison, foreseen, Target.EXPOSED)
    took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps({"value": effect.value, "standard_error": effect.standard_error, **took}))


if __name__ == "__main__":
    main()
