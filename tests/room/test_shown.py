"""What the room remembers of its answers, and what becomes of those that come too near."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import narwhals as nw
import pytest

from cleanroom import ledger
from cleanroom.behind import Answer, Share
from cleanroom.bench import display
from cleanroom.borders import PEOPLE, Table, candidate_digest
from cleanroom.desk.decide import decide, release_approved
from cleanroom.desk.queue import drafts, named, opened, queue, undecided
from cleanroom.desk.sheet import sheet
from cleanroom.desk.submit import submit_cases
from cleanroom.errors import CleanroomError, LedgerError
from cleanroom.gate.remains import apart
from cleanroom.policy import Policy
from cleanroom.review.case import Case
from cleanroom.review.records import Decision, Reviewer
from cleanroom.review.states import State
from cleanroom.room import shown
from cleanroom.room.conversion import conversion_tables
from cleanroom.room.lift import lift_tables
from cleanroom.room.numbered import numbering
from cleanroom.room.register import UNKNOWN
from cleanroom.room.vault import open_vault, rows_of
from cleanroom.tables import Platform
from tests.room.asking import FEW, LIFT, agree, asked, cell, files, hand_over, refused, ring
from tests.room.event_log import Room
from tests.room.noisy import CONVERSION, events, fill
from tests.spec.two_epochs import NEW, OLD, TwoEpochs
from tests.templates import REVIEWER

NOISE = {"epsilon": 8.0, "standard_deviation": 20}


def tables(room: Room) -> list[Table]:
    hand_over(room, readers=["-", "-"], later=30)
    vault = open_vault(room.directory, room.agreement)
    days = CONVERSION.start, CONVERSION.end
    bounds = Policy(max_events_per_person=1, max_amount_per_person=950)
    return [*conversion_tables(vault, ["m"], *days, bounds), *lift_tables(vault, [LIFT])]


def test_as_many_people_are_behind_a_cell_as_it_says(room: Room) -> None:
    agree(room)
    for table in tables(room):
        assert table.behind is not None
        for row, behind in zip(table.cells.iter_rows(named=True), table.behind, strict=True):
            if row["no_data"] is not None or (table.name, row["measure"]) == ("panel", "people"):
                continue
            sizes = {
                share: [g.size for (s, _), g in behind.groups.items() if s is share]
                for share in Share
            }
            where = (table.name, row)
            if row["unit"] == PEOPLE:
                assert min(sizes[Share.VALUE], default=0) == row["value"], where
            else:
                assert min(sizes[Share.VALUE], default=0) == row["contributors"], where
            if row["contributors"] is not None:
                assert min(sizes[Share.BASE], default=0) == row["people"], where


def test_unknown_people_are_behind_a_cell_as_one(room: Room) -> None:
    agree(room)
    (path, *_) = tables(room)
    assert path.behind is not None
    steps = path.cells["step"].to_list()
    read = path.behind[steps.index("read")].groups[Share.VALUE, Platform.ADS]
    assert read.size == 21
    assert max(read.numbers) == UNKNOWN


def test_an_answer_of_one_day_more_is_withheld_where_few_came_that_day(room: Room) -> None:
    agree(room)
    hand_over(room, later=FEW - 1)
    first, second = asked(room, end=2), asked(room, end=3)
    assert refused(first) == set()
    assert ("path", "reach", "people") in refused(second)
    assert ("path", "click", "events") in refused(second)
    words = second.tables["path"].cells["because"].drop_nulls().unique().to_list()
    assert all("for 1 to 2 March 2026, the same cell, by fewer than 5 people" in w for w in words)


def test_reviewers_and_analysts_read_why_and_what_to_do(room: Room) -> None:
    agree(room)
    hand_over(room, later=FEW - 1)
    asked(room, end=2)
    second = asked(room, end=3)
    (case,) = named(queue(room.directory), [candidate_digest(second)])
    item = opened(room.directory, case, room.agreement)
    for page in (sheet(item), str(display.withheld(second).data)):
        (line,) = (
            line for line in page.splitlines() if "path" in line and "reach people, " in line
        )
        assert "differs from the answer of " in line
        assert "for 1 to 2 March 2026, the same cell, by fewer than 5 people: ask for " in line


def test_an_answer_of_one_day_more_is_shown_where_enough_came_that_day(room: Room) -> None:
    agree(room)
    hand_over(room, later=FEW)
    asked(room, end=2)
    assert cell(asked(room, end=3), "path", "reach", "people") == (105, None)


@pytest.mark.parametrize("first", [0, 1], ids=["added", "removed"])
def test_a_rerun_with_one_person_more_or_less_is_withheld(room: Room, first: int) -> None:
    agree(room)
    handovers: list[list[str]] = [[], ["one-more"]]
    hand_over(room, readers=handovers[first])
    asked(room)
    hand_over(room, readers=handovers[1 - first])
    again = asked(room)
    assert cell(again, "path", "read", "people") == (None, "differencing")
    assert cell(again, "link", "clicked", "people") == (80, None)


def test_a_rerun_where_one_amount_changed_withholds_the_amount_alone(room: Room) -> None:
    agree(room)
    hand_over(room)
    before = asked(room)
    hand_over(room, spent={4: 500_000})
    again = asked(room)
    assert refused(again) == {("money", "revenue"), ("money_by", "(all)", "revenue")}
    for key in (("path", "purchase", "people"), ("money", "orders")):
        assert cell(again, *key) == cell(before, *key)


def test_a_rerun_where_enough_amounts_changed_is_shown(room: Room) -> None:
    agree(room)
    hand_over(room)
    asked(room)
    hand_over(room, spent=dict.fromkeys(range(0, 4 * FEW, 4), 1))
    assert refused(asked(room)) == set()


def test_a_rerun_of_what_has_not_changed_has_the_same_numbers(room: Room) -> None:
    agree(room)
    hand_over(room)
    before = asked(room)
    hand_over(room)
    again = asked(room)
    assert again.manifest["handovers"] != before.manifest["handovers"]
    assert {n: t.values() for n, t in again.tables.items()} == {
        n: t.values() for n, t in before.tables.items()
    }


def test_another_bound_on_amounts_does_not_tell_the_largest(room: Room) -> None:
    agree(room)
    hand_over(room, spent={4: 400_000})
    first = asked(room, study=LIFT.model_copy(update={"max_amount": 400_000}))
    value, _ = cell(first, "arms", "treated", "amount")
    other, _ = cell(first, "arms", "holdout", "amount")
    assert None not in (value, other)
    second = asked(room, study=LIFT.model_copy(update={"max_amount": 399_999}))
    assert cell(second, "arms", "holdout", "amount")[0] is None
    (words,) = {w for t in second.tables.values() for w in t.cells["because"].drop_nulls()}
    assert words.endswith("ask with the parameters of that answer (max_amount 400000)")


def test_a_question_asked_again_has_the_answer_it_had(room: Room) -> None:
    agree(room)
    hand_over(room, later=2)
    first, other, again = asked(room, end=2), asked(room, end=3), asked(room, end=2)
    assert again.signature == first.signature != other.signature
    assert len(files(room)) == 2


def test_under_noise_nothing_is_compared_or_remembered(room: Room) -> None:
    fill(room, NOISE)
    asked(room, study=CONVERSION)
    assert not (room.directory / "shown").exists()


class TestRemembering:
    """Before anybody can read an answer, the people behind it are on disk."""

    def dies_at(self, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
        """`where`: a function, or an event that does not come to stand in the ledger."""

        def die(*_: Any) -> NoReturn:
            raise KeyboardInterrupt

        def append(path: Path, event: ledger.Event, facts: dict[str, Any]) -> str:
            return die() if event == where else in_truth(path, event, facts)

        in_truth = ledger.append
        if where in set(ledger.Event):
            monkeypatch.setattr(ledger, "append", append)
        else:
            monkeypatch.setattr(where, die)

    @pytest.mark.parametrize(
        "where",
        ["cleanroom.bench.answer.write_candidate", ledger.Event.ANSWERS_REMEMBERED],
        ids=["before the answer", "before the ledger"],
    )
    def test_a_crash_before_the_answer_can_be_read_forgets_nobody(
        self, room: Room, monkeypatch: pytest.MonkeyPatch, where: str
    ) -> None:
        agree(room)
        hand_over(room, later=2)
        with monkeypatch.context() as dying:
            self.dies_at(dying, where)
            with pytest.raises(KeyboardInterrupt):
                asked(room, end=2)
        assert not list((room.directory / "candidates").glob("*.json"))
        assert cell(asked(room, end=3), "path", "reach", "people") == (None, "differencing")
        assert cell(asked(room, end=2), "path", "reach", "people") == (100, None)

    @pytest.mark.parametrize(
        "where", ["cleanroom.room.state.write_sealed", "cleanroom.room.shown.remember"]
    )
    def test_what_cannot_be_remembered_is_not_shown(
        self, room: Room, monkeypatch: pytest.MonkeyPatch, where: str
    ) -> None:
        agree(room)
        hand_over(room)
        self.dies_at(monkeypatch, where)
        with pytest.raises(KeyboardInterrupt):
            asked(room)
        assert not list((room.directory / "candidates").glob("*.json"))
        assert files(room) == []

    def damage(self, file: Path, how: str) -> None:
        content = bytearray(file.read_bytes())
        if how == "gone":
            file.unlink()
        elif how == "cut":
            file.write_bytes(content[:-1])
        elif how == "empty":
            file.write_bytes(b"")
        else:
            content[len(content) // 2] ^= 1
            file.write_bytes(content)

    @pytest.mark.parametrize("how", ["gone", "cut", "empty", "flipped"])
    def test_what_is_damaged_is_refused_and_not_ignored(self, room: Room, how: str) -> None:
        agree(room)
        hand_over(room)
        asked(room, end=2)
        self.damage(files(room)[0], how)
        with pytest.raises(LedgerError, match="is missing or was altered"):
            asked(room, end=9)
        assert len(list((room.directory / "candidates").glob("*.json"))) == 1

    def test_what_the_ledger_does_not_name_yet_is_not_ignored_if_damaged(
        self, room: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        agree(room)
        hand_over(room)
        with monkeypatch.context() as dying:
            self.dies_at(dying, ledger.Event.ANSWERS_REMEMBERED)
            with pytest.raises(KeyboardInterrupt):
                asked(room, end=2)
        self.damage(files(room)[0], "flipped")
        with pytest.raises(CleanroomError, match="does not open"):
            asked(room, end=9)

    def test_it_rests_encrypted_and_the_ledger_says_digests_only(self, room: Room) -> None:
        agree(room)
        hand_over(room)
        asked(room)
        (file,) = files(room)
        assert file.stat().st_mode & 0o077 == 0
        content = file.read_bytes()
        assert not [text for text in (b"PAR1", b"reach", b"2026", b"people") if text in content]
        (facts,) = events(room, ledger.Event.ANSWERS_REMEMBERED)
        assert facts.keys() == {"file", "sha256", "until"}

    def test_what_is_read_is_what_was_written(self, room: Room) -> None:
        agree(room)
        hand_over(room)
        first = asked(room)
        (answer,) = shown.remembered(room.directory, ring(room))
        released = sum(t.cells["value"].count() for t in first.tables.values())
        assert len(answer.cells) == released > 10
        assert answer.study["end"] == "2026-03-02"
        again = shown.remembered(room.directory, ring(room))[0]
        for one, other in zip(answer.cells, again.cells, strict=True):
            assert one.kind == other.kind
            for key, group in one.behind.groups.items():
                assert group.content == other.behind.groups[key].content


class TestForgetting:
    """With the agreed retention."""

    def test_after_their_time_they_are_deleted_with_a_receipt(self, room: Room) -> None:
        agree(room, retention_days=30)
        hand_over(room)
        asked(room)
        now = datetime.now(UTC)
        for days, known in ((29, 1), (31, 0), (31, 0)):
            with shown.holding(room.directory):
                later = now + timedelta(days=days)
                assert len(shown.remembered(room.directory, ring(room), later)) == known
        assert files(room) == []
        assert len(events(room, ledger.Event.ANSWERS_FORGOTTEN)) == 1

    def test_a_crash_before_the_receipt_is_made_up_for(
        self, room: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        agree(room)
        hand_over(room)
        asked(room)
        later = datetime.now(UTC) + timedelta(days=1_000)
        with monkeypatch.context() as dying:
            TestRemembering().dies_at(dying, ledger.Event.ANSWERS_FORGOTTEN)
            with pytest.raises(KeyboardInterrupt):
                shown.forget(room.directory, later)
        assert files(room) == []
        assert shown.forget(room.directory, later) == 1
        assert shown.forget(room.directory, later) == 0


class TestRotation:
    """A set means the same people before and after."""

    def readers(self, epochs: TwoEpochs, epoch: str) -> Any:
        vault = open_vault(epochs.room, epochs.agreed[epoch])
        rows = rows_of(vault, "touches")
        marks = {"any": ~nw.col("kind").is_null(), "cost": nw.col("cost")}
        everyone = rows.with_columns(all=nw.lit("all"))
        counted = numbering(vault).count(everyone, ("all",), "user", marks, {"cost": None})
        return counted["all",].groups

    def test_who_is_behind_a_cell_survives_a_rotation(self, tmp_path: Path) -> None:
        epochs = TwoEpochs(tmp_path)
        for party in Platform:
            epochs.accepted(party, OLD)
        before = self.readers(epochs, OLD)
        for party in Platform:
            epochs.rotated(party)
            epochs.accepted(party, NEW)
        after = self.readers(epochs, NEW)
        assert before.keys() == after.keys()
        for name, group in before.items():
            assert group.size > 0, name
            assert apart(group, after[name]) == 0, name


class TestReleasing:
    """Everything is looked at once more."""

    def approved(self, room: Room) -> None:
        submit_cases(room.directory, room.agreement, drafts(room.directory), "somebody")
        for platform, key in room.reviewers.items():
            by = Reviewer(platform, REVIEWER, key)
            cases = undecided(queue(room.directory), platform, REVIEWER)
            decide(room.directory, room.agreement, cases, by, Decision.APPROVE, "looked at")

    def released(self, room: Room) -> tuple[int, list[str]]:
        out = room.home / "releases"
        files, waiting = release_approved(room.directory, room.agreement, out)
        return len(files), [*waiting.values()]

    def test_answers_that_are_apart_are_released(self, room: Room) -> None:
        agree(room)
        hand_over(room, later=2)
        asked(room, end=2)
        asked(room, end=3)
        self.approved(room)
        (number, (reason,)) = self.released(room)
        assert (number, reason[:32]) == (1, "The machine has found something ")
        self.approved(room)  # knowing now that days of it have left
        assert self.released(room) == (2, [])
        assert self.released(room) == (2, [])

    def test_one_that_came_too_near_meanwhile_is_refused(
        self, room: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        agree(room)
        hand_over(room, readers=["one-more"])
        asked(room)
        (one,) = shown.remembered(room.directory, ring(room))
        self.approved(room)
        hand_over(room)
        vault = open_vault(room.directory, room.agreement)
        other = Answer("0" * 64, one.created, one.study, self.everything(room, vault))
        with shown.holding(room.directory):
            shown.remember(room.directory, ring(room), [other], 30)
        left = Case(other.candidate, "other.json", State.RELEASED)
        monkeypatch.setattr("cleanroom.desk.decide.released", lambda _: [left])
        (number, (reason,)) = self.released(room)
        assert number == 0
        assert reason.startswith("One of its numbers differs from the answer of ")
        assert "by fewer than 5 people" in reason

    def everything(self, room: Room, vault: Any) -> list[Any]:
        from cleanroom.gate.differencing import shown as shown_of
        from cleanroom.gate.protect import protect

        policy = room.agreement.effective_policy
        made = conversion_tables(vault, ["m"], date(2026, 3, 1), date(2026, 3, 2), policy)
        return [
            c
            for table in made
            for cells in shown_of(table, protect(table, policy), 0).values()
            for c in cells
        ]

    def test_one_of_which_nobody_knows_any_more_who_is_behind_is_refused(self, room: Room) -> None:
        agree(room)
        hand_over(room)
        asked(room)
        self.approved(room)
        shown.forget(room.directory, datetime.now(UTC) + timedelta(days=1_000))
        (number, (reason,)) = self.released(room)
        assert number == 0
        assert "does not remember" in reason

    def test_nothing_is_released_while_the_memory_is_damaged(self, room: Room) -> None:
        agree(room)
        hand_over(room)
        asked(room)
        self.approved(room)
        files(room)[0].unlink()
        with pytest.raises(LedgerError, match="is missing or was altered"):
            self.released(room)
        assert not (room.home / "releases").exists()
