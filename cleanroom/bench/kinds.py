"""How studies of each kind are answered: what is counted for them, and what that says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from cleanroom.agreement import StudyKind
from cleanroom.bench.grain import COARSEST
from cleanroom.borders import Findings, Protected, Table
from cleanroom.policy import Policy
from cleanroom.room.geo import geo_tables
from cleanroom.room.lift import lift_tables
from cleanroom.room.observational import observational_tables
from cleanroom.room.spillover import spillover_tables
from cleanroom.room.substitution import substitution_tables
from cleanroom.room.vault import Vault
from cleanroom.room.whole_path import whole_path
from cleanroom.studies import conversion, geo, lift, observational, spillover, substitution
from cleanroom.studies.lift_doubts import Circumstances
from cleanroom.study import ConversionStudy, GeoStudy

Tables = Mapping[str, Protected]


@dataclass(frozen=True)
class Kind:
    """`tables` counts, for studies that differ in their merchant and in what is not in `alike`
    (the days are always alike); `findings` says what a study's protected tables say, with money in
    minor units of a currency."""

    tables: Callable[[Vault, Sequence[Any], Policy], list[Table]]
    findings: Callable[[Tables, Any, str, Circumstances], Findings]
    alike: tuple[str, ...] = ()


def _path(vault: Vault, studies: Sequence[ConversionStudy], policy: Policy) -> list[Table]:
    return whole_path(vault, [study.merchant for study in studies], studies[0], policy)


def _regions(vault: Vault, studies: Sequence[GeoStudy], policy: Policy) -> list[Table]:
    return geo_tables(vault, studies, COARSEST, policy)


KINDS: Mapping[StudyKind, Kind] = MappingProxyType(
    {
        StudyKind.CONVERSION: Kind(
            _path,
            lambda tables, _, currency, __: conversion.findings(tables, currency),
            ("channel", "touch_window_days", "until"),
        ),
        StudyKind.LIFT: Kind(lift_tables, lift.findings),
        StudyKind.OBSERVATIONAL: Kind(
            observational_tables,
            lambda tables, study, currency, _: observational.findings(tables, study, currency),
        ),
        StudyKind.GEO: Kind(
            _regions,
            lambda tables, study, currency, _: geo.findings(tables, study, currency),
            ("campaign_start",),
        ),
        StudyKind.SUBSTITUTION: Kind(
            substitution_tables,
            lambda tables, study, currency, _: substitution.findings(tables, study, currency),
        ),
        StudyKind.SPILLOVER: Kind(
            spillover_tables,
            lambda tables, study, _, __: spillover.findings(tables, study),
            ("follow_up_days", "by", "population"),
        ),
    }
)
