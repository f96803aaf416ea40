"""CNBV's own files for the sample figures: the series with both saldos, and the two catalogues.

Traps: concepts of 0 have no row; no rows for stages 2 and VR and for ``todas`` before 202201; a bank that the catalogue
lacks; catalogues in Latin-1 with CRLF, in the second edition in UTF-8 with a BOM. The second edition has one more month
and restates some values of the month before.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from typing import TYPE_CHECKING

from bankadvisor_etl.sample_data import amounts, bulletin_figures
from bankadvisor_etl.sample_data.amounts import RESERVA, Amounts, Cifras
from bankadvisor_etl.sample_data.banks import BANCOS, SISTEMA
from bankadvisor_etl.sample_data.cartera import PARTS
from bankadvisor_etl.sample_data.concepts import CONCEPTOS, LABELS
from bankadvisor_etl.sample_data.series import IFRS9, ULTIMO, periodos, stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER, MEMBER, ARCHIVE = "cnbv", "sh_datos_40.csv", "sh_datos_csv_40.zip"
HEADER = '"sector","idconcepto","entidad","periodo","saldo","valor"\n'
SALDO, CONSOLIDADO = 130, 133
SIN_CATALOGO = "040171"
"""A bank whose catalogue entry comes later than its figures."""

EDITIONS = (1, 2)
RESTATED = 25
"""Values of 202506 that the second edition restates."""

FROM_IFRS9 = tuple(name for name in CONCEPTOS if name.endswith(("_e2", "_vr")) or name == "todas")


def write(directory: Path, seed: int, edition: int = 1, since: int = 0) -> list[Path]:
    """Write the archive and the catalogues into ``directory/cnbv``, and return their paths.

    Amounts are whole pesos, ratios fractions; the first edition ends in 202506, the second in 202507; both begin in
    the month ``since``.
    """
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / ARCHIVE
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        member = zipfile.ZipInfo(MEMBER, (2025, 8, 1, 0, 0, 0))
        member.compress_type = zipfile.ZIP_DEFLATED
        packed.writestr(member, HEADER + "".join(rows(seed, edition, since)))
    return [archive, *_catalogues(folder, edition)]


def rows(seed: int, edition: int = 1, since: int = 0) -> Iterator[str]:
    """The lines below the header, institution by institution."""
    cifras = amounts.simulate(seed)
    last = ULTIMO if edition > 1 else periodos(last=ULTIMO)[-2]
    restated = RESTATED if edition > 1 else 0
    for codigo, by_month in _institutions(cifras):
        for periodo, row in by_month.items():
            if not since <= periodo <= last or not any(row.values()):
                continue
            for saldo, figures in ((SALDO, row), (CONSOLIDADO, amounts.consolidated(row))):
                raised = (
                    restated > 0
                    and (periodo, saldo) == (periodos(last=ULTIMO)[-2], SALDO)
                    and codigo != SISTEMA
                    and row["AE", RESERVA] != 0
                )
                restated -= raised
                for name, value in _values(figures, periodo, seed, codigo).items():
                    restatement = 1_000_000 if raised and name == "res_ae" else 0
                    yield f'40,{CONCEPTOS[name]},"{codigo}","{periodo}",{saldo},{value - restatement!r}\n'
                if saldo == CONSOLIDADO and periodo >= IFRS9:
                    more = bulletin_figures.figures(figures, codigo, periodo, seed)
                    for concept in sorted(more.keys() - CONCEPTOS.values()):
                        if more[concept]:
                            yield f'40,{concept},"{codigo}","{periodo}",{saldo},{more[concept]!r}\n'


def _institutions(cifras: Cifras) -> Iterator[tuple[str, dict[int, Amounts]]]:
    system = {p: amounts.total(row for (_, month), row in cifras.items() if month == p) for p in periodos()}
    newest = {p: row for p, row in system.items() if p >= periodos()[-6]}
    small = {p: Counter({part: pesos // 1_000 for part, pesos in row.items()}) for p, row in newest.items()}
    yield SISTEMA, system | {p: amounts.total([row, small[p]]) for p, row in newest.items()}
    for bank in BANCOS:
        yield bank.codigo, {month: row for (codigo, month), row in cifras.items() if codigo == bank.codigo}
    yield SIN_CATALOGO, small


def _values(row: Amounts, periodo: int, seed: int, codigo: str) -> dict[str, float]:
    """The value of each concept, without those of 0, which have no row."""
    values = {name: float(sum(row[part] for part in PARTS[LABELS[name]])) for name in LABELS}
    if periodo < IFRS9:
        values = {name: value for name, value in values.items() if name not in FROM_IFRS9}
    performing = values["total_e1"] + values.get("total_e2", 0.0) + values["total_e3"]
    rng = stream(seed, "serie", codigo, periodo)
    if performing:
        values["imor_cnbv"] = values["total_e3"] / performing
        values["imora_cnbv"] = values["imor_cnbv"] + rng.uniform(0.005, 0.03)
        values["tda_cartera_total"] = rng.uniform(0.01, 0.08)
    values["roa_12m"], values["roe_12m"] = bulletin_figures.returns(codigo, periodo, seed)
    values["quebrantos_comerciales"] = float(int(-row["AE", RESERVA] * rng.uniform(0, 0.02)))
    return {name: value for name, value in values.items() if value}


def _catalogues(folder: Path, edition: int) -> list[Path]:
    concepts = ['"sector","idtema","idconcepto","descripcion","nivel","indicador","orden"']
    labels = {number: LABELS.get(name, name) for name, number in CONCEPTOS.items()} | bulletin_figures.LABELS
    for orden, (number, label) in enumerate(sorted(labels.items()), 1):
        concepts.append(f'40,1,{number},"{label}",{1 if number >= 40_200_000 else 3},0,{orden}')  # noqa: PLR2004
    entities = ['"sector","entidad","nombre_entidad","grupo","nombre_grupo","orden"']
    entities.append(f'40,"{SISTEMA}","Total Banca Múltiple",5,"Total Banca Múltiple",1')
    for orden, bank in enumerate(BANCOS, 2):
        entities.append(f'40,"{bank.codigo}","{bank.nombre}",{bank.grupo},"Grupo {bank.grupo}",{orden}')
    paths = []
    for name, lines in (("cat_conceptos_40.csv", concepts), ("cat_instituciones_40.csv", entities)):
        end, encoding = ("\r\n", "latin-1") if edition == 1 else ("\n", "utf-8-sig")
        path = folder / name
        path.write_bytes((end.join(lines) + end).encode(encoding))
        paths.append(path)
    return paths
