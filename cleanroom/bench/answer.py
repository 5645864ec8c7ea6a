"""The room's answer to studies: tables in one pass, through the gate, as signed candidates.

Runs in the room's process. The same question (agreement, handovers, study, policy, code) has one
answer: asked again, the candidate made the first time is returned.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cleanroom import ledger, signing
from cleanroom.agreement import agreement_digest
from cleanroom.bench.grain import Answered, finest
from cleanroom.bench.noise import protected_with_noise
from cleanroom.bench.past import Made, past_of, remember
from cleanroom.borders import Candidate, Findings, Protected, Table, candidate_digest
from cleanroom.errors import StudyError
from cleanroom.gate.candidate import make_candidate, read_json, write_candidate
from cleanroom.gate.complementary import Earlier
from cleanroom.gate.differencing import Past, shown
from cleanroom.gate.protect import protect_together
from cleanroom.policy import Policy, strictest
from cleanroom.review.office import docket
from cleanroom.review.templates import Proposal, Template, covering
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.eligibility import Eligible, eligibility
from cleanroom.room.lift import lift_tables
from cleanroom.room.observational import observational_tables
from cleanroom.room.place import (
    agreement_of,
    candidate_file,
    candidate_files,
    ledger_of,
    study_name,
)
from cleanroom.room.recorded import days_reached
from cleanroom.room.vault import Vault, open_vault, room_key
from cleanroom.studies import conversion, geo, lift, observational
from cleanroom.studies.lift_doubts import Circumstances
from cleanroom.study import GeoStudy, LiftStudy, ObservationalStudy, Study, bounded


@dataclass(frozen=True)
class _Ground:
    """What all answers of one call rest on; `digests` is the part that manifests tell."""

    vault: Vault
    policy: Policy
    merchants: dict[str, Eligible]
    digests: dict[str, Any]
    proposals: Mapping[str, Proposal]

    def question(self, study: Study) -> str:
        """The digest of a study together with all that its answer depends on."""
        asked = {"study": study.model_dump(mode="json"), "template": self.template(study).digest}
        return signing.digest({**self.digests, **asked})

    def template(self, study: Study) -> Template:
        """The template that covers a study; raises `StudyError` if none does."""
        return covering(self.proposals, study, self.vault.agreement)


def answer(
    room: Path,
    studies: Sequence[Study],
    policy: Policy | None = None,
    vault: Vault | None = None,
) -> list[Path]:
    """Answer each study with a candidate file, in the order asked.

    `policy` can only tighten the agreement's and the platforms'; `vault` is the room's, if open
    already. Raises `StudyError` if a study is not permitted: its kind, its merchant, what that
    merchant has opened, or if no template that both platforms approved covers it.
    """
    agreement = vault.agreement if vault else agreement_of(room)
    proposals = docket(ledger_of(room)).proposals
    ground = _ground(vault or open_vault(room, agreement), policy, proposals)
    for study in studies:
        _permit(study, ground)
    files = {study: candidate_file(room, study, ground.question(study)) for study in studies}
    missing = [study for study, file in files.items() if not file.exists()]
    for study, candidate in _make(missing, ground):
        if files[study].exists():  # another process was asked the same, and was first
            continue
        write_candidate(candidate, files[study])
        facts = {"candidate": candidate_digest(candidate), "file": files[study].name}
        ledger.append(ledger_of(room), ledger.Event.CANDIDATE_MADE, facts)
    return [files[study] for study in studies]


def _ground(vault: Vault, policy: Policy | None, proposals: Mapping[str, Proposal]) -> _Ground:
    agreement = vault.agreement
    own = agreement.effective_policy
    policy = strictest(own, policy or own)
    digests = {
        "agreement": agreement_digest(agreement),
        "handovers": vault.handovers,
        "policy": policy.model_dump(mode="json"),
        "code_version": version("cleanroom"),
    }
    eligible, _ = eligibility(vault, agreement)
    merchants = {m["merchant"]: m for m in eligible}
    return _Ground(vault, policy, merchants, digests, proposals)


def _permit(study: Study, ground: _Ground) -> None:
    agreement = ground.vault.agreement
    if study.kind not in agreement.studies:
        raise StudyError(f"The agreement permits no {study.kind} study.", "have it amended.")
    if study.merchant not in ground.merchants:
        raise StudyError(
            "The merchant asked for is no eligible one of this collaboration.",
            "see `cleanroom room merchants` for who is in, and why others are not.",
        )
    if not agreement.may_study(study.merchant, study.kind):
        raise StudyError(
            f"The merchant has not opened the {study.kind} study.",
            "ask the merchant to widen its scope in the agreement.",
        )
    ground.template(study)


def _make(studies: Sequence[Study], ground: _Ground) -> Iterator[tuple[Study, Candidate]]:
    """Each study's candidate, from one pass over the data for all that differ only in merchant."""
    policy, noise = ground.policy, ground.policy.noise
    if noise is None:
        for alike in _alike(studies):
            yield from _compared(alike, ground)
        return
    for study, own in protected_with_noise(
        studies, ground.vault, policy, noise, lambda some: _counted(some, ground)
    ):
        yield study, _candidate(study, own, ground)


