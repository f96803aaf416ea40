"""Well-formed workbooks with impossible figures, which the audit has to detect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broken import CARTERA, CASTIGOS, DATA, ICAP, TASA_EFECTIVA, TDA, Broken
from broken_sheets import E1, E3, INVEX, operating

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SISTEMA = "5"
WHERE = f"{INVEX} 202503"


def _amounts(code: str = INVEX, month: str = "202503", **values: float) -> Callable[[Path], None]:
    """Set amounts of a bank and month: ``e1`` for ``Cartera Total Etapa 1``, and so on."""

    def do(path: Path) -> None:
        with operating(path) as sheet:
            number = sheet.row(Institucion=code, Cve_Periodo=month).number
            for name, value in values.items():
                sheet.set(number, HEADERS[name], value)

    return do


def _drop(doomed: Callable[[dict[str, str]], bool]) -> Callable[[Path], None]:
    def do(path: Path) -> None:
        with operating(path) as sheet:
            assert sheet.drop(doomed) > 0

    return do


def _half(path: Path) -> None:
    with operating(path) as sheet:
        numbers = iter(range(1_000_000))
        sheet.drop(lambda _: next(numbers) % 2 == 1)


def _month(old: str, new: object, **other: str) -> Callable[[Path], None]:
    """Write another month into every row of a month."""

    def do(path: Path) -> None:
        with operating(path) as sheet:
            header = next(
                header
                for header in ("Cve_Periodo", "cve_periodo", "periodo", "FECHA", "Fecha1")
                if header in sheet.letters
            )
            rows = [
                row.number
                for row in sheet.rows()
                if row.cells.get(header) == old and other.items() <= row.cells.items()
            ]
            assert rows
            sheet.set_column(header, rows, new)

    return do


HEADERS = {
    "e1": E1,
    "e3": E3,
    "ae_e1": "Actividad Empresarial o Comercial Etapa 1",
    "vi_e3": "Créditos a la Vivienda Etapa 3",
    "co_e2": "Créditos de Consumo Etapa 2",
    "todas": "Cartera de Crédito Total Etapa todas",
    "reservas": "Reservas Etapa todas",
    "res_co": "Res Créditos de Consumo Etapa todas",
}

TABLE = [
    Broken("rows gone", "half the loan book", CARTERA, DATA, ("rows_share_cartera", "of the last success"), _half),
    Broken("rows gone", "half the ICAPs", ICAP, DATA, ("rows_share_icap", "of the last success"), _half),
    Broken("rows gone", "half the TDAs", TDA, DATA, ("rows_share_tda", "of the last success"), _half),
    Broken("rows gone", "half the write-offs", CASTIGOS, DATA, ("rows_share_castigos",), _half),
    Broken(
        "rows gone",
        "two months",
        CARTERA,
        DATA,
        ("few_published_missing", "202405"),
        _drop(lambda c: c["Cve_Periodo"] in {"202404", "202405"}),
    ),
    Broken(
        "rows gone",
        "the oldest months",
        CARTERA,
        DATA,
        ("few_published_missing", "202403"),
        _drop(lambda c: c["Cve_Periodo"] < "202404"),
    ),
    Broken(
        "rows gone", "a bank", CARTERA, DATA, ("sistema_is_sum", "5 202507"), _drop(lambda c: c["Institucion"] == INVEX)
    ),
    Broken(
        "rows gone",
        "the system",
        CARTERA,
        DATA,
        ("sistema_is_sum", "no row of SISTEMA"),
        _drop(lambda c: c["Institucion"] == SISTEMA),
    ),
    Broken(
        "rows gone",
        "every bank",
        CARTERA,
        DATA,
        ("sistema_is_sum",),
        _drop(lambda c: c["Institucion"].startswith("04")),
    ),
    Broken(
        "old file",
        "without the newest month",
        CARTERA,
        DATA,
        ("newest_month_not_back", "newest month 202506", "202507 or later"),
        _drop(lambda c: c["Cve_Periodo"] == "202507"),
    ),
    Broken(
        "old file",
        "of the year before",
        CARTERA,
        DATA,
        ("newest_month_not_back", "few_published_missing"),
        _drop(lambda c: c["Cve_Periodo"] > "202406"),
    ),
    Broken(
        "month",
        "209912 in one row",
        CARTERA,
        DATA,
        ("future_cartera", "209912"),
        _month("202503", 209912, Institucion=INVEX),
    ),
    Broken("month", "209912 in every bank", CARTERA, DATA, ("future_cartera", "209912"), _month("202507", 209912)),
    Broken("month", "209912 in TDA", TDA, DATA, ("future_tda", "209912"), _month("202507", 209912)),
    Broken("month", "209912 in castigos", CASTIGOS, DATA, ("future_castigos", "209912"), _month("202507", 209912)),
    Broken("month", "2099 in ICAP", ICAP, DATA, ("future_icap", "209912"), _month("45809", 73050)),
    Broken(
        "month",
        "2099 in the effective rates",
        TASA_EFECTIVA,
        DATA,
        ("future_tasa_efectiva", "209912"),
        _month("45657", 73050),
    ),
    Broken("sums", "a stage is not its segments", CARTERA, DATA, ("stage_total_e3", WHERE), _amounts(vi_e3=1e4)),
    Broken(
        "sums", "a stage off by one cent of a million", CARTERA, DATA, ("stage_total_e2", WHERE), _amounts(co_e2=379.01)
    ),
    Broken("sums", "todas is not its stages", CARTERA, DATA, ("todas_is_stages", WHERE), _amounts(todas=1.0)),
    Broken("sums", "todas blank", CARTERA, DATA, ("todas_is_stages", "5 202503"), _amounts(code=SISTEMA, todas=0.0)),
    Broken(
        "sums",
        "the system is not its banks",
        CARTERA,
        DATA,
        ("sistema_is_sum", "5 202503"),
        _amounts(code=SISTEMA, e1=1e6),
    ),
    Broken("signs", "a negative portfolio", CARTERA, DATA, ("amounts_not_negative", WHERE), _amounts(ae_e1=-0.5)),
    Broken("signs", "more past due than lent", CARTERA, DATA, ("vencida_within_total", WHERE), _amounts(e3=1e9)),
    Broken("signs", "past due ratio over 1", CARTERA, DATA, ("imor_between_0_and_1", WHERE), _amounts(e3=1e9)),
    Broken("signs", "positive reserves", CARTERA, DATA, ("reserves_not_positive", WHERE), _amounts(reservas=1359.1)),
    Broken(
        "signs",
        "positive reserves of a segment",
        CARTERA,
        DATA,
        ("reserves_not_positive", WHERE),
        _amounts(res_co=0.01),
    ),
    Broken(
        "size", "1e300 in an amount", CARTERA, DATA, (CARTERA, "'Sheet1'", "row ", E3, "'1000000"), _amounts(e3=1e300)
    ),
]
