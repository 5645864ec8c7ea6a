"""How large the simulated world is, when it takes place, and how dirty its exports are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

ZONE = "Asia/Shanghai"
# Shanghai has kept one offset since 1991, so local midnights need no time zone database.
_OFFSET = timezone(timedelta(hours=8))
MILLISECONDS_PER_DAY = 86_400_000


@dataclass(frozen=True)
class Period:
    """A half-open span of time, `start` to `end`, in milliseconds since 1970 (UTC)."""

    start: int
    end: int


@dataclass(frozen=True)
class SimulationSettings:
    """What to simulate; the same settings always give the same rows.

    `days` are local days from `start`; the holdouts are assigned at their middle. Rates:
    `second_account_rate` of the people have a second ads account, `no_store_rate` have no store
    account; each hard case of the link is planted on `hard_case_rate` of the clicks, each kind of
    dirt on `dirt_rate` of a table's rows (at least three, unless the rate is 0). Of what the
    campaigns add in the store, `substitution_rate` is taken from the content platform's own shop.
    Each engagement with a note brings about a store visit with `spillover_rate`.

    Raises ValueError if there are too few people, merchants or days, or a rate is no small share.
    """

    people: int = 200_000
    merchants: int = 20
    days: int = 60
    seed: int = 7
    start: date = date(2026, 4, 1)
    second_account_rate: float = 0.06
    no_store_rate: float = 0.12
    hard_case_rate: float = 0.005
    dirt_rate: float = 0.0002
    substitution_rate: float = 0.25
    spillover_rate: float = 0.0

    def __post_init__(self) -> None:
        # A replayed CID is seen 16 to 25 days after a click of the first half.
        for name, least in (("people", 100), ("merchants", 1), ("days", 40)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: at least {least} are needed.")
        for name in (
            *("second_account_rate", "no_store_rate", "hard_case_rate", "dirt_rate"),
            *("substitution_rate", "spillover_rate"),
        ):
            if not 0 <= getattr(self, name) <= 0.5:
                raise ValueError(f"{name}: a share from 0 to 0.5 is needed.")

    @property
    def before(self) -> Period:
        """The first half: evergreen notes, from whose clicks the linked panel is bridged."""
        return Period(self._midnight(0), self._midnight(self.days // 2))

    @property
    def after(self) -> Period:
        """The second half, from the moment of assignment: the holdouts' outcomes."""
        return Period(self._midnight(self.days // 2), self._midnight(self.days))

    def _midnight(self, day: int) -> int:
        moment = datetime(self.start.year, self.start.month, self.start.day, tzinfo=_OFFSET)
        return round((moment + timedelta(days=day)).timestamp() * 1000)
