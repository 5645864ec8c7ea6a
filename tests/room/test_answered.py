"""The room remembers what it answered, and protects the next answer together with that."""

from __future__ import annotations

from tests.room.event_log import Room

# Visitors of the three days: the second has too few to be told.
VISITORS = {2: 9, 3: 3, 4: 8}
POLICY = {
    "min_people": 5,
    "min_converters": 2,
    "protection_width": 5,
    "min_matches": 2,
    "max_joins": 1000,
}


def full(room: Room) -> Room:
    """A room whose people read and click on one of three days."""
    touches, visits = ["time kind user cid"], ["time kind buyer cid"]
    for day, many in VISITORS.items():
        for n in range(many):
            touches += [f"0{day}T09:00 impression u{day}{n} -"] * (n + 1)
            touches.append(f"0{day}T10:00 click u{day}{n} c{day}{n}")
            visits.append(f"0{day}T11:00 visit b{day}{n} c{day}{n}")
    room.agree(policy=POLICY)
    room.vault(touches="\n".join(touches), visits="\n".join(visits))
    return room
