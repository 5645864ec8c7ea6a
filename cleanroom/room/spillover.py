"""The spillover study's tables: what people did in the store who had engaged with a note and never
clicked a link, beside people who were only shown notes.

Both are people bridged before the study. Whoever clicked on the merchant's notes, from the first
day to the end of the last follow-up, is in neither group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import narwhals as nw

from cleanroom.behind import Behind
from cleanroom.borders import PEOPLE, Table
from cleanroom.errors import StudyError
from cleanroom.layout import Dimension, Layout, Measure, Pairs, Parts, Place, Use
from cleanroom.policy import Policy
from cleanroom.room.counting import Cell, on_local_days, table
from cleanroom.room.derived import bridges
from cleanroom.room.engine import Frame, collect
from cleanroom.room.lift_parts import Tallies
from cleanroom.room.numbered import Counted, behind, joined, numbering, on
from cleanroom.room.vault import Vault, rows_of
from cleanroom.study import SpilloverStudy
from cleanroom.tables import ENGAGEMENTS, Platform

EXPOSURES = ("engaged", "shown")
OTHERS = "others"
_ENGAGES = (*ENGAGEMENTS, "back_search")
_CLICKS = ("click", "blue_link")
_DID = {"visitors": "visit", "searchers": "search", "buyers": "purchase"}
_MEASURES = (*_DID, "visitors_before")
_PERSON, _GROUP = ("merchant", "buyer"), ("merchant", "exposure")
_LATEST = date.max - timedelta(days=2)


def _among(about: str) -> Pairs:
    return tuple((Place(about, measure), Place(about, "people")) for measure in _MEASURES)


def _layout(name: str, title: str, by: str | None = None) -> Layout:
    merchant = Dimension("merchant", ("touches.merchant", "visits.merchant"))
    part = () if by is None else (Dimension(by, (f"touches.{by}",)),)
    return Layout(
        name,
        title,
        # Who engaged, and who was shown and no more, follows from the kinds of touches.
        (merchant, *part, Dimension("exposure", ("touches.kind",))),
        (
            # Longer days make other groups, since a click takes a person out of both.
            Measure("people", Use.COUNT, ("touches.user", "visits.buyer"), parts=Parts.FREE),
            *(Measure(m, Use.COUNT, ("visits.buyer",), parts=Parts.FREE) for m in _MEASURES),
        ),
        contrast="exposure",
        whole=by,
        whole_in="" if by is None else "spillover",
        at_most=_among(name),
        among=_among(name),
    )


SPILLOVER_LAYOUT = _layout("spillover", "Who clicked no link, and what they did in the store")
_BY = {"task_group": "task group", "note": "note"}
PARTS_LAYOUTS = {
    by: _layout("groups", f"The same by {word}, the small ones together", by)
    for by, word in _BY.items()
}


def spillover_tables(
    vault: Vault, studies: Sequence[SpilloverStudy], policy: Policy | None = None
) -> list[Table]:
    """Table `spillover` of the `studies`, alike in all but their merchants, and table `groups` if
    they are told by something; `policy` as in `lift_tables`.

    A person is in the group of their first engagement, or else of their first impression. Raises
    `StudyError` if the agreement does not open the column of `by`, or a shared identifier that the
    population needs; `HandoverError` if the engine fails.
    """
    policy, first = policy or vault.agreement.effective_policy, studies[0]
    _check(vault, first)
    merchants = [study.merchant for study in studies]
    named = numbering(vault)
    seen = collect(_seen(vault, merchants, first), "people by exposure")
    marks = ("people", *_MEASURES)
    parted = named.tally(seen, ("merchant", "part", "exposure"), "buyer", marks, {})
    whole = named.tally(seen.drop("part"), _GROUP, "buyer", marks, {})
    made = [
        table(
            SPILLOVER_LAYOUT,
            [cell for merchant in merchants for cell in _cells((merchant,), whole)],
            lambda cell: _people(whole, cell, len(_GROUP)),
        )
    ]
    if first.by != "none":
        parts = _large_enough(parted, merchants, policy, named.seed)
        places = dict.fromkeys(key[:2] for key in parts)
        cells = [cell for place in places for cell in _cells(place, parts)]
        layout = PARTS_LAYOUTS[first.by]
        made.append(table(layout, cells, lambda cell: _people(parts, cell, len(layout.names))))
    return made


def _check(vault: Vault, study: SpilloverStudy) -> None:
    agreement = vault.agreement
    if study.by != "none" and study.by not in agreement.opens["touches"]:
        raise StudyError(
            f"by: the agreement does not open touches.{study.by}.",
            "have it amended, or ask without ('none').",
        )
    if study.population == "shared_identifier" and agreement.join.shared_identifier is None:
        raise StudyError(
            "population: the agreement opens no shared identifier.", "study the 'linked_panel'."
        )


def _seen(vault: Vault, merchants: Sequence[str], study: SpilloverStudy) -> Frame:
    """One row per person of either exposure: their part, and what they did."""
    zone, wanted = vault.agreement.timezone, nw.col("merchant").is_in(list(merchants))
    touches, visits = (rows_of(vault, name) for name in ("touches", "visits"))
    bridged = bridges(vault, study.population)
    if "since" in bridged.collect_schema().names():
        bridged = bridged.filter(~on_local_days("since", study.start, _LATEST, zone))
    last = study.end + timedelta(days=study.follow_up_days)
    touched = touches.filter(wanted, on_local_days("time", study.start, last, zone)).join(
        bridged.select("user", "buyer"), on="user", how="inner"
    )
    people = _exposed(touched, on_local_days("time", study.start, study.end, zone))
    parts = _parts(touched, people, study.by)
    own = people.join(parts, on=list(_PERSON), how="left")
    own = own.join(_did(visits, people, study.follow_up_days), on=list(_PERSON), how="left")
    return own.select(
        "merchant",
        "exposure",
        "buyer",
        nw.col("part").fill_null(OTHERS),
        people=nw.lit(1).cast(nw.Int64),
        **{name: nw.col(name).fill_null(0) for name in _MEASURES},
    )


def _exposed(touched: Frame, on_days: nw.Expr) -> Frame:
    """By person who never clicked: `exposure`, and the `moment` from which they are followed."""
    kind = nw.col("kind")
    marked = touched.with_columns(
        engaged_at=nw.when(on_days & kind.is_in(list(_ENGAGES))).then(nw.col("time")),
        shown_at=nw.when(on_days & (kind == "impression")).then(nw.col("time")),
        clicked=kind.is_in(list(_CLICKS)).cast(nw.Int64),
    )
    people = marked.group_by(*_PERSON).agg(
        nw.col("engaged_at", "shown_at").min(), nw.col("clicked").max()
    )
    engaged = ~nw.col("engaged_at").is_null()
    moment = nw.when(engaged).then(nw.col("engaged_at")).otherwise(nw.col("shown_at"))
    exposure = nw.when(engaged).then(nw.lit("engaged")).otherwise(nw.lit("shown"))
    known = people.filter(nw.col("clicked") == 0).with_columns(moment=moment, exposure=exposure)
    return known.filter(~nw.col("moment").is_null()).select(*_PERSON, "moment", "exposure")


def _parts(touched: Frame, people: Frame, by: str) -> Frame:
    """By person the part that the touch belongs to from which they are followed; of several at the
    same moment, the first by name."""
    part = nw.lit(None).cast(nw.String) if by == "none" else nw.col(by)
    own = touched.select(*_PERSON, "time", "kind", part=part).join(
        people, on=list(_PERSON), how="inner"
    )
    first = nw.when(nw.col("exposure") == "engaged").then(nw.col("kind").is_in(list(_ENGAGES)))
    is_first = first.otherwise(nw.col("kind") == "impression")
    return (
        own.filter(nw.col("time") == nw.col("moment"), is_first)
        .group_by(*_PERSON)
        .agg(nw.col("part").min())
    )


def _did(visits: Frame, people: Frame, days: int) -> Frame:
    """By person, whether they did each of the measures in so many times 24 hours."""
    own = visits.select(*_PERSON, "time", "kind").join(people, on=list(_PERSON), how="inner")
    time, moment, span = nw.col("time"), nw.col("moment"), f"{24 * days}h"
    after = (time > moment) & (time <= moment.dt.offset_by(span))
    before = (time < moment) & (time.dt.offset_by(span) >= moment)
    marks = {name: after & (nw.col("kind") == kind) for name, kind in _DID.items()}
    marks["visitors_before"] = before & (nw.col("kind") == "visit")
    flags = {name: mark.cast(nw.Int64) for name, mark in marks.items()}
    return own.with_columns(**flags).group_by(*_PERSON).agg(nw.col(*_MEASURES).max())


def _large_enough(parted: Tallies, merchants: Sequence[str], policy: Policy, seed: int) -> Tallies:
    """By (merchant, part, exposure), those together in which a group is below the minimums."""
    found: Tallies = {}
    for merchant in merchants:
        parts = sorted({key[1] for key in parted if key[0] == merchant})
        small: dict[str, list[Counted]] = defaultdict(list)
        for part in parts:
            pair = {e: parted.get((merchant, part, e), Counted()) for e in EXPOSURES}
            if part == OTHERS or any(_too_small(own, policy) for own in pair.values()):
                for exposure, own in pair.items():
                    small[exposure].append(own)
            else:
                found |= {(merchant, part, exposure): own for exposure, own in pair.items()}
        found |= {(merchant, OTHERS, e): joined(own, seed) for e, own in small.items()}
    return found


def _too_small(own: Counted, policy: Policy) -> bool:
    people = own["people"]
    some = [part for did in _DID for part in (own[did], people - own[did])]
    return people < policy.min_people or min(some) < policy.min_converters


def _cells(place: tuple[str, ...], counts: Tallies) -> Iterator[Cell]:
    for exposure in EXPOSURES:
        own = counts.get((*place, exposure), Counted())
        people = own["people"]
        yield *place, exposure, "people", people, PEOPLE, people, None
        for measure in _MEASURES:
            yield *place, exposure, measure, own[measure], PEOPLE, people, own[measure]


def _people(counts: Tallies, cell: Cell, dimensions: int) -> Behind:
    *place, measure = (str(part) for part in cell[: dimensions + 1])
    own = counts.get(tuple(place), Counted())
    everybody = on(Platform.STORE, own, "people_people")
    if measure == "people":
        return behind(everybody)
    return behind(on(Platform.STORE, own, f"{measure}_people"), everybody)
