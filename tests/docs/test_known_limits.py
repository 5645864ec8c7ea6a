"""What the threat model concedes, shown: when a later version ends a limit, its test has to go."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cleanroom.agreement import load
from cleanroom.borders import MONEY
from cleanroom.gate.near import Origin, Track
from cleanroom.gate.protect import protect
from cleanroom.party.derive import join_key
from cleanroom.party.keys import load_keys
from cleanroom.party.tokens import token
from cleanroom.policy import Policy
from cleanroom.tables import IdentifierKind, Platform
from tests.agreements import agreed
from tests.docs.pages import ROOT
from tests.factories import table
from tests.gate import crowds
from tests.party.exports import Party, write_good
from tests.party.room import opened
from tests.spec.two_epochs import NEW, OLD, TwoEpochs


@pytest.fixture
def platforms(tmp_path: Path) -> dict[Platform, Party]:
    """Both platforms, each with its handover."""
    draft = load(ROOT / "configs" / "red-cat-plan.yaml")
    agreement = agreed(draft, {p: tmp_path / p / "keys" for p in Platform})
    found = {}
    for platform in Platform:
        home = tmp_path / platform
        write_good(home / "export", platform)
        party = Party(platform, agreement, home / "keys", home / "export", home / "handover")
        party.hand_over()
        found[platform] = party
    return found


def test_a_platform_that_reads_the_room_learns_which_clicks_bought(
    platforms: dict[Platform, Party],
) -> None:
    ads, store = platforms[Platform.ADS], platforms[Platform.STORE]
    keys = load_keys(ads.keys, ads.agreement, Platform.ADS)
    key = join_key(keys, IdentifierKind.CLICK_ID)
    known = pl.DataFrame({"cid": ["CANARY-cid-1", "CANARY-cid-3"]}).with_columns(
        known=token(pl.col("cid"), IdentifierKind.CLICK_ID, key, keys.token_hash)
    )
    seen = store.read("visits").join(known, left_on="cid", right_on="known")
    bought = seen.filter(pl.col("kind") == "purchase").select("cid_right", "amount")
    assert bought.rows() == [("CANARY-cid-3", 9900)]


def test_a_refusal_tells_that_somebody_counts() -> None:
    """A platform takes one person's rows out and asks again: what is withheld says they counted."""
    everyone, without_one = (crowds.table([({"merchant": "m"}, range(n))]) for n in (30, 29))
    _, answer = crowds.answered(everyone)
    changed, same = (
        crowds.answered(made, crowds.past(answer))[0] for made in (without_one, everyone)
    )
    assert (crowds.reasons(changed), crowds.reasons(same)) == (["differencing"], [None])


def test_two_numbers_against_two_others_are_not_compared() -> None:
    """1 to 20 and 11 to 30 against 1 to 30 and 11 to 20, and a few people more."""
    shown = [crowds.group(who) for who in (range(200), range(100, 300), range(300))]
    track = Track(crowds.FEW, sums=True)
    for group in shown:
        track.add(group, Origin({}, None))
    assert track.near(crowds.group([*range(100, 200), *range(900, 903)])) is None


def test_an_amount_that_one_person_dominates_is_not_released() -> None:
    """The attack that an earlier version let through: one buyer's amount, near enough."""
    nearly_all_of_one = 1_000_000.0 + 49 * 100
    support = (50, 50, 1_000_000.0, 100.0, nearly_all_of_one)
    amount = table("money", (), [("revenue", nearly_all_of_one, MONEY, *support)])
    assert protect(amount, Policy()).values() == {("revenue",): None}


def test_three_who_tell_each_other_their_amounts_bound_a_fourth() -> None:
    spent = [400.0, 400.0, 400.0, 400.0, *[1.0] * 50]
    support = (60, len(spent), 400.0, 400.0, sum(spent))
    amount = table("money", (), [("revenue", sum(spent), MONEY, *support)])
    (released,) = protect(amount, Policy()).values().values()
    assert released is not None
    fourth_at_most = released - 3 * 400
    assert 400 <= fourth_at_most <= 1.15 * 400


def test_an_event_in_two_epochs_handovers_is_known_by_its_id(tmp_path: Path) -> None:
    epochs = TwoEpochs(tmp_path)
    old, new = (
        opened(epochs.hand_over(Platform.ADS, epoch), "touches", epochs.ring.transport)
        for epoch in (OLD, NEW)
    )
    linked = old.join(new, on=["event_id", "time"]).select("user", "user_right").unique()
    assert set(linked.rows()) == set(
        zip(epochs.tokens(Platform.ADS, OLD), epochs.tokens(Platform.ADS, NEW), strict=True)
    )
