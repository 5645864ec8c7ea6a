"""`cleanroom keys` and `cleanroom party`: what each party does on its own machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cleanroom.cli.options import AgreementFile, Out
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
