"""Published answers where groups chose for themselves."""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from cleanroom.studies.comparison import Comparison, Effect, Target, naive, odds_weights
from cleanroom.studies.cross_fitting import Learners, folds_of, foresee_propensity
from cleanroom.studies.doubly_robust import doubly_robust
from cleanroom.studies.intervals import Difference, Moments, difference_of_means
from cleanroom.studies.matching import mahalanobis, matched
from cleanroom.studies.overlap import effective_size, separation, with_counterparts
from cleanroom.studies.propensity_model import Link, fit_propensity
from tests.known_answers import test_adjusted_effects as births
from tests.known_answers.lalonde import EXPERIMENT, men
from tests.known_answers.published import Answer, Source
from tests.real_data import files


def _experiment(name: str) -> Difference:
    """Trained less others in an experiment of the programme, with Welch's interval."""
    rows = files.read(f"nsw/{name}.csv.gz")
    groups = [rows.filter(trt=trained)["re78"].to_numpy() for trained in (1, 0)]
    sums = (Moments(len(one), float(one.sum()), float((one**2).sum())) for one in groups)
    return difference_of_means(*sums)


def _naive(controls: str) -> float:
    return naive(men(files.read, controls)).value


def _weighted_size() -> tuple[float, float]:
    """Of PSID-1: what its men are worth beside the trained, and the propensity's area."""
    people = men(files.read, "psid1", further=True)
    model = fit_propensity(people.exposed, people.covariates, Link.LOGIT)
    weights = odds_weights(people, model.propensity, Target.EXPOSED)
    area = separation(people.exposed, model.propensity)
    return effective_size(weights[~people.exposed]), area


def _matched(controls: str, neighbours: int) -> float:
    people = men(files.read, controls)
    return matched(people, mahalanobis(people.covariates), neighbours).value


def _matched_within() -> float:
    """Among the experiment's own men, on four covariates and without adjusting for the rest."""
    people = men(files.read, "nsw74demo")
    plain = Comparison(people.exposed, people.outcome, np.zeros((445, 1)))
    return matched(plain, people.covariates[:, [0, 1, 6, 7]]).value


def _adjusted() -> float:
    people = men(files.read, "cps1", further=True)
    propensity = foresee_propensity(people, Learners(), folds_of(people, 1))
    kept = with_counterparts(people.exposed, propensity, Target.EXPOSED)
    return doubly_robust(people.part(kept), Learners()).effect.value


TRAINING = Source(
    "What a training programme did for earnings",
    "LaLonde (1986), American Economic Review 76; Dehejia and Wahba (1999), JASA 94, table 3 for "
    "matching; Sekhon (2011), Journal of Statistical Software 42, for R's Matching. Dollars of "
    "1978.",
    (
        Answer("the experiment, 722 men", 886.3, 1, lambda: _experiment("nswdemo").value),
        Answer("the experiment, 445 men", EXPERIMENT, 1, lambda: _experiment("nsw74demo").value),
        Answer("its error", 671.0, 1, lambda: _experiment("nsw74demo").standard_error),
        *(
            Answer(f"unadjusted, men of {words}", value, 1, partial(_naive, controls))
            for controls, words, value in (
                ("psid1", "PSID-1", -15_204.8),
                ("psid2", "PSID-2", -3_646.8),
                ("cps1", "CPS-1", -8_497.5),
                ("cps2", "CPS-2", -3_822.0),
                ("cps3", "CPS-3", -635.0),
            )
        ),
        Answer(
            "unadjusted, men of PSID-3",
            1_069.9,
            2,
            partial(_naive, "psid3"),
            0.06,
            "1,069.85 is rounded up by some",
        ),
        Answer("what the 2,490 men of PSID-1 are worth", 10.6, 1, lambda: _weighted_size()[0]),
        Answer("how far they are apart: area", 0.98, 2, lambda: _weighted_size()[1]),
        Answer(
            "matched within the experiment (R's Matching)",
            1_726.913,
            3,
            _matched_within,
            0.005,
            "this file has cents, theirs thousandths",
        ),
        Answer(
            "matched, men of CPS-1",
            1_582,
            0,
            partial(_matched, "cps1", 1),
            1_069,
            "another matching; within its published error",
        ),
        Answer(
            "matched, men of PSID-1",
            1_691,
            0,
            partial(_matched, "psid1", 4),
            2_209,
            "another matching; within its published error",
        ),
        Answer(
            "doubly robust, men of CPS-1, beside the experiment",
            EXPERIMENT,
            1,
            _adjusted,
            600,
            "an estimate beside the truth, within one error of it",
        ),
    ),
)


@cache
def _birth(method: str, target: Target) -> Effect:
    return births.METHODS[method](births.COMPARISON, target)


def _birth_value(method: str, target: Target) -> float:
    return _birth(method, target).value


def _birth_error(method: str, target: Target) -> float:
    return _birth(method, target).standard_error


_BIRTHS = (
    ("regression adjustment", "ra", Target.ALL, -239.64, 23.82),
    ("inverse weighting", "ipw", Target.ALL, -230.69, 25.82),
    ("augmented inverse weighting", "aipw", Target.ALL, -230.99, 26.21),
    ("weighted regression adjustment", "ipw_ra", Target.ALL, -229.97, 26.63),
    ("regression adjustment, of smokers", "ra", Target.EXPOSED, -223.30, 22.74),
    ("inverse weighting, of smokers", "ipw", Target.EXPOSED, -225.18, 23.66),
    ("weighted regression adjustment, of smokers", "ipw_ra", Target.EXPOSED, -223.55, 23.79),
)
BIRTH_WEIGHTS = Source(
    "Smoking and birth weight",
    "Stata's manual of treatment effects, on the data of Cattaneo (2010), Journal of Econometrics "
    "155, which ship with statsmodels. Grams.",
    tuple(
        answer
        for words, method, target, value, error in _BIRTHS
        for answer in (
            Answer(words, value, 2, partial(_birth_value, method, target)),
            Answer("its error", error, 2, partial(_birth_error, method, target)),
        )
    ),
)
