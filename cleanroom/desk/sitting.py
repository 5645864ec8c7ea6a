"""Who sits at the desk, and what they may do there; if not, why not, in words."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom.agreement import Agreement
from cleanroom.desk.language import Said, said
from cleanroom.desk.standing import Case, Desk
from cleanroom.desk.views import State
from cleanroom.errors import KeysError
from cleanroom.keyring import whose
from cleanroom.tables import KeyRole, Platform


@dataclass(frozen=True)
class Sitting:
    """Who sits at the desk: a reviewer's platform, name and public key, and whether a passphrase
    opens the private one; or why nobody can sign here (`read_only`)."""

    platform: Platform | None = None
    name: str = ""
    key: str = ""
    locked: bool = False
    read_only: Said | None = None


def sitting_at(desk: Desk, agreement: Agreement) -> Sitting:
    """The reviewer whose keys the desk was started with."""
    if desk.keys is None:
        return Sitting(read_only=said("Read only: no reviewer’s key is at hand here."))
    try:
        public, locked = whose(desk.keys)
    except KeysError:
        return Sitting(read_only=said("Read only: the reviewer’s keys cannot be read."))
    if public.get("role") != KeyRole.REVIEWER.value:
        return Sitting(read_only=said("Read only: the keys at hand are not a reviewer’s."))
    platform, name = Platform(public["platform"]), public["name"]
    if agreement.parties[platform].reviewers.get(name) != public["identity_key"]:
        return Sitting(
            read_only=said("Read only: the agreement in force does not name this reviewer’s key.")
        )
    return Sitting(platform, name, public["identity_key"], locked)


def cannot_decide(case: Case, by: Sitting) -> Said | None:
    """Why the reviewer cannot decide on a candidate; None if they can."""
    if by.read_only is not None:
        return by.read_only
    if case.state is State.RELEASED:
        return said("It has been released; a release is not decided on again.")
    return None


def cannot_release(case: Case, desk: Desk) -> Said | None:
    """Why a candidate cannot be released; None if it can."""
    missing = [p for p in Platform if p not in {vote.platform for vote in case.votes}]
    reasons = (
        (case.state is State.RELEASED, said("It has been released already.")),
        (
            case.doubtful > 0,
            said("A vote on it is not its reviewer’s; have it removed from the room."),
        ),
        (
            not case.in_force,
            said("It was made under another agreement; the study has to be run again."),
        ),
        (
            len(missing) == len(Platform),
            said("No reviewer has voted yet; it takes one of each platform."),
        ),
        (Platform.ADS in missing, said("It waits for a reviewer of the ads platform.")),
        (Platform.STORE in missing, said("It waits for a reviewer of the store platform.")),
        (case.state is State.REJECTED, said("A reviewer rejected it.")),
    )
    return next((why for holds, why in reasons if holds), no_folder(desk))


def no_folder(desk: Desk) -> Said | None:
    """Why nothing can be released from this desk; None if something can."""
    if desk.releases is None:
        return said("The desk was started without a folder for releases (--out).")
    return None
