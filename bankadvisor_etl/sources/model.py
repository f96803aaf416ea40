"""What reading a source yields: the only type that leaves this package."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

REJECTS = pl.Schema({"row": pl.UInt32, "reason": pl.String, "raw": pl.String, "fault": pl.Boolean})
"""One refused row: its number as Excel or an editor shows it, why, the row as a JSON object, and whether it is a
fault of the file (a rate that CNBV leaves blank is none, and does not count against the limit of faults)."""


@dataclass(frozen=True)
class Reading:
    """The rows of one file in canonical form.

    Attributes:
        frame: ``codigo`` (canonical code), ``mes`` (first day of the month) and the source's own columns.
        rows_read: rows of data in the file, blank ones left out.
        rejects: the rows that were refused, as ``REJECTS``.
        ignored: headers of the file that no contract names.
    """

    frame: pl.DataFrame
    rows_read: int
    rejects: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REJECTS))
    ignored: tuple[str, ...] = ()
