"""Attempts to carry what must stay in the room across a border."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import polars as pl
import pytest

from cleanroom import borders
from cleanroom.borders import PEOPLE, Protected
from cleanroom.errors import BorderError
from cleanroom.gate.protect import protect
from cleanroom.policy import Policy
from tests.factories import protected, table

CANARY = 987_654.0
ROWS = [("click", "people", CANARY, PEOPLE, 1_000_000, 987_654)]


def test_a_protected_table_cannot_be_built_by_hand() -> None:
    with pytest.raises(BorderError, match=r"Protected was built in tests"):
        Protected("t", "t", ("step",), pl.DataFrame({"step": ["click"]}), "policy")


@pytest.mark.parametrize(
    "kind", [borders.Table, borders.Candidate, borders.Release, borders.Findings, borders.Estimate]
)
def test_no_border_value_can_be_built_by_hand(kind: type) -> None:
    fields = dict.fromkeys(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    with pytest.raises(BorderError, match=f"{kind.__name__} was built in tests"):
        kind(**fields)


def test_a_protected_table_cannot_be_changed_into_another() -> None:
    mine = protected("path", ("step",), [("click", "people", 60.0, PEOPLE)])
    with pytest.raises(BorderError):
        replace(mine, name="other")
    with pytest.raises(AttributeError):
        mine.name = "other"  # type: ignore[misc]


def test_border_values_cannot_be_pickled_or_copied_out() -> None:
    raw = table("path", ("step",), ROWS)
    with pytest.raises(BorderError, match="pickled"):
        pickle.dumps(raw)
    with pytest.raises(BorderError, match="pickled"):
        copy.deepcopy(raw)


def test_an_unprotected_table_shows_no_number() -> None:
    raw = table("path", ("step",), ROWS)
    for text in (repr(raw), str(raw), f"{raw}"):
        assert "987" not in text
    assert not hasattr(raw, "_repr_html_")


def test_a_withheld_value_is_gone_from_the_protected_table_not_hidden_in_it() -> None:
    raw = table("path", ("step",), [("click", "people", CANARY, PEOPLE, 9, 9)])
    guarded = protect(raw, Policy())
    everything = repr(guarded.cells.rows()) + repr(guarded) + repr(vars(guarded))
    assert "987654" not in everything.replace("_", "")
    assert guarded.cells["value"].to_list() == [None]
