"""All tables of a conversion study: the path, its parts, attribution and delay."""

from __future__ import annotations

from collections.abc import Sequence

from cleanroom.borders import Table
from cleanroom.policy import Policy
from cleanroom.room.attribution import attribution_tables
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.delay import delay_tables, last_complete_day
from cleanroom.room.vault import Vault
from cleanroom.study import ConversionStudy


def whole_path(
    vault: Vault, merchants: Sequence[str], study: ConversionStudy, policy: Policy
) -> list[Table]:
    """The tables of `conversion_tables`, `attribution_tables` and `delay_tables` of `merchants`,
    each as the study asks for it.

    Under noise those of the path alone: one person reaches into so many cells of the others that
    no budget suffices. Raises `HandoverError` if the engine fails.
    """
    days = (study.start, study.end)
    if policy.noise is not None:
        return conversion_tables(vault, merchants, *days, policy)
    by = None if study.channel == "kind" else study.channel
    until = study.until or last_complete_day(vault, policy)
    return [
        *conversion_tables(vault, merchants, *days, policy, by),
        *attribution_tables(vault, merchants, study, policy),
        *delay_tables(vault, merchants, *days, until, policy),
    ]
