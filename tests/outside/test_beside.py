"""An observational estimate beside a holdout: shown with how far it is off, or refused."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cleanroom.bench import display
from cleanroom.borders import Candidate, Findings
from cleanroom.errors import StudyError
from cleanroom.outside import comparability
from cleanroom.outside.beside import sentences, side_by_side
from cleanroom.outside.charts import to_svg
from cleanroom.study import ObservationalStudy
from tests.known_answers.examples import Arm, lift_of, lift_study, whole_lift
from tests.known_answers.observational_examples import observational_of
from tests.outside.factories import candidate_of

EXPOSURES = ObservationalStudy(merchant="m", start=date(2026, 5, 1), end=date(2026, 5, 15))
OUTCOMES = lift_study()


def study(**changes: Any) -> Candidate:
    found = observational_of(**changes.pop("tables", {}))
    return candidate_of(EXPOSURES.model_copy(update=changes), found)


def holdout(found: Findings | None = None, **changes: Any) -> Candidate:
    return candidate_of(OUTCOMES.model_copy(update=changes), found or whole_lift())


def test_each_method_is_shown_beside_the_holdout_with_how_far_it_is_off() -> None:
    truth = whole_lift().estimates["effect_on_exposed"].value
    assert truth is not None
    lines = {line.label: line for line in side_by_side(study(), holdout())}
    assert list(lines) == [
        *("Unadjusted", "Matched", "Adjusted"),
        *("Holdout, those shown it", "Holdout, everybody"),
    ]
    assert lines["Unadjusted"].apart == pytest.approx(0.017 - truth)
    assert lines["Adjusted"].apart == pytest.approx(0.0125 - truth)
    assert lines["Holdout, those shown it"].apart is None


def test_the_first_thing_said_is_what_the_holdout_found_and_the_last_what_may_differ() -> None:
    told = [*sentences(study(), holdout())]
    assert told[0].startswith("The holdout found 1.50 points (95% interval 1.")
    assert told[1].startswith("Unadjusted: 0.20 points above, ")
    assert told[3].startswith("Adjusted: 0.25 points below, ")
    assert "may differ by right" in told[-1]


def test_a_refused_estimate_stands_beside_the_holdout_as_refused() -> None:
    thin = study(tables={"design": {("comparable", "effective"): 90}})
    shown = display.beside(thin, holdout()).data
    assert shown.count("| Holdout") == 2
    withheld = study(tables={"comparison": {("bought", "both", "adjusted"): None}})
    (adjusted,) = (x for x in side_by_side(withheld, holdout()) if x.label == "Adjusted")
    assert adjusted.apart is None
    assert "Adjusted: no estimate, the adjusted effect" in display.beside(withheld, holdout()).data


def test_where_those_shown_it_are_withheld_everybody_is_the_answer() -> None:
    arms = (Arm(30_000, 30_000, 1_200), Arm(30_000, 30_000, 900))
    plain = holdout(lift_of(*arms, OUTCOMES))
    lines = {line.label: line for line in side_by_side(study(), plain)}
    assert lines["Adjusted"].apart == pytest.approx(0.0125 - 0.01)


def test_the_chart_has_all_of_them_on_one_scale() -> None:
    chart = comparability.beside_chart(study(), holdout())
    drawn = chart.to_dict(validate=False)
    assert [row["label"] for row in drawn["data"]["values"]] == [
        line.label for line in side_by_side(study(), holdout())
    ]
    assert "The holdout found 1.50 points" in str(drawn["title"])
    assert "<svg" in to_svg(chart)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (study(), holdout(merchant="n")),
        (study(population="shared_identifier"), holdout()),
        (study(start=date(2026, 5, 2)), holdout()),
        (study(follow_up_days=14), holdout()),
        (holdout(), study()),
        (study(), holdout(lift_of(Arm(30_000, 30_000, 1_200), Arm(20_000, 20_000, 900), OUTCOMES))),
    ],
    ids=["merchant", "population", "before", "after", "order", "broken"],
)
def test_what_is_no_such_pair_is_not_set_side_by_side(one: Candidate, other: Candidate) -> None:
    with pytest.raises(StudyError):
        side_by_side(one, other)
