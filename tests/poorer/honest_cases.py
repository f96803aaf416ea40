"""Legitimate changes: what was done to which files, and exactly what changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from poorer_cases import BBVA, CAPITAL, DICTAMEN, EFFECTIVE, INVEX, LIB, QUITAS, RATE, RESERVAS, SISTEMA
from sheets import (
    as_text,
    blank_rows,
    both,
    columns_reversed,
    gone,
    merged,
    moved,
    new_bank,
    next_month,
    put,
    reverse,
    sheet_called,
    sheets_around,
    spaced_headers,
    times,
    with_column,
)

from bankadvisor_etl.figures import FED_BY
from bankadvisor_etl.sources.amounts import AMOUNTS
from support.contract import FILES
from support.small import (
    CARTERA,
    CASTIGOS,
    ICAP,
    INSTITUCIONES,
    TASA_EFECTIVA,
    TASAS,
    TDA,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sheets import Edit


class Honest(NamedTuple):
    """One legitimate change.

    Attributes:
        what: what was done.
        edits: the same as edits, by file.
        months: the months whose figures change.
        columns: the figures that change.
        codes: the banks whose figures change; None if there are too many to list.
        fresh: the number of new bank-months.
    """

    what: str
    edits: Mapping[str, Edit]
    months: Collection[int] = ()
    columns: Collection[str] = ()
    codes: Collection[str] | None = ()
    fresh: int = 0

    def __str__(self) -> str:
        return f"{'+'.join(self.edits)}: {self.what}"


BOOK = FED_BY["cartera"]
AUGUST = next_month(202507, 202508, 1.01, *AMOUNTS.values())
BANKS = 42
"""Bank-months of a month of the small sample, the system's included."""
RATIOS = ("imor", "icor", "pe_", "ct_", "cvc")
WITHOUT_LOANS = (*FED_BY["icap"], *(name for name in BOOK if not name.startswith(RATIOS)))
"""The figures of a bank-month that is published only for its ICAP."""
SHAPE = "a column more, rows and columns in the opposite order, spaces about the headers, sheets before and after"
"""Edits that change no figure; applied all at once, since each night takes time."""

HONEST = [
    Honest("a new month", {CARTERA: AUGUST}, [202508], BOOK, None, BANKS),
    Honest("a new month", {ICAP: next_month(202506, 202507, 1.01, *CAPITAL)}, [202507], WITHOUT_LOANS, None, 2),
    Honest(
        "a new month", {CARTERA: AUGUST, TDA: next_month(202507, 202508, 1.02, DICTAMEN)}, [202508],
        (*BOOK, "tda_cartera_total"), None, BANKS,
    ),
    Honest(
        "a new month", {CARTERA: AUGUST, CASTIGOS: next_month(202507, 202508, 1.5, LIB, QUITAS)}, [202508],
        (*BOOK, *FED_BY["castigos"]), None, BANKS,
    ),
    Honest(
        "a new month", {CARTERA: AUGUST, TASAS: next_month(202507, 202508, 1.05, RATE)}, [202508],
        (*BOOK, *FED_BY["tasas"]), None, BANKS,
    ),
    Honest(
        "a new month", {TASA_EFECTIVA: next_month(202412, 202502, 1.1, *EFFECTIVE)}, [202502],
        FED_BY["tasa_efectiva"], None,
    ),
    Honest("a month in between", {TASA_EFECTIVA: next_month(202412, 202411, 1.1, *EFFECTIVE)}, [202411],
           FED_BY["tasa_efectiva"], None),
    Honest("an ICAP restated", {ICAP: times(0.6, "ICAP Total", codes=[INVEX], months=[202501])}, [202501],
           ["icap_total"], [INVEX]),
    Honest("every ICAP restated by a thousandth", {ICAP: times(1.001, *CAPITAL)},
           [*range(202401, 202413), *range(202501, 202507)], FED_BY["icap"], None),
    Honest("a bank's rates restated", {TDA: times(1.2, DICTAMEN, codes=[BBVA], months=[202501])}, [202501],
           ["tda_cartera_total"], [BBVA, SISTEMA]),
    Honest("a write-off restated", {CASTIGOS: times(1.2, LIB, codes=[BBVA], months=[202407])},
           range(202407, 202413), FED_BY["castigos"], [BBVA]),
    Honest("reserves restated", {CARTERA: moved(1.1, RESERVAS, INVEX, 202412)}, [202412, 202501],
           ["reservas_etapa_todas", "reservas_variacion_mm", "icor", "pe_total"], [INVEX, SISTEMA]),
    Honest("a write-off restated far", {CASTIGOS: times(30.5, LIB, codes=[INVEX], months=[202506])}, [202506, 202507],
           FED_BY["castigos"], [INVEX]),
    Honest("a new bank", {CARTERA: both(AUGUST, new_bank("040998", INVEX, 202508))}, [202508], BOOK, None, BANKS + 1),
    Honest("a new bank with a name", {
        CARTERA: both(AUGUST, new_bank("040998", INVEX, 202508)),
        INSTITUCIONES: lambda table: table.rows.append(["040998", "BANCO NUEVO"]),
    }, [202508], BOOK, None, BANKS + 1),
    Honest("a bank merges", {CARTERA: both(AUGUST, merged(INVEX, BBVA, 202508))}, [202508], BOOK, None, BANKS - 1),
    Honest("a bank is renamed", {INSTITUCIONES: put("BANCO INVEX, S.A. (antes INVEX)", "DESCRIPCION",
                                                   codes=[INVEX])}),
    Honest("a bank reports no ICAP any more", {ICAP: both(next_month(202506, 202507, 1.01, *CAPITAL),
                                                         gone([INVEX], [202507]))},
           [202507], WITHOUT_LOANS, None, 2),
    Honest("months as Excel shows them", {ICAP: put("jun-25", "FECHA", months=[202506])}),
    Honest("months as dates", {TDA: put("2025-06-01", "cve_periodo", months=[202506])}),
    Honest("numbers as text", {ICAP: as_text(*CAPITAL), TDA: as_text(DICTAMEN), CASTIGOS: as_text(LIB)}),
    Honest("codes as numbers", {ICAP: put(40059, "Cve_Inst", codes=[INVEX])}),
    Honest("blank rows in the middle", {TDA: blank_rows, ICAP: blank_rows, CASTIGOS: blank_rows}),
    Honest("sheets in capitals", {TDA: sheet_called("SHEET1"), ICAP: sheet_called("icap bancos ")}),
    *(
        Honest(SHAPE, {file: both(with_column, reverse, columns_reversed, spaced_headers, *sheets)})
        for file in FILES.values()
        for sheets in [() if file == TASAS else (sheets_around,)]
    ),
]  # fmt: skip
