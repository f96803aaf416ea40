"""Every cell of ``monthly_kpis``, computed a second time, only from the files.

Written from the contract and not from the package: plain Python over openpyxl and csv, sums by ``math.fsum``.
It shares no code with the package, so that a mistake would have to be made twice to go unnoticed.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeAlias

import openpyxl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Key: TypeAlias = tuple[dt.date, str]
Row: TypeAlias = dict[str, Any]
Table: TypeAlias = dict[Key, Row]

SISTEMA = "5"
AE, EF, EG = (
    "Actividad Empresarial o Comercial",
    "Entidades Financieras",
    "Entidades Gubernamentales",
)
CO, VI = "Créditos de Consumo", "Créditos a la Vivienda"
SEGMENTS = {
    "empresarial_total": AE,
    "entidades_financieras_total": EF,
    "entidades_gubernamentales_total": EG,
    "cartera_consumo_total": CO,
    "cartera_vivienda_total": VI,
}
STAGES = ("1", "2", "3", "VR")
TODAS = "Cartera de Crédito Total Etapa todas"
AMOUNTS = (
    *(
        f"{base} Etapa {stage}"
        for base in ("Cartera Total", "Créditos Comerciales", AE, EF, EG, CO, VI)
        for stage in STAGES
    ),
    TODAS,
    "Reservas Etapa todas",
    *(f"Res {segment} Etapa todas" for segment in (AE, EF, EG, CO, VI)),
)
WITHOUT_RELIEFS = {dt.date(2025, 2, 1), dt.date(2025, 3, 1)}
RELIEFS_OF_NONE = 0.01  # MDP
METHOD_CHANGE = dt.date(2024, 10, 1)

FIXED_NAMES = {
    "5": "SISTEMA",
    "040059": "INVEX",
    "040012": "BBVA",
    "040002": "BANAMEX",
    "040072": "BANORTE",
    "040014": "SANTANDER",
    "040021": "HSBC",
    "040062": "AFIRME",
    "040042": "MIFEL",
    "040060": "BANSI",
    "040132": "MULTIVA",
    "040145": "BANCO BASE",
    "040152": "BANCREA",
    "040156": "SABADELL",
    "040113": "VE POR MAS",
    "040112": "MONEX",
    "040154": "COVALTO",
    "040138": "UALA",
    "040128": "KAPITAL",
    "040124": "CITI MEXICO",
}


def monthly_kpis(folder: Path) -> dict[Key, dict[str, object]]:
    """Compute the published rows, keyed by (month, code), from the files in ``folder``."""
    cartera = _read_cartera(folder)
    icap = _read_icap(folder)
    published = {key for key, row in cartera.items() if _is_published(key, row, icap)}
    table: Table = {key: _portfolio(cartera, key) for key in cartera}
    for add in (_add_castigos, _add_tda, _add_tasas, _add_tasa_efectiva, _add_names):
        add(table, folder)
    _add_icap(table, icap)
    _add_alertas(table, cartera, icap, _reliefs(folder))
    return {key: table[key] for key in sorted(published)}


# --- cells


def canonical(value: object) -> str | None:
    """Give a code its canonical form: six digits from 40000 on, else the plain number."""
    try:
        number = float(str(value).strip())
    except ValueError:
        return None
    if not number.is_integer():
        return None
    return f"{int(number):06d}" if number >= 40000 else str(int(number))


def is_bank(code: str) -> bool:
    """Tell whether a canonical code is a bank's."""
    return code.startswith("04")


