"""Specifications of the workbooks that are put together by hand from CNBV's publications.

Each is followed by the peculiarities of its file that matter for reading it. The bounds of the columns come from the
history of 201701-202507, with a margin (the data manual, "Units").
"""

from __future__ import annotations

import math

from bankadvisor_etl.formats.sheet import Bound, Column, Sheet
from bankadvisor_etl.sources.amounts import AMOUNTS
from bankadvisor_etl.sources.source import Source

STOCK = Bound(4, 4)

AMOUNT_BOUNDS = {
    **dict.fromkeys(AMOUNTS, STOCK),
    # Few banks hold loans at fair value, and they make the system's figure; the first months of 2022 are restated.
    **dict.fromkeys(("ef_vr", "co_vr", "ae_vr", "vi_vr"), Bound(4, 4, least=1)),
    **dict.fromkeys(("comercial_vr", "total_vr", "eg_vr"), Bound(4, math.inf, least=1)),
    # Single loans: the system's figure really moves by a factor of 30 (ef_e2) to 100,000 (eg_e2).
    **dict.fromkeys(("ef_e2", "eg_e2", "eg_e3"), Bound(4, math.inf)),
    "ef_e3": Bound(4, 10),
}

CARTERA = Source(
    "cartera",
    ("CNBV_Cartera_Bancos_V2.xlsx", "CNBV_Cartera_Bancos*.xlsx", "CNBV_Datos.xlsx"),
    "base",
    Sheet(
        "Sheet1",
        (
            Column("Institucion", "codigo", "code", key=True),
            Column("Cve_Periodo", "mes", "period", key=True),
            *(Column(header, name, bound=AMOUNT_BOUNDS[name]) for name, header in AMOUNTS.items()),
        ),
        strict=True,
    ),
    floor=5_000,
    required=True,
    unless="serie",
)
"""The loan book by segment and stage, and its reserves: the 35 amounts in MDP, aggregates included.

Before 202201 (before IFRS 9) "Etapa 1" is the performing portfolio and "Etapa 3" the past-due one, stages 2 and VR
are 0, and so is ``Cartera de Crédito Total Etapa todas``. ``Reservas Etapa todas`` is not the sum of the ``Res ...``
columns.
"""

INSTITUCIONES = Source(
    "instituciones",
    ("Instituciones.xlsx",),
    "base",
    Sheet(
        "Instituciones",
        (Column("CLAVE", "codigo", "code", key=True), Column("DESCRIPCION", "nombre", "text", required=True)),
    ),
)
"""The names that CNBV gives its codes; some of them are stale."""

CASTIGOS = Source(
    "castigos",
    ("CASTIGOS.xlsx",),
    "base",
    Sheet(
        "CASTIGOS",
        (
            Column("institucion", "codigo", "code", key=True),
            Column("periodo", "mes", "period", key=True),
            Column("LIB_CASTIGOS_COMERC", "castigos", bound=Bound(10, 15)),
            Column("QUITAS_COMER", "quitas", bound=Bound(20, math.inf)),
        ),
    ),
    floor=40,
)
"""Commercial write-offs and reliefs of each month, MDP, from 202201.

The workbook's other sheets are pivots. ``FECHA`` has day and month swapped in 138 rows, so the month is ``periodo``.
In 202501 and 202503 the columns of single segments are permuted; they are not read. ``QUITAS_COMER`` is 0 in 202502 and
202503 (``transforms.alertas``). Before 202409 fewer than five banks have any reliefs, and these move by a factor of 100
from month to month.
"""

CASTIGOS_COMERCIALES = Source(
    "castigos_comerciales",
    ("Castigos Comerciales.xlsx",),
    "base",
    Sheet(
        "Sheet 1",
        (
            Column("Institucion1", "codigo", "code", key=True),
            Column("Fecha", "mes", "iso date", key=True),
            Column("CASTIGOS ACMULUADOS COMERCIAL", "castigos", bound=Bound(15, 15)),
        ),
        repeated_keys="set aside",
    ),
)
"""Commercial write-offs again, MDP, to compare with castigos: of the year so far up to 202409, of the month from
202410. The header is spelt as in CNBV's file. One key (040165, 202402) appears twice: the second row is set aside."""

ICAP = Source(
    "icap",
    ("ICAP_Bancos.xlsx",),
    "enhanced",
    Sheet(
        "ICAP Bancos",
        (
            Column("Cve_Inst", "codigo", "code", key=True),
            Column("FECHA", "mes", "iso date", key=True),
            Column("ICAP Total", "icap_total", "number or serial", bound=STOCK),
            Column("CCB", "icap_ccb", "number or serial", bound=STOCK),
            Column("CCF", "icap_ccf", "number or serial", bound=STOCK),
        ),
    ),
    floor=500,
)
"""Capital ratios of each bank in percent, from 200601: total, basic (CCB) and fundamental (CCF).

63 CCB cells of 202209 are formatted as dates; their serial is the value. 202404 is rounded to one decimal for most
banks. Small new banks really exceed 100 %. Code 5 is the official figure of the system.
"""

TDA = Source(
    "tda",
    ("TDA.xlsx",),
    "enhanced",
    Sheet(
        "Sheet1",
        (
            Column("cve_institucion", "codigo", "code", key=True),
            Column("cve_periodo", "mes", "period", key=True),
            Column("TDA Cartera total", "tda", bound=STOCK),
        ),
    ),
    floor=500,
)
"""The adjusted delinquency rate of each bank in percent, from 200012.

The header has a space before it. ``Fecha`` has day 02 all through 2022, so the month is ``cve_periodo``. Code 5 ends at
202212. From 202410 the published figure follows another method.
"""

TASA_EFECTIVA = Source(
    "tasa_efectiva",
    ("TE_Invex_Sistema.xlsx",),
    "enhanced",
    Sheet(
        "Tasa efectiva considerando prom",
        (
            Column("Fecha1", "mes", "iso date", key=True),
            Column("Sistema", "tasa_sistema", bound=STOCK),
            Column("Invex Consumo", "tasa_invex_consumo", bound=STOCK),
        ),
        else_first=True,
    ),
)
"""The effective consumer rate of the system and of INVEX in percent: every second month, on the month's last day.

The published file has only this sheet; in a workbook without it, the first sheet is used.
"""

WORKBOOKS = (CARTERA, INSTITUCIONES, CASTIGOS, CASTIGOS_COMERCIALES, ICAP, TDA, TASA_EFECTIVA)
"""In the order in which a run processes them."""
