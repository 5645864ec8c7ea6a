"""The settings of a scheduled run: which studies, for which days, how many notebooks at once."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import Field, ValidationError

from cleanroom.agreement import Model, StudyKind
from cleanroom.errors import StudyError, did_you_mean
from cleanroom.policy import Policy
from cleanroom.study import Study, parse_study

Read = TypeVar("Read", bound=Model)


class RunSettings(Model):
    """Studies by kind with their parameters, asked for every eligible merchant.

    In a text parameter `{merchant}` stands for the merchant's id. `policy` can only tighten the
    agreement's. `engine` is what the room's queries run on.
    """

    studies: dict[StudyKind, dict[str, Any]]
    workers: int = Field(default=2, ge=1, le=64)
    policy: Policy | None = None
    engine: Literal["polars", "spark"] = "polars"


def load_settings(path: Path) -> RunSettings:
    """Read run settings; raises `StudyError` naming every place that is wrong."""
    return load_as(RunSettings, path)


def load_as(model: type[Read], path: Path) -> Read:
    """Read a YAML file that people write; raises `StudyError` naming every place that is wrong."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        return model.model_validate_json(json.dumps(raw, default=_iso))
    except (OSError, yaml.YAMLError, TypeError):
        raise StudyError(f"{path.name} cannot be read as YAML.", "mend the file.") from None
    except ValidationError as error:
        known = list(model.model_fields)
        wrong = [_explain(item, known) for item in error.errors()]
        raise StudyError(
            f"{path.name} is wrong: {'; '.join(wrong)}", "correct the places named."
        ) from None


def study_for(settings: RunSettings, kind: StudyKind, merchant: str) -> Study:
    """The study of one kind for one merchant; raises `StudyError` if its parameters are wrong."""
    parameters = {
        name: value.replace("{merchant}", merchant) if isinstance(value, str) else value
        for name, value in settings.studies[kind].items()
    }
    return parse_study(kind, {"merchant": merchant, **parameters})


def _explain(item: Any, known: list[str]) -> str:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"{where}: unknown key; {did_you_mean(where, known)}"
    return f"{where}: {item['msg']}"


def _iso(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError
