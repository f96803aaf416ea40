"""Rates files that are not comma-separated, not complete, or not right."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING

from broken import DATA, INPUT, TASAS, Broken
from broken_archives import HTML

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIDDLE = 2_500
LINE = f"row {MIDDLE + 1}"
CODE, CURRENCY, TERM = "Institution Code", "Currency", "Monitoring Term"
RATE, PORTFOLIO = "Average Rate", "Total Portfolio"


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(change(path.read_bytes()))


def _lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], object]:
    return _bytes(lambda content: b"".join(change(content.splitlines(keepends=True))))


def _middle(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    """Change a line in the middle of the file; it has to differ afterwards."""

    def one(lines: list[bytes]) -> list[bytes]:
        after = change(lines[MIDDLE])
        assert after != lines[MIDDLE]
        return [*lines[:MIDDLE], after, *lines[MIDDLE + 1 :]]

    return _lines(one)


def _header(old: bytes, new: bytes) -> Callable[[Path], object]:
    return _lines(lambda lines: [lines[0].replace(old, new, 1), *lines[1:]])


def _cells(header: str, value: str, rows: int = 100) -> Callable[[Path], object]:
    """Put a value into the column of the first rows, by default 2 % of them."""

    def change(lines: list[bytes]) -> list[bytes]:
        place = next(csv.reader([lines[0].decode("latin-1")])).index(header)
        return [lines[0], *(_with(line, place, value) for line in lines[1 : rows + 1]), *lines[rows + 1 :]]

    return _lines(change)


def _with(line: bytes, place: int, value: str) -> bytes:
    (row,) = csv.reader([line.decode("latin-1").rstrip("\r\n")])
    row[place] = value
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(row)
    return out.getvalue().encode("latin-1")


def _cut(line: bytes) -> bytes:
    return line[: len(line) // 2] + b"\r\n"


def _comma_lost(line: bytes) -> bytes:
    """Remove the third comma from the end: what follows moves to the left."""
    before, after = line.rsplit(b",", 3)[0], line.split(b",")[-3:]
    return before + b",".join(after)


def _more(line: bytes) -> bytes:
    return line.replace(b",", b",,", 1)


def _joined(line: bytes) -> bytes:
    return line.rstrip(b"\r\n")


def _split(line: bytes) -> bytes:
    return line[:60] + b"\r\n" + line[60:]


def _unclosed(line: bytes) -> bytes:
    return line.replace(b'",', b",", 1)


def _unopened(line: bytes) -> bytes:
    return line.replace(b',"', b",", 1)


def _stray_quote(line: bytes) -> bytes:
    return line.replace(b",", b',"', 1)


COLUMNS = "25 columns"
TABLE = [
    Broken("rates: no CSV", "empty", TASAS, INPUT, (TASAS, "empty"), _bytes(lambda _: b"")),
    Broken("rates: no CSV", "blank lines", TASAS, INPUT, (TASAS, "empty"), _bytes(lambda _: b"\r\n" * 9)),
    Broken("rates: no CSV", "a web page", TASAS, INPUT, (TASAS, "row 1", "DOCTYPE"), _bytes(lambda _: HTML)),
    Broken("rates: no CSV", "packed with gzip", TASAS, INPUT, (TASAS, "NUL"), _bytes(gzip.compress)),
    Broken(
        "rates: no CSV",
        "in UTF-16",
        TASAS,
        INPUT,
        (TASAS, "NUL"),
        _bytes(lambda c: c.decode("latin-1").encode("utf-16")),
    ),
    Broken("rates: no CSV", "NUL bytes at the end", TASAS, INPUT, (TASAS, "NUL"), _bytes(lambda c: c + bytes(4_096))),
    Broken(
        "rates: no CSV",
        "NUL bytes in the middle",
        TASAS,
        INPUT,
        (TASAS, "NUL", "row 2501"),
        _middle(lambda line: bytes(len(line))),
    ),
    Broken(
        "rates: no CSV",
        "semicolons",
        TASAS,
        INPUT,
        (TASAS, "row 1", "comma-separated headers"),
        _bytes(lambda c: c.replace(b",", b";")),
    ),
    Broken(
        "rates: no CSV",
        "tabs",
        TASAS,
        INPUT,
        (TASAS, "row 1", "comma-separated headers"),
        _bytes(lambda c: c.replace(b",", b"\t")),
    ),
    Broken(
        "rates: no CSV", "lines end in CR", TASAS, INPUT, (TASAS, "row 1"), _bytes(lambda c: c.replace(b"\r\n", b"\r"))
    ),
    Broken("rates: headers", "none", TASAS, DATA, (TASAS, CODE, "'Pesos'"), _lines(lambda lines: lines[1:])),
    Broken(
        "rates: headers", "nothing else", TASAS, DATA, (TASAS, "none of the 0 rows"), _lines(lambda lines: lines[:1])
    ),
    Broken(
        "rates: headers", "a blank line first", TASAS, INPUT, (TASAS, "row 1"), _lines(lambda lines: [b"\r\n", *lines])
    ),
    Broken(
        "rates: headers",
        "one renamed",
        TASAS,
        DATA,
        (TASAS, f"column '{RATE}'"),
        _header(b"Average Rate,", b"Avg Rate,"),
    ),
    Broken(
        "rates: headers",
        "one doubled",
        TASAS,
        DATA,
        (TASAS, f"'{CURRENCY}'", "twice"),
        _header(b"Currency type", b"Currency"),
    ),
    Broken(
        "rates: lines",
        "the last one cut",
        TASAS,
        INPUT,
        (TASAS, "the last line has", "truncated"),
        _bytes(lambda c: c[:-60]),
    ),
    Broken("rates: lines", "one cut", TASAS, INPUT, (TASAS, LINE, COLUMNS), _middle(_cut)),
    Broken("rates: lines", "one with a comma too few", TASAS, INPUT, (TASAS, LINE, COLUMNS), _middle(_comma_lost)),
    Broken("rates: lines", "one with a comma too many", TASAS, INPUT, (TASAS, LINE, COLUMNS), _middle(_more)),
    Broken("rates: lines", "two joined", TASAS, INPUT, (TASAS, LINE, COLUMNS), _middle(_joined)),
    Broken("rates: lines", "one split", TASAS, INPUT, (TASAS, LINE, COLUMNS), _middle(_split)),
    Broken("rates: quotes", "one not closed", TASAS, INPUT, (TASAS, LINE, COLUMNS), _middle(_unclosed)),
    Broken("rates: quotes", "one not opened", TASAS, INPUT, (TASAS, LINE, COLUMNS), _middle(_unopened)),
    Broken("rates: quotes", "a stray one before a text", TASAS, INPUT, (TASAS,), _middle(_stray_quote)),
    Broken(
        "rates: rows",
        "2 % with no number for a rate",
        TASAS,
        0,
        ("rejects_tasas", "row 2", RATE, "'n/a'"),
        _cells(RATE, "n/a"),
        kept=100,
    ),
    Broken(
        "rates: rows",
        "2 % with a rate of 250",
        TASAS,
        0,
        ("rejects_tasas", "row 2", RATE, "250", "outside"),
        _cells(RATE, "250"),
        kept=100,
    ),
    Broken(
        "rates: rows",
        "2 % with a rate of nan",
        TASAS,
        0,
        ("rejects_tasas", RATE, "'nan'"),
        _cells(RATE, "nan"),
        kept=100,
    ),
    Broken(
        "rates: rows",
        "2 % with a portfolio of 1e300",
        TASAS,
        0,
        ("rejects_tasas", "row 2", PORTFOLIO, "1e300"),
        _cells(PORTFOLIO, "1e300"),
        kept=100,
    ),
    Broken(
        "rates: rows",
        "2 % with a name for a code",
        TASAS,
        0,
        ("rejects_tasas", CODE, "'INVEX'"),
        _cells(CODE, "INVEX"),
        kept=100,
    ),
    Broken("rates: rows", "2 % with NUL in a code", TASAS, INPUT, (TASAS, "NUL"), _cells(CODE, "04\x000059")),
    Broken(
        "rates: rows",
        "2 % in month 13",
        TASAS,
        0,
        ("rejects_tasas", TERM, "'13/31/2024'"),
        _cells(TERM, "13/31/2024"),
        kept=100,
    ),
    Broken(
        "rates: rows",
        "2 % in another currency",
        TASAS,
        0,
        ("rejects_tasas", CURRENCY, "'Pesos'"),
        _cells(CURRENCY, "Pesos"),
        kept=100,
    ),
    Broken("rates: rows", "one in 2099", TASAS, DATA, ("future_tasas", "209901"), _cells(TERM, "1/31/2099", 1)),
    Broken("rates: rows", "no rate in any", TASAS, DATA, (TASAS, "none of the 5,000 rows"), _cells(RATE, "", 5_000)),
    Broken(
        "rates: rows",
        "half of them gone",
        TASAS,
        DATA,
        ("rows_share_tasas", "of the 5,000 rows"),
        _lines(lambda lines: lines[:2_500]),
    ),
]
