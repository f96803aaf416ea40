"""Checks of a comma-separated file, for mistakes that a scan would not notice."""

from __future__ import annotations

import csv
import os
from typing import TYPE_CHECKING

import polars as pl

from bankadvisor_etl.errors import InputError, Place
from bankadvisor_etl.formats.headers import told_apart

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

AGAIN = "fetch the file again"
EDGE = 256 * 1024
"""Bytes at each end of the file that are checked: thousands of rows."""


def check_csv(path: Path) -> list[str]:
    """Return the headers, trimmed and unique, of a comma-separated file whose first and last lines are complete.

    Raises:
        InputError: the file is missing, empty, truncated, or not comma-separated text of one byte per letter.
    """
    try:
        with path.open("rb") as file:
            head = file.read(EDGE)
            file.seek(max(0, file.seek(0, os.SEEK_END) - EDGE))
            tail = file.read(EDGE)
            nul = _line_with_nul(file)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", Place(path.name)) from error
    if not head.strip():
        raise InputError("the file is empty", Place(path.name), AGAIN)
    if nul:
        what = "a NUL byte, so the file is damaged or not text of one byte per letter"
        raise InputError(what, Place(path.name, row=nul), f"{AGAIN}, or save it as UTF-8")
    first = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].removesuffix(b"\r")
    headers = _row(first.partition(b"\r")[0])
    if len(headers) < 2 or b"\r" in first:  # noqa: PLR2004 - one cell is what any other text gives
        value = first[:80].decode("utf-8", "replace")
        raise InputError("is not a line of comma-separated headers", Place(path.name, row=1, value=value), AGAIN)
    last = _row(tail.rstrip().rsplit(b"\n", 1)[-1])
    if len(last) != len(headers):
        what = f"the last line has {len(last)} columns and the header {len(headers)}: the file is truncated"
        raise InputError(what, Place(path.name), AGAIN)
    return told_apart(headers)


def check_lines(path: Path, columns: int) -> None:
    """Raise ``InputError`` if a line has more or fewer than ``columns`` columns; blank lines are ignored."""
    cell = r'(?:"(?:[^"]|"")*"|[^",]*)'
    lines = pl.scan_csv(
        path,
        has_header=False,
        skip_lines=1,
        separator="\1",  # does not occur in text, so the line is one column
        quote_char=None,
        schema={"text": pl.String},
        encoding="utf8-lossy",
        row_index_name="number",
        row_index_offset=2,
        glob=False,
    )
    odd = ~pl.col("text").str.contains(rf"^(?:{cell},){{{columns - 1}}}{cell}$") & (
        pl.col("text").str.strip_chars() != ""
    )
    found = lines.filter(odd).select("number").collect(engine="streaming")["number"].sort()
    if found.len():
        more = f" (and {found.len() - 1:,} more lines like it)" if found.len() > 1 else ""
        what = f"the line does not have the {columns} columns of the header{more}"
        raise InputError(what, Place(path.name, row=found[0]), AGAIN)


def _line_with_nul(file: BinaryIO) -> int | None:
    """The number of the first line with a NUL byte, as an incomplete copy may leave in the middle."""
    if not any(b"\0" in block for block in _blocks(file)):
        return None
    lines = 1
    for block in _blocks(file):
        before, nul, _ = block.partition(b"\0")
        lines += before.count(b"\n")
        if nul:
            break
    return lines


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    return iter(lambda: file.read(EDGE), b"")


def _row(line: bytes) -> list[str]:
    # The last line may be half of a row whose text contains a line break: it then has too few columns and is refused.
    return [cell.strip() for cell in next(csv.reader([line.decode("utf-8", "replace")]), [""])]
