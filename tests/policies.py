"""Policies for property tests, each field drawn from its whole range."""

from __future__ import annotations

from hypothesis import strategies as st

from cleanroom.policy import Policy, Rounding

COLUMNS = ("visits.amount", "visits.buyer", "touches.user", "touches.creator")
_counts = st.integers(2, 100)
_bounds = st.none() | st.integers(1, 100)

FIELDS: dict[str, st.SearchStrategy[object]] = {
    "min_people": _counts,
    "min_converters": _counts,
    "column_minimums": st.dictionaries(st.sampled_from(COLUMNS), _counts),
    "max_share_of_two": st.floats(0.5, 1),
    "p_percent": st.integers(0, 100),
    "protection_width": st.integers(1, 200),
    "max_events_per_person": _bounds,
    "max_amount_per_person": _bounds,
    "round_counts": st.sampled_from(Rounding),
    "min_matches": _counts,
    "max_joins": _counts,
    "join_period_days": _counts,
    "rounding": _counts,
}
policies = st.builds(Policy, **FIELDS)
