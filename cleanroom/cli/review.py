"""`cleanroom review`: from a submitted candidate to a release, and what comes after."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cleanroom.cli.options import (
    Author,
    Comment,
    Out,
    ReviewerKeys,
    ReviewerName,
    ReviewerPlatform,
    RoomFolder,
)
from cleanroom.tables import Platform

app = typer.Typer(no_args_is_help=True, help="Submit, look, sign, release; return and recall.")
OneDigest = Annotated[str, typer.Argument(help="The first characters of its digest.")]
Digests = Annotated[
    list[str] | None,
    typer.Option("--candidate", help="A digest's first characters; once for each. All if none."),
]
Decided = Annotated[
    Literal["approve", "request-changes", "undecided"],
    typer.Option(help="What the reviewer says."),
]


@app.command("submit")
def review_submit(folder: RoomFolder, author: Author, candidate: Digests = None) -> None:
    """Ask for candidates to be released.

    Those named, or all drafts. Each is frozen under its digest, looked at by the machine, and
    laid before the reviewers.
    """
    from cleanroom.desk import queue
    from cleanroom.desk.submit import submit_cases
    from cleanroom.room.place import agreement_of

    read = agreement_of(folder)
    chosen = queue.named(queue.queue(folder), candidate) if candidate else queue.drafts(folder)
    chosen, broken = queue.sound(folder, chosen, read)
    for case in submit_cases(folder, read, chosen, author):
        typer.echo(f"{case.candidate[:12]}  {Path(case.file).stem}  {case.state}")
    _tell_broken(broken)


@app.command("list")
def review_list(folder: RoomFolder) -> None:
    """List the candidates, those in which something was found first.

    With where each stands, who has voted, and what was withheld by which rule.
    """
    from cleanroom.desk.queue import queue, why_broken
    from cleanroom.desk.words import listed
    from cleanroom.room.place import agreement_of

    read = agreement_of(folder)  # which says so if this is no room, or it works under none
    for case in queue(folder):
        broken = why_broken(folder, case, read) if case.is_under_review else ""
        typer.echo("\n".join(listed(case, broken)))


@app.command("show")
def review_show(folder: RoomFolder, digest: OneDigest) -> None:
    """Show all that one candidate would release."""
    from cleanroom.desk.queue import named, opened, queue
    from cleanroom.desk.sheet import sheet
    from cleanroom.room.place import agreement_of

    (case,) = named(queue(folder), [digest])
    typer.echo(sheet(opened(folder, case, agreement_of(folder))))


@app.command("status")
def review_status(
    folder: RoomFolder,
    digest: OneDigest,
    platform: Annotated[Platform | None, typer.Option(help="A reviewer's platform.")] = None,
    reviewer: Annotated[str, typer.Option(help="A reviewer's name, to see what they may.")] = "",
) -> None:
    """Say where a candidate stands, and everything that was done.

    What other reviewers say stays hidden until the reviewer named has decided.
    """
    from cleanroom.desk.queue import named, queue
    from cleanroom.desk.words import status_lines
    from cleanroom.room.place import agreement_of

    agreement_of(folder)
    (case,) = named(queue(folder), [digest])
    reader = (platform, reviewer) if platform is not None else None
    typer.echo("\n".join(status_lines(case, reader)))


@app.command("vote")
def review_vote(  # noqa: PLR0913, PLR0917 - who votes, on what, and what is said
    folder: RoomFolder,
    decision: Decided,
    platform: ReviewerPlatform,
    reviewer: ReviewerName,
    keys: ReviewerKeys,
    candidate: Digests = None,
    table: Annotated[
        list[str] | None,
        typer.Option(help="NAME=DECISION for one table, where it differs; once for each."),
    ] = None,
    comment: Comment = "",
) -> None:
    """Sign a decision on what `review show` showed.

    On each table still undecided, of the candidates named or of all. A later vote takes the place
    of the earlier one. Without names and comment, candidates in which something was found are left.
    """
    from cleanroom.desk import decide, queue, words
    from cleanroom.room.place import agreement_of

    read = agreement_of(folder)
    by = decide.reviewer(read, platform, reviewer, keys)
    said = words.decisions_of(decision, table or [])
    cases = queue.queue(folder)
    chosen = queue.named(cases, candidate or []) or queue.undecided(cases, platform, reviewer)
    chosen, broken = queue.sound(folder, chosen, read)
    left = [] if candidate or comment else queue.exceptions(chosen)
    chosen = [case for case in chosen if case not in left]
    receipts = decide.decide(folder, read, chosen, by, said, comment)
    typer.echo(f"{reviewer} of {platform}: {decision} signed; candidates: {len(chosen)}")
    for case in left:
        typer.echo(f"  left, for something was found: {case.candidate[:12]} {Path(case.file).stem}")
    if chosen:
        tell_receipt(folder, receipts)
    _tell_broken(broken)


@app.command("packet")
def review_packet(folder: RoomFolder, out: Out) -> None:
    """Pack what a reviewer needs to look and to sign on another machine.

    The ledger, the agreement and the candidates: no row and no key. What is signed there goes into
    its `signed.jsonl`, for `review record`.
    """
    from cleanroom.desk.packing import pack

    typer.echo(f"A packet in {out}; candidates: {len(pack(folder, out))}")


@app.command("record")
def review_record(
    folder: RoomFolder,
    file: Annotated[Path, typer.Argument(help="The signed.jsonl of a packet.")],
) -> None:
    """Record what reviewers signed in a packet.

    Each word is verified by public keys, and asked whether it still fits where the candidate stands
    now. What is recorded already is left.
    """
    from cleanroom.desk.packing import record
    from cleanroom.errors import ReviewError
    from cleanroom.review.packet import Carried, told

    brought = record(folder, file)
    for one in brought:
        reason = f": {one.reason}" if one.reason else ""
        typer.echo(f"{told(one.word)}: {one.outcome}{reason}")
    refused = [one for one in brought if one.outcome is Carried.REFUSED]
    if refused:
        raise ReviewError(
            f"Not recorded: {len(refused)} of {len(brought)}.",
            "send a new packet, to be looked at and signed anew.",
        )


@app.command("return")
def review_return(
    folder: RoomFolder,
    digest: OneDigest,
    platform: ReviewerPlatform,
    reviewer: ReviewerName,
    keys: ReviewerKeys,
    comment: Comment = "",
) -> None:
    """Give a candidate back to its author, who is then told what reviewers ask for."""
    _act("return", folder, digest, (platform, reviewer, keys), comment)


@app.command("reject")
def review_reject(
    folder: RoomFolder,
    digest: OneDigest,
    platform: ReviewerPlatform,
    reviewer: ReviewerName,
    keys: ReviewerKeys,
    comment: Comment = "",
) -> None:
    """Refuse a candidate for good; say why with --comment."""
    _act("reject", folder, digest, (platform, reviewer, keys), comment)


@app.command("recall")
def review_recall(
    folder: RoomFolder,
    digest: OneDigest,
    platform: ReviewerPlatform,
    reviewer: ReviewerName,
    keys: ReviewerKeys,
    comment: Comment = "",
) -> None:
    """Call a release back; say why with --comment.

    Its numbers are known, and count in whatever is compared with them.
    """
    _act("recall", folder, digest, (platform, reviewer, keys), comment)


@app.command("withdraw")
def review_withdraw(
    folder: RoomFolder, digest: OneDigest, author: Author, comment: Comment = ""
) -> None:
    """Take a candidate back, as its author."""
    from cleanroom.desk.queue import named, queue
    from cleanroom.review.office import withdraw
    from cleanroom.room.place import agreement_of, ledger_of

    agreement_of(folder)
    (case,) = named(queue(folder), [digest])
    withdraw(ledger_of(folder), case.candidate, author, comment)
    typer.echo(f"{case.candidate[:12]}  withdrawn")


@app.command("release")
def review_release(folder: RoomFolder, out: Out) -> None:
    """Release what both platforms approved; everything is verified again.

    Into releases that were recalled since it writes that they were.
    """
    from cleanroom.desk.decide import mark_recalled, release_approved
    from cleanroom.room.place import agreement_of

    read = agreement_of(folder)
    released, waiting = release_approved(folder, read, out)
    typer.echo(f"{len(released)} released into {out}")
    for file, reason in waiting.items():
        typer.echo(f"  not released: {file}: {reason}")
    for file, who_and_why in mark_recalled(folder, read, out).items():
        typer.echo(f"  RECALLED: {file}: {who_and_why}")


def tell_receipt(folder: Path, receipts: list[str]) -> None:
    """What to keep, or of what was signed in a packet, where to send it."""
    from cleanroom.review.packet import is_packet, outbox
    from cleanroom.room.place import ledger_of

    if is_packet(ledger_of(folder)):
        typer.echo(f"Send {outbox(ledger_of(folder))} to the room's operator: it is not there yet.")
    elif receipts:
        typer.echo(f"Keep this receipt: {receipts[-1]}")


def _tell_broken(broken: dict[str, str]) -> None:
    """What was left because its file is not what the ledger names; ends with 16 if anything was."""
    from cleanroom.errors import ReleaseError

    for digest, why in broken.items():
        typer.echo(f"  left, for it does not verify: {digest[:12]} {why}")
    if broken:
        raise ReleaseError(
            f"Candidates that do not verify: {len(broken)}.", "restore their files from a backup."
        )


def _act(
    kind: str, folder: Path, digest: str, who: tuple[Platform, str, Path], comment: str
) -> None:
    from cleanroom.desk import decide
    from cleanroom.desk.queue import named, queue
    from cleanroom.review.records import ActKind
    from cleanroom.room.place import agreement_of

    read = agreement_of(folder)
    by = decide.reviewer(read, *who)
    (case,) = named(queue(folder), [digest])
    receipts = decide.act(folder, read, [case.candidate], by, ActKind(kind), comment)
    typer.echo(f"{by.name} of {by.platform}: {kind} {case.candidate[:12]} signed")
    tell_receipt(folder, receipts)