def _compared(alike: Sequence[Study], ground: _Ground) -> Iterator[tuple[Study, Candidate]]:
    """The candidates of studies that one pass answers, compared with all answers so far.

    Who is behind them is on disk before any can be read, and until all are read nobody else is
    answered.
    """
    with past_of(ground.vault, alike, ground.policy) as (past, earlier):
        made = [
            one
            for answered in _answered(alike, ground, past, earlier)
            for one in _made(answered, ground, past)
        ]
        remember(ground.vault, made, ground.policy)
        for one in made:
            yield one.study, one.candidate


def _answered(
    alike: Sequence[Study], ground: _Ground, past: Past, earlier: Earlier
) -> Iterator[Answered]:
    """The studies' tables as they may leave; those of regions by the finest periods that may."""
    regional = [study for study in alike if isinstance(study, GeoStudy)]
    if regional:
        yield from finest(regional, ground.vault, ground.policy, past, earlier)
        return
    tables = _tables(alike, ground)
    yield Answered(alike, tables, *protect_together(tables, ground.policy, past, earlier))


def _made(answered: Answered, ground: _Ground, past: Past) -> Iterator[Made]:
    both = zip(answered.tables, answered.protected, strict=True)
    people = [shown(*pair, past.seed) for pair in both]
    for study in answered.studies:
        cells = [cell for found in people for cell in found.get(study.merchant, ())]
        of = ("merchant", study.merchant)
        numbers = {n: entry for n, entry in answered.entries.items() if of in n.codes}
        yield Made(study, _candidate(study, answered.of(study), ground), cells, numbers)


def _candidate(study: Study, own: dict[str, Protected], ground: _Ground) -> Candidate:
    about = _circumstances(study, ground)
    findings = _findings(study, own, ground, about)
    asked = asdict(about) if isinstance(study, LiftStudy) else {}
    manifest = {**_manifest(study, ground), **asked}
    return make_candidate(manifest, [*own.values()], findings, room_key(ground.vault))


def _counted(studies: Sequence[Study], ground: _Ground) -> Iterator[tuple[Study, list[Table]]]:
    """Each study's tables as counted, which hold those of other merchants as well."""
    for alike in _alike(studies):
        tables = _tables(alike, ground)
        for study in alike:
            yield study, tables


def _alike(studies: Sequence[Study]) -> list[list[Study]]:
    """Studies that one pass answers: of one kind and period, each merchant once."""
    groups: dict[tuple[Any, ...], list[Study]] = defaultdict(list)
    seen: Counter[tuple[Any, ...]] = Counter()
    for study in studies:
        period: tuple[Any, ...] = (study.kind, study.start, study.end)
        if isinstance(study, GeoStudy):
            period = (*period, study.campaign_start)
        groups[(*period, seen[(*period, study.merchant)])].append(study)
        seen[(*period, study.merchant)] += 1
    return list(groups.values())


def _tables(studies: Sequence[Study], ground: _Ground) -> list[Table]:
    lifts = [study for study in studies if isinstance(study, LiftStudy)]
    if lifts:
        return lift_tables(ground.vault, lifts, ground.policy)
    adjusted = [study for study in studies if isinstance(study, ObservationalStudy)]
    if adjusted:
        return observational_tables(ground.vault, adjusted, ground.policy)
    merchants, first = [study.merchant for study in studies], studies[0]
    return conversion_tables(ground.vault, merchants, first.start, first.end, ground.policy)


def _circumstances(study: Study, ground: _Ground) -> Circumstances:
    """How often the test was looked at, and whether it is over, as far as may be told."""
    if not isinstance(study, LiftStudy):
        return Circumstances()
    looks = [study.study == earlier.get("study") for earlier in _earlier(study, ground)]
    if ground.policy.noise is not None:  # how far the rows reach is true of the rows
        return Circumstances(1 + sum(looks))
    return Circumstances(1 + sum(looks), days_reached(ground.vault, [study.end])[0])


def _earlier(study: Study, ground: _Ground) -> Iterator[dict[str, Any]]:
    """The studies of the same kind and merchant that were answered before."""
    for file in candidate_files(ground.vault.room):
        if file.name.startswith(f"{study_name(study)}-"):
            yield read_json(file, "candidate")["record"]["manifest"]["study"]


def _findings(
    study: Study, tables: dict[str, Protected], ground: _Ground, about: Circumstances
) -> Findings:
    currency = ground.vault.agreement.currency
    if isinstance(study, LiftStudy):
        return lift.findings(tables, bounded(study, ground.policy), currency, about)
    if isinstance(study, ObservationalStudy):
        return observational.findings(tables, bounded(study, ground.policy), currency)
    if isinstance(study, GeoStudy):
        return geo.findings(tables, study, currency)
    return conversion.findings(tables, currency)


def _manifest(study: Study, ground: _Ground) -> dict[str, Any]:
    agreement, merchant = ground.vault.agreement, ground.merchants[study.merchant]
    template = ground.template(study)
    return {
        **ground.digests,
        "question": ground.question(study),
        "study": study.model_dump(mode="json"),
        "merchant_name": merchant["name"],
        "category": merchant["category"],
        "collaboration": agreement.collaboration,
        "currency": agreement.currency,
        "timezone": agreement.timezone,
        "window_days": agreement.join.attribution_window_days,
        "template": template.digest,
        "notebook": {"name": template.notebook, "sha256": template.sha256},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
