"""Monthly bulletins (``BE BM YYYYMM.xlsx``): MDP and percent, of the bank with its consolidated subsidiaries.

Traps: an index sheet; ``Art_121 `` with a trailing space, a month older, a footnote mark right after its year; CaptRec
in both orders; footnote marks on headers and on names; every missing marker; footnotes below; only two blocks in the
CCG sheets; percentages between the dates of Pm2; serials and words as dates; former names of banks; a bank that is in
no catalogue.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bankadvisor_etl.sample_data import amounts, icap
from bankadvisor_etl.sample_data.banks import BANCOS, SISTEMA
from bankadvisor_etl.sample_data.bulletin_figures import ROA, ROE, figures
from bankadvisor_etl.sample_data.series import periodos
from bankadvisor_etl.sample_data.workbooks import Row, Sheets, Value, fecha, mdp, write_workbook
from bankadvisor_etl.sources.segments import SEGMENTS, WHOLE_SHEET

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bankadvisor_etl.sample_data.amounts import Cifras

MONTHS = (202506, 202507)
PLATA, FIRST_OF_PLATA = "040171", periodos()[-6]
"""The bank that is in the series but not in its catalogue, and its first month."""

NUEVO = "Banco Cuenca"
"""A bank without a code."""

SPELT: Mapping[str, Mapping[str, str]] = {
    "040012": {"": "BBVA", "Pm2": "BBVA México"},
    "040128": {"": "Kapital Bank", "Pm2": "Autofin 2/", "Indicadores": "Kapital"},
    "040136": {"": "Inter Banco", WHOLE_SHEET: "Intercam Banco"},
    "040137": {"": "BanCoppel"},
    "040138": {"": "Ualá", "CCE": "ABC Capital 7/"},
    "040149": {"": "Forjadores"},
    "040154": {"": "Banco Covalto", "CCV": "Finterra"},
    "040110": {"": "J. P. Morgan"},
    PLATA: {"": "Banco Plata"},
    SISTEMA: {"": "Sistema  */"},
}
"""Spellings of a bank: by sheet, or for all sheets."""

MARKERS = ("n.a.", "n.c.", "n.d.", "-", None)
NOTES = ("*/ No incluye a las sociedades en liquidación.", "5/ Cartera vencida entre cartera total.", "n.a. No aplica")
MESES = (
    *("ENERO", "FEBRERO", "MARZO", "ABRIL", "MAYO", "JUNIO"),
    *("JULIO", "AGOSTO", "SEPTIEMBRE", "OCTUBRE", "NOVIEMBRE", "DICIEMBRE"),
)
DIAS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

PORTFOLIO = ("Cartera total (MDP)", "IMOR (%)  5/", "ICOR (%) 6/", "Pérdida esperada (%)  7/")
WHOLE, WHOLE_RATIOS = 40100185, (40200017, 40200096, 40200118)
BALANCE = {
    "Activo total": 40100001,
    "Inversiones financieras 3/": 40100051,
    "Cartera total": WHOLE,
    "Captación total": 40100042,
    "Capital contable": 40100002,
    "Resultado neto 4/": 40100013,
}
RETURNS = {"ROA 12 meses (%)": ROA, "ROE 12 meses (%)": ROE}
PRODUCTS = {
    "Captación total": 1.0,
    "Depósitos de exigibilidad\ninmediata 2/": 0.5,
    "Depósitos a plazo": 0.3,
    "Títulos de crédito emitidos": 0.1,
    "Préstamos interbancarios y de otros organismos": 0.07,
    "Cuenta global de captación sin movimientos": 0.03,
}
"""The blocks of CaptRec and their shares of the funding."""

FIRST_RATIO = 40_200_000
"""The first number of CNBV's ratios."""