def _number(value: object) -> float | None:
    """Read a number; a number formatted as a date gives its serial, blanks and other text give None."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, dt.datetime):
        # Excel counts a 29 February 1900 that never was: serials below 60 start one day later.
        epoch = dt.datetime(1899, 12, 31 if value < dt.datetime(1900, 3, 1) else 30)  # noqa: DTZ001 - as Excel
        return (value - epoch) / dt.timedelta(days=1)
    if isinstance(value, dt.time):
        return (value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6) / 86400
    if isinstance(value, dt.timedelta):
        return value / dt.timedelta(days=1)
    try:
        number = float(str(value).strip().replace(",", ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _month(value: object) -> dt.date | None:
    """Read a month from a date, 202507, ``'202507'`` or 202507.0."""
    if isinstance(value, dt.date):
        return dt.date(value.year, value.month, 1)
    try:
        year, month = divmod(int(float(str(value).strip())), 100)
        return dt.date(year, month, 1)
    except ValueError:
        return None


def _before(month: dt.date) -> dt.date:
    return (month - dt.timedelta(days=1)).replace(day=1)


def _sum(values: Iterable[float | None]) -> float:
    """Add exactly; null counts as 0."""
    return math.fsum(value for value in values if value is not None)


def _ratio(numerator: float | None, denominator: float | None) -> float | None:
    if numerator is None or denominator is None or denominator <= 0:
        return None
    return numerator / denominator


def _negated(value: float | None) -> float | None:
    return None if value is None else 0.0 - value


# --- files


def _find(folder: Path, *patterns: str) -> Path | None:
    for pattern in patterns:
        found = sorted(folder.glob(pattern))
        if found:
            return found[0]
    return None


def _rows(path: Path, sheet: str | None = None) -> Iterator[Row]:
    """Yield the rows of a sheet that are not blank, by trimmed header."""
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        lines = (book[sheet] if sheet else book.worksheets[0]).iter_rows(values_only=True)
        filled = (line for line in lines if any(cell is not None for cell in line))
        header = [str(cell).strip() if cell is not None else None for cell in next(filled)]
        for line in filled:
            yield {name: cell for name, cell in zip(header, line, strict=False) if name}
    finally:
        book.close()


def _keyed(path: Path, sheet: str, code: str, month: str, columns: Iterable[str]) -> Table:
    """Read the named columns as numbers, keyed by (month, code); rows without a key are left out."""
    table: Table = {}
    for row in _rows(path, sheet):
        start, canonical_code = _month(row[month]), canonical(row[code])
        if start is None or canonical_code is None:
            continue
        key = (start, canonical_code)
        if key in table:
            raise ValueError(f"{path.name}: {key} stands twice")
        table[key] = {column: _number(row[column]) for column in columns}
    return table


# --- cartera


def _read_cartera(folder: Path) -> Table:
    path = _find(folder, "CNBV_Cartera_Bancos_V2.xlsx", "CNBV_Cartera_Bancos*.xlsx", "CNBV_Datos.xlsx")
    if path is None:
        raise FileNotFoundError(folder / "CNBV_Cartera_Bancos_V2.xlsx")
    rows = _keyed(path, "Sheet1", "Institucion", "Cve_Periodo", AMOUNTS)
    return {key: row for key, row in rows.items() if key[1] == SISTEMA or is_bank(key[1])}


def _is_published(key: Key, row: Row, icap: Table | None) -> bool:
    has_icap = icap is not None and icap.get(key, {}).get("ICAP Total") is not None
    return has_icap or any(row.values())


def _portfolio(cartera: Table, key: Key) -> Row:
    """Compute the figures that need only the portfolio file."""
    month, code = key
    source = cartera[key]
    out: Row = {
        column: _sum(source[f"{segment} Etapa {stage}"] for stage in STAGES) for column, segment in SEGMENTS.items()
    }
    total = _total(source)
    out["cartera_comercial_total"] = _sum(source[f"{s} Etapa {n}"] for s in (AE, EF, EG) for n in STAGES)
    out["cartera_comercial_sin_gob"] = _sum(source[f"{s} Etapa {n}"] for s in (AE, EF) for n in STAGES)
    out["cartera_total"] = total
    for stage in STAGES:
        amount = source[f"Cartera Total Etapa {stage}"]
        out[f"cartera_total_etapa_{stage.lower()}"] = amount
        out[f"ct_etapa_{stage.lower()}"] = _ratio(amount, total)
    out["cartera_vencida"] = source["Cartera Total Etapa 3"]
    out["imor"] = _ratio(out["cartera_vencida"], total)
    out["cvc_cc"] = _ratio(_commercial_past_due(source), _commercial_staged(source))
    system = cartera.get((month, SISTEMA))
    share = _ratio(total, _total(system)) if system else None
    out["market_share_pct"] = None if share is None else share * 100
    return out | _reserves(source, cartera.get((_before(month), code)), out)


def _reserves(source: Row, previous: Row | None, out: Row) -> Row:
    reserves = source["Reservas Etapa todas"]
    earlier = previous["Reservas Etapa todas"] if previous else None
    known = reserves is not None and earlier is not None
    expected = {
        column: _ratio(_negated(source[f"Res {segment} Etapa todas"]), out[total])
        for column, segment, total in (
            ("pe_empresarial", AE, "empresarial_total"),
            ("pe_consumo", CO, "cartera_consumo_total"),
            ("pe_vivienda", VI, "cartera_vivienda_total"),
        )
    }
    return expected | {
        "reservas_etapa_todas": reserves,
        "reservas_variacion_mm": earlier - reserves if known else None,
        "icor": _ratio(_negated(reserves), source["Cartera Total Etapa 3"]),
        "pe_total": _ratio(_negated(reserves), out["cartera_total"]),
        "_vencida_cc": _commercial_past_due(source),
        "_staged_cc": _commercial_staged(source),
    }


def _total(source: Row) -> float:
    return _sum(source[f"{segment} Etapa {stage}"] for segment in SEGMENTS.values() for stage in STAGES)


def _commercial_past_due(source: Row) -> float:
    return _sum(source[f"{segment} Etapa 3"] for segment in (AE, EF))


def _commercial_staged(source: Row) -> float:
    return _sum(source[f"{segment} Etapa {stage}"] for segment in (AE, EF) for stage in ("1", "2", "3"))


# --- the optional files


def _add_castigos(table: Table, folder: Path) -> None:
    """Add imor_comercial and quebrantos_*; the write-offs run from January to the month itself."""
    path = _find(folder, "CASTIGOS.xlsx")
    if path is None:
        return
    flows = _keyed(path, "CASTIGOS", "institucion", "periodo", ("LIB_CASTIGOS_COMERC", "QUITAS_COMER"))
    for (month, code), row in table.items():
        flow = flows.get((month, code), {})
        write_off, remission = flow.get("LIB_CASTIGOS_COMERC"), flow.get("QUITAS_COMER")
        year = [(dt.date(month.year, m, 1), code) for m in range(1, month.month + 1)]
        so_far = _sum(flows[key]["LIB_CASTIGOS_COMERC"] for key in year if key in flows)
        known = write_off is not None and remission is not None
        losses = _sum((write_off, remission)) if known else None
        past_due = None if write_off is None else _sum((row["_vencida_cc"], so_far))
        row["imor_comercial"] = _ratio(past_due, row["_staged_cc"])
        row["quebrantos_comerciales"] = losses
        row["quebrantos_vs_cartera_cc"] = _ratio(losses, row["cartera_comercial_total"])


def _add_tda(table: Table, folder: Path) -> None:
    """Add tda_cartera_total; the system's is weighted by portfolio if the file has none."""
    path = _find(folder, "TDA.xlsx")
    if path is None:
        return
    source = _keyed(path, "Sheet1", "cve_institucion", "cve_periodo", ("TDA Cartera total",))
    for key, row in table.items():
        percent = source.get(key, {}).get("TDA Cartera total")
        row["tda_cartera_total"] = None if percent is None else percent / 100
    for (month, code), row in table.items():
        if code == SISTEMA and row["tda_cartera_total"] is None:
            row["tda_cartera_total"] = _weighted_tda(table, month)
            row["_tda_ponderada"] = row["tda_cartera_total"] is not None


