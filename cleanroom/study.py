"""The typed parameters of a study: what a notebook, a run or a person may ask the room for."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator

from cleanroom import signing
from cleanroom.agreement import Model, StudyKind
from cleanroom.errors import StudyError, did_you_mean
from cleanroom.policy import Policy


class _Period(Model):
    merchant: str = Field(min_length=1)
    start: date
    end: date

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end < self.start:
            raise ValueError("end: lies before start.")
        return self


class ConversionStudy(_Period):
    """One merchant's path from note to order, touches of `start` … `end` (both included)."""

    kind: Literal[StudyKind.CONVERSION] = StudyKind.CONVERSION


class LiftStudy(_Period):
    """One merchant's randomised holdout, outcomes of `start` … `end` (both included).

    `study` names the assignment. `population`: the people whose outcome can be seen, bridged by a
    CID from before their assignment (`linked_panel`) or by the agreement's shared identifier.
    `planned_treated_share` is the split that was planned. Amounts count up to `max_amount` minor
    units a person (winsorised, so that no single buyer carries the result).
    """

    kind: Literal[StudyKind.LIFT] = StudyKind.LIFT
    study: str = Field(min_length=1)
    population: Literal["linked_panel", "shared_identifier"] = "linked_panel"
    planned_treated_share: float = Field(default=0.5, gt=0, lt=1)
    max_amount: int = Field(default=500_000, ge=1)
    segments: tuple[Literal["customer", "region"], ...] = ("customer",)


class ObservationalStudy(_Period):
    """One merchant's exposed people beside comparable ones; exposures of `start` … `end` (both
    included), for where nobody was held out by chance.

    Exposed is who has `seen` a note in that time (any touch), or `engaged` with one; of the
    `campaign` alone, if one is named. Purchases count for `follow_up_days` after a person's own
    exposure, up to `max_amount` minor units a person (winsorised). `population` as in `LiftStudy`,
    of at most `max_people`, whose rows the room holds in memory.
    """

    kind: Literal[StudyKind.OBSERVATIONAL] = StudyKind.OBSERVATIONAL
    exposure: Literal["seen", "engaged"] = "seen"
    campaign: str | None = Field(default=None, min_length=1)
    follow_up_days: int = Field(default=15, ge=1, le=180)
    population: Literal["linked_panel", "shared_identifier"] = "linked_panel"
    max_amount: int = Field(default=500_000, ge=1)
    max_people: int = Field(default=1_000_000, ge=1)


class GeoStudy(_Period):
    """One merchant's campaign in some regions only, outcomes of `start` … `end` (both included).

    The campaign ran in the regions `treated`, in all of them from `campaign_start` on; regions in
    `left_out` are not compared with, because another campaign ran there, say. `assigned_by` says
    who chose the regions: a `lot`, the `planner` before the campaign, or the `market` (wherever it
    happened to run). `outcome`: what is compared.
    """

    kind: Literal[StudyKind.GEO] = StudyKind.GEO
    campaign_start: date
    treated: tuple[str, ...] = Field(min_length=1)
    left_out: tuple[str, ...] = ()
    assigned_by: Literal["lot", "planner", "market"] = "planner"
    outcome: Literal["orders", "buyers", "revenue"] = "orders"

    @field_validator("treated", mode="before")
    @classmethod
    def _one_start(cls, treated: Any) -> Any:
        if isinstance(treated, dict):
            raise ValueError(
                "regions that start on days of their own cannot be studied together; study those "
                "of one start, and name the others in left_out."
            )
        # Past a validator of its own a list from JSON is a list of Python, and no tuple.
        return tuple(treated) if isinstance(treated, list) else treated

    @model_validator(mode="after")
    def _within(self) -> Self:
        if not self.start < self.campaign_start <= self.end:
            raise ValueError("campaign_start: lies outside start and end.")
        if set(self.treated) & set(self.left_out):
            raise ValueError("left_out: names a treated region.")
        return self


# Long hexadecimal or Base64 text, or what begins a PEM file.
_KEY_LIKE = re.compile(r"[0-9a-fA-F]{32,}|[A-Za-z0-9+/_-]{40,}={0,2}|-----BEGIN ")

Study = ConversionStudy | LiftStudy | ObservationalStudy | GeoStudy
# Studies whose amounts one person counts in up to a bound.
Bounded = TypeVar("Bounded", LiftStudy, ObservationalStudy)
_JSON = TypeAdapter[Any](Any)
_STUDY: TypeAdapter[Study] = TypeAdapter(Annotated[Study, Field(discriminator="kind")])
_MODELS: dict[StudyKind, type[Model]] = {
    StudyKind.CONVERSION: ConversionStudy,
    StudyKind.LIFT: LiftStudy,
    StudyKind.OBSERVATIONAL: ObservationalStudy,
    StudyKind.GEO: GeoStudy,
}


def parse_study(kind: StudyKind, parameters: dict[str, Any]) -> Study:
    """Check parameters before anything runs; raises `StudyError` naming each wrong one.

    Dates are ISO text. What looks like a key is refused. A misspelt name is an error: papermill
    alone would only warn and run on with the default.
    """
    known = parameters_of(kind)
    unknown = [name for name in parameters if name not in known]
    if unknown:
        hints = "; ".join(f"'{name}': {did_you_mean(name, known)}" for name in unknown)
        raise StudyError(f"The {kind} study has no such parameter: {hints}", "correct the name.")
    for name, value in parameters.items():
        if isinstance(value, str) and _KEY_LIKE.search(value):
            raise StudyError(
                f"The parameter '{name}' looks like a key or a token.",
                "never pass one: parameters are kept with the results.",
            )
    try:
        return _STUDY.validate_json(json.dumps({"kind": kind.value, **parameters}, default=str))
    except ValidationError as error:
        wrong = "; ".join(_explain(item) for item in error.errors())
        raise StudyError(
            f"Parameters of the {kind} study are wrong: {wrong}", "correct them and run again."
        ) from None


def parameters_of(kind: StudyKind) -> list[str]:
    """The names of the parameters that a study of a kind has."""
    return [name for name in _MODELS[kind].model_fields if name != "kind"]


def default_of(kind: StudyKind, parameter: str) -> Any:
    """A parameter's default as a plain JSON value; None if it has to be named."""
    field = _MODELS[kind].model_fields[parameter]
    return None if field.is_required() else _JSON.dump_python(field.default, mode="json")


def to_parameters(study: Study) -> dict[str, Any]:
    """The study as plain JSON values, the form notebooks and manifests carry."""
    return study.model_dump(mode="json", exclude={"kind"})


def study_digest(study: Study) -> str:
    """SHA-256 of the study's canonical form."""
    return signing.digest(study.model_dump(mode="json"))


def bounded(study: Bounded, policy: Policy) -> Bounded:
    """The study with what one person counts as the study or the policy bounds it: the less."""
    most = min(study.max_amount, policy.max_amount_per_person or study.max_amount)
    return study.model_copy(update={"max_amount": most})


def _explain(item: Any) -> str:
    place = ".".join(str(part) for part in item["loc"] if part not in set(StudyKind))
    words = str(item["msg"]).removeprefix("Value error, ")
    return f"{place}: {words}" if place else words
