"""`cleanroom keys` and `cleanroom party`: what each party does on its own machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from cleanroom.cli.options import AgreementFile, MailboxUrl, Out, Timeout
from cleanroom.tables import KeyRole, Platform

keys = typer.Typer(
    no_args_is_help=True, help="Create, compare, rotate keys, on their owner's machine."
)
party = typer.Typer(no_args_is_help=True, help="A platform's step, on its own machine.")
KeysFolder = Annotated[Path, typer.Option("--keys", help="The platform's keys.")]


@keys.command("create")
def keys_create(
    role: Annotated[KeyRole, typer.Argument(help="Whose keys.")],
    agreement_file: AgreementFile,
    out: Annotated[Path, typer.Option(help="A directory for them; only its owner may read it.")],
    key_file: Annotated[
        Path | None,
        typer.Option(help="What locks them; made if absent. Without one: a passphrase."),
    ] = None,
    platform: Annotated[Platform | None, typer.Option(help="A reviewer's platform.")] = None,
    name: Annotated[str | None, typer.Option(help="A reviewer's name.")] = None,
) -> None:
    """Create the keys of one role.

    Prints the file with their public part, which goes into the agreement.
    """
    from cleanroom.agreement import load
    from cleanroom.bench.enrol import create_keys

    read = load(agreement_file)
    typer.echo(create_keys(role, out, read, key_file=key_file, platform=platform, name=name))


@keys.command("fingerprint")
def keys_fingerprint(
    platform: Annotated[Platform, typer.Argument(help="Whose keys these are.")],
    agreement_file: AgreementFile,
    keys_folder: KeysFolder,
) -> None:
    """Print what both platforms compare by a call.

    The same digits at both: the join key is theirs alone, and nobody exchanged a key on its way.
    """
    from cleanroom.agreement import load
    from cleanroom.party.derive import fingerprint
    from cleanroom.party.keys import load_keys

    typer.echo(fingerprint(load_keys(keys_folder, load(agreement_file), platform)))


@keys.command("rotate")
def keys_rotate(
    platform: Annotated[Platform, typer.Argument(help="Whose keys these are.")],
    from_keys: Annotated[Path, typer.Option(help="The platform's keys of the epoch before.")],
    from_agreement: Annotated[Path, typer.Option(help="The agreement of the last handover.")],
    keys_folder: KeysFolder,
    agreement_file: AgreementFile,
    export: Annotated[Path, typer.Option(help="Directory of the platform's export files.")],
    out: Out,
) -> None:
    """Seal a table from old tokens to new ones to the room.

    When an epoch ends: the room alone can then tell who was behind its earlier releases.
    """
    from cleanroom.agreement import load
    from cleanroom.party.keys import load_keys
    from cleanroom.party.rotation import Epoch, write_rotation

    before, after = load(from_agreement), load(agreement_file)
    old = Epoch(load_keys(from_keys, before, platform), before)
    new = Epoch(load_keys(keys_folder, after, platform), after)
    typer.echo(write_rotation(export, old, new, out))


@party.command("handover")
def party_handover(
    platform: Annotated[Platform, typer.Argument(help="Whose export this is.")],
    agreement_file: AgreementFile,
    export: Annotated[Path, typer.Option(help="Directory of the platform's export files.")],
    keys_folder: KeysFolder,
    out: Out,
) -> None:
    """Check an export and write the handover.

    Bad rows go to quarantine with their reasons; identifiers become tokens.
    """
    from cleanroom.agreement import load
    from cleanroom.party.handover import write_handover
    from cleanroom.party.keys import load_keys

    read = load(agreement_file)
    _, report = write_handover(export, load_keys(keys_folder, read, platform), read, out)
    typer.echo(report)


@party.command("match")
def party_match(  # noqa: PLR0913, PLR0917 - an option for each of its places
    platform: Annotated[Platform, typer.Argument(help="Whose side this is.")],
    agreement_file: AgreementFile,
    keys_folder: Annotated[Path, typer.Option("--keys", help="The platform's keys.")],
    export: Annotated[Path, typer.Option(help="The export that was handed over.")],
    handover: Annotated[Path, typer.Option(help="The handover that was made of it.")],
    mailbox: MailboxUrl,
    state: Annotated[Path, typer.Option(help="The platform's own directory for the match.")],
    timeout: Timeout = 3600,
) -> None:
    """Take part in the blinded join.

    Blinds the own click ids, and doubles the other platform's. Waits for the others; killed, it
    goes on where it stopped.
    """
    from cleanroom.agreement import load
    from cleanroom.cli.progress import Shown
    from cleanroom.keyring import forget_passphrase
    from cleanroom.mailbox import open_mailbox
    from cleanroom.party.keys import load_keys
    from cleanroom.party.match import match
    from cleanroom.party.match_state import folder_of
    from cleanroom.party.side import side_of
    from cleanroom.stepwise import alone, run

    read = load(agreement_file)
    shown = Shown(platform)
    side = side_of(
        read,
        load_keys(keys_folder, read, platform),
        export,
        handover,
        open_mailbox(mailbox),
        state,
    )
    forget_passphrase()  # the processes that blind need none
    with alone(folder_of(state, side.keys)):
        run(match(replace(side, progress=shown)), timeout, shown)
