"""Workbooks with the regulator's layout, with cells and rows that do not fit their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broken import CARTERA, DATA, ICAP, INPUT, INSTITUCIONES, TASA_EFECTIVA, TDA, Broken
from broken_sheets import E1, E3, INVEX, column, operating

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _invex(header: str, value: object, **key: str) -> Callable[[Path], None]:
    """Put a value into INVEX's row of 202503, or into the row with ``key``."""

    def do(path: Path) -> None:
        with operating(path) as sheet:
            sheet.set(sheet.row(**(key or {"Institucion": INVEX, "Cve_Periodo": "202503"})).number, header, value)

    return do


def _cells(header: str, value: object, share: float) -> Callable[[Path], None]:
    """Put a value into the first cells of a column."""

    def do(path: Path) -> None:
        with operating(path) as sheet:
            numbers = [row.number for row in sheet.rows()]
            sheet.set_column(header, numbers[: int(len(numbers) * share)], value)

    return do


def _repeat(**key: str) -> Callable[[Path], None]:
    def do(path: Path) -> None:
        with operating(path) as sheet:
            sheet.repeat(sheet.row(**key))

    return do


TABLE = [
    Broken(
        "cell",
        "10 MB of text",
        CARTERA,
        DATA,
        (CARTERA, "row ", E3, "BBB' is not a number"),
        _invex(E3, "B" * 10_000_000),
    ),
    Broken(
        "cell",
        "words in an amount",
        CARTERA,
        DATA,
        (CARTERA, "'Sheet1'", "row ", f"'{E3}'", "'n.d.'"),
        _invex(E3, "n.d."),
    ),
    Broken(
        "cell", "an amount with a comma for the point", CARTERA, DATA, (CARTERA, E3, "'1117,7'"), _invex(E3, "1117,7")
    ),
    Broken("cell", "#REF! in an amount", CARTERA, DATA, (CARTERA, f"'{E3}'", "'#REF!'"), _invex(E3, "#REF!")),
    Broken(
        "cell",
        "#DIV/0! in a code",
        CARTERA,
        DATA,
        (CARTERA, "'Institucion'", "'#DIV/0!'"),
        _invex("Institucion", "#DIV/0!"),
    ),
    Broken("cell", "every amount #N/A", CARTERA, DATA, (CARTERA, "row 2", f"'{E1}'", "'#N/A'"), column(E1, "#N/A")),
    Broken("cell", "nan", CARTERA, DATA, (CARTERA, "row ", f"'{E3}'", "'nan'"), _invex(E3, "nan")),
    Broken("cell", "inf", CARTERA, DATA, (CARTERA, "row ", f"'{E3}'", "'-inf'"), _invex(E3, "-inf")),
    Broken("cell", "a NUL", CARTERA, INPUT, (CARTERA, "NUL"), _invex("Año", "20_x0000_25")),
    Broken(
        "cell", "month 202513", CARTERA, DATA, (CARTERA, "'Cve_Periodo'", "'202513'"), _invex("Cve_Periodo", 202513)
    ),
    Broken(
        "cell",
        "month 202500, as text",
        CARTERA,
        DATA,
        (CARTERA, "'Cve_Periodo'", "'202500'"),
        _invex("Cve_Periodo", "202500"),
    ),
    Broken("cell", "a blank month", CARTERA, DATA, (CARTERA, "'Cve_Periodo'"), _invex("Cve_Periodo", None)),
    Broken(
        "cell",
        "a name for a code",
        CARTERA,
        DATA,
        (CARTERA, "'Institucion'", "'INVEX'"),
        _invex("Institucion", "INVEX"),
    ),
    Broken(
        "key",
        "twice",
        CARTERA,
        DATA,
        (CARTERA, "rows ", "040059, 2025-03-01", "more than once"),
        _repeat(Institucion=INVEX, Cve_Periodo="202503"),
    ),
    Broken(
        "key",
        "twice, optional",
        TDA,
        DATA,
        (TDA, "rows ", "040059, 2025-03-01"),
        _repeat(cve_institucion=INVEX, cve_periodo="202503"),
    ),
    Broken(
        "key", "twice, of another month", CARTERA, DATA, (CARTERA, "040059, 2025-02-01"), _invex("Cve_Periodo", 202502)
    ),
    Broken("key", "a code twice", INSTITUCIONES, DATA, (INSTITUCIONES, "more than once"), _repeat(CLAVE=INVEX)),
    Broken(
        "key",
        "a month twice",
        TASA_EFECTIVA,
        DATA,
        (TASA_EFECTIVA, "2024-12-01", "more than once"),
        _repeat(Fecha1="45657"),
    ),
    Broken(
        "faulty rows",
        "words in 2 % of ICAP",
        ICAP,
        0,
        ("rejects_icap", "row 2", "'ICAP Total'", "'s/d'"),
        _cells("ICAP Total", "s/d", 0.02),
        kept=20,
    ),
    Broken(
        "faulty rows",
        "#REF! in 2 % of TDA",
        TDA,
        0,
        ("rejects_tda", "'TDA Cartera total'", "'#REF!'"),
        _cells("TDA Cartera total", "#REF!", 0.02),
        kept=20,
    ),
    Broken(
        "faulty rows",
        "names for 2 % of codes",
        TDA,
        0,
        ("rejects_tda", "'cve_institucion'", "'Banco'"),
        _cells("cve_institucion", "Banco", 0.02),
        kept=20,
    ),
    Broken(
        "column",
        "of another type: one number for all dates",
        ICAP,
        DATA,
        (ICAP, "'ICAP Bancos'", "row ", "2024-01-01"),
        column("FECHA", "202401"),
    ),
]
