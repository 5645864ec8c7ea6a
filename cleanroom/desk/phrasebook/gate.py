"""Why the gate withheld a cell, what the machine found, and why a file is broken."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

PHRASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "finding": (
            "%(count_withheld)s of its %(count)s cells are withheld.",
            "%(iso_start)s to %(iso)s of it was released before (%(digest)s): compare the two.",
            "The same study was released before (%(digest)s): compare the two.",
            "Withheld: %(refusal)s (and %(count)s more such).",
            "Withheld: %(refusal)s.",
            "%(label)s: %(check)s",
        ),
        "refusal": ("%(cells)s: %(because)s",),
        "cells": ("%(cell)s", "%(cell)s, %(cells_rest)s"),
        "cell": ("%(key)s", "%(key)s %(key_measure)s", "%(key)s %(key_second)s %(key_measure)s"),
        "because": (
            "leaves, beside %(beside)s, fewer than %(count)s people of %(named)s: %(remedy)s",
            "is all but fewer than %(count)s people made up of %(beside)s: %(remedy)s",
            "differs from %(named)s, by fewer than %(count)s people: %(remedy)s",
        ),
        "beside": ("%(named)s and %(count)s more", "%(named)s"),
        "named": (
            "%(which)s of this answer",
            "the answer of %(date)s, %(which)s",
            "the answer of %(date)s for %(days)s, %(which)s",
        ),
        "which": (
            "the same cell",
            "a cell of another merchant",
            "cell %(place)s",
            "cell %(place)s, %(place_second)s",
            "a cell not split by %(key)s",
            "a cell not split by %(key)s and %(key_second)s",
        ),
        "place": ("%(key)s %(term)s",),
        "remedy": (
            "leave one of the two merchants out",
            "ask for one of the two only",
            "merge %(pair)s",
            "merge %(pair)s, %(pair_second)s",
            "nearly the same people came in both times, so keep to that answer",
            "ask for %(days)s again, for days from %(dayofyear)s on, or widen to %(count)s days, "
            "%(days_wider)s",
            "ask with the parameters of that answer (%(text)s)",
            "too few people's data changed since, so keep to that answer, or ask for other days",
        ),
        "pair": ("%(key)s %(term)s with %(term_other)s",),
        "days": (
            "%(date)s",
            "%(day_first)s to %(day)s %(month)s %(year)s",
            "%(day_first)s %(month_first)s to %(day)s %(month)s %(year)s",
            "%(date_first)s to %(date)s",
        ),
        "date": ("%(day)s %(month)s %(year)s",),
        "dayofyear": ("%(day)s %(month)s",),
        "month": _MONTHS,
        "broken": (
            "%(text)s is not there.",
            "%(text)s is no candidate.",
            "%(text)s is not the candidate that the ledger names.",
            "The candidate is not what the room signed.",
            "The file is not signed.",
        ),
    }
)
