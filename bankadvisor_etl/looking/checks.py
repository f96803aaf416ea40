"""The meaning of each check that can fail in a successful run, as a clause in English and a sentence in Spanish."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKS: Mapping[str, tuple[str, str]] = {
    r"imor_high": (
        "past-due loans above 15 % of a loan book",
        "Hay bancos con IMOR mayor que 15 % en algún mes",
    ),
    r"cartera_jump": (
        "a loan book moved by more than half within a month",
        "La cartera de algún banco cambió más de 50 % de un mes a otro",
    ),
    r"newest_month_recent": ("the figures are old", "El mes más reciente es viejo"),
    r"newest_month_differs": (
        "the newest month is a copy",
        "El mes más reciente repite las cifras de todos los bancos del mes anterior",
    ),
    r"icap_not_rounded": (
        "months whose ICAPs were rounded to one decimal",
        "Hay meses con los ICAP redondeados a un decimal",
    ),
    r"castigos_agree": (
        "the two sources of write-offs disagree",
        "Las dos fuentes de castigos no coinciden en todos los meses",
    ),
    r"few_restated": ("many published figures change", "Una parte grande de las cifras publicadas cambió"),
    r"no_published_missing": (
        "published bank-months that are no longer in the files; they stay",
        "Los archivos ya no traen algunos meses publicados; se conservan",
    ),
    r"banks_named": (
        "banks without a name in the catalogues",
        "Hay bancos sin nombre en los catálogos; se publican con su código",
    ),
    r"serie_in_entidades": (
        "institutions of CNBV's series that its catalogue lacks",
        "La serie de la CNBV trae instituciones que su catálogo no tiene",
    ),
    r"serie_in_conceptos": (
        "concepts of CNBV's series that its catalogue lacks",
        "La serie de la CNBV trae conceptos que su catálogo no tiene",
    ),
    r"serie_valores_retirados": (
        "CNBV's series lacks too many values that an earlier edition had",
        "A la serie de la CNBV le faltan demasiados valores que antes traía",
    ),
    r"serie_valores_conservados": (
        "values that CNBV's series no longer has; they stay",
        "La serie de la CNBV ya no trae algunos valores; se conservan",
    ),
    r"reconcile_(\w+)": (
        "figures that differ between two sources ({0}: bankadvisor-etl reconcile)",
        "Dos fuentes no coinciden en algunas cifras ({0})",
    ),
    r"boletin_sheets_read": (
        "sheets of bulletins that could not be read and were set aside",
        "No se pudieron leer algunas hojas de los boletines",
    ),
    r"boletin_sheets_there": (
        "sheets that are missing in bulletins, as in older ones",
        "A algunos boletines les faltan hojas",
    ),
    r"boletin_sheets_of_one_month": (
        "sheets that end in another month than their bulletin",
        "Algunas hojas de los boletines terminan en otro mes",
    ),
    r"boletin_names_known": (
        "banks of bulletins without a code, published under their name",
        "Los boletines traen bancos sin código; se publican con su nombre",
    ),
    r"scale_history_(\w+)": (
        "figures of {0} before 201701 that move further than later ones",
        "Hay cifras de {0} anteriores a 201701 que se mueven más que las posteriores",
    ),
    r"(\w+)_history": (
        "{0}, in months before 201701",
        "En meses anteriores a 201701 no se cumple {0}",
    ),
    r"file_(\w+)": (
        "no file of {0}",
        "Falta el archivo de {0}; sus columnas se quedan como estaban publicadas",
    ),
    r"rejects_(\w+)": (
        "too many faulty rows in the file of {0}, which was not used",
        "El archivo de {0} tiene demasiados renglones con errores y no se usó",
    ),
    r"figures_absent_(\w+)": (
        "the file of {0} lacks too many published figures, and was not used",
        "Al archivo de {0} le faltan demasiadas cifras publicadas y no se usó",
    ),
    r"figures_kept_(\w+)": (
        "figures that the file of {0} no longer has; they stay",
        "El archivo de {0} ya no trae algunas cifras; se conservan como se publicaron",
    ),
    r"newest_month_not_back_(\w+)": (
        "the file of {0} ends earlier than the last one, and was not used",
        "El archivo de {0} termina antes que el anterior y no se usó",
    ),
}
"""By a pattern for the check's name."""


def in_english(name: str) -> str:
    """The meaning of the failed check; its name if that is unknown."""
    return _found(name, 0) or name.replace("_", " ")


def in_spanish(name: str) -> str:
    """The same in Spanish, as the beginning of a sentence."""
    return _found(name, 1) or "Una revisión no pasó"


def _found(name: str, language: int) -> str | None:
    for pattern, words in CHECKS.items():
        if match := re.fullmatch(pattern, name):
            return words[language].format(*match.groups())
    return None
