"""What the conversion study checks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PHRASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "label": ("Steps lie within each other",),
        "check": (
            "There are %(torn)s: look for an error in the data.",
            "No step has more people than the step it is a share of.",
            "Not all steps can be compared: %(absent)s.",
        ),
        "torn": (
            "%(more)s",
            "%(more)s and %(more_last)s",
            "%(more)s, %(torn_rest)s",
        ),
        "more": ("more %(people)s than %(people_base)s",),
        "people": (
            "people reached",
            "people who read a note",
            "people who engaged with a note",
            "people who clicked",
            "people seen in the store after a click",
            "people who searched the store",
            "people who filled a cart",
            "buyers",
        ),
    }
)
