"""Why there is no number: withheld, no data, and not defined are three things, and none is zero."""

from __future__ import annotations

from enum import StrEnum

# What a dimension says of the row in which withheld cells are told together.
TOGETHER = "withheld together"


class Absence(StrEnum):
    """Why there is no number: the gate keeps it, there never was one, or it means nothing."""

    WITHHELD = "withheld"
    NO_DATA = "no data"
    UNDEFINED = "not defined"


class NoData(StrEnum):
    """Why there never was a number: facts about a platform's tables, or about a study's design
    that stand in its released checks as well; never about people."""

    NOT_RECORDED = "not_recorded"
    NO_ASSIGNMENT = "no_assignment"
    REFUSED = "refused"


NO_DATA_WORDS = {
    NoData.NOT_RECORDED: "the platform hands over no records of it",
    NoData.NO_ASSIGNMENT: "the ads platform assigned nobody to this study",
    NoData.REFUSED: "the study refused to estimate it, because its groups are not comparable",
}
