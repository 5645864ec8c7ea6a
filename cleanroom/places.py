"""Where a file that a machine wrote is wrong, told without telling what stands there."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from cleanroom.tables import TABLES


def places_of(error: ValidationError, *models: type[BaseModel]) -> str:
    """Where a file that a machine wrote is wrong: the keys of `models`, and no key that is in it.

    Whoever wrote it may have put a person where a name should stand.
    """
    known = {name for model in models for name in model.model_fields} | set(TABLES)
    places = [
        ".".join(
            str(part) if part in known or isinstance(part, int) else "…" for part in item["loc"]
        )
        for item in error.errors()
    ]
    return ", ".join(sorted({place or "its syntax" for place in places}))
