"""The amounts of the loan book: CNBV's names and this package's."""

from __future__ import annotations

STAGES = {"e1": "Etapa 1", "e2": "Etapa 2", "e3": "Etapa 3", "vr": "Etapa VR"}
SEGMENTS = {
    "ae": "Actividad Empresarial o Comercial",
    "ef": "Entidades Financieras",
    "eg": "Entidades Gubernamentales",
    "co": "Créditos de Consumo",
    "vi": "Créditos a la Vivienda",
}
"""The five segments; their sum is the whole portfolio, and the first three make the commercial portfolio."""

TOTALS = {"comercial": "Créditos Comerciales", "total": "Cartera Total"}

AMOUNTS = {
    **{f"{book}_{e}": f"{name} {stage}" for e, stage in STAGES.items() for book, name in (TOTALS | SEGMENTS).items()},
    "todas": "Cartera de Crédito Total Etapa todas",
    "reservas": "Reservas Etapa todas",
    **{f"res_{segment}": f"Res {name} Etapa todas" for segment, name in SEGMENTS.items()},
}
"""The 35 amounts, in MDP: canonical name and header."""
