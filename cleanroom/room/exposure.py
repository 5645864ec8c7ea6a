"""The panel of an observational study: who was exposed and who was not, and what they did when.

Everybody of the population known before the study began is in it, one row a person (a buyer with
all bridged users). Who was not exposed gets a moment drawn from the exposed's, so that both groups'
purchases count for as long a time from moments of one distribution (`pseudo_exposure`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import narwhals as nw
import numpy as np
import polars as pl

from cleanroom.errors import StudyError
from cleanroom.room.derived import links, shared_sides
from cleanroom.room.engine import Frame, collect
from cleanroom.room.journeys import net_orders
from cleanroom.room.panel import linked_bridges, shared_bridges
from cleanroom.room.vault import Vault, rows_of
from cleanroom.studies.exposed_panel import Panel
from cleanroom.studies.pseudo_exposure import pseudo_moments
from cleanroom.study import ObservationalStudy
from cleanroom.tables import ENGAGEMENTS

_SEED = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Of the ads platform, of the store platform, and of both at the merchant; those of `_recent` know
# of the time just before the study.
COVARIATES = (
    "prior_engagements",
    "prior_orders",
    "prior_amount",
    "touches_early",
    "visits_early",
    "bought_early",
    "touches_recent",
    "visits_recent",
    "bought_recent",
    "region",
)
_RECENT = "_recent"


@dataclass(frozen=True)
class _Times:
    """When a study's exposures begin and end, how long purchases count, and the time before."""

    start: datetime
    end: datetime
    length: timedelta

    @property
    def earlier(self) -> datetime:
        """When the placebo period begins, which ends at `start`."""
        return self.start - self.length


def exposure_panel(vault: Vault, study: ObservationalStudy) -> tuple[Panel, pl.Series]:
    """The panel of a study, and the buyers in it by their tokens, in whose order it is.

    Raises `StudyError` if it has more people than the study's `max_people`, or the agreement opens
    no shared identifier and the population needs one; `HandoverError` if the engine fails;
    `UndefinedError` if nobody was exposed.
    """
    times = _times(study, vault.agreement.timezone)
    people = _people(vault, study, times)
    if people.height > study.max_people:
        raise StudyError(
            "The panel has more people than max_people allows.",
            "raise it, if the room's memory suffices, or study a merchant with fewer.",
        )
    people = _with_moments(people)
    return _panel(people, _outcomes(vault, study, times, people), times), people["buyer"]


def _times(study: ObservationalStudy, timezone: str) -> _Times:
    zone = ZoneInfo(timezone)
    start, end = (
        datetime.combine(day, time(), zone).astimezone(UTC)
        for day in (study.start, study.end + timedelta(days=1))
    )
    return _Times(start, end, timedelta(days=study.follow_up_days))


def _people(vault: Vault, study: ObservationalStudy, times: _Times) -> pl.DataFrame:
    """One row a buyer: `since`, `exposed_at` (null: not exposed), and the covariates."""
    bridges = _bridges(vault, study, times)
    users, buyers, touches, visits = (
        rows_of(vault, name) for name in ("users", "buyers", "touches", "visits")
    )
    persons = bridges.group_by("buyer").agg(nw.col("since").min())
    own = users.group_by("user").agg(nw.col("prior_engagements").max())
    engaged = bridges.join(own, on="user", how="left").group_by("buyer")
    bought = buyers.group_by("buyer").agg(
        nw.col("region").min(), nw.col("prior_orders").max(), nw.col("prior_amount").max()
    )
    touched = _touches(touches, bridges, study, times)
    visited = _visits(visits, study, times)
    parts = (engaged.agg(nw.col("prior_engagements").sum()), bought, touched, visited)
    for part in parts:
        persons = persons.join(part, on="buyer", how="left")
    return collect(persons.with_columns(_whole("since", "exposed_at")).sort("buyer"), "the panel")


def _bridges(vault: Vault, study: ObservationalStudy, times: _Times) -> Frame:
    identifier = vault.agreement.join.shared_identifier
    if study.population == "linked_panel":
        return linked_bridges(links(vault)).filter(nw.col("since") < times.start)
    if identifier is None:
        raise StudyError(
            "population: the agreement opens no shared identifier.", "study the 'linked_panel'."
        )
    known = shared_bridges(*shared_sides(vault, identifier), identifier)
    return known.with_columns(since=nw.lit(_EPOCH))


def _touches(touches: Frame, bridges: Frame, study: ObservationalStudy, times: _Times) -> Frame:
    """By buyer: when first exposed in the study's time, and touches of the merchant before it."""
    moment = nw.col("time")
    exposes = (moment >= times.start) & (moment < times.end)
    if study.exposure == "engaged":
        exposes &= nw.col("kind").is_in(ENGAGEMENTS)
    if study.campaign is not None:
        exposes &= nw.col("campaign") == study.campaign
    own = touches.filter(nw.col("merchant") == study.merchant, moment < times.end)
    marked = own.join(bridges.select("user", "buyer"), on="user", how="inner").with_columns(
        exposed_at=nw.when(exposes).then(moment), **_before("touches", times)
    )
    counts = nw.col("touches_early", "touches_recent").sum()
    return marked.group_by("buyer").agg(nw.col("exposed_at").min(), counts)


