"""The rules of the link, each one object that names itself and says what it decides.

`match`, `link` and `panel` apply them, `diagnostics` counts how often each was needed. The order
is a CID's way: from the click to the store, to a buyer, to a person's bridge.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

USER, BUYER = "user", "buyer"


class Base(StrEnum):
    """What a rule's count is a part of: all CIDs clicked, all CIDs seen in the store, all links."""

    CLICKED = "clicked"
    CAME = "came"
    LINKED = "linked"


@dataclass(frozen=True)
class LinkRule:
    """A rule's id, the case it is for and what it decides.

    `of` is the base its counts are a part of. `known_by`: whose tokens its people are counted by,
    users, buyers, or both, of which the smaller count rules.
    """

    id: str
    of: Base
    case: str
    decides: str
    known_by: tuple[str, ...] = (USER, BUYER)


BASES: tuple[LinkRule, ...] = (
    LinkRule("clicked", Base.CLICKED, "A click carries a CID.", "It may be linked.", (USER,)),
    LinkRule(
        "came",
        Base.CAME,
        "A store event other than a refund carries a CID.",
        "It may link the click of its CID. A refund follows its purchase.",
        (BUYER,),
    ),
)
LINK_RULES: tuple[LinkRule, ...] = (
    LinkRule(
        "several_clicks",
        Base.CLICKED,
        "One CID is on several clicks.",
        "The first click keeps it (of two at one moment, the smaller event id). For the others it "
        "is as if they had none.",
        (USER,),
    ),
    LinkRule(
        "never_seen",
        Base.CLICKED,
        "A click's CID is never seen in the store.",
        "No link.",
        (USER,),
    ),
    LinkRule(
        "without_click",
        Base.CAME,
        "The store sees a CID that no click has.",
        "It links nothing.",
        (BUYER,),
    ),
    LinkRule(
        "other_merchant",
        Base.CLICKED,
        "A CID is seen at another merchant than the one clicked on.",
        "That event links nothing. Events at the merchant clicked on still can.",
    ),
    LinkRule(
        "before_click",
        Base.CLICKED,
        "A store event with the CID lies before the click.",
        "It links nothing. Later events still can.",
    ),
    LinkRule(
        "outside_window",
        Base.CLICKED,
        "A store event with the CID lies more than the attribution window after the click: late, "
        "or the CID was replayed.",
        "It links nothing, and takes no link away. The window is so many times 24 hours, both ends "
        "included.",
    ),
    LinkRule(
        "unknown_buyer",
        Base.CLICKED,
        "All who come with the CID in time are unknown to the store.",
        "No link. An unknown visitor never takes the link from the first known buyer.",
        (USER,),
    ),
    LinkRule(
        "linked",
        Base.CLICKED,
        "A known buyer comes with the CID to the merchant clicked on, in time.",
        "The click is linked to that buyer.",
    ),
    LinkRule(
        "passed_on",
        Base.CLICKED,
        "Several known buyers come with one CID in time: it was passed on.",
        "The first keeps the link (of two at one moment, the smaller token). The others are not "
        "linked.",
    ),
    LinkRule(
        "several_users",
        Base.LINKED,
        "One buyer has links from several users: several devices or accounts.",
        "All links stand, and each store event is owed to the last click before it. In a linked "
        "panel the users are one person, and of no arm if they are in both.",
    ),
    LinkRule(
        "several_buyers",
        Base.LINKED,
        "One user has links to several buyers.",
        "All links stand. The user's bridge in a linked panel is the buyer of the link whose first "
        "store event is the earliest (of two at one moment, the smaller token); later links change "
        "nothing.",
    ),
    LinkRule(
        "unknown_user",
        Base.LINKED,
        "A linked click's user is unknown to the ads platform.",
        "The link stands, for conversions. It makes no bridge.",
        (BUYER,),
    ),
)
