"""Precision and recall of the link's rules against the simulation's truth, through the whole room.

A link is true if its buyer is the very person whose account clicked, whichever case it is; to find
are the CIDs with which that person truly followed the click (came to the merchant clicked on, from
the click to 15 days after it). Of bridges the same: true if user and buyer are one person; to find
are the users whose person followed a click at least once.

The yardstick is a plain equi-join of clicks and store events on CID, without any rule: `ratio` is
the F1 (the harmonic mean of precision and recall) of the rules' links over that of its pairs.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.rooms import FilledRoom, filled_room
from cleanroom.party.derive import join_key, token_key
from cleanroom.party.tokens import token
from cleanroom.room.derived import links
from cleanroom.room.panel import linked_bridges
from cleanroom.room.vault import table_paths
from cleanroom.simulation import SimulationSettings
from cleanroom.tables import IdentifierKind, Platform

DEMO_SEED = 7
RULES, EQUI_JOIN = "rules", "equi-join"
_COUNTS = ("made", "true", "to_find", "found")


def measure(rows: int, runs: int) -> dict[str, Any]:
    """Simulate `runs` seeds of `rows` people, from the demo's on; print what was linked by case."""
    counted = []
    for seed in range(DEMO_SEED, DEMO_SEED + runs):
        with tempfile.TemporaryDirectory() as folder:
            settings = SimulationSettings(people=rows, seed=seed)
            filled = filled_room(Path(folder), settings)
            counted += [links_by_case(filled), bridges_by_case(filled)]
    keys = ["of", "method", "case"]
    every = pl.concat(counted).group_by(keys, maintain_order=True).agg(pl.col(*_COUNTS).sum())
    for (of,), cases in every.group_by("of", maintain_order=True):
        _print(str(of), cases)
    figures = {
        f"{of}_{method}".replace("-", "_"): scores(cases)
        for (of, method), cases in every.group_by("of", "method", maintain_order=True)
    }
    ratio = figures["links_rules"]["f1"] / figures["links_equi_join"]["f1"]
    return {**figures, "runs": runs, "ratio": round(ratio, 4)}


def links_by_case(filled: FilledRoom) -> pl.DataFrame:
    """A row for each method and true case of the CIDs: links `made`, of them `true`; truly followed
    clicks `to_find`, of them `found`."""
    truth = true_tokens(filled)
    case_of = truth.select("cid", "case").unique()
    made = {RULES: _links(filled), EQUI_JOIN: _equi_join(filled)}
    return _by_case("links", made, truth, case_of, ["cid", "user"])


def bridges_by_case(filled: FilledRoom) -> pl.DataFrame:
    """As `links_by_case`, of users: with a CID that others came with too (passed on, or clicked by
    several), whose person has several accounts that click, and all others."""
    truth = true_tokens(filled).drop_nulls("user")
    shared = pl.col("case").is_in(["passed_on", "several_clicks"]).any()
    case = pl.when("shared").then(pl.lit("shared_cid")).when(pl.col("accounts") > 1)
    users = (
        truth.group_by("user")
        .agg(pl.col("buyer", "person").first(), pl.col("followed").any(), shared=shared)
        .with_columns(accounts=pl.len().over("person"))
        .with_columns(case=case.then(pl.lit("several_accounts")).otherwise(pl.lit("plain")))
    )
    made = {
        RULES: linked_bridges(links(filled.vault)).to_native().collect().select("user", "buyer"),
        EQUI_JOIN: _equi_join(filled).select("user", "buyer").unique(),
    }
    return _by_case("bridges", made, users, users.select("user", "case"), ["user"])