def _visits(visits: Frame, study: ObservationalStudy, times: _Times) -> Frame:
    """By buyer: store events and purchases at the merchant before the study's time."""
    own = visits.filter(nw.col("merchant") == study.merchant, nw.col("time") < times.start)
    is_purchase = (nw.col("kind") == "purchase").cast(nw.Int64)
    bought = {name: mark * is_purchase for name, mark in _before("bought", times).items()}
    marked = own.with_columns(**_before("visits", times), **bought)
    names = [f"{what}_{when}" for what in ("visits", "bought") for when in ("early", "recent")]
    return marked.group_by("buyer").agg(nw.col(*names).sum())


def _before(what: str, times: _Times) -> dict[str, nw.Expr]:
    """Marks of rows long before the study, and in the time just before it."""
    moment = nw.col("time")
    recent = (moment >= times.earlier) & (moment < times.start)
    return {
        f"{what}_early": (moment < times.earlier).cast(nw.Int64),
        f"{what}_recent": recent.cast(nw.Int64),
    }


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _whole(*times: str) -> nw.Expr:
    """Times as microseconds since 1970: not every engine gives out times with their zone."""
    return (nw.col(*times) - nw.lit(_EPOCH)).dt.total_microseconds()


def _with_moments(people: pl.DataFrame) -> pl.DataFrame:
    """With `moment`, from which a person's purchases count."""
    exposed = people["exposed_at"].is_not_null()
    known = people["exposed_at"].drop_nulls().to_numpy()
    moments = people["exposed_at"].fill_null(0).to_numpy().copy()
    moments[~exposed.to_numpy()] = pseudo_moments(known, int((~exposed).sum()), _SEED)
    return people.with_columns(moment=pl.Series(moments), exposed=exposed)


def _outcomes(
    vault: Vault, study: ObservationalStudy, times: _Times, people: pl.DataFrame
) -> pl.DataFrame:
    """By buyer: the amount `spent` at the merchant after the moment (net of refunds, winsorised)
    and whether they bought `elsewhere`; null for who did neither."""
    visits = rows_of(vault, "visits")
    after = (nw.col("time") >= times.start) & (nw.col("time") < times.end + times.length)
    purchases = visits.filter(nw.col("kind") == "purchase", after, ~nw.col("buyer").is_null())
    here = nw.col("merchant") == study.merchant
    orders = net_orders(purchases.filter(here), visits, by=("merchant", "buyer", "order"))
    others = purchases.filter(~here)
    own = collect(orders.select("buyer", _whole("time"), "net"), "purchases")
    elsewhere = collect(others.select("buyer", _whole("time")), "purchases elsewhere")
    spent = _in_time(own, people, times).agg(spent=pl.col("net").sum().clip(0, study.max_amount))
    bought = _in_time(elsewhere, people, times).agg(elsewhere=pl.lit(value=True))
    return people.select("buyer").join(
        spent.join(bought, on="buyer", how="full", coalesce=True),
        on="buyer",
        how="left",
        maintain_order="left",
    )


def _in_time(
    purchases: pl.DataFrame, people: pl.DataFrame, times: _Times
) -> pl.dataframe.group_by.GroupBy:
    """The purchases after each buyer's moment, while they count."""
    moments = people.select("buyer", "moment")
    since = pl.col("time") - pl.col("moment")
    counts = (since > 0) & (since <= _microseconds(times.length))
    return purchases.join(moments, on="buyer").filter(counts).group_by("buyer")


def _panel(people: pl.DataFrame, outcomes: pl.DataFrame, times: _Times) -> Panel:
    names, columns = _covariates(people)
    bought = [people[f"bought_{when}"].fill_null(0).to_numpy() > 0 for when in ("early", "recent")]
    return Panel(
        exposed=people["exposed"].to_numpy(),
        bought=outcomes["spent"].is_not_null().to_numpy(),
        spent=outcomes["spent"].fill_null(0).cast(pl.Float64).to_numpy(),
        bought_elsewhere=outcomes["elsewhere"].is_not_null().to_numpy(),
        bought_before=bought[1],
        known_before=(people["since"] < _microseconds(times.earlier - _EPOCH)).to_numpy(),
        customer=bought[0] | bought[1],
        covariates=columns,
        names=names,
        recent=np.array([name.endswith(_RECENT) for name in names]),
    )


def _covariates(
    people: pl.DataFrame,
) -> tuple[tuple[str, ...], np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """The covariates' names and columns: logarithms of counts and amounts, and whether there is
    one at all where some have none; regions one by one."""
    names, columns = [], []
    for name in COVARIATES[:-1]:
        values = people[name]
        names.append(name)
        columns.append(values.fill_null(0).cast(pl.Float64).log1p())
        if name.startswith("prior") and values.null_count():
            names.append(name)
            columns.append(values.is_null().cast(pl.Float64))
    regions = people["region"].fill_null("")
    for region in sorted(regions.unique())[1:]:
        names.append("region")
        columns.append((regions == region).cast(pl.Float64))
    return tuple(names), np.column_stack([column.to_numpy() for column in columns])
