"""Attribution by what the gate let out: data-driven credit, and that parts make up the whole.

The tables `orders`, `credit` and `steps` are dated by the order; of journeys, by the touch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cleanroom.borders import EVENTS, SHARE, Check, Estimate, Protected, Verdict
from cleanroom.errors import StudyError
from cleanroom.studies.intervals import UndefinedError
from cleanroom.studies.markov import START, removal_effects, shares
from cleanroom.studies.released import Number, Quantity, Shown, estimate, released
from cleanroom.studies.words import sentence
from cleanroom.study import ALL, ATTRIBUTED, UNATTRIBUTED

MARKOV, ASSISTED, RATIO = "markov", "assisted_per_last", "ratio"
_REMOVAL = (
    "removal effects of a first-order Markov chain of journeys, solved for (Anderl and others "
    "2016); orders dated by the order, steps by the touch"
)
_ASSISTS = "quotient of two released totals, orders assisted / credited as the last touchpoint"
_ORDERS = "quotient of two released totals; dated by the order"


def credit_estimates(tables: Mapping[str, Protected]) -> dict[str, Estimate]:
    """`markov@<channel>`, the orders that each is credited with, `assisted_per_last@<channel>`, and
    `unattributed_share`."""
    orders, steps = released(tables, "orders"), _of_channels(tables, "steps")
    totals = {
        part: Quantity(f"{part} orders", EVENTS, orders.get((part, "orders")))
        for part in (ATTRIBUTED, UNATTRIBUTED)
    }
    every = Quantity("orders of the period", EVENTS, orders.get((ALL, "orders")))
    taken = list(steps)
    inputs = [Quantity("steps of journeys", EVENTS, steps[step]) for step in taken]
    found = {
        "unattributed_share": estimate(
            Shown("unattributed_share", "Unattributed orders / all orders", SHARE, _ORDERS),
            _share,
            totals[UNATTRIBUTED],
            every,
        )
    }
    channels = list(dict.fromkeys(step[0] for step in taken if step[0] != START))
    for channel in channels:
        shown = Shown(
            f"{MARKOV}@{channel}", f"Orders credited to {channel} by its removal", EVENTS, _REMOVAL
        )

        def credit(attributed: float, *counts: float, channel: str = channel) -> float:
            return attributed * _shares(taken, counts).get(channel, 0.0)

        found[shown.name] = estimate(shown, credit, totals[ATTRIBUTED], *inputs)
    return {**found, **_assisted(tables)}


def _of_channels(tables: Mapping[str, Protected], name: str) -> dict[tuple[str, ...], Number]:
    """The numbers of a table that has none, and is not made, where there are no channels."""
    return released(tables, name) if name in tables else {}


def _assisted(tables: Mapping[str, Protected]) -> dict[str, Estimate]:
    """By channel, orders that it only assisted for each that it was the last touchpoint of."""
    assists, credit = _of_channels(tables, "assists"), released(tables, "credit")
    found = {}
    for channel, measure in assists:
        shown = Shown(
            f"{ASSISTED}@{channel}",
            f"{channel}: orders assisted / orders as the last",
            RATIO,
            _ASSISTS,
        )
        above = Quantity(f"orders that {channel} assisted", EVENTS, assists[channel, measure])
        below = Quantity(
            f"orders that {channel} is the last of", EVENTS, credit.get(("last", channel, "orders"))
        )
        found[shown.name] = estimate(shown, _share, above, below)
    return found


def _shares(steps: Sequence[tuple[str, ...]], counts: Sequence[float]) -> dict[str, float]:
    transitions = {(step[0], step[1]): n for step, n in zip(steps, counts, strict=True)}
    try:
        return shares(removal_effects(transitions))
    except StudyError as error:
        raise UndefinedError(f"{error.problem[0].lower()}{error.problem[1:-1]}") from None


def _share(part: float, whole: float) -> float:
    if whole <= 0:
        raise UndefinedError("there is nothing to divide by")
    return part / whole


def parts_make_up_all(tables: Mapping[str, Protected]) -> Check:
    """Whether by each rule that was told the parts, the unattributed among them, make up all."""
    credit = released(tables, "credit")
    torn, untold = [], 0
    keys = list(dict.fromkeys((rule, measure) for rule, _, measure in credit))
    for rule, measure in keys:
        own = {part: n for (of, part, m), n in credit.items() if (of, m) == (rule, measure)}
        numbers = {part: number.value for part, number in own.items()}
        known = [value for value in numbers.values() if value is not None]
        if len(known) < len(numbers):
            untold += 1
            continue
        # Each rounded number may be off by half of its range.
        loss = sum(((n.most or 0) - (n.least or 0)) for n in own.values())
        gap = abs(sum(known) - 2 * (numbers[ALL] or 0.0))
        if gap > loss + 1e-6 * max(map(abs, known)):
            torn.append(f"{rule} ({measure})")
    if torn:
        verdict, words = Verdict.FAILED, f"they do not by {', '.join(torn)}: look for an error"
    elif untold:
        words = f"{untold} of {len(keys)} sums cannot be added up, since the gate withheld parts"
        verdict = Verdict.UNKNOWN
    else:
        verdict = Verdict.PASSED
        words = "by every rule, channels and unattributed orders make up all orders"
    return Check("parts_make_up_all", "Credit adds up to all orders", verdict, sentence(words))