def _weighted_tda(table: Table, month: dt.date) -> float | None:
    banks = [row for (when, code), row in table.items() if when == month and is_bank(code)]
    pairs = [(r["tda_cartera_total"], r["cartera_total"]) for r in banks if r["tda_cartera_total"] is not None]
    return _ratio(math.fsum(rate * weight for rate, weight in pairs), math.fsum(weight for _, weight in pairs))


def _read_icap(folder: Path) -> Table | None:
    path = _find(folder, "ICAP_Bancos.xlsx")
    if path is None:
        return None
    return _keyed(path, "ICAP Bancos", "Cve_Inst", "FECHA", ("ICAP Total", "CCB", "CCF"))


def _add_icap(table: Table, icap: Table | None) -> None:
    if icap is None:
        return
    for key, row in table.items():
        for column, name in (("icap_total", "ICAP Total"), ("icap_ccb", "CCB"), ("icap_ccf", "CCF")):
            percent = icap.get(key, {}).get(name)
            row[column] = None if percent is None else percent / 100


def _add_tasas(table: Table, folder: Path) -> None:
    """Add tasa_mn and tasa_me: the mean rate weighted by portfolio, rate 0 included."""
    path = _find(folder, "CorporateLoan_CNBVDB.csv")
    if path is None:
        return
    loans: dict[tuple[dt.date, str, str], list[tuple[float, float]]] = defaultdict(list)
    for month, code, currency, rate, portfolio in _read_loans(path):
        loans[month, code, currency].append((portfolio * rate, portfolio))
        # Codes below 1000 are aggregates of others: in the system they would be counted twice.
        if int(code) >= 1000:
            loans[month, SISTEMA, currency].append((portfolio * rate, portfolio))
    for (month, code), row in table.items():
        for column, currency in (("tasa_mn", "Moneda nacional"), ("tasa_me", "Moneda extranjera")):
            pairs = loans.get((month, code, currency), [])
            percent = _ratio(math.fsum(a for a, _ in pairs), math.fsum(b for _, b in pairs))
            row[column] = None if percent is None else percent / 100