def true_tokens(filled: FilledRoom) -> pl.DataFrame:
    """The simulation's `truth/links.parquet` with cid, user and buyer as the room's tokens."""
    ads, store = filled.keys[Platform.ADS], filled.keys[Platform.STORE]
    click_id, account = IdentifierKind.CLICK_ID, IdentifierKind.ACCOUNT
    return pl.read_parquet(filled.truth / "links.parquet").with_columns(
        token(pl.col("cid"), click_id, join_key(ads, click_id), ads.token_hash),
        token(pl.col("user"), account, token_key(ads, account), ads.token_hash),
        token(pl.col("buyer"), account, token_key(store, account), store.token_hash),
    )


def scores(cases: pl.DataFrame) -> dict[str, float]:
    """Precision, recall and their harmonic mean over all `cases`, with the counts behind them."""
    made, true, to_find, found = cases.select(pl.col(*_COUNTS).sum()).row(0)
    precision, recall = true / made, found / to_find
    f1 = 2 * precision * recall / (precision + recall)
    figures = {"precision": precision, "recall": recall, "f1": f1}
    counts = {"made": made, "wrong": made - true, "to_find": to_find, "missed": to_find - found}
    return {**{name: round(figure, 5) for name, figure in figures.items()}, **counts}


def _links(filled: FilledRoom) -> pl.DataFrame:
    made: pl.DataFrame = links(filled.vault).to_native().collect()
    return made.drop_nulls("buyer").select("cid", "user", "buyer")


def _equi_join(filled: FilledRoom) -> pl.DataFrame:
    touches, visits = (
        pl.scan_parquet(table_paths(filled.vault, name)) for name in ("touches", "visits")
    )
    clicks = touches.filter(pl.col("kind") == "click").select("cid", "user")
    pairs = clicks.join(visits.select("cid", "buyer"), on="cid").drop_nulls()
    return pairs.unique().collect()


def _by_case(
    of: str,
    made: dict[str, pl.DataFrame],
    truth: pl.DataFrame,
    case_of: pl.DataFrame,
    key: list[str],
) -> pl.DataFrame:
    """Counts by case of links `made`, each a `key` and a buyer, against `truth` of the same key."""
    own = truth.select(*key, "buyer", true=True).drop_nulls()
    parts = []
    for method, pairs in made.items():
        judged = pairs.join(own, on=[*key, "buyer"], how="left")
        judged = judged.join(case_of, on=key[0], how="left")
        links_made = judged.group_by("case").agg(made=pl.len(), true=pl.col("true").sum())
        reached = pairs.select(*key, "buyer", reached=True).unique()
        sought = truth.filter("followed").join(reached, on=[*key, "buyer"], how="left")
        followed = sought.group_by("case").agg(to_find=pl.len(), found=pl.col("reached").sum())
        cases = case_of.select("case").unique().join(links_made, on="case", how="left")
        cases = cases.join(followed, on="case", how="left").sort("case")
        counts = cases.select("case", pl.col(*_COUNTS).fill_null(0).cast(pl.Int64))
        parts.append(
            counts.select(pl.lit(of).alias("of"), pl.lit(method).alias("method"), pl.all())
        )
    return pl.concat(parts)


def _print(of: str, cases: pl.DataFrame) -> None:
    """A line for each case and one for all, the two methods side by side."""
    head = "".join(f"{method:>12}{'precision':>11}{'recall':>9}" for method in (RULES, EQUI_JOIN))
    print(f"\n{of:<16}{'to find':>10}{head}")
    total = cases.group_by("of", "method", maintain_order=True).agg(pl.col(*_COUNTS).sum())
    total = total.with_columns(case=pl.lit("all"))
    every = pl.concat([cases, total.select(cases.columns)])
    for (case,), rows in every.group_by("case", maintain_order=True):
        shown = "".join(_shown(row) for row in rows.iter_rows(named=True))
        print(f"{case:<16}{rows['to_find'][0]:>10,}{shown}")


def _shown(row: dict[str, int]) -> str:
    precision = f"{row['true'] / row['made']:.2%}" if row["made"] else "-"
    recall = f"{row['found'] / row['to_find']:.2%}" if row["to_find"] else "-"
    return f"{row['made']:>12,}{precision:>11}{recall:>9}"
