"""What was read from a source's file: the type that ``sources`` pass to ``transforms`` and ``checks``."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

REJECTS = pl.Schema({"row": pl.UInt32, "reason": pl.String, "raw": pl.String, "fault": pl.Boolean})
"""What was set aside, one row each: its row number as Excel or an editor shows it, why, the row as a JSON object, and
whether it is a fault of the file (a rate that CNBV leaves blank is not, and does not count towards the limit)."""


@dataclass(frozen=True)
class Extract:
    """The rows of one file in canonical form.

    Attributes:
        frame: ``codigo`` (canonical code), ``mes`` (first day of the month) and the source's own columns.
        rows_read: the number of data rows in the file, without blank ones.
        rejects: the rows and cells that were set aside, as ``REJECTS``.
        ignored: headers in the file that no specification names.
    """

    frame: pl.DataFrame
    rows_read: int
    rejects: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REJECTS))
    ignored: tuple[str, ...] = ()
