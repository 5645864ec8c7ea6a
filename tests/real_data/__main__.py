"""`python -m tests.real_data`: the room's totals on real data beside plain Polars."""

from __future__ import annotations

import sys

from tests.real_data.files import AbsentError
from tests.real_data.totals import shown, totals_table

if __name__ == "__main__":
    try:
        totals = totals_table()
    except AbsentError as error:
        sys.exit(str(error))
    sys.stdout.write(shown(totals))
