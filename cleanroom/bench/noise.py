"""Studies under differential privacy: paid for, drawn, kept, and only then protected.

The order is what keeps the budget: a study is paid for in the ledger before it is counted; what is
drawn is kept before anybody reads it. A crash at any point leaves budget spent without a number,
which the next run draws, and never a number without its budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from cleanroom import signing
from cleanroom.borders import Protected, Table
from cleanroom.gate.budget import Charge, charge, spend
from cleanroom.gate.mechanism import require_libraries
from cleanroom.gate.noise import draw, protect_drawn
from cleanroom.gate.store import Store
from cleanroom.noise import Noise
from cleanroom.policy import Policy
from cleanroom.room.place import ledger_of, study_name
from cleanroom.room.reach import reach_of, tables_depend_on
from cleanroom.room.vault import Vault
from cleanroom.study import Study

Count = Callable[[Sequence[Study]], Iterator[tuple[Study, list[Table]]]]


def store_of(room: Path) -> Store:
    """The room's store of drawn numbers."""
    return Store(room / "noise")


def charge_of(study: Study, vault: Vault, policy: Policy, noise: Noise) -> Charge:
    """What a study costs, and the digest of all that its noisy tables depend on.

    Thresholds and the budget are not among it: the numbers drawn once serve under all of them.
    What one person counts is: `policy` may bound it.
    """
    content = {
        "handovers": vault.handovers,
        "window_days": vault.agreement.join.attribution_window_days,
        "timezone": vault.agreement.timezone,
        "study": tables_depend_on(study, policy),
        "noise": noise.model_dump(
            mode="json", include={"mechanism", "standard_deviation", "accounts_per_person"}
        ),
        "code_version": version("cleanroom"),
    }
    return charge(signing.digest(content), study_name(study), noise, reach_of(study, policy))


def protected_with_noise(
    studies: Sequence[Study], vault: Vault, policy: Policy, noise: Noise, count: Count
) -> Iterator[tuple[Study, dict[str, Protected]]]:
    """Each study's protected tables by name; `count` gives the tables of studies as counted.

    Raises `BudgetError` before anything is counted if the budget does not suffice for all that has
    not been paid for yet.
    """
    if not studies:
        return
    require_libraries()
    store, path = store_of(vault.room), ledger_of(vault.room)
    charges = {study: charge_of(study, vault, policy, noise) for study in studies}
    spend(path, noise, list(charges.values()), store)
    missing = {c.content: study for study, c in charges.items() if not store.holds(c.content)}
    for study, tables in count(list(missing.values())):
        reaches = reach_of(study, policy)
        drawn = [draw(table, study.merchant, noise, reaches[table.name]) for table in tables]
        store.keep(charges[study].content, drawn)
    for study, one in charges.items():
        kept = store.read(one.content, path)
        yield study, {each["name"]: protect_drawn(each, policy, noise) for each in kept}
