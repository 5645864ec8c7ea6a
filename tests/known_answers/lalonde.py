"""LaLonde's trained men and those they may be compared with, as people and as a study's panel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import polars as pl

from cleanroom.borders import Findings
from cleanroom.gate.protect import protect_together
from cleanroom.policy import Policy
from cleanroom.room.observational import People, tables_of
from cleanroom.studies import observational
from cleanroom.studies.comparison import Comparison, Real
from cleanroom.studies.exposed_panel import Analysis, Panel, analyse
from cleanroom.study import ObservationalStudy

Read = Callable[[str], pl.DataFrame]
COVARIATES = ["age", "educ", "black", "hisp", "marr", "nodeg", "re74", "re75"]
EXPERIMENT = 1794.3
STUDY = ObservationalStudy(
    merchant="training", start=date(1976, 1, 1), end=date(1977, 12, 31), follow_up_days=180
)
# What the study calls who people are, and what they did long before and just before.
_CALLED = (*["region"] * 6, "bought_early", "bought_recent")
_CALLED_FURTHER = ("region", "region", "bought_early", "bought_recent")


def men(read: Read, controls: str, *, further: bool = False) -> Comparison:
    """The 185 trained men with earnings of 1974 beside controls; `further`: squares of age and
    schooling, and whether there were earnings at all."""
    rows = _rows(read, controls)
    covariates: Real = rows.select(COVARIATES).to_numpy()
    age, schooling, in_1974, in_1975 = (covariates[:, i] for i in (0, 1, 6, 7))
    if further:
        more = (age**2, schooling**2, in_1974 == 0, in_1975 == 0)
        covariates = np.column_stack([covariates, *more])
    scaled = (covariates - covariates.mean(axis=0)) / covariates.std(axis=0)
    return Comparison(rows["trt"].to_numpy() == 1, rows["re78"].to_numpy(), scaled)


def _rows(read: Read, controls: str) -> pl.DataFrame:
    demo = read("nsw/nsw74demo.csv.gz")
    others = demo if controls == "nsw74demo" else read(f"nsw/{controls}.csv.gz")
    return pl.concat(
        frame.select("trt", *COVARIATES, "re78").cast(pl.Float64)
        for frame in (demo.filter(trt=1), others.filter(trt=0))
    )


def panel_of(read: Read, controls: str) -> Panel:
    """The same men as an observational study sees people: what they earned in 1978 in cents is what
    they spent, and whether they earned at all in 1975, before the training, is the placebo.

    Nothing that the training could not move is known of 1978; whether they earned in 1974 stands
    in for purchases elsewhere.
    """
    rows, people = _rows(read, controls), men(read, controls, further=True)
    names = (*_CALLED, *_CALLED_FURTHER)
    earned = {year: rows[f"re{year}"].to_numpy() for year in (74, 75, 78)}
    return Panel(
        exposed=people.exposed,
        bought=earned[78] > 0,
        spent=100 * earned[78],
        bought_elsewhere=earned[74] > 0,
        bought_before=earned[75] > 0,
        known_before=np.ones_like(people.exposed),
        customer=rows["nodeg"].to_numpy() == 0,
        covariates=people.covariates,
        names=names,
        recent=np.array([name.endswith("_recent") for name in names]),
    )


def study_of(read: Read, controls: str, policy: Policy) -> tuple[Analysis, Findings]:
    """The men through the observational study: what the room makes of them, and what is found in
    what its gate lets out under a policy."""
    panel = panel_of(read, controls)
    everybody = np.arange(len(panel.exposed), dtype=np.uint32)
    tables = tables_of([People(STUDY.merchant, panel, everybody)], seed=1)
    protected, _ = protect_together(tables, policy)
    own = {one.name: one.split("merchant")[STUDY.merchant] for one in protected}
    return analyse(panel), observational.findings(own, STUDY, "USD")
