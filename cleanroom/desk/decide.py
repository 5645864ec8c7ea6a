"""Decisions at the desk: reviewers sign; what both approve is verified again and released."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from cleanroom.agreement import Agreement
from cleanroom.behind import Answer
from cleanroom.borders import Candidate
from cleanroom.desk.queue import opened, queue, sound
from cleanroom.errors import CleanroomError, KeysError, ReleaseError
from cleanroom.gate.differencing import require_apart
from cleanroom.gate.release import Ground, make_release, verify_again, write_release
from cleanroom.keyring import open_keyring
from cleanroom.review.case import Case, receipt_of, requests, seats
from cleanroom.review.folding import Docket, released
from cleanroom.review.office import (
    Said,
    ballot,
    cast,
    docket,
    record,
    release,
)
from cleanroom.review.records import (
    ActKind,
    Receipt,
    Reviewer,
    sign_act,
    sign_receipt,
)
from cleanroom.review.states import State
from cleanroom.review.templates import Standing
from cleanroom.room.place import ledger_of
from cleanroom.room.shown import holding, memory_in
from cleanroom.room.vault import room_keys
from cleanroom.tables import KeyRole, Platform


def reviewer(
    agreement: Agreement, platform: Platform, name: str, keys: Path, passphrase: str | None = None
) -> Reviewer:
    """A reviewer with the key in `keys`; raises `KeysError` if the agreement names another.

    `passphrase`: what opens the key, where neither a variable holds it nor a terminal asks for it.
    """
    wanted = {"role": KeyRole.REVIEWER.value, "platform": platform.value, "name": name}
    ring = open_keyring(keys, passphrase=passphrase, **wanted)
    if agreement.parties[platform].reviewers.get(name) != ring.public["identity_key"]:
        raise KeysError(
            f"{keys} does not hold the key that the agreement names for '{name}' of {platform}.",
            "use that reviewer's own key, or have the agreement amended.",
        )
    return Reviewer(platform, name, ring.identity)


def decide(
    room: Path,
    agreement: Agreement,
    cases: Sequence[Case],
    by: Reviewer,
    said: Said,
    comment: str = "",
) -> list[str]:
    """Sign one vote on each case and record all; returns the receipts, the ledger's new hashes.

    `said` is as for `review.office.ballot`.
    Raises `ReviewError` with the reason for which a vote does not count; then none is recorded.
    """
    path = ledger_of(room)
    known = docket(path)
    ballots = [ballot(known, known.named(case.candidate), by, said, comment) for case in cases]
    return cast(path, agreement, ballots, by)


def act(
    room: Path,
    agreement: Agreement,
    subjects: Sequence[str],
    by: Reviewer,
    kind: ActKind,
    comment: str = "",
) -> list[str]:
    """Sign another word of a reviewer, on candidates or templates by digest, and record it."""
    path = ledger_of(room)
    previous = docket(path).head
    acts = [sign_act(by, kind, subject, previous, comment) for subject in subjects]
    return record(path, agreement, acts)


def release_approved(
    room: Path, agreement: Agreement, folder: Path
) -> tuple[list[Path], dict[str, str]]:
    """Release every approved candidate into `folder`, each verified again.

    That it is far enough from all that was shown before it and released since is one of the
    conditions. Recorded first: a crash in between leaves a release to be written, never one
    unrecorded. Returns the releases that are in `folder` now (one already there is kept) and, by
    candidate file name, why others are not. Raises `LedgerError` or `SealError` if what the room
    remembers of earlier answers is not whole.
    """
    with holding(room):
        refused = _recorded(room, agreement)
    written, waiting = [], {}
    for case in queue(room):
        if case.candidate in refused or case.is_under_review:
            waiting[case.file] = refused.get(case.candidate) or _what_is_open(case)
        elif case.state is State.RELEASED:
            try:
                written.append(_written(room, agreement, case, folder / case.file))
            except CleanroomError as error:
                waiting[case.file] = error.problem
    return written, waiting


def mark_recalled(room: Path, agreement: Agreement, folder: Path) -> dict[str, str]:
    """Write into the releases in `folder` that were called back that they were; returns by file
    name who did and why. None is written that is not there.

    A release that does not verify is left: whoever reads it is told so.
    """
    told = {}
    for case in queue(room):
        path = folder / case.file
        if case.recall is None or case.receipt is None or not path.exists():
            continue
        with suppress(CleanroomError):
            ground = Ground(opened(room, case, agreement).candidate, case, agreement)
            write_release(make_release(ground, case.receipt, case.recall), path)
        body = case.recall.body
        told[case.file] = f"by {body.reviewer} of {body.platform}: {body.comment}"
    return told


def _recorded(room: Path, agreement: Agreement) -> dict[str, str]:
    """Record the release of what may be released; why the rest may not, by digest."""
    key = room_keys(room, agreement.collaboration).identity
    answers = memory_in(room, agreement.collaboration).answers()
    approved = [case for case in queue(room) if case.state is State.APPROVED]
    good, broken = sound(room, approved, agreement)
    ready = [opened(room, case, agreement).candidate for case in good]

    def verified(known: Docket, case: Case, candidate: Candidate) -> Receipt:
        left = frozenset(each.candidate for each in released(known))
        more = partial(_template_holds, known), partial(_is_apart, answers)
        verify_again(Ground(candidate, case, agreement, left), more)
        return sign_receipt(receipt_of(case, known.head), key)

    return broken | release(ledger_of(room), agreement, ready, verified)


def _written(room: Path, agreement: Agreement, case: Case, path: Path) -> Path:
    """The file of what was released; raises `ReleaseError` if it does not verify."""
    if not path.exists() and case.receipt is not None:
        ground = Ground(opened(room, case, agreement).candidate, case, agreement)
        write_release(make_release(ground, case.receipt), path)
    return path


def _template_holds(known: Docket, ground: Ground) -> None:
    proposal = known.proposals.get(ground.case.template)
    if proposal is None or proposal.standing is not Standing.APPROVED:
        raise ReleaseError(
            "Its template is not approved (any more).", "have it approved, and ask anew."
        )


def _is_apart(answers: Sequence[Answer], ground: Ground) -> None:
    """Compare with all that was shown before and released since; under noise nothing is exact."""
    if ground.candidate.manifest["policy"]["noise"] is None:
        policy = ground.agreement.effective_policy
        require_apart(ground.case.candidate, answers, ground.released, policy)


def _what_is_open(case: Case) -> str:
    """Why a candidate under review is not released yet."""
    asked = [f"A reviewer of {platform} asks for changes." for platform, _, _ in requests(case)]
    vacant = [str(platform) for platform, who in seats(case).items() if who is None]
    return asked[0] if asked else f"No reviewer of {' and '.join(vacant)} has approved."
