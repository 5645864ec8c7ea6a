"""DoubleML's part of the benchmark `aipw`: one cross-fitted effect on the exposed, folds given."""

from __future__ import annotations

import json
import sys
import time

import doubleml
import numpy as np

FOLDS = 5


def main() -> None:
    """Estimate, and print the effect and the seconds it took."""
    from sklearn.linear_model import LogisticRegression, Ridge

    people = np.load(sys.argv[1])
    arrays = (people["covariates"], people["outcome"], people["exposed"].astype(float))
    rows = np.arange(len(arrays[1]))
    splits = [(rows[rows % FOLDS != k], rows[rows % FOLDS == k]) for k in range(FOLDS)]
    wall, cpu = time.perf_counter(), time.process_time()
    data = doubleml.DoubleMLData.from_arrays(*arrays)
    learners = Ridge(), LogisticRegression(solver="newton-cholesky")
    model = doubleml.DoubleMLIRM(
        data, *learners, n_folds=FOLDS, score="ATTE", draw_sample_splitting=False
    )
    model.set_sample_splitting([splits])
    model.fit()
    took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    found = {"value": float(model.coef[0]), "standard_error": float(model.se[0])}
    print(json.dumps({**found, **took}))


if __name__ == "__main__":
    main()
