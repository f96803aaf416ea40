"""The figures of a run and the rejects, ready for COPY, as sent by the process that computes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import polars as pl

from bankadvisor_etl.figures import METRICS
from bankadvisor_etl.formats.parse import SISTEMA
from bankadvisor_etl.job import reconciling, tables
from bankadvisor_etl.job.compute import audited, publishable
from bankadvisor_etl.job.messages import Message
from bankadvisor_etl.tables import KPIS_CONSOLIDADOS, MONTHLY_KPIS
from bankadvisor_etl.transforms.kpis import of_interest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bankadvisor_etl.checks.settings import Settings
    from bankadvisor_etl.formats.extract import Extract
    from bankadvisor_etl.sources.series.comparison import Kept


OFFICIAL = {"serie", "icap_cnbv", "boletin"}
COMPARED = {"cartera", "icap", *OFFICIAL}
"""The sources that are compared with each other; the two workbooks have nothing in common."""


def answers(
    extracts: Mapping[str, Extract],
    settings: Settings,
    published: bytes | None,
    kept: Sequence[Kept] = (),
    files: Mapping[str, str] | None = None,
) -> Iterator[Message]:
    """Compute, then audit; meanwhile the parent compares the figures with the published ones.

    Args:
        extracts: what was read, by source.
        settings: the settings of the checks.
        published: what is published, from ``warehouse.published.figures``; None without a database.
        kept: stored values of the series that the file lacks.
        files: by source, the name of its file.

    Yields:
        ``figures``: ``set_aside``, ``rows`` processed by source, ``names`` (code, short name, official name, whether it
        is the system), ``known_alertas``, ``concepts`` (number, label, level, order), and by table the ``columns`` of
        its block; the blocks are the rows in PostgreSQL's CSV. Then ``findings``: ``findings``, and ``reconcile`` if
        sources can be compared.
    """
    result = publishable(extracts, settings, None if published is None else published_frame(published), kept)
    frame = result.evidence.kpis.frame
    publications = {MONTHLY_KPIS.name: result.publication}
    if result.consolidated is not None:
        publications[KPIS_CONSOLIDADOS.name] = result.consolidated
    publications |= result.beside
    names = result.names.drop_nulls("nombre_oficial").with_columns(system=pl.col("codigo") == SISTEMA)
    content: dict[str, Any] = {
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
    yield Message("figures", content, tuple(map(_block, publications.values())))
    findings = audited(result, extracts, settings).findings
    content = {}
    if extracts.keys() & OFFICIAL and len(extracts.keys() & COMPARED) > 1:
        content["reconcile"] = reconciling.told(extracts, files or {})
        findings += reconciling.findings(content["reconcile"]["summary"])
    yield Message("findings", {**content, "findings": [asdict(finding) for finding in findings]})


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
    """The first rejects, as rows of ``etl_rejects`` in PostgreSQL's CSV."""
    rows = extract.rejects.head(most).select(
        run=pl.lit(run_id), source=pl.lit(source), row="row", reason="reason", raw="raw"
    )
    return rows.write_csv(include_header=False).encode()


def bank_months(extract: Extract) -> int:
    """The number of rows of SISTEMA and of the banks."""
    return of_interest(extract.frame).height


def _values(frame: pl.DataFrame, *columns: str) -> int:
    return sum(frame.height - frame[name].null_count() for name in columns if name in frame.columns)
