"""`cleanroom template`: what may be run on real rows, approved once by both platforms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cleanroom.cli.options import (
    Author,
    Comment,
    Notebooks,
    ReviewerKeys,
    ReviewerName,
    ReviewerPlatform,
    RoomFolder,
)
from cleanroom.cli.review import tell_receipt

app = typer.Typer(no_args_is_help=True, help="Propose and approve what may be run on real rows.")
Digests = Annotated[
    list[str] | None,
    typer.Option("--template", help="A digest's first characters; once for each. All if none."),
]


@app.command("propose")
def template_propose(
    folder: RoomFolder,
    drafts: Annotated[Path, typer.Argument(help="The YAML file of templates.")],
    author: Author,
    notebooks: Notebooks = Path("notebooks"),
) -> None:
    """Propose study templates.

    Each with its notebook as it is now. What was proposed before stays as it is.
    """
    from cleanroom.review.office import propose
    from cleanroom.review.templates import load_drafts, template_of
    from cleanroom.room.place import agreement_of, ledger_of

    read = agreement_of(folder)
    templates = [
        template_of(draft, name, read, notebooks) for name, draft in load_drafts(drafts).items()
    ]
    for template in propose(ledger_of(folder), templates, author):
        typer.echo(f"{template.digest[:12]}  {template.name}  proposed by {author}")


@app.command("approve")
def template_approve(
    folder: RoomFolder,
    platform: ReviewerPlatform,
    reviewer: ReviewerName,
    keys: ReviewerKeys,
    template: Digests = None,
    comment: Comment = "",
) -> None:
    """Sign study templates for a platform.

    Those named, or all that the platform has not signed yet. Once both platforms have signed, the
    room answers what the template covers.
    """
    from cleanroom.desk import decide, proposals
    from cleanroom.review.records import ActKind
    from cleanroom.room.place import agreement_of

    read = agreement_of(folder)
    by = decide.reviewer(read, platform, reviewer, keys)
    chosen = proposals.waiting_for(folder, platform, template)
    receipts = decide.act(folder, read, chosen, by, ActKind.APPROVE_TEMPLATE, comment)
    typer.echo(f"{reviewer} of {platform}: approved; templates: {len(chosen)}")
    if chosen:
        tell_receipt(folder, receipts)


@app.command("revoke")
def template_revoke(
    folder: RoomFolder,
    template: Annotated[str, typer.Argument(help="The first characters of its digest.")],
    platform: ReviewerPlatform,
    reviewer: ReviewerName,
    keys: ReviewerKeys,
    comment: Comment = "",
) -> None:
    """Take an approval back, for good.

    One platform is enough. The room then runs nothing by this template, and releases nothing.
    """
    from cleanroom.desk import decide, proposals
    from cleanroom.review.records import ActKind
    from cleanroom.room.place import agreement_of

    read = agreement_of(folder)
    by = decide.reviewer(read, platform, reviewer, keys)
    chosen = proposals.named(folder, [template])
    receipts = decide.act(folder, read, chosen, by, ActKind.REVOKE_TEMPLATE, comment)
    typer.echo(f"{reviewer} of {platform}: revoked {chosen[0][:12]}")
    tell_receipt(folder, receipts)


@app.command("list")
def template_list(folder: RoomFolder) -> None:
    """List the study templates: bounds, notebook, and who approved them."""
    from cleanroom.desk import proposals

    for line in proposals.told(folder):
        typer.echo(line)