def write(folder: Path, seed: int, months: Sequence[int] = MONTHS, cifras: Cifras | None = None) -> list[Path]:
    """Write the bulletins of some months into ``folder`` and return their paths; ``cifras`` are generated if None."""
    folder.mkdir(parents=True, exist_ok=True)
    invented = amounts.simulate(seed) if cifras is None else cifras
    return [write_workbook(folder / f"BE BM {month}.xlsx", sheets(seed, month, invented)) for month in months]


def sheets(seed: int, month: int, cifras: Cifras) -> Sheets:
    """The sheets of a month's bulletin, from the amounts of every bank and month."""
    book = _Book(seed, (month - 100, before(month), month), cifras)
    made: Sheets = {"Índice": [["Boletín Estadístico Banca Múltiple"], [f"{MESES[month % 100 - 1]} {month // 100}"]]}
    made[WHOLE_SHEET] = book.portfolio(WHOLE_SHEET, (WHOLE,), WHOLE_RATIOS)
    for segment in SEGMENTS:
        made[segment.sheet] = book.portfolio(segment.sheet, segment.balance, segment.ratios)
    made["Pm2"] = book.balance()
    made["Indicadores"] = book.returns()
    made["CaptRec"] = book.funding(dict(sorted(PRODUCTS.items(), reverse=month % 2 == 0)))
    made["Art_121 "] = book.capital(before(month))
    return made


def before(month: int) -> int:
    """The month before."""
    return month - 89 if month % 100 == 1 else month - 1


