"""Published answers of regions and series, of many studies together, and of single formulas."""

from __future__ import annotations

from functools import cache, partial

from cleanroom.studies.intervals import Difference, Interval, Proportion, wilson
from cleanroom.studies.score import difference_of_proportions
from cleanroom.studies.sensitivity import e_value, e_value_of_interval, robustness_value
from cleanroom.studies.shrinkage import Pooled, pool
from cleanroom.studies.synthetic import Synthetic, augmented_control, synthetic_control
from tests.known_answers import test_structural_series as series
from tests.known_answers.published import Answer, Source
from tests.known_answers.regions import geolift_test
from tests.known_answers.test_portfolio import bcg_trials


@cache
def _control(*, augmented: bool) -> Synthetic:
    return (augmented_control if augmented else synthetic_control)(geolift_test())


def _fitted(name: str, *, augmented: bool, scale: float = 1.0) -> float:
    return float(getattr(_control(augmented=augmented), name)) * scale


_DAYS = 15 * 2  # of two cities
GEOLIFT = Source(
    "Orders of 40 cities, two of them treated for 15 days",
    "The walkthrough of Meta's GeoLift, which prints its model and the same augmented by ridge "
    "regression (Ben-Michael, Feller and Rothstein 2021, JASA 116).",
    tuple(
        Answer(
            f"{words}{more}", value, digits, partial(_fitted, name, augmented=augmented, scale=s)
        )
        for augmented, more, values in (
            (False, "", (155.556, 4_667, 0.054, 909.489, 0.1636)),
            (True, ", augmented", (156.805, 4_704, 0.055, 903.525, 0.1626)),
        )
        for (words, name, digits, s), value in zip(
            (
                ("orders a city and day", "effect", 3, 1.0),
                ("orders in all", "effect", 0, _DAYS),
                ("relative lift", "relative", 3, 1.0),
                ("imbalance before", "imbalance", 3, 1.0),
                ("imbalance, scaled", "scaled_imbalance", 4, 1.0),
            ),
            values,
            strict=True,
        )
    ),
)

_forecast = cache(series.forecast_of)
_LASTS = "chance, in their 1,000 draws and ours"


def _total(name: str) -> float:
    return float(_forecast(name).draws.sum(axis=1).mean())


def _deviation(name: str) -> float:
    return float(_forecast(name).draws.sum(axis=1).std())


def _of_series(name: str) -> tuple[Answer, ...]:
    mean, deviation = series.printed(name, "Prediction")
    return (
        Answer(f"{name}: forecast total", mean, 0, partial(_total, name), 0.15 * deviation, _LASTS),
        Answer(
            f"{name}: its deviation",
            deviation,
            1,
            partial(_deviation, name),
            0.12 * deviation,
            _LASTS,
        ),
        Answer(
            f"{name}: tail-area probability",
            series.tail(name),
            3,
            lambda: _forecast(name).tail_probability,
            0.03,
            _LASTS,
        ),
    )


CAUSAL_IMPACT = Source(
    "Five series and those that foretell them",
    "What R's CausalImpact (Brodersen et al. 2015, Annals of Applied Statistics 9) prints of the "
    "fixtures of its ports to Python.",
    tuple(answer for name in series.STARTS for answer in _of_series(name)),
)


@cache
def _pooled() -> Pooled:
    return pool(*bcg_trials())


MANY = Source(
    "Thirteen trials of a vaccine, together",
    "metafor's first example (Viechtbauer 2010, Journal of Statistical Software 36), on the trials "
    "of Colditz et al. (1994). Logarithms of relative risks.",
    (
        Answer("mean", -0.7145, 4, lambda: _pooled().mean.value),
        Answer("its error", 0.1798, 4, lambda: _pooled().standard_error),
        Answer("interval from", -1.0669, 4, lambda: _pooled().mean.lower),
        Answer("to", -0.3622, 4, lambda: _pooled().mean.upper),
        Answer("variance between trials", 0.3132, 4, lambda: _pooled().between),
        Answer("Cochran's Q", 152.2330, 4, lambda: _pooled().q),
    ),
)


def _difference(*case: int) -> Difference:
    return difference_of_proportions(Proportion(*case[:2]), Proportion(*case[2:]))


FORMULAS = Source(
    "Single formulas",
    "Newcombe (1998), Statistics in Medicine 17, 857-872, table I, and 873-890, table II; "
    "Fagerland, Lydersen and Laake (2015), Statistical Methods in Medical Research 24; VanderWeele "
    "and Ding (2017), Annals of Internal Medicine 167; Cinelli and Hazlett (2020), JRSS B 82.",
    (
        Answer("Wilson interval of 81 in 263, from", 0.2553, 4, lambda: _wilson().lower),
        Answer("to", 0.3662, 4, lambda: _wilson().upper),
        Answer(
            "score interval of 56 in 70 less 48 in 80, from",
            0.0533,
            4,
            lambda: _difference(56, 70, 48, 80).lower,
        ),
        Answer("to", 0.3377, 4, lambda: _difference(56, 70, 48, 80).upper),
        Answer("of 7 in 34 less 1 in 34, from", 0.028, 3, lambda: _difference(7, 34, 1, 34).lower),
        Answer("to", 0.34, 2, lambda: _difference(7, 34, 1, 34).upper),
        Answer("E-value of a risk ratio of 3.9", 7.26, 2, lambda: e_value(3.9)),
        Answer(
            "of its interval's nearer end, 1.8",
            3.0,
            1,
            lambda: e_value_of_interval(Interval(3.9, 1.8, 8.7)),
        ),
        Answer("robustness value, Darfur", 0.139, 3, lambda: robustness_value(4.18445, 783)),
        Answer(
            "the same, to 5 %",
            0.076,
            3,
            lambda: robustness_value(4.18445, 783, to_insignificance=True),
        ),
    ),
)


def _wilson() -> Interval:
    return wilson(Proportion(81, 263))
