"""The room remembers what it answered, and protects the next answer together with that."""

from __future__ import annotations

from datetime import date

import pytest

from cleanroom.bench.answer import answer
from cleanroom.errors import LedgerError
from cleanroom.gate.candidate import read_candidate
from cleanroom.study import ConversionStudy
from tests.room.event_log import Room
from tests.room.test_place import PERMITTED, lay

# Who sees a note on three days in March; on the second too few to be told. Each sees it twice.
VIEWERS = {2: 90, 3: 12, 4: 80}


@pytest.fixture
def seen(room: Room) -> Room:
    """A room whose people see a note, each on one of three days."""
    policy = {"min_people": 50, "min_converters": 10, "min_matches": 2, "max_joins": 1000}
    room.agree(policy=policy, studies=PERMITTED)
    lay(room)
    rows = [
        f"0{day}T1{hour}:00 impression u{day}x{n}"
        for day, many in VIEWERS.items()
        for n in range(many)
        for hour in (0, 1)
    ]
    room.vault(touches="\n".join(["time kind user", *rows]))
    return room


def reach(room: Room, first: int, last: int) -> tuple[float | None, float | None]:
    """People and impressions of some days, as the room answers."""
    start, end = date(2026, 3, first), date(2026, 3, last)
    study = ConversionStudy(merchant="m", start=start, end=end)
    (file,) = answer(room.directory, [study])
    found = read_candidate(file, room.public_key).tables["path"].only("step", "reach").values()
    return found["people",], found["events",]


def test_a_later_answer_of_the_room_does_not_undo_an_earlier_one(seen: Room) -> None:
    """The attack that an earlier version let through: the three days, less two of them."""
    days = [reach(seen, day, day) for day in (3, 2, 4)]
    assert days == [(None, None), (90, 180), (80, 160)]
    assert reach(seen, 2, 4) == (None, None)  # at most 182 less 90 and 80 saw it on the other day


def test_the_order_of_asking_decides_what_is_withheld(seen: Room) -> None:
    assert reach(seen, 2, 4) == (182, 364)
    days = [reach(seen, day, day)[1] for day in (3, 2, 4)]
    assert days[0] is None
    assert days.count(None) == 2


def test_asked_again_the_answer_is_the_same(seen: Room) -> None:
    first = [reach(seen, day, day) for day in (3, 2)]
    assert [reach(seen, day, day) for day in (3, 2)] == first


def test_what_was_withheld_is_remembered_and_cannot_be_read(seen: Room) -> None:
    reach(seen, 2, 2)
    (file,) = (seen.directory / "shown").glob("*.people")
    assert file.stat().st_mode & 0o077 == 0
    content = file.read_bytes()
    assert b"path" not in content
    assert b"people" not in content
    file.write_bytes(content[:-1])
    with pytest.raises(LedgerError, match="was altered"):
        reach(seen, 3, 3)