def _read_loans(path: Path) -> Iterator[tuple[dt.date, str, str, float, float]]:
    """Yield month, code, currency, rate in percent and portfolio of the usable rows."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = csv.reader(file)
        header = [name.strip() for name in next(lines)]
        wanted = [
            header.index(name)
            for name in (
                "Monitoring Term",
                "Institution Code",
                "Currency",
                "Average Rate",
                "Total Portfolio",
            )
        ]
        for line in lines:
            if len(line) <= max(wanted):
                continue
            term, code_text, currency, rate_text, portfolio_text = (line[index].strip() for index in wanted)
            month, code = _us_month(term), canonical(code_text)
            rate, portfolio = _number(rate_text), _number(portfolio_text)
            if month is None or code is None or rate is None or portfolio is None:
                continue
            # An aggregate called 5 would be mistaken for the system that is computed here.
            if 0 <= rate <= 100 and code != SISTEMA:
                yield month, code, currency, rate, portfolio


def _us_month(text: str) -> dt.date | None:
    """Read M/D/YY or MM/DD/YYYY."""
    try:
        month, _, year = (int(part) for part in text.split("/"))
        return dt.date(year + 2000 if year < 100 else year, month, 1)
    except ValueError:
        return None


def _add_tasa_efectiva(table: Table, folder: Path) -> None:
    path = _find(folder, "TE_Invex_Sistema.xlsx")
    if path is None:
        return
    rates = {row["Fecha1"].date().replace(day=1): row for row in _rows(path) if isinstance(row["Fecha1"], dt.datetime)}
    for (month, _), row in table.items():
        found = rates.get(month, {})
        row["tasa_sistema"] = _number(found.get("Sistema"))
        row["tasa_invex_consumo"] = _number(found.get("Invex Consumo"))


# --- names


def _plain(name: str) -> str:
    """Upper case, no accents, without an older name in brackets."""
    decomposed = unicodedata.normalize("NFD", name.partition("(")[0].strip().upper())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _add_names(table: Table, folder: Path) -> None:
    official = folder.parent / "official" / "cat_instituciones_40.csv"
    if not official.exists():
        return
    names: dict[str, str] = {}
    stale = _find(folder, "Instituciones.xlsx")
    if stale is not None:
        names |= {str(canonical(row["CLAVE"])): _plain(row["DESCRIPCION"]) for row in _rows(stale, "Instituciones")}
    with official.open(encoding="latin-1", newline="") as file:
        names |= {str(canonical(row["entidad"])): _plain(row["nombre_entidad"]) for row in csv.DictReader(file)}
    names |= FIXED_NAMES
    for (_, code), row in table.items():
        row["banco_norm"] = names.get(code, code)


# --- alertas


def _add_alertas(table: Table, cartera: Table, icap: Table | None, reliefs: dict[dt.date, float]) -> None:
    repeated = repeated_months(cartera)
    rounded = rounded_months(icap or {})
    for (month, _), row in table.items():
        has_tda = row.get("tda_cartera_total") is not None
        found = {
            "mes_repetido": month in repeated,
            "tda_metodologia_202410": has_tda and month >= METHOD_CHANGE,
            "tda_sistema_ponderada": bool(row.pop("_tda_ponderada", False)),
            "icap_redondeado": month in rounded and row.get("icap_total") is not None,
        }
        found["quitas_en_cero"] = (
            row.get("quebrantos_comerciales") is not None
            and month in WITHOUT_RELIEFS
            and reliefs.get(month, 0.0) < RELIEFS_OF_NONE
        )
        row["alertas"] = sorted(name for name, holds in found.items() if holds)
        del row["_vencida_cc"], row["_staged_cc"]


def _reliefs(folder: Path) -> dict[dt.date, float]:
    """The reliefs of all institutions together in each month, MDP."""
    path = _find(folder, "CASTIGOS.xlsx")
    months: dict[dt.date, float] = defaultdict(float)
    if path is not None:
        for (month, _), row in _keyed(path, "CASTIGOS", "institucion", "periodo", ("QUITAS_COMER",)).items():
            months[month] += row["QUITAS_COMER"] or 0.0
    return months


def repeated_months(cartera: Table) -> set[dt.date]:
    """Find the months in which every amount of every bank equals the month before."""
    banks: dict[dt.date, Table] = defaultdict(dict)
    for (month, code), row in cartera.items():
        if is_bank(code):
            banks[month][month, code] = row
    return {
        month
        for month, rows in banks.items()
        if all(row == cartera.get((_before(month), code)) for (_, code), row in rows.items())
    }


def rounded_months(icap: Table) -> set[dt.date]:
    """Find the months in which at least nine in ten banks' ICAPs have at most one decimal."""
    coarse: dict[dt.date, list[bool]] = defaultdict(list)
    for (month, code), row in icap.items():
        percent = row["ICAP Total"]
        if is_bank(code) and percent is not None:
            coarse[month].append(abs(percent - round(percent, 1)) < 1e-9)
    return {month for month, flags in coarse.items() if 10 * sum(flags) >= 9 * len(flags)}
