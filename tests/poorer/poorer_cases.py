"""Files that are poorer than what is published: file, what was done to it, the exit code, and the finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sheets import (
    blank,
    doubled,
    every,
    gone,
    half,
    only,
    put,
    renamed,
    sheet_called,
    slid,
    sorted_alone,
    times,
    without_column,
)

from bankadvisor_etl.sources.amounts import AMOUNTS
from support.small import (
    CARTERA,
    CASTIGOS,
    CASTIGOS_COMERCIALES,
    ICAP,
    INSTITUCIONES,
    TASA_EFECTIVA,
    TASAS,
    TDA,
)

if TYPE_CHECKING:
    from sheets import Edit, Table

INVEX, BBVA, SISTEMA = "040059", "040012", "5"
INVEX_JUNE = {"codes": [INVEX], "months": [202506]}
BBVA_JANUARY = {"codes": [BBVA], "months": [202401]}
DICTAMEN, RESERVAS = "TDA Cartera total", AMOUNTS["reservas"]
CAPITAL = ("ICAP Total", "CCB", "CCF")
LIB, QUITAS = "LIB_CASTIGOS_COMERC", "QUITAS_COMER"
ACUMULADO = "CASTIGOS ACMULUADOS COMERCIAL"
RATE = "Average Rate"
EFFECTIVE = ("Sistema", "Invex Consumo")


class Poorer(NamedTuple):
    """One poorer file.

    Attributes:
        file: its name.
        what: what was done to it.
        edit: the same as a change of its rows; None removes the file.
        code: exit code of the night.
        finding: a check that fails; empty if the file feeds no figure and none is needed.
    """

    file: str
    what: str
    edit: Edit | None
    code: int
    finding: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


def european_dates(table: Table) -> None:
    at = table.place("Monitoring Term")
    for row in table.rows[1:]:
        month, day, year = str(row[at]).split("/")
        row[at] = f"{day}/{month}/{year}"


def rounded(table: Table) -> None:
    table.change(AMOUNTS.values(), lambda cell: None if cell is None else round(float(cell)))


def half_of_one_bank(table: Table) -> None:
    table.without(table.where([BBVA])[::2])


POORER = [
    # --- adjusted delinquency
    Poorer(TDA, "the file is not there", None, 0, "file_tda"),
    Poorer(TDA, "formulas without values", blank(DICTAMEN), 0, "figures_absent_tda"),
    Poorer(TDA, "one month's formulas without values", blank(DICTAMEN, months=[202412]), 0, "figures_absent_tda"),
    Poorer(TDA, "one cell is blank", blank(DICTAMEN, **BBVA_JANUARY), 0, "figures_kept_tda"),
    Poorer(TDA, "one cell says n.d.", put("n.d.", DICTAMEN, **BBVA_JANUARY), 0, "figures_kept_tda"),
    Poorer(TDA, "one cell with a decimal comma", put("4,66", DICTAMEN, **BBVA_JANUARY), 0, "figures_kept_tda"),
    Poorer(TDA, "every cell with a decimal comma", put("4,66", DICTAMEN), 0, "rejects_tda"),
    Poorer(TDA, "one row is gone", gone(**BBVA_JANUARY), 0, "figures_kept_tda"),
    Poorer(TDA, "one code is blank", blank("cve_institucion", **BBVA_JANUARY), 0, "figures_kept_tda"),
    Poorer(TDA, "one month is no month", put("junio", "cve_periodo", **BBVA_JANUARY), 0, "figures_kept_tda"),
    Poorer(TDA, "a bank is gone", gone([BBVA]), 0, "figures_absent_tda"),
    Poorer(TDA, "one row in twenty is gone", every(20), 0, "figures_absent_tda"),
    Poorer(TDA, "the newest month is gone", gone(months=[202507]), 0, "newest_month_not_back_tda"),
    Poorer(TDA, "an older edition", gone(months=range(202501, 202508)), 65, "rows_share_tda"),
    Poorer(TDA, "half of a copy", half, 65, "rows_share_tda"),
    Poorer(TDA, "saved under a filter", only([INVEX]), 65, "rows_floor_tda"),
    Poorer(TDA, "a month as fractions", times(0.01, DICTAMEN, months=[202412]), 65, "scale_tda_tda"),
    Poorer(TDA, "the newest month as fractions", times(0.01, DICTAMEN, months=[202507]), 65, "scale_tda_tda"),
    Poorer(TDA, "every month as fractions", times(0.01, DICTAMEN), 65, "restated_decade_tda"),
    Poorer(TDA, "one cell as a fraction", times(0.01, DICTAMEN, **BBVA_JANUARY), 65, "restated_decade_tda"),
    Poorer(TDA, "zeros", put(0, DICTAMEN), 65, "restated_far_tda"),
    Poorer(TDA, "the newest month is zero", put(0, DICTAMEN, months=[202507]), 65, "scale_tda_tda"),
    Poorer(TDA, "the column slid by a row", slid(DICTAMEN), 65, "restated_far_tda"),
    Poorer(TDA, "rows are doubled", doubled, 65, "contract_tda"),
    Poorer(TDA, "the column is gone", without_column(DICTAMEN), 65, "contract_tda"),
    Poorer(TDA, "the header is another", renamed(DICTAMEN, "TDA"), 65, "contract_tda"),
    Poorer(TDA, "the sheet is called Hoja1", sheet_called("Hoja1"), 74, "contract_tda"),
    # --- capital
    Poorer(ICAP, "the file is not there", None, 0, "file_icap"),
    Poorer(ICAP, "one column is blank", blank("CCB"), 0, "figures_absent_icap"),
    Poorer(ICAP, "all columns are blank", blank(*CAPITAL), 0, "figures_absent_icap"),
    Poorer(ICAP, "one cell is blank", blank("ICAP Total", **INVEX_JUNE), 0, "figures_kept_icap"),
    Poorer(ICAP, "one cell with a decimal comma", put("16,58", "CCF", **INVEX_JUNE), 0, "figures_kept_icap"),
    Poorer(ICAP, "one cell is an error", put("#REF!", "CCB", **INVEX_JUNE), 0, "figures_kept_icap"),
    Poorer(ICAP, "one code is a name", put("INVEX", "Cve_Inst", **INVEX_JUNE), 0, "figures_kept_icap"),
    Poorer(ICAP, "a bank is gone", gone([BBVA]), 0, "figures_absent_icap"),
    Poorer(ICAP, "one row in fifty is gone", every(50), 0, "figures_absent_icap"),
    Poorer(ICAP, "a month is gone", gone(months=[202412]), 0, "figures_absent_icap"),
    Poorer(ICAP, "the newest month is gone", gone(months=[202506]), 0, "newest_month_not_back_icap"),
    Poorer(ICAP, "the newest month says 25-jun", put("25-jun", "FECHA", months=[202506]), 0, "rejects_icap"),
    Poorer(ICAP, "an older edition", gone(months=range(202501, 202507)), 65, "rows_share_icap"),
    Poorer(ICAP, "half of a copy", half, 65, "rows_share_icap"),
    Poorer(ICAP, "the newest month as fractions", times(0.01, *CAPITAL, months=[202506]), 65, "scale_icap_icap_total"),
    Poorer(ICAP, "a column as fractions", times(0.01, "CCF"), 65, "restated_decade_icap"),
    Poorer(ICAP, "one cell as a fraction", times(0.01, "ICAP Total", **INVEX_JUNE), 65, "restated_decade_icap"),
    Poorer(ICAP, "a point lost in one cell", times(100, "CCB", **INVEX_JUNE), 65, "restated_decade_icap"),
    Poorer(ICAP, "zeros", put(0, *CAPITAL), 65, "restated_far_icap"),
    Poorer(ICAP, "a column sorted alone", sorted_alone("CCF"), 0, "figures_absent_icap"),
    Poorer(ICAP, "a month typed as the next", put("2025-06-01", "FECHA", months=[202505]), 65, "contract_icap"),
    Poorer(ICAP, "a code typed as another's", put(BBVA, "Cve_Inst", **INVEX_JUNE), 65, "contract_icap"),
    Poorer(ICAP, "a column is gone", without_column("CCF"), 65, "contract_icap"),
    # --- write-offs
    Poorer(CASTIGOS, "the file is not there", None, 0, "file_castigos"),
    Poorer(CASTIGOS, "write-offs are blank", blank(LIB), 0, "figures_absent_castigos"),
    Poorer(CASTIGOS, "reliefs are blank", blank(QUITAS), 0, "figures_absent_castigos"),
    Poorer(CASTIGOS, "a December's write-off is blank", blank(LIB, codes=[BBVA], months=[202412]), 0,
           "figures_kept_castigos"),
    Poorer(CASTIGOS, "one relief is blank", blank(QUITAS, **BBVA_JANUARY), 0, "figures_kept_castigos"),
    Poorer(CASTIGOS, "one write-off is a dash", put("-", LIB, codes=[BBVA], months=[202411]), 0,
           "figures_kept_castigos"),
    Poorer(CASTIGOS, "one row is gone", gone(codes=[INVEX], months=[202501]), 0, "figures_kept_castigos"),
    Poorer(CASTIGOS, "one period is blank", blank("periodo", codes=[INVEX], months=[202506]), 0,
           "figures_kept_castigos"),
    Poorer(CASTIGOS, "half of a bank's rows", half_of_one_bank, 0, "figures_absent_castigos"),
    Poorer(CASTIGOS, "the newest month is gone", gone(months=[202507]), 0, "newest_month_not_back_castigos"),
    Poorer(CASTIGOS, "half of a copy", half, 65, "rows_share_castigos"),
    Poorer(CASTIGOS, "a month in pesos", times(1e6, LIB, months=[202412]), 65, "scale_castigos_castigos"),
    Poorer(CASTIGOS, "a month in thousands", times(1e3, LIB, months=[202507]), 65, "scale_castigos_castigos"),
    Poorer(CASTIGOS, "every month in thousands", times(1e3, LIB, QUITAS), 65, "restated_decade_castigos"),
    Poorer(CASTIGOS, "zeros", put(0, LIB, QUITAS), 65, "restated_far_castigos"),
    Poorer(CASTIGOS, "rows are doubled", doubled, 65, "contract_castigos"),
    Poorer(CASTIGOS, "a column is gone", without_column(QUITAS), 65, "contract_castigos"),
    Poorer(CASTIGOS_COMERCIALES, "the file is not there", None, 0, "file_castigos_comerciales"),
    Poorer(CASTIGOS_COMERCIALES, "the column is blank", blank(ACUMULADO), 0, ""),
    Poorer(CASTIGOS_COMERCIALES, "a month says n.d.", put("n.d.", ACUMULADO, months=[202407]), 0,
           "rejects_castigos_comerciales"),
    Poorer(CASTIGOS_COMERCIALES, "a month is another's", times(1.5, ACUMULADO, months=[202407]), 0, "castigos_agree"),
    Poorer(CASTIGOS_COMERCIALES, "half of a copy", half, 65, "rows_share_castigos_comerciales"),
    Poorer(CASTIGOS_COMERCIALES, "the column is gone", without_column(ACUMULADO), 65, "contract_castigos_comerciales"),
    # --- corporate rates
    Poorer(TASAS, "the file is not there", None, 0, "file_tasas"),
    Poorer(TASAS, "one loan is gone", lambda table: table.rows.pop(50), 0, "loans_not_fewer_tasas"),
    Poorer(TASAS, "one loan in twenty is gone", every(20), 0, "loans_not_fewer_tasas"),
    Poorer(TASAS, "a bank is gone", gone([BBVA]), 0, "loans_not_fewer_tasas"),
    Poorer(TASAS, "a bank's rates are blank", put("", RATE, codes=[BBVA]), 0, "loans_not_fewer_tasas"),
    Poorer(TASAS, "a month's portfolios are blank", put("", "Total Portfolio", months=[202412]), 0, "rejects_tasas"),
    Poorer(TASAS, "the newest month is gone", gone(months=[202507]), 0, "newest_month_not_back_tasas"),
    Poorer(TASAS, "one currency is spelt otherwise", put("Moneda Nacional", "Currency", months=[202412]), 0,
           "rejects_tasas"),
    Poorer(TASAS, "all currencies are spelt otherwise", put("Moneda Nacional", "Currency"), 65, "contract_tasas"),
    Poorer(TASAS, "rates with a percent sign", put("12.5%", RATE), 65, "contract_tasas"),
    Poorer(TASAS, "days before months", european_dates, 65, "contract_tasas"),
    Poorer(TASAS, "rates as fractions", times(0.01, RATE), 65, "restated_decade_tasas"),
    Poorer(TASAS, "half of a copy", half, 65, "rows_share_tasas"),
    Poorer(TASAS, "a column is gone", without_column(RATE), 65, "contract_tasas"),
    # --- effective rates
    Poorer(TASA_EFECTIVA, "the file is not there", None, 0, "file_tasa_efectiva"),
    Poorer(TASA_EFECTIVA, "one column is blank", blank("Invex Consumo"), 0, "figures_absent_tasa_efectiva"),
    Poorer(TASA_EFECTIVA, "a month is blank", blank(*EFFECTIVE, months=[202408]), 0, "figures_absent_tasa_efectiva"),
    Poorer(TASA_EFECTIVA, "the newest month is gone", gone(months=[202412]), 0, "newest_month_not_back_tasa_efectiva"),
    Poorer(TASA_EFECTIVA, "a month as fractions", times(0.01, *EFFECTIVE, months=[202412]), 65,
           "scale_tasa_efectiva_tasa_sistema"),
    Poorer(TASA_EFECTIVA, "every month as fractions", times(0.01, *EFFECTIVE), 65, "restated_decade_tasa_efectiva"),
    Poorer(TASA_EFECTIVA, "the newest month is zero", put(0, *EFFECTIVE, months=[202412]), 65,
           "scale_tasa_efectiva_tasa_sistema"),
    Poorer(TASA_EFECTIVA, "a column is gone", without_column("Sistema"), 65, "contract_tasa_efectiva"),
    # --- the loan book
    Poorer(CARTERA, "the file is not there", None, 74, "contract_cartera"),
    Poorer(CARTERA, "reserves are blank", blank(RESERVAS), 65, "figures_absent_cartera"),
    Poorer(CARTERA, "a segment's reserves are blank", blank(AMOUNTS["res_co"]), 65, "figures_absent_cartera"),
    Poorer(CARTERA, "one reserve is blank", blank(RESERVAS, **INVEX_JUNE), 0, "figures_kept_cartera"),
    Poorer(CARTERA, "one reserve of a segment is blank", blank(AMOUNTS["res_vi"], **BBVA_JANUARY), 0,
           "figures_kept_cartera"),
    Poorer(CARTERA, "one amount is blank", blank(AMOUNTS["co_e1"], **INVEX_JUNE), 65, "stage_total_e1"),
    Poorer(CARTERA, "one amount says n.d.", put("n.d.", AMOUNTS["co_e1"], **INVEX_JUNE), 65, "contract_cartera"),
    Poorer(CARTERA, "a bank's row is gone", gone(**INVEX_JUNE), 65, "sistema_is_sum"),
    Poorer(CARTERA, "the system's row is gone", gone([SISTEMA], [202506]), 65, "sistema_is_sum"),
    Poorer(CARTERA, "a month is gone", gone(months=[202503]), 65, "few_published_missing"),
    Poorer(CARTERA, "the newest month is gone", gone(months=[202507]), 65, "newest_month_not_back_cartera"),
    Poorer(CARTERA, "half of a copy", half, 65, "rows_share_cartera"),
    Poorer(CARTERA, "a month in thousands", times(1e3, *AMOUNTS.values(), months=[202507]), 65,
           "scale_cartera_total_e1"),
    Poorer(CARTERA, "every month in thousands", times(1e3, *AMOUNTS.values()), 65, "restated_decade_cartera"),
    Poorer(CARTERA, "a month's reserves in thousands", times(1e3, RESERVAS, months=[202506]), 65,
           "scale_cartera_reservas"),
    Poorer(CARTERA, "one bank's reserves in thousands", times(1e3, RESERVAS, **INVEX_JUNE), 65,
           "restated_decade_cartera"),
    Poorer(CARTERA, "a month's EF E2 in hundreds", times(100, AMOUNTS["ef_e2"], months=[202506]), 65, "stage_total_e2"),
    Poorer(CARTERA, "reserves are zero", put(0, RESERVAS), 65, "restated_far_cartera"),
    Poorer(CARTERA, "the newest reserves are zero", put(0, RESERVAS, months=[202507]), 65, "scale_cartera_reservas"),
    Poorer(CARTERA, "reserves without their sign", times(-1, RESERVAS), 65, "reserves_not_positive"),
    Poorer(CARTERA, "amounts as they are shown", rounded, 65, "stage_total_e1"),
    Poorer(CARTERA, "a column is gone", without_column(AMOUNTS["vi_e3"]), 65, "contract_cartera"),
    # --- names
    Poorer(INSTITUCIONES, "the file is not there", None, 0, "file_instituciones"),
    Poorer(INSTITUCIONES, "names are blank", blank("DESCRIPCION"), 0, "rejects_instituciones"),
    Poorer(INSTITUCIONES, "half of a copy", half, 65, "rows_share_instituciones"),
]  # fmt: skip
