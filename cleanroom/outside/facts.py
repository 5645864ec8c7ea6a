"""What a merchant's page says: sentences, figures and drawings from its releases, in its order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cleanroom.absences import NO_DATA_WORDS, Absence, NoData
from cleanroom.agreement import StudyKind
from cleanroom.borders import (
    EVENTS,
    MONEY,
    PEOPLE,
    Candidate,
    Estimate,
    Protected,
    Release,
    candidate_digest,
)
from cleanroom.evidence import Grade
from cleanroom.outside import charts, comparability
from cleanroom.outside.design import lift_design
from cleanroom.outside.names import OF, STEPS, is_of_path, key_words, moment_words, period_words
from cleanroom.outside.path_facts import path_facts
from cleanroom.outside.pieces import Grid, checks, draw, figure, grid, pair
from cleanroom.outside.verdicts import is_comparable, is_graded
from cleanroom.outside.words import (
    Figure,
    bound_words,
    cell_figure,
    estimate_figure,
    reason_words,
    rounding_words,
)
from cleanroom.withholding import withholding

if TYPE_CHECKING:
    import altair as alt

_CARDS = (
    ("People reached", "each counted once", ("path", "reach", "people")),
    ("Clicks", "through to the store", ("path", "click", "events")),
    ("Orders", "that followed a click", ("money", "orders")),
    ("Revenue", "of these orders, net of refunds", ("money", "revenue")),
)
_SECTIONS = {
    "path": "From note to order",
    "money": "Money",
    "arms": "What the notes caused",
    "path_by": "The parts, their path",
    "money_by": "The parts, their money",
    "orders": "All orders",
    "credit": "Attribution",
    "assists": "Assisted orders",
    "steps": "Steps of journeys",
    "delay": "Delay",
    "maturity": "Delay by week",
}
_MONEY_OF_ALL = ("roas", "cost_per_click", "cost_per_visit", "cost_per_order")
_BLOCKS = {"rule", "step", "measure"}  # what names a block that was withheld as a whole
_SEGMENTS = ("absolute_lift_customer_", "absolute_lift_region_")
_DRAWN = ("weeks", "customers", "regions")
# Studies besides that of a lift: their section's title and evidence grade.
_COMPARED = {
    StudyKind.OBSERVATIONAL: ("What the notes may have changed", Grade.OBSERVATIONAL),
    StudyKind.GEO: ("What changed where the campaign ran", Grade.REGIONS),
    StudyKind.SUBSTITUTION: ("What the platform’s own shop lost to the store", Grade.RANDOMISED),
    StudyKind.SPILLOVER: ("What people did who clicked no link", Grade.OBSERVATIONAL),
}
_MANY = 12  # cells of one reason that are still named one by one


def report_facts(releases: Mapping[str, Release]) -> dict[str, Any]:
    """All that the template `report.html` shows, by name; `releases` by kind of study."""
    candidates = {kind: release.candidate for kind, release in releases.items()}
    conversion, lift = (candidates.get(kind) for kind in (StudyKind.CONVERSION, StudyKind.LIFT))
    others = [candidates[kind] for kind in _COMPARED if kind in candidates]
    every, counted = list(candidates.values()), [one for one in (conversion, lift) if one]
    return {
        "manifest": every[0].manifest,
        "periods": list(dict.fromkeys(period_words(c.manifest["study"]) for c in every)),
        "sentences": _sentences(conversion, next((one for one in (lift, *others) if one), None)),
        "cards": _cards(conversion, lift) if counted else [],
        "conversion": conversion and _conversion(conversion),
        "lift": lift and _lift(lift),
        "compared": [_compared(candidate) for candidate in others],
        "coverage": [
            grid(t, c.manifest["currency"])
            for c in counted
            for name, t in c.tables.items()
            if name not in (*_SECTIONS, *_DRAWN)
        ],
        "withheld": [line for candidate in every for line in _withheld(candidate)],
        "shares": [line for candidate in every for line in _shares(candidate)],
        "no_data": [line for candidate in every for line in _no_data(candidate)],
        "rounding": _rounding(every),
        "methods": _methods(every),
        "provenance": [_provenance(release) for release in releases.values()],
    }


def recalled_facts(release: Release) -> dict[str, str]:
    """What is said of a release that was recalled: which study, when, by whom and why."""
    study, word = release.candidate.manifest["study"], release.recall["body"]
    return {
        "study": f"{study['kind']} study of {period_words(study)}",
        "when": moment_words(word["time"]),
        "by": f"{word['reviewer']} of the {word['platform']} platform",
        "reason": word["comment"],
    }


def incremental_buyers(lift: Candidate | None) -> Figure:
    """The buyers a campaign has added, if there is a study of that and it may be used."""
    if lift is None:
        return Figure(withheld="there is no holdout study", state="not measured")
    if not is_comparable(lift.findings):
        return Figure(withheld="a check of the experiment failed", state="not to be used")
    return figure(lift, "incremental_conversions")


def _sentences(conversion: Candidate | None, effects: Candidate | None) -> list[str]:
    """The three that matter: the effect, where there is a study of it, then the path."""
    path = conversion.findings.summary if conversion else ()
    effect = effects.findings.summary if effects else ()
    return [*effect[: 1 if path else 3], *path][:3]


def _cards(conversion: Candidate | None, lift: Candidate | None) -> list[tuple[str, Figure, str]]:
    """Label, figure and note of each number of the first screen."""
    incremental = ("Incremental buyers", incremental_buyers(lift), "estimated effect of the notes")
    if conversion is None:
        return [incremental]
    currency = conversion.manifest["currency"]
    counted = [
        (label, cell_figure(conversion.tables[table], *key, currency=currency), note)
        for label, note, (table, *key) in _CARDS
    ]
    roas = ("ROAS", figure(conversion, "roas"), "revenue for each unit of cost; not an effect")
    return [*counted, roas, incremental]


def _conversion(candidate: Candidate) -> dict[str, Any]:
    path, found = candidate.tables["path"], candidate.findings.estimates
    of_steps = {f"{step}_per_{about.base}" for step, about in STEPS.items()}
    amounts = set(candidate.tables["money"].cells["measure"])
    amounts |= {*_MONEY_OF_ALL, "average_order_value"}
    others = (e for name, e in found.items() if is_of_path(e) and name not in of_steps)
    return {
        "funnel": draw(charts.funnel_chart(path, candidate.findings)),
        "steps": Grid(path.title, ("step", "people", "events", "rate"), tuple(_steps(path, found))),
        "rates": [pair(candidate, e) for e in others],
        "checks": checks(candidate.findings),
        "money": [pair(candidate, e) for name, e in found.items() if name in amounts],
        **path_facts(candidate),
    }


def _steps(
    path: Protected, found: Mapping[str, Estimate]
) -> Iterable[tuple[str, tuple[Figure, ...]]]:
    for step in path.cells["step"].unique(maintain_order=True):
        about = STEPS[step]
        rate = estimate_figure(found.get(f"{step}_per_{about.base}"))
        if rate.text:
            rate = Figure(f"{rate.text} {OF[about.base]}", rate.interval)
        counts = [cell_figure(path, step, measure, currency="") for measure in ("people", "events")]
        yield about.label, (*counts, rate if about.base else Figure(""))


def _lift(candidate: Candidate) -> dict[str, Any]:
    findings = candidate.findings
    effects = [
        pair(candidate, e)
        for name, e in findings.estimates.items()
        if not name.endswith(("_treated", "_holdout", "_p_value"))
        and not name.startswith(("absolute_lift_until", *_SEGMENTS))
    ]
    segments = [s for s in ("customer", "region") if f"{s}s" in candidate.tables]
    return {
        "summary": findings.summary,
        "is_comparable": is_comparable(findings),
        "is_graded": is_graded(findings),
        "is_stated": findings.estimates["absolute_lift"].value is not None,
        "has_no_data": findings.estimates["absolute_lift"].absence is Absence.NO_DATA,
        "design": lift_design(candidate),
        "chart": draw(charts.lift_chart(findings)),
        "weeks": draw(charts.weeks_chart(findings)) if "weeks" in candidate.tables else None,
        "segments": [draw(charts.segments_chart(findings, segment)) for segment in segments],
        "arms": grid(candidate.tables["arms"], candidate.manifest["currency"], people="studied"),
        "effects": effects,
        "checks": checks(findings),
    }


def _compared(candidate: Candidate) -> dict[str, Any]:
    """The section of a study besides that of a lift."""
    findings, kind = candidate.findings, StudyKind(candidate.manifest["study"]["kind"])
    title, grade = _COMPARED[kind]
    drawn = kind is StudyKind.OBSERVATIONAL
    shown = grade is not Grade.RANDOMISED or is_graded(findings)
    return {
        "title": title,
        "grade": grade if shown else None,
        "summary": findings.summary,
        "checks": checks(findings),
        "charts": [draw(chart) for chart in _comparability(candidate)] if drawn else [],
        "effects": [(e.label, "", figure(candidate, e.name)) for e in findings.estimates.values()],
    }


def _comparability(candidate: Candidate) -> Iterable[alt.LayerChart | alt.VConcatChart]:
    yield comparability.effects_chart(candidate.findings)
    charts_of = {"balance": comparability.love_chart, "overlap": comparability.overlap_chart}
    yield from (charts_of[name](t) for name, t in candidate.tables.items() if name in charts_of)


def _withheld(candidate: Candidate) -> Iterable[tuple[str, str, str, str]]:
    """Section, cells, reason and how far they are known, for each rule that withheld cells."""
    for name, table in candidate.tables.items():
        for rule, cells in _without_value(table, "withheld"):
            yield _section(name, table), cells, reason_words(rule), bound_words(table, rule)


def _no_data(candidate: Candidate) -> Iterable[tuple[str, str, str]]:
    """Section, cells and reason, for cells that never had a value."""
    for name, table in candidate.tables.items():
        for reason, cells in _without_value(table, "no_data"):
            yield _section(name, table), cells, NO_DATA_WORDS[NoData(reason)]


def _section(name: str, table: Protected) -> str:
    return _SECTIONS.get(name, table.title)


def _without_value(table: Protected, column: str) -> Iterable[tuple[str, str]]:
    """Each reason in `column`, and the cells that have it in words."""
    one_measure = table.dimensions and table.cells["measure"].n_unique() == 1
    hidden = table.cells.drop_nulls(column)
    for reason in hidden[column].unique(maintain_order=True):
        rows = hidden.filter(hidden[column] == reason).select(*table.dimensions, "measure")
        if rows.height == table.cells.height > 1:
            yield reason, "all of it"
            continue
        if reason == "incomplete":
            rows = rows.select(name for name in rows.columns if name in _BLOCKS).unique(
                maintain_order=True
            )
        keys = ([key_words(part) for part in row] for row in rows.head(_MANY).iter_rows())
        named = [": ".join(key[:-1] if one_measure else key) for key in keys]
        more = [f"and {rows.height - _MANY} more"] if rows.height > _MANY else []
        yield reason, ", ".join([*named, *more])


def _shares(candidate: Candidate) -> Iterable[tuple[str, str, Figure]]:
    """Section, measure and the withheld share of its numbers, where there was any."""
    for name, table in candidate.tables.items():
        for account in withholding(table):
            parts = [f"{account.share:.0%} of the numbers"]
            if account.value_share is not None:
                parts.append(f"{account.value_share:.0%} of their sum")
            told = Figure(f"{account.withheld} of {account.cells}", ", ".join(parts))
            yield _section(name, table), key_words(account.measure), told


def _rounding(candidates: Iterable[Candidate]) -> list[str]:
    """How the numbers were rounded, each way once."""
    tables = (table for candidate in candidates for table in candidate.tables.values())
    return [words for words in dict.fromkeys(map(rounding_words, tables)) if words]


def _methods(candidates: Iterable[Candidate]) -> list[str]:
    """The methods behind what is estimated, each once; counts and amounts are as released."""
    estimates = (e for c in candidates for e in c.findings.estimates.values())
    made = (e for e in estimates if e.lower is not None or e.unit not in (PEOPLE, EVENTS, MONEY))
    return list(dict.fromkeys(e.method for e in made if e.method))


def _provenance(release: Release) -> tuple[str, list[tuple[str, str]]]:
    """The kind of study, and by digest what its numbers rest on and who approved them."""
    manifest, digest = release.candidate.manifest, candidate_digest(release.candidate)
    policies = dict.fromkeys(table.policy for table in release.candidate.tables.values())
    votes = [vote["body"] for vote in release.votes]
    return manifest["study"]["kind"], [
        ("Released", f"candidate {digest}, made {moment_words(manifest['created'])}"),
        ("Approved by", "; ".join([*map(_vote, votes), *_rule(release)])),
        ("Agreement", f"{manifest['collaboration']}, {manifest['agreement']}"),
        ("Disclosure policy", ", ".join(policies)),
        *((f"Handover ({party})", seal) for party, seal in manifest["handovers"].items()),
        ("Notebook", f"{manifest['notebook']['name']}, {manifest['notebook']['sha256']}"),
        ("Code", f"cleanroom {manifest['code_version']}"),
    ]


def _rule(release: Release) -> list[str]:
    """The standing rule by which it was approved, if it was by one."""
    rule = release.receipt.get("body", {}).get("rule")
    return [f"standing rule '{rule}' of the agreement"] if rule else []


def _vote(vote: Mapping[str, str]) -> str:
    return f"{vote['reviewer']} ({vote['platform']} platform), {moment_words(vote['time'])}"
