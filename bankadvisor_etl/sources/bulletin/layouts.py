"""The sheets of a bulletin: their names and the normalized headers of their blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bankadvisor_etl.sources.bulletin.cells import label
from bankadvisor_etl.sources.segments import SEGMENTS, WHOLE_SHEET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bankadvisor_etl.sources.bulletin.blocks import Named

PORTFOLIO = {
    "cartera_total": r"cartera total(?: \(mdp\))?",
    "imor": r"imor(?: \(%\))?",
    "icor": r"icor(?: \(%\))?",
    "perdida_esperada": r"perdida esperada(?: \(%\))?",
}
"""The blocks of a sheet of the loan book: MDP and percent."""

BALANCE = {
    "activo_total": r"activo total",
    "inversiones_financieras": r"inversiones financieras",
    "cartera_total": r"cartera total",
    "captacion_total": r"captacion total",
    "capital_contable": r"capital contable",
    "resultado_neto": r"resultado neto",
}
"""The blocks of ``Pm2``: MDP, with a column of percentages after each."""
_UNIT = r"(?: \(mdp\))?"

_MONTHS = r"(?:,? (?:a |flujo )?12 ?m(?:eses)?| \((?:flujo )?12 ?m(?:eses)?\))?"
_PERCENT = r"(?: \(?%\)?)?"
RETURNS = {"roa_12m": rf"roa{_MONTHS}{_PERCENT}", "roe_12m": rf"roe{_MONTHS}{_PERCENT}"}
"""The two blocks of ``Indicadores`` that are read, percent: over twelve months."""

FUNDING = {
    "Captación total": r"captacion total",
    "Depósitos de exigibilidad inmediata": r"depositos de exigibilidad inmediata",
    "Depósitos a plazo": r"depositos a plazo",
    "Del público en general": r"(?:depositos a plazo )?(?:del )?publico en general",
    "Mercado de dinero": r"(?:depositos a plazo )?mercado de dinero",
    "Títulos de crédito emitidos": r"titulos de credito emitidos",
    "Préstamos interbancarios": r"prestamos interbancarios(?: y de otros organismos)?",
    "Cuenta global": r"cuenta global(?: de captacion sin movimientos)?",
}
"""The known products of ``CaptRec``, MDP; their order changes, and a new one is read under its header."""


@dataclass(frozen=True)
class Layout:
    """What a sheet contains.

    Attributes:
        sheet: its name.
        kind: ``segmento``, ``metrica`` or ``producto``: the kind of its figures.
        patterns: the normalized header of each block, by its name.
        wanted: the required blocks.
        group: the code of the segment.
        levels: the number of header rows.
        open: whether an unknown header is a block, too.
    """

    sheet: str
    kind: str
    patterns: Mapping[str, str]
    wanted: tuple[str, ...]
    group: str | None = None
    levels: int = 1
    open: bool = False

    @property
    def named(self) -> Named:
        """The name of a header's block; None for an unknown header."""
        forms = {name: re.compile(pattern) for name, pattern in self.patterns.items()}

        def name_of(header: str) -> str | None:
            compared = label(header)
            return next((name for name, form in forms.items() if form.fullmatch(compared)), None)

        return name_of


_ALL, _TWO = tuple(PORTFOLIO), ("cartera_total", "imor")

LAYOUTS = (
    Layout(WHOLE_SHEET, "metrica", PORTFOLIO, _ALL),
    *(
        Layout(segment.sheet, "segmento", PORTFOLIO, _ALL if segment.ratios else _TWO, segment.code)
        for segment in SEGMENTS
    ),
    Layout("Pm2", "metrica", {name: form + _UNIT for name, form in BALANCE.items()}, tuple(BALANCE)),
    Layout("Indicadores", "metrica", RETURNS, tuple(RETURNS)),
    Layout("CaptRec", "producto", {name: form + _UNIT for name, form in FUNDING.items()}, (), levels=2, open=True),
)
CAPITAL = "Art_121"
SHEETS = (*(layout.sheet for layout in LAYOUTS), CAPITAL)
"""All sheets that are read."""
