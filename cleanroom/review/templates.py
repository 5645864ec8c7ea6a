"""Study templates: what may be run on real rows at all, approved once by both platforms.

A template names a notebook by its digest, the bounds of every parameter, and the fingerprint of the
policy under which both looked at it. It covers any merchant and any days inside its bounds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import ValidationError, model_validator

from cleanroom import signing
from cleanroom.agreement import Agreement, Digest, Model, Name, StudyKind
from cleanroom.errors import StudyError, did_you_mean
from cleanroom.policy import fingerprint
from cleanroom.review.records import ActKind, SignedAct
from cleanroom.study import Study, default_of, parameters_of, to_parameters
from cleanroom.tables import Platform

DAYS = "days"  # how many days a study takes, first and last included
Scalar = int | float | str


class Bounds(Model):
    """What a parameter may be: one of some values, or from `least` to `most`; empty: anything.

    Of a parameter that is a list, what each of its values may be.
    """

    one_of: tuple[Scalar, ...] | None = None
    least: Scalar | None = None
    most: Scalar | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.one_of is not None and (self.least is not None or self.most is not None):
            raise ValueError("give one_of, or least and most.")
        return self

    def refusal(self, value: Scalar | list[Scalar]) -> str | None:
        """Why `value` is outside, in words that do not repeat it; None if it is inside."""
        if isinstance(value, list):
            return next((word for one in value if (word := self.refusal(one))), None)
        if self.one_of is not None:
            return None if value in self.one_of else "is not one of those approved"
        try:
            if self.least is not None and value < self.least:  # type: ignore[operator]
                return f"is under {self.least}"
            if self.most is not None and value > self.most:  # type: ignore[operator]
                return f"is over {self.most}"
        except TypeError:
            return "is of another type than its bounds"
        return None


class Draft(Model):
    """A template as people write it: the kind of study, and the bounds of its parameters."""

    kind: StudyKind
    parameters: dict[str, Bounds]

    @model_validator(mode="after")
    def _of_this_study(self) -> Self:
        known = [*parameters_of(self.kind), DAYS]
        for name in self.parameters:
            if name not in known:
                raise ValueError(f"parameters.{name}: {did_you_mean(name, known)}")
        return self


class Drafts(Model):
    """A file of templates by name."""

    templates: dict[Name, Draft]


class Template(Model):
    """What both platforms approve: `sha256` is the notebook's, `policy` a fingerprint."""

    format: Literal["cleanroom-template-1"] = "cleanroom-template-1"
    collaboration: Name
    name: Name
    kind: StudyKind
    notebook: str
    sha256: Digest
    parameters: dict[str, Bounds]
    policy: Digest

    @property
    def digest(self) -> str:
        """What its approvals are on: SHA-256 of its canonical form."""
        return signing.digest(self.model_dump(mode="json"))


class Standing(StrEnum):
    """Where a template stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Proposal:
    """A template in the ledger: who proposed it when, and what each platform's reviewer signed."""

    template: Template
    author: str
    time: str
    approvals: Mapping[Platform, SignedAct] = field(default_factory=dict)
    revocation: SignedAct | None = None

    @property
    def standing(self) -> Standing:
        """Approved is what both platforms approve and neither has revoked."""
        if self.revocation is not None:
            return Standing.REVOKED
        return Standing.APPROVED if set(self.approvals) == set(Platform) else Standing.PROPOSED

    def signed(self, act: SignedAct) -> Proposal:
        """The proposal with a reviewer's approval or revocation."""
        if act.body.act is ActKind.REVOKE_TEMPLATE:
            return Proposal(self.template, self.author, self.time, self.approvals, act)
        approvals = {**self.approvals, act.body.platform: act}
        return Proposal(self.template, self.author, self.time, approvals, self.revocation)


def load_drafts(path: Path) -> dict[str, Draft]:
    """The templates in a YAML file, by name; raises `StudyError` naming what is wrong."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Drafts.model_validate_json(json.dumps(raw, default=_iso)).templates
    except (OSError, yaml.YAMLError, TypeError):
        raise StudyError(f"{path.name} cannot be read as YAML.", "mend the file.") from None
    except ValidationError as error:
        places = [".".join(str(part) for part in item["loc"]) for item in error.errors()]
        words = [str(item["msg"]).removeprefix("Value error, ") for item in error.errors()]
        wrong = "; ".join(f"{at}: {say}" for at, say in zip(places, words, strict=True))
        raise StudyError(f"{path.name} is wrong: {wrong}", "correct the places named.") from None


def template_of(draft: Draft, name: str, agreement: Agreement, notebooks: Path) -> Template:
    """The template of a draft, with the notebook as it is in the folder `notebooks`.

    Raises `StudyError` if the agreement permits no such study, or there is no notebook.
    """
    permitted = agreement.studies.get(draft.kind)
    if permitted is None:
        raise StudyError(f"The agreement permits no {draft.kind} study.", "have it amended.")
    notebook = notebooks / permitted.notebook
    if not notebook.is_file():
        raise StudyError(f"There is no notebook {permitted.notebook}.", "name its folder.")
    return Template(
        collaboration=agreement.collaboration,
        name=name,
        kind=draft.kind,
        notebook=permitted.notebook,
        sha256=signing.file_digest(notebook),
        parameters=draft.parameters,
        policy=fingerprint(agreement.effective_policy),
    )


def refusals(template: Template, study: Study, agreement: Agreement) -> Iterator[str]:
    """Why a template does not cover a study under an agreement, in words; nothing if it does.

    A parameter that the template does not name has its default.
    """
    if (template.collaboration, template.kind) != (agreement.collaboration, study.kind):
        yield f"it is for {template.kind} studies of {template.collaboration}"
        return
    if template.policy != fingerprint(agreement.effective_policy):
        yield "it was approved under another policy than the agreement's"
    values = to_parameters(study)
    for name, value in {**values, DAYS: _days(study)}.items():
        bounds = template.parameters.get(name)
        if bounds is not None:
            outside = bounds.refusal(value)
            if outside is not None:
                yield f"{name} {outside}"
        elif name != DAYS and value != default_of(template.kind, name):
            yield f"{name} is not the default, and the template does not open it"


def covering(proposals: Mapping[str, Proposal], study: Study, agreement: Agreement) -> Template:
    """The approved template that covers a study, of several the last approved.

    Raises `StudyError` naming the templates there are and why each does not.
    """
    told = []
    for proposal in reversed([*proposals.values()]):
        template = proposal.template
        if template.kind is not study.kind:
            continue
        reasons = [*refusals(template, study, agreement)]
        if proposal.standing is not Standing.APPROVED:
            reasons = [f"it is {proposal.standing}"]
        if not reasons:
            return template
        told.append(f"{template.name} {template.digest[:12]}: {', '.join(reasons)}")
    said = f": {'; '.join(told)}" if told else f": there is none for {study.kind} studies"
    raise StudyError(
        f"No template that both platforms approved covers this study{said}.",
        "stay inside its bounds, or have one approved: cleanroom template list.",
    )


def _days(study: Study) -> int:
    return (study.end - study.start).days + 1


def _iso(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError
