"""`cleanroom agreement`: read, complete and sign the agreement, and tell two apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cleanroom.errors import AgreementError
from cleanroom.tables import Platform

app = typer.Typer(no_args_is_help=True, help="Read, complete, sign and compare agreements.")


@app.command("check")
def agreement_check(file: Annotated[Path, typer.Argument(help="The agreement.")]) -> None:
    """Say what an agreement allows, and its digest."""
    from cleanroom.agreement import agreement_digest, load

    read = load(file)
    typer.echo(f"{read.collaboration}, version {read.version}, epoch {read.epoch}")
    for platform in Platform:
        opened = read.opened(platform)
        columns = sum(len(c) for c in opened.values())
        typer.echo(f"  {platform} opens {', '.join(opened)} ({columns} columns)")
    typer.echo(f"  studies: {', '.join(read.studies)}")
    typer.echo(f"  digest: {agreement_digest(read)}")


@app.command("complete")
def agreement_complete(
    draft: Annotated[Path, typer.Argument(help="The agreement without keys.")],
    public: Annotated[list[Path], typer.Option(help="A party's public.json; once for each.")],
    out: Annotated[Path, typer.Option(help="The completed agreement.")],
) -> None:
    """Fill public keys into an agreement.

    Those of both parties, of the room, and of the reviewers.
    """
    from cleanroom.agreement import agreement_digest, load, with_keys, write

    completed = with_keys(load(draft), [_enrolment(file) for file in public])
    write(completed, out)
    typer.echo(f"{out}: digest {agreement_digest(completed)}")


@app.command("sign")
def agreement_sign(
    file: Annotated[Path, typer.Argument(help="The completed agreement.")],
    platform: Annotated[Platform, typer.Option(help="Which platform signs.")],
    keys_folder: Annotated[Path, typer.Option("--keys", help="The platform's keys.")],
) -> None:
    """Sign an agreement for a platform.

    The signature is laid below the agreement's text, in place of an earlier one of the platform.
    """
    from cleanroom.agreement import agreement_digest, load
    from cleanroom.consent import signed, write_signatures
    from cleanroom.party.keys import load_keys

    read = load(file)
    agreed = signed(read, platform, load_keys(keys_folder, read, platform).identity)
    write_signatures(agreed, file)
    typer.echo(f"{file}: signed by {platform}; digest {agreement_digest(agreed)}")


@app.command("verify")
def agreement_verify(file: Annotated[Path, typer.Argument(help="The agreement.")]) -> None:
    """Say whether an agreement is in force.

    Names who signed it. Ends with 10 if a signature is missing or does not hold, or if today is
    not one of its days.
    """
    from cleanroom.agreement import agreement_digest, load
    from cleanroom.consent import consent_of, require_signed

    read = load(file)
    typer.echo(f"{read.collaboration}, version {read.version}, epoch {read.epoch}")
    for platform in Platform:
        typer.echo(f"  {platform}: {consent_of(read, platform)}")
    typer.echo(f"  valid from {read.valid_from} until {read.valid_until}")
    typer.echo(f"  digest: {agreement_digest(read)}")
    require_signed(read)
    typer.echo("In force today.")


@app.command("diff")
def agreement_diff(
    before: Annotated[Path, typer.Argument(help="An agreement.")],
    after: Annotated[Path, typer.Argument(help="Another, or another version.")],
) -> None:
    """Tell in which terms two agreements differ.

    One line for each: its place, what the first says, what the second says.
    """
    from cleanroom.agreement import load
    from cleanroom.consent import differences

    for line in differences(load(before), load(after)) or ["no difference"]:
        typer.echo(line)


def _enrolment(file: Path) -> dict[str, str]:
    try:
        enrolment: dict[str, str] = json.loads(file.read_bytes())
    except (OSError, ValueError):
        raise AgreementError(
            f"{file} is no public.json.", "name the file that `cleanroom keys create` printed."
        ) from None
    return enrolment
