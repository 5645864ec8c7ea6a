"""Join keys of both sides as values that can be compared, whichever way the agreement joins.

In a keyed join they are: both platforms made the same tokens. In a blinded join each platform has
handles of its own, and the match says which two stand for one identifier.
"""

from __future__ import annotations

import narwhals as nw

from cleanroom.agreement import JoinMode
from cleanroom.room.blinded import links_file
from cleanroom.room.engine import Frame
from cleanroom.room.vault import Vault, kept_rows, rows_of
from cleanroom.tables import TABLES, Platform

_UNLINKED = "-"  # no handle begins with it


def with_join_key(vault: Vault, table: str, column: str) -> Frame:
    """A table's rows, its join key `column` comparable with the other platform's.

    The store's handles become the ads platform's where the match links them; the others are marked,
    so that they equal nothing, whatever the store handed over. Raises `HandoverError` if a blinded
    join has no match yet.
    """
    rows, contract = rows_of(vault, table), TABLES[table]
    kind = contract.columns[column].identifier
    if vault.agreement.join.mode is JoinMode.KEYED or kind is None:
        return rows
    file = links_file(vault, kind)  # on both sides, so that neither is joined without the match
    if contract.platform is Platform.ADS:
        return rows
    linked = kept_rows(vault, [file]).rename({Platform.STORE: column, Platform.ADS: "linked"})
    alone = nw.concat_str([nw.lit(_UNLINKED), nw.col(column)])
    return (
        rows.join(linked, on=column, how="left")
        .with_columns(nw.coalesce(nw.col("linked"), alone).alias(column))
        .drop("linked")
    )
