"""What a comma-separated file has to look like before it is scanned: the mistakes that a scan would not notice."""

from __future__ import annotations

import csv
import os
from typing import TYPE_CHECKING

from bankadvisor_etl.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

EDGE = 256 * 1024
"""How much of each end of the file is looked at, in bytes: thousands of rows."""


def check_csv(path: Path) -> list[str]:
    """Return the trimmed headers of a comma-separated file whose first and last lines are whole.

    Raises:
        InputError: the file is missing, empty, not comma-separated text of one byte a letter, or cut.
    """
    try:
        with path.open("rb") as file:
            head = file.read(EDGE)
            file.seek(max(0, file.seek(0, os.SEEK_END) - EDGE))
            tail = file.read(EDGE)
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror}") from error
    if not head.strip():
        raise InputError(f"{path.name}: the file is empty; fetch it again")
    if b"\0" in head or b"\0" in tail:
        raise InputError(f"{path.name}: holds NUL bytes, so it is not text of one byte a letter; save it as UTF-8")
    headers = _row(head.removeprefix(b"\xef\xbb\xbf").splitlines()[0])
    if len(headers) == 1:
        raise InputError(f"{path.name}, line 1: not a row of comma-separated headers: {headers[0][:80]!r}")
    last = _row(tail.rstrip().splitlines()[-1])
    if len(last) != len(headers):
        raise InputError(
            f"{path.name}: the last line has {len(last)} columns and the header {len(headers)}: the file was cut; "
            "fetch it again"
        )
    return headers


def _row(line: bytes) -> list[str]:
    # The last line may be one half of a row whose text holds a line break: it then has too few columns, and is refused.
    return [cell.strip() for cell in next(csv.reader([line.decode("utf-8", "replace")]), [""])]
