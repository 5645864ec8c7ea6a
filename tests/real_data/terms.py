"""The agreements of the real-data collaborations, as drafts without keys, and their studies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cleanroom.agreement import Agreement, parse
from cleanroom.study import ConversionStudy, LiftStudy, Study
from cleanroom.tables import TABLES
from tests.real_data.adapters import HILLSTROM, SEGMENTS, TMALL, Exports

LARGEST_SPEND = 50_000  # cents: above every customer's, so that winsorising changes nothing


def hillstrom_agreement(exports: Exports) -> Agreement:
    """The two e-mails' collaboration: joined on CID, and on the e-mail address for lift."""
    return _agreement(
        exports,
        ("conversion", "lift"),
        collaboration="hillstrom",
        timezone=HILLSTROM.zone,
        currency="USD",
        join={"attribution_window_days": 15, "shared_identifier": "email"},
    )


def tmall_agreement(exports: Exports) -> Agreement:
    """Tmall's collaboration: no more is opened than conversion needs. Window: six months."""
    return _agreement(
        exports,
        ("conversion",),
        collaboration="tmall",
        timezone=TMALL.zone,
        currency="CNY",
        join={"attribution_window_days": 180},
    )


def hillstrom_lifts() -> list[LiftStudy]:
    """What each e-mail changed, among the customers whose address both sides know."""
    return [
        LiftStudy(
            merchant=merchant,
            study="email-test",
            start=HILLSTROM.began.date(),
            end=HILLSTROM.ended,
            population="shared_identifier",
            max_amount=LARGEST_SPEND,
        )
        for merchant in SEGMENTS
    ]


def hillstrom_studies() -> list[Study]:
    """Both studies of both e-mails."""
    start, end = HILLSTROM.began.date(), HILLSTROM.ended
    conversions = [ConversionStudy(merchant=m, start=start, end=end) for m in SEGMENTS]
    return [*conversions, *hillstrom_lifts()]


def tmall_studies(merchants: Iterable[str]) -> list[Study]:
    """The conversion study of each merchant, clicks of 11 November."""
    start, end = TMALL.began.date(), TMALL.ended
    return [ConversionStudy(merchant=m, start=start, end=end) for m in merchants]


def _agreement(exports: Exports, studies: Iterable[str], **terms: Any) -> Agreement:
    """The exports' columns opened, the default policy, and rules that take all merchants."""
    record = {
        "version": 1,
        "epoch": "one",
        "valid_from": "2008-01-01",
        "valid_until": "2035-12-31",
        "retention_days": 30,
        "parties": {"ads": {"name": "Ads platform"}, "store": {"name": "Store platform"}},
        "room": {"name": "Room"},
        "opens": {name: _roles(name, table.columns) for name, table in exports.items()},
        "studies": {kind: {"notebook": f"{kind}.ipynb"} for kind in studies},
        "policy": {},
        "eligibility": {
            "shop_types": ["tmall"],
            "categories": ["beauty"],
            "min_score": 4.5,
            "min_daily_budget": 500_000,
        },
    }
    return parse({**record, **terms}, "the draft")


def _roles(table: str, columns: Iterable[str]) -> dict[str, str]:
    return {name: TABLES[table].columns[name].role.value for name in columns}
