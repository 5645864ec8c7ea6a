"""Write what DoubleML makes of birth weights and smoking, with the folds given.

Runs in `.venv-oracles`, which `make oracles` builds: DoubleML weighs 700 MB with what it needs.

    .venv-oracles/bin/python benchmarks/oracle_scripts/answers.py
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import doubleml
import numpy as np
import statsmodels

DATA = Path(statsmodels.__file__).parent / "treatment" / "tests" / "results" / "cataneo2.csv"
ANSWERS = Path(__file__).resolve().parents[2] / "tests" / "known_answers" / "doubleml.json"
COVARIATES = ["mmarried_", "mage", "mage2", "fbaby_", "medu", "prenatal1_"]
FOLDS = 5


def main() -> None:
    """Ask for both targets of a weight and of a share."""
    births = np.genfromtxt(DATA, delimiter=",", names=True, dtype=None, encoding="utf-8")
    covariates = np.column_stack([births[name].astype(float) for name in COVARIATES])
    scaled = (covariates - covariates.mean(axis=0)) / covariates.std(axis=0)
    exposed = births["mbsmoke_"].astype(float)
    names = ("doubleml", "scikit-learn")
    answers: dict[str, Any] = {name: version(name) for name in names}
    weight = births["bweight"].astype(float)
    outcomes = {"weight": weight, "light": (weight < 2500).astype(float)}
    for name, outcome in outcomes.items():
        for score in ("ATE", "ATTE"):
            answers[f"{name} {score}"] = answer(scaled, outcome, exposed, score)
    ANSWERS.write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")


def answer(covariates: Any, outcome: Any, exposed: Any, score: str) -> dict[str, float]:
    """The effect and its standard error; person i is in fold i modulo `FOLDS`."""
    from sklearn.linear_model import LogisticRegression, Ridge

    rows = np.arange(len(outcome))
    splits = [(rows[rows % FOLDS != k], rows[rows % FOLDS == k]) for k in range(FOLDS)]
    is_share = set(np.unique(outcome)) == {0.0, 1.0}
    propensity = LogisticRegression(solver="newton-cholesky")
    learner = LogisticRegression(solver="newton-cholesky") if is_share else Ridge()
    data = doubleml.DoubleMLData.from_arrays(covariates, outcome, exposed)
    model = doubleml.DoubleMLIRM(
        data, learner, propensity, n_folds=FOLDS, score=score, draw_sample_splitting=False
    )
    model.set_sample_splitting([splits])
    model.fit()
    return {"value": float(model.coef[0]), "standard_error": float(model.se[0])}


if __name__ == "__main__":
    main()
