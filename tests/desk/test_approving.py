"""Study templates at the desk: listed, compared with what was approved before, and signed."""

from __future__ import annotations

from dataclasses import replace
from gettext import NullTranslations
from pathlib import Path
from typing import Any

import pytest

from cleanroom.agreement import StudyKind
from cleanroom.desk import reading
from cleanroom.desk.acting import RefusedError, Signed
from cleanroom.desk.approving import proposal_of, sign_template
from cleanroom.desk.language import said, tell
from cleanroom.desk.pages import render
from cleanroom.desk.sitting import sitting_at
from cleanroom.desk.standing import Desk, read_papers
from cleanroom.desk.template_pages import CHECKLIST, seen, template_list, template_page
from cleanroom.desk.template_views import Difference
from cleanroom.desk.views import Standing as Seated
from cleanroom.errors import KeysError
from cleanroom.review import office
from cleanroom.review.records import ActKind
from cleanroom.review.templates import Bounds, Proposal, Standing, Template
from cleanroom.tables import Platform
from tests import templates
from tests.desk.rooms import WORDS, Place, make_place
from tests.desk.values import ANN, FRAME, READER, offered


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = make_place(tmp_path_factory.mktemp("room"))
    read_papers(made.room)  # adopts the agreement
    return made


_numbers = iter(range(1, 1000))


@pytest.fixture
def proposed(place: Place) -> Template:
    """A template of its own for each test, that nobody has signed."""
    wide = templates.wide(StudyKind.CONVERSION, place.agreement, f"{next(_numbers):064x}")
    office.propose(place.ledger, [wide], "analyst")
    return wide


def form(place: Place, template: Template, kind: ActKind = ActKind.APPROVE_TEMPLATE) -> Signed:
    papers = read_papers(place.room)
    shown = seen(papers, proposal_of(papers, template.digest))
    return Signed((template.digest,), shown, {"": kind}, {"": "Read it."}, len(CHECKLIST), WORDS)


def sign(place: Place, signed: Signed, platform: Platform | None = Platform.ADS) -> str:
    desk = Desk(place.room, place.keys[platform] if platform else None)
    return sign_template(desk, sitting_at(desk, place.agreement), signed).message


def standing(place: Place, template: Template) -> Standing:
    return read_papers(place.room).known.proposals[template.digest].standing


def test_a_reviewer_of_each_platform_approves_and_it_may_be_run(
    place: Place, proposed: Template
) -> None:
    for platform in Platform:
        assert standing(place, proposed) is Standing.PROPOSED
        told = sign(place, form(place, proposed), platform)
        assert told.startswith("Your approval is signed.")
    assert standing(place, proposed) is Standing.APPROVED


def test_the_same_form_twice_is_signed_once(place: Place, proposed: Template) -> None:
    sent = form(place, proposed)
    sign(place, sent)
    before = place.ledger.read_bytes()
    assert sign(place, sent) == "Signed already: nothing has changed."
    assert place.ledger.read_bytes() == before


def test_one_platform_refuses_for_good_and_says_why(place: Place, proposed: Template) -> None:
    refused = form(place, proposed, ActKind.REVOKE_TEMPLATE)
    with pytest.raises(RefusedError, match="has to say why"):
        sign(place, replace(refused, comments={}))
    assert sign(place, refused).startswith("It is refused for good.")
    assert standing(place, proposed) is Standing.REVOKED
    with pytest.raises(RefusedError, match="refused or revoked"):
        sign(place, form(place, proposed), Platform.STORE)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"candidates": ("0" * 64,)}, "no such template"),
        ({"candidates": ()}, "no such template"),
        ({"choices": {}}, "No decision was chosen"),
        ({"choices": {"": "recall"}}, "No decision was chosen"),
        ({"checked": 1}, "checklist"),
        ({"seen": "0" * 64}, "changed since"),
        ({"comments": {"": "x" * 5000}}, "too long"),
    ],
)
def test_an_incomplete_or_stale_form_is_not_signed(
    place: Place, proposed: Template, change: dict[str, Any], reason: str
) -> None:
    before = place.ledger.read_bytes()
    with pytest.raises(RefusedError, match=reason):
        sign(place, replace(form(place, proposed), **change))
    assert place.ledger.read_bytes() == before


def test_without_key_or_passphrase_nothing_is_signed(place: Place, proposed: Template) -> None:
    with pytest.raises(RefusedError, match="Read only"):
        sign(place, form(place, proposed), None)
    with pytest.raises(KeysError):
        sign(place, replace(form(place, proposed), passphrase="not the passphrase"))
    assert standing(place, proposed) is Standing.PROPOSED


