"""Values of pages, made from invented candidates without a room or a server."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cleanroom.agreement import load
from cleanroom.borders import Release, candidate_digest
from cleanroom.desk import reading
from cleanroom.desk.comparison import compare
from cleanroom.desk.language import said
from cleanroom.desk.pages import Body
from cleanroom.desk.sitting import Sitting
from cleanroom.desk.standing import Case, Cases, Desk, Vote
from cleanroom.desk.tabled import estimates_page, table_page
from cleanroom.desk.views import Frame, Problem, Standing, State
from cleanroom.tables import Platform
from tests.outside import factories

ROOT = Path(__file__).resolve().parents[2]
ANN = Sitting(Platform.ADS, "ann", "ab" * 32, locked=True)
READER = Sitting(read_only=said("Read only: no reviewer’s key is at hand here."))
DESK = Desk(Path("room"), Path("keys"), Path("releases"))
FRAME = Frame(
    collaboration="red-cat-plan",
    root="/cleanroom/desk/",
    here="overview",
    reviewer="ann",
    platform=Platform.ADS,
    token="t0ken",
)


def vote(platform: Platform, standing: Standing, comment: str = "") -> Vote:
    """A genuine vote of the platform's reviewer."""
    name = "ann" if platform is Platform.ADS else "bo"
    return Vote(platform, name, standing, comment, "2026-06-02T09:30:00+00:00")


def case(
    release: Release,
    *votes: Vote,
    state: State = State.IN_REVIEW,
    earlier: Release | None = None,
    doubtful: int = 0,
) -> Case:
    """A candidate as it stands with these votes."""
    made = release.candidate
    before, left = (earlier.candidate, "2026-05-04T10:00:00+00:00") if earlier else (None, "")
    digest = candidate_digest(made)
    return Case(made, digest, state, True, votes, doubtful, "", before, left)


@cache
def all_cases() -> list[Case]:
    """One candidate of each sort."""
    approval = vote(Platform.STORE, Standing.APPROVED, "Only the store may know this.")
    return [
        case(factories.rich()[1], approval),
        case(factories.fewer_buyers(), earlier=factories.rich()[0]),
        case(factories.mostly_withheld()[1]),
        case(factories.broken_split()[1], doubtful=1),
        case(
            factories.rounded()[0],
            vote(Platform.ADS, Standing.APPROVED, "Looked at with the pilot team."),
            vote(Platform.STORE, Standing.APPROVED),
            state=State.APPROVED,
        ),
        case(
            factories.conversion_only()[0],
            vote(Platform.ADS, Standing.APPROVED),
            vote(Platform.STORE, Standing.APPROVED),
            state=State.RELEASED,
        ),
    ]


@cache
def bodies() -> dict[str, Body]:
    """A page of each sort, by name."""
    cases = all_cases()
    by_digest = {one.digest: one for one in cases}
    changed, withheld, approved = cases[1], cases[2], cases[4]
    agreed = Cases(load(ROOT / "configs" / "red-cat-plan.yaml"), by_digest)
    return {
        "queue": reading.queue(agreed, ANN, DESK),
        "overview": reading.overview(approved, ANN, DESK),
        "table": table_page(reading.heading(withheld), withheld.candidate, "arms"),
        "rounded_table": table_page(reading.heading(approved), approved.candidate, "money"),
        "estimates": estimates_page(reading.heading(withheld), withheld.candidate),
        "compare": reading.comparison(changed),
        "first_release": compare(reading.heading(withheld), withheld.candidate, None),
        "decide": reading.decision([changed], ANN),
        "decide_several": reading.decision(cases[:2], ANN),
        "read_only": reading.decision([changed], READER),
        "problem": Problem(said("This was not done"), "It <b>broke</b>.", said("To the queue")),
    }
