"""The base of border values: built in the zones named by each, and nowhere else."""

from __future__ import annotations

import sys
from typing import NoReturn

from cleanroom.errors import BorderError


class Border:
    """A value built in the zones named by `_built_in`, never pickled."""

    _built_in: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # Frame 0 is this function, 1 the dataclass's __init__, 2 whoever builds the value.
        builder = str(sys._getframe(2).f_globals.get("__name__", ""))
        if not any(builder == zone or builder.startswith(zone + ".") for zone in self._built_in):
            raise BorderError(
                f"{type(self).__name__} was built in {builder or 'nowhere'}.",
                f"only {' and '.join(self._built_in)} may build it; pass on the one you have.",
            )
        self._check()

    def _check(self) -> None:
        """Raise `BorderError` if what was built does not hold together."""

    def __reduce__(self) -> NoReturn:
        raise BorderError(
            f"{type(self).__name__} cannot be pickled.", "write it as a candidate or a release."
        )