@dataclass(frozen=True)
class _Book:
    """A bulletin: the months that its sheets have, and the amounts of every bank and month."""

    seed: int
    dates: tuple[int, ...]
    cifras: Cifras

    @cached_property
    def values(self) -> dict[tuple[str, int], dict[int, float]]:
        """The concepts by bank and month; the bank without a code has its first month."""
        found: dict[tuple[str, int], dict[int, float]] = {}
        for month in self.dates:
            banks = [bank.codigo for bank in BANCOS if any(self.cifras.get((bank.codigo, month), {}).values())]
            rows = {code: self.cifras[code, month] for code in banks}
            system = amounts.total(rows.values())
            if month >= FIRST_OF_PLATA:
                rows[PLATA] = Counter({part: pesos // 1_000 for part, pesos in system.items()})
                system = amounts.total([system, rows[PLATA]])
            for code, row in {SISTEMA: system, **rows}.items():
                found[code, month] = figures(amounts.consolidated(row), code, month, self.seed)
        newest = self.dates[-1]
        found[NUEVO, newest] = {
            concept: value if concept >= FIRST_RATIO else value // 1_000
            for concept, value in found["040012", newest].items()
        }
        return found

    @property
    def codes(self) -> list[str]:
        """The rows: the system, the banks with figures, and the one without a code."""
        found = {code for code, _ in self.values}
        return [SISTEMA, *(code for code in (*(bank.codigo for bank in BANCOS), PLATA) if code in found), NUEVO]

    def portfolio(self, sheet: str, balance: Sequence[int], ratios: Sequence[int] | None) -> list[Row]:
        """A sheet of the loan book; if CNBV has no ratios for the segment, the second block is empty."""
        blocks = [balance, *((ratio,) for ratio in ratios)] if ratios else [balance, ()]
        headers = PORTFOLIO[: len(blocks)]
        return self._sheet(
            sheet,
            [value for header in headers for value in (header, None, None)],
            [fecha(month) for _ in headers for month in self.dates],
            lambda code, at: [self._cell(code, month, block, at) for block in blocks for month in self.dates],
        )

    def balance(self) -> list[Row]:
        """``Pm2``: its dates are serials, with percentages of the system in between."""

        def values(code: str, at: int) -> list[Value]:
            cells = ((concept, month) for concept in BALANCE.values() for month in self.dates)
            return [
                value
                for concept, month in cells
                for value in (self._cell(code, month, (concept,), at), self._share(code, month, concept))
            ]

        dates = [value for _ in BALANCE for month in self.dates for value in (int(fecha(month)), "%")]
        return self._sheet("Pm2", [value for header in BALANCE for value in (header, *[None] * 5)], dates, values)

    def returns(self) -> list[Row]:
        """``Indicadores``: its dates are words."""
        words = [f"{MESES[month % 100 - 1][:3].lower()}-{month // 100 % 100}" for month in self.dates]
        return self._sheet(
            "Indicadores",
            [value for header in RETURNS for value in (header, None, None)],
            words * len(RETURNS),
            lambda code, at: [
                self._cell(code, month, (concept,), at) for concept in RETURNS.values() for month in self.dates
            ],
        )

    def funding(self, products: Mapping[str, float]) -> list[Row]:
        """``CaptRec``: parts of the funding."""

        def values(code: str, at: int) -> list[Value]:
            cells = [self._cell(code, month, (40100042,), at) for month in self.dates]
            return [
                value * share if isinstance(value, float) else value for share in products.values() for value in cells
            ]

        headers = [value for header in products for value in (header, None, None)]
        return self._sheet("CaptRec", headers, [fecha(month) for _ in products for month in self.dates], values)

    def capital(self, month: int) -> list[Row]:
        """``Art_121``: not every bank."""
        year, number = divmod(month, 100)
        rows = []
        for bank in BANCOS:
            if bank.icap and bank.opera(month) and bank.codigo in self.codes:
                total = capital_ratio(self.seed, bank.codigo, month)
                ratios = (round(total * 0.97, 6), round(total * 0.9, 6), total)
                rows.append([None, self._name("Art_121", bank.codigo), *ratios])
        return [
            [None, "ÍNDICE DE CAPITALIZACIÓN"],
            [None, f"CIFRAS AL {DIAS[number - 1]} DE {MESES[number - 1]} DE {year}1/"],
            [None, "Institución", "CCB\n%", "CCF\n%", "ICAP 2/\n%"],
            *rows,
            [],
            [None, "1/ Cifras preliminares."],
        ]

    def _sheet(
        self, sheet: str, headers: Sequence[Value], dates: Sequence[Value], values: Callable[[str, int], list[Value]]
    ) -> list[Row]:
        return [
            [None, f"Banca Múltiple: {sheet}"],
            [None, "Cifras en millones de pesos"],
            [],
            [None, None, *headers],
            [None, None, *dates],
            *([None, self._name(sheet, code), *values(code, at)] for at, code in enumerate(self.codes)),
            [],
            *([None, note] for note in NOTES),
        ]

    def _name(self, sheet: str, code: str) -> str:
        spelt = SPELT.get(code, {})
        names = {bank.codigo: bank.nombre for bank in BANCOS}
        return spelt.get(sheet) or spelt.get("") or names.get(code, code)

    def _cell(self, code: str, month: int, concepts: Sequence[int], at: int) -> Value:
        """Amounts in MDP and ratios in percent; a marker for a missing figure."""
        values = self.values.get((code, month), {})
        there = [values[concept] for concept in concepts if concept in values]
        if not there:
            return MARKERS[at % len(MARKERS)]
        return sum(there) * 100 if concepts[0] >= FIRST_RATIO else mdp(int(sum(there)))

    def _share(self, code: str, month: int, concept: int) -> Value:
        own, all_banks = (self.values.get((who, month), {}).get(concept) for who in (code, SISTEMA))
        return 100 * own / all_banks if own and all_banks else None


RESTATED, SINCE, BY = "040147", 202501, 5.26
"""The bank whose ICAP was restated after the workbook was made, the first month of that, and the difference."""


def capital_ratio(seed: int, code: str, month: int) -> float:
    """ICAP of a bank-month, percent, to six decimals: as in the workbook, except for the restated bank."""
    total = icap.exact(seed)[code, month]
    return round(total - BY, 6) if code == RESTATED and month >= SINCE else total
