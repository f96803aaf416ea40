"""The figures of a run and the rows that were set aside, ready for COPY, as the process that computes gives them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import polars as pl

from bankadvisor_etl.figures import METRICS
from bankadvisor_etl.formats.parse import SISTEMA
from bankadvisor_etl.job import reconciling, tables
from bankadvisor_etl.job.compute import compute
from bankadvisor_etl.job.messages import Message
from bankadvisor_etl.tables import KPIS_CONSOLIDADOS, MONTHLY_KPIS
from bankadvisor_etl.transforms.kpis import of_interest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bankadvisor_etl.checks.settings import Settings
    from bankadvisor_etl.formats.extract import Extract
    from bankadvisor_etl.sources.series.comparison import Kept


OFFICIAL = {"serie", "icap_cnbv", "boletin"}
COMPARED = {"cartera", "icap", *OFFICIAL}
"""The sources that are held against each other; the two workbooks have nothing in common."""


def answer(
    extracts: Mapping[str, Extract],
    settings: Settings,
    published: bytes | None,
    kept: Sequence[Kept] = (),
    files: Mapping[str, str] | None = None,
) -> Message:
    """Compute and audit.

    Args:
        extracts: what was read, by source.
        settings: what the figures are held against.
        published: what is published, as ``warehouse.published.figures`` gives it; None where there is no database.
        kept: values of the series that are stored and that the file lacks.
        files: by source, the name of its file.

    Returns:
        ``result``: ``findings``, ``set_aside``, ``rows`` processed by source, ``names`` (code, short name, official
        name, whether it is the system), ``known_alertas``, ``concepts`` (number, label, level, order), and by table the
        ``columns`` of its block, and ``reconcile`` where sources can be compared; as those blocks the rows in
        PostgreSQL's CSV.
    """
    result = compute(extracts, settings, None if published is None else published_frame(published), kept)
    frame = result.evidence.kpis.frame
    publications = {MONTHLY_KPIS.name: result.publication}
    if result.consolidated is not None:
        publications[KPIS_CONSOLIDADOS.name] = result.consolidated
    publications |= result.beside
    names = result.names.drop_nulls("nombre_oficial").with_columns(system=pl.col("codigo") == SISTEMA)
    content: dict[str, Any] = {
        "findings": [asdict(finding) for finding in result.findings],
        "set_aside": result.evidence.set_aside,
        "rows": {
            "base": frame.height,
            "icap": _values(frame, "icap_total"),
            "tda": _values(frame, "tda_cartera_total"),
            "tasas": _values(frame, "tasa_mn", "tasa_me"),
        },
        "names": [*names.rows(), *tables.names(result.beside, result.names)],
        "known_alertas": result.known_alertas,
        "concepts": extracts["conceptos"].frame.rows() if "conceptos" in extracts else [],
        "columns": {name: frame.columns for name, frame in publications.items()},
    }
    if extracts.keys() & OFFICIAL and len(extracts.keys() & COMPARED) > 1:
        content["reconcile"] = reconciling.told(extracts, files or {})
        made = reconciling.findings(content["reconcile"]["summary"])
        content["findings"] = [asdict(finding) for finding in (*result.findings, *made)]
    return Message("result", content, tuple(map(_block, publications.values())))


def _block(publication: pl.DataFrame) -> bytes:
    if "alertas" not in publication.columns:
        return publication.write_csv(include_header=False).encode()
    array = pl.concat_str(pl.lit("{"), pl.col("alertas").list.sort().list.join(","), pl.lit("}"))
    return publication.with_columns(alertas=array).write_csv(include_header=False).encode()


def published_frame(text: bytes) -> pl.DataFrame | None:
    """What is published, from CSV: ``codigo``, ``mes``, ``banco_norm``, ``alertas``, ``fuente``, figures."""
    texts = {"codigo": pl.String, "mes": pl.Date, "banco_norm": pl.String, "alertas": pl.String, "fuente": pl.String}
    schema = {**texts, **dict.fromkeys(METRICS, pl.Float64)}
    frame = pl.read_csv(text, schema=schema)
    if frame.is_empty():
        return None
    alertas = pl.col("alertas").fill_null("").str.split(",").list.filter(pl.element() != "")
    return frame.with_columns(alertas)


def rejects(extract: Extract, source: str, run_id: int, most: int) -> bytes:
    """The first rows that were set aside, as rows of ``etl_rejects`` in PostgreSQL's CSV."""
    rows = extract.rejects.head(most).select(
        run=pl.lit(run_id), source=pl.lit(source), row="row", reason="reason", raw="raw"
    )
    return rows.write_csv(include_header=False).encode()


def bank_months(extract: Extract) -> int:
    """The rows of SISTEMA and of the banks."""
    return of_interest(extract.frame).height


def _values(frame: pl.DataFrame, *columns: str) -> int:
    return sum(frame.height - frame[name].null_count() for name in columns if name in frame.columns)
