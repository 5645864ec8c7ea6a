"""How strong something unseen would have to be to explain an effect away."""

from __future__ import annotations

from math import sqrt

from cleanroom.studies.intervals import CONFIDENCE, Interval, UndefinedError


def e_value(ratio: float) -> float:
    """The least risk ratio that something unseen needs, with exposure and with outcome both.

    `ratio` is the effect as a ratio of shares. 1: nothing is needed.
    Source: VanderWeele and Ding (2017), Annals of Internal Medicine 167, 268-274.
    """
    if ratio <= 0:
        raise UndefinedError("there is no ratio")
    size = max(ratio, 1 / ratio)
    return size + sqrt(size * (size - 1))


def e_value_of_interval(ratio: Interval) -> float:
    """The E-value of the interval's end nearer to no effect; 1 if it includes that."""
    if ratio.lower <= 1 <= ratio.upper:
        return 1.0
    return e_value(ratio.lower if ratio.lower > 1 else ratio.upper)


def robustness_value(t: float, freedom: float, *, to_insignificance: bool = False) -> float:
    """The share of the remaining variance, of exposure and outcome both, that something unseen
    needs to explain to bring the effect to zero, or its interval to include zero.

    `t`: the effect over its standard error; `freedom`: degrees of freedom. Source: Cinelli and
    Hazlett (2020), Journal of the Royal Statistical Society B 82, 39-67.
    """
    from scipy.stats import t as student

    if freedom <= 1:
        raise UndefinedError("there are too few people for so many covariates")
    f = abs(t) / sqrt(freedom)
    if to_insignificance:
        critical = float(student.ppf((1 + CONFIDENCE) / 2, freedom - 1))
        f -= critical / sqrt(freedom - 1)
    if f <= 0:
        return 0.0
    return (sqrt(f**4 + 4 * f**2) - f**2) / 2