def test_who_proposed_it_does_not_approve_it(place: Place) -> None:
    own = templates.wide(StudyKind.LIFT, place.agreement, "ee" * 32)
    office.propose(place.ledger, [own], "ads/ann")
    with pytest.raises(RefusedError, match="somebody else has to approve it"):
        sign(place, form(place, own))
    assert sign(place, form(place, own), Platform.STORE).startswith("Your approval")


def test_a_version_approved_meanwhile_makes_the_form_stale(
    place: Place, proposed: Template
) -> None:
    """What is new in a template is said beside the one before it, which has to be the same."""
    later = templates.wide(StudyKind.CONVERSION, place.agreement, "dd" * 32)
    office.propose(place.ledger, [later], "analyst")
    sent = form(place, later)
    for platform in Platform:
        sign(place, form(place, proposed), platform)
    with pytest.raises(RefusedError, match="changed since"):
        sign(place, sent)


def test_templates_are_listed_by_where_they_stand_with_who_signed() -> None:
    page = template_list(offered(), ANN)
    assert [len(part) for part in (page.waiting, page.approved, page.revoked)] == [1, 1, 1]
    (line,) = page.waiting
    assert [seat.standing for seat in line.seats] == [Seated.EMPTY, Seated.APPROVED]
    assert line.waits
    (refused,) = page.revoked
    assert refused.seats[1].comment == "Nobody knows what the arms are."
    assert refused.remark is not None  # it was proposed under another policy


def test_what_is_new_in_a_template_is_told_bound_by_bound() -> None:
    proposals = [*offered().known.proposals.values()]
    page = template_page(offered(), proposals[1], ANN)
    assert page.earlier == proposals[0].template.digest
    assert page.changes == (
        Difference(
            said("merchant"), said("anything"), said("one of %(values)s", values="m-001, m-012")
        ),
        Difference(
            said("days"),
            said("from %(least)s to %(most)s", least="7", most="92"),
            said("from %(least)s to %(most)s", least="1", most="92"),
        ),
        Difference(said("Notebook %(name)s", name="conversion.ipynb"), "00" * 6, "11" * 6),
    )
    assert template_page(offered(), proposals[0], ANN).earlier == ""


def test_a_choice_that_cannot_be_made_says_why_and_the_other_is_left() -> None:
    approved = next(iter(offered().known.proposals.values()))
    (approve, why), (refuse, none) = template_page(offered(), approved, ANN).choices
    assert (approve.value, refuse.value) == (ActKind.APPROVE_TEMPLATE, ActKind.REVOKE_TEMPLATE)
    assert why == said("Your platform has approved it already.")
    assert none is None
    page = template_page(offered(), approved, READER)
    assert page.sign.reason == READER.read_only


def test_the_queue_says_that_templates_wait(place: Place, proposed: Template) -> None:
    papers = read_papers(place.room)
    desk = Desk(place.room, place.keys[Platform.ADS])
    html = render(reading.queue(papers, sitting_at(desk, place.agreement)), FRAME)
    assert "for your approval" in html
    assert "for your approval" not in render(reading.queue(papers, READER), FRAME)
    assert proposed.digest in render(template_list(papers, ANN), FRAME)


def test_a_parameter_that_is_not_named_is_shown_with_its_default() -> None:
    wide = templates.wide(StudyKind.LIFT, offered().agreement)
    narrow = wide.model_copy(update={"parameters": {"merchant": Bounds()}})
    page = template_page(offered(), Proposal(narrow, "analyst", ""), ANN)
    bounds = {tell(name, NullTranslations()): told for name, told in page.line.bounds}
    assert bounds["merchant"] == said("anything")
    assert bounds["planned treated share"] == said("%(value)s, always", value="0.5")
    assert bounds["study"] == said("nothing, so that it covers no question")


def test_the_key_of_another_room_opens_no_template(place: Place, tmp_path: Path) -> None:
    strange = make_place(tmp_path)
    desk = Desk(place.room, strange.keys[Platform.ADS])
    by = sitting_at(desk, place.agreement)
    first = next(iter(read_papers(place.room).known.proposals.values()))
    with pytest.raises(RefusedError, match="does not name"):
        sign_template(desk, by, form(place, first.template, ActKind.REVOKE_TEMPLATE))
