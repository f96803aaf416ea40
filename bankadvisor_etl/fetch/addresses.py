"""The files that CNBV publishes: their names and addresses."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from bankadvisor_etl.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import date

_DOCUMENTS = "https://portafolioinfdoctos.cnbv.gob.mx/Documentacion/minfo/"
FOLDERS = {
    "BANKADVISOR_SERIES_URL": _DOCUMENTS + "CSV/series_historicas/BM/",
    "BANKADVISOR_ICAP_URL": _DOCUMENTS + "XLS/40/",  # inferred: not verified on the live server
    "BANKADVISOR_BULLETINS_URL": "https://portafolioinfo.cnbv.gob.mx/PortafolioInformacion/",
}
"""The folder to which a file's name is added, by the variable that overrides it."""

WHAT = ("serie", "catalogos", "boletines", "icap")

RECENT_MONTHS = 4
"""Bulletins requested if no months are given; one comes out about six weeks after its month."""

MAX_MONTHS = 400

_MONTH = re.compile(r"(?P<year>20[0-9]{2})(?P<month>0[1-9]|1[0-2])")
_BULLETINS = (
    "BE BM {}.xlsx",
    "BE_BM_{}.xlsx",
    "BE_BM_{}.xlsm",
    "BE_BM_{}.xls",
    "BE_BM_ {}.xlsx",
    "BE_BM _{}.xlsx",
)
"""In the order in which they are tried. xls to 201906, xlsm to 202111 with gaps, ``BE BM `` from 202411."""


class Kind(enum.Enum):
    """The kind of file that a download has to be."""

    SERIES = "the series: a zip with one CSV"
    CONCEPTS = "the catalogue of concepts: a CSV"
    INSTITUTIONS = "the catalogue of institutions: a CSV"
    WORKBOOK = "a workbook: .xlsx or .xlsm"
    OLD_WORKBOOK = "a workbook: .xls"


@dataclass(frozen=True)
class Candidate:
    """One possible name of a file on the server."""

    name: str
    url: str
    kind: Kind


@dataclass(frozen=True)
class Wanted:
    """One file, with its possible names.

    Attributes:
        what: one of ``WHAT``.
        label: its name in the log.
        candidates: in the order in which they are tried.
        optional: whether it may be missing (a bulletin that is not out yet).
    """

    what: str
    label: str
    candidates: tuple[Candidate, ...]
    optional: bool = False


def parse_months(text: str) -> tuple[str, ...]:
    """The months of ``202501..202509``, ``202501`` or ``202501,202503``, each YYYYMM.

    Raises:
        ConfigurationError: it has another form, or more than ``MAX_MONTHS`` months.
    """
    months: list[str] = []
    for part in text.split(","):
        first, dots, last = part.strip().partition("..")
        begin, end = _number(first, text), _number(last if dots else first, text)
        if end < begin or len(months) + end - begin >= MAX_MONTHS:
            raise ConfigurationError(f"months: {text}: must go forward, over at most {MAX_MONTHS} months")
        months += [_name(number) for number in range(begin, end + 1)]
    return tuple(dict.fromkeys(months))


def recent_months(today: date) -> tuple[str, ...]:
    """The last complete months before a day, newest first."""
    this = today.year * 12 + today.month - 1
    return tuple(_name(this - back) for back in range(1, RECENT_MONTHS + 1))


def wanted_files(what: Collection[str], months: Collection[str], environment: Mapping[str, str]) -> tuple[Wanted, ...]:
    """Every file to ask for, in order.

    Raises:
        ConfigurationError: an address in the environment is not an https address.
    """
    return tuple(file for file in _all_files(months, environment) if file.what in what)


def _all_files(months: Collection[str], environment: Mapping[str, str]) -> Iterator[Wanted]:
    series = _folder("BANKADVISOR_SERIES_URL", environment)
    icap = _folder("BANKADVISOR_ICAP_URL", environment)
    bulletins = _folder("BANKADVISOR_BULLETINS_URL", environment)
    yield _single("serie", series, "sh_datos_csv_40.zip", Kind.SERIES)
    yield _single("catalogos", series, "cat_conceptos_40.csv", Kind.CONCEPTS)
    yield _single("catalogos", series, "cat_instituciones_40.csv", Kind.INSTITUTIONS)
    yield _single("icap", icap, "040_15b_R1.xls", Kind.OLD_WORKBOOK)
    for month in months:
        names = [pattern.format(month) for pattern in _BULLETINS]
        kinds = [Kind.OLD_WORKBOOK if name.endswith(".xls") else Kind.WORKBOOK for name in names]
        candidates = [_candidate(bulletins, name, kind) for name, kind in zip(names, kinds, strict=True)]
        yield Wanted("boletines", f"boletin {month}", tuple(candidates), optional=True)


def _single(what: str, folder: str, name: str, kind: Kind) -> Wanted:
    return Wanted(what, name, (_candidate(folder, name, kind),))


def _candidate(folder: str, name: str, kind: Kind) -> Candidate:
    return Candidate(name, folder + quote(name), kind)


def _folder(variable: str, environment: Mapping[str, str]) -> str:
    url = environment.get(variable) or FOLDERS[variable]
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ConfigurationError(f"{variable}: must be the address of a folder, https://host/folder/, without a login")
    return url.rstrip("/") + "/"


def _number(text: str, whole: str) -> int:
    match = _MONTH.fullmatch(text)
    if match is None:
        raise ConfigurationError(f"months: {whole}: not of the form 202501..202509, 202501 or 202501,202503")
    return int(match["year"]) * 12 + int(match["month"]) - 1


def _name(number: int) -> str:
    return f"{number // 12:04d}{number % 12 + 1:02d}"
