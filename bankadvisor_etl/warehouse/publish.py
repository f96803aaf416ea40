"""Publishing: the figures of a run are laid beside the published ones, and only what differs is written.

All of it happens in the transaction that holds the lock: readers see the old table or the new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from psycopg import sql

from bankadvisor_etl.checks.findings import Comparison
from bankadvisor_etl.figures import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

KEY = ("fecha", "codigo_cnbv")
NOT_FIGURES = (*KEY, "institucion", "banco_norm", "alertas")

SAME_KEY = sql.SQL("m.fecha = e.fecha AND m.codigo_cnbv = e.codigo_cnbv")


@dataclass(frozen=True)
class Published:
    """What publishing did, in rows of ``monthly_kpis``, and the published figures that it changed."""

    inserted: int
    updated: int
    unchanged: int
    removed: int
    figures_changed: int


def published(cursor: psycopg.Cursor[Any]) -> pl.DataFrame | None:
    """What is published: ``codigo``, ``mes``, the figures and ``alertas``; None where nothing is."""
    statement = sql.SQL(
        "COPY (SELECT codigo_cnbv AS codigo, fecha AS mes, array_to_string(alertas, ',') AS alertas, {}"
        " FROM monthly_kpis) TO STDOUT (FORMAT csv, HEADER)"
    ).format(_names(METRICS))
    with cursor.copy(statement) as copy:
        text = b"".join(copy)
    schema = {"codigo": pl.String, "mes": pl.Date, "alertas": pl.String, **dict.fromkeys(METRICS, pl.Float64)}
    frame = pl.read_csv(text, schema=schema)
    if frame.is_empty():
        return None
    alertas = pl.col("alertas").fill_null("").str.split(",").list.filter(pl.element() != "")
    return frame.with_columns(alertas)


def stage(
    cursor: psycopg.Cursor[Any], frame: pl.DataFrame, known_alertas: Sequence[str], *, allow_removals: bool = False
) -> None:
    """COPY the figures of a run beside the published ones, and find out where they differ.

    The temporary table ``entrada`` has the figures of the run, rounded as they will be published; ``diferencias`` has
    the rows that are new or differ, as they will be: where the run has no figure, the published one; where a ratio
    has no value (NaN), NULL.

    Args:
        cursor: in the transaction that will publish.
        frame: ``fecha``, ``codigo_cnbv``, ``institucion``, ``banco_norm``, ``alertas`` and the figures at hand; a
            figure without a column here keeps what is published.
        known_alertas: the alerts that this run could tell; published ones of other names are kept.
        allow_removals: withdraw figures that the run does not have, rather than keep them.
    """
    columns = _names(frame.columns)
    cursor.execute(
        sql.SQL("CREATE TEMPORARY TABLE entrada ON COMMIT DROP AS SELECT {} FROM monthly_kpis WITH NO DATA").format(
            columns
        )
    )
    array = pl.concat_str(pl.lit("{"), pl.col("alertas").list.sort().list.join(","), pl.lit("}"))
    with cursor.copy(sql.SQL("COPY entrada ({}) FROM STDIN (FORMAT csv)").format(columns)) as copy:
        copy.write(frame.with_columns(alertas=array).write_csv(include_header=False))
    cursor.execute("ALTER TABLE entrada ADD PRIMARY KEY (fecha, codigo_cnbv)")
    cursor.execute("ANALYZE entrada (fecha, codigo_cnbv)")
    values = [name for name in frame.columns if name not in KEY]
    figure = (
        "nullif(e.{0}, 'NaN')"
        if allow_removals
        else "CASE WHEN e.{0} = 'NaN' THEN NULL ELSE coalesce(e.{0}, m.{0}) END"
    )
    resolved: dict[str, sql.Composable] = {
        name: sql.SQL(figure).format(sql.Identifier(name)) for name in _figures(frame.columns)
    }
    resolved["alertas"] = sql.SQL(
        "CASE WHEN m.alertas <@ %(known)s THEN e.alertas ELSE ARRAY(SELECT unnest(e.alertas) UNION"
        " SELECT alerta FROM unnest(m.alertas) AS alerta WHERE alerta <> ALL(%(known)s) ORDER BY 1) END"
    )
    new = sql.SQL(", ").join(resolved.get(name, sql.Identifier("e", name)) for name in values)
    cursor.execute(
        sql.SQL(
            "CREATE TEMPORARY TABLE diferencias ON COMMIT DROP AS"
            " SELECT e.fecha, e.codigo_cnbv, m.fecha IS NULL AS nueva, v.* FROM entrada e"
            " LEFT JOIN monthly_kpis m ON {same_key} CROSS JOIN LATERAL (SELECT {new}) AS v ({values})"
            " WHERE m.fecha IS NULL OR ROW({old}) IS DISTINCT FROM ROW({now})"
        ).format(
            same_key=SAME_KEY,
            new=new,
            values=_names(values),
            old=_names(values, "m"),
            now=_names(values, "v"),
        ),
        {"known": list(known_alertas)},
    )


def compare(cursor: psycopg.Cursor[Any], columns: Sequence[str]) -> Comparison:
    """Count the published figures in the run's columns, and those that change, for the audit.

    Args:
        cursor: in the transaction in which ``stage`` was called.
        columns: the columns of ``entrada``.
    """
    figures = _figures(columns)
    changed = sql.SQL(" + ").join(
        sql.SQL("(m.{name} IS NOT NULL AND m.{name} IS DISTINCT FROM e.{name})::int").format(name=sql.Identifier(name))
        for name in figures
    )
    row = cursor.execute(
        sql.SQL(
            "SELECT (SELECT coalesce(sum(num_nonnulls({published})), 0) FROM entrada e JOIN monthly_kpis m"
            " ON {same_key}), (SELECT coalesce(sum({changed}), 0) FROM diferencias e JOIN monthly_kpis m ON {same_key})"
        ).format(published=_names(figures, "m"), changed=changed, same_key=SAME_KEY)
    ).fetchone()
    assert row is not None  # noqa: S101 - sums give a row
    return Comparison(int(row[0]), int(row[1]))


def publish(cursor: psycopg.Cursor[Any], run_id: int, columns: Sequence[str], *, allow_removals: bool) -> Published:
    """Write what differs, and record each figure that changes.

    Args:
        cursor: in the transaction in which ``stage`` was called.
        run_id: the run that becomes the author of the rows written.
        columns: the columns of ``entrada``.
        allow_removals: withdraw the figures of published rows that ``entrada`` lacks, rather than leave them.
    """
    figures = _figures(columns)
    removed = _remove(cursor, run_id, figures) if allow_removals else 0
    changed = _record_changes(cursor, run_id, figures)
    _release_names(cursor)
    values = [name for name in columns if name not in KEY]
    updated = cursor.execute(
        sql.SQL(
            "UPDATE monthly_kpis m SET ({values}) = ROW({new}), etl_run_id = %s, updated_at = statement_timestamp()"
            " FROM diferencias e WHERE {same_key} AND NOT e.nueva"
        ).format(values=_names(values), new=_names(values, "e"), same_key=SAME_KEY),
        [run_id],
    ).rowcount
    inserted = cursor.execute(
        sql.SQL(
            "INSERT INTO monthly_kpis ({columns}, etl_run_id, updated_at) SELECT {new}, %s, statement_timestamp()"
            " FROM diferencias e WHERE e.nueva"
        ).format(columns=_names(columns), new=_names(columns, "e")),
        [run_id],
    ).rowcount
    total = cursor.execute("SELECT count(*) FROM entrada").fetchone()
    assert total is not None  # noqa: S101 - count gives a row
    return Published(inserted, updated, int(total[0]) - inserted - updated, removed, changed)


def publish_names(cursor: psycopg.Cursor[Any], rows: Iterable[tuple[str, str, str, bool]]) -> None:
    """Bring ``instituciones`` up to date: code, short name, official name, whether it is the system."""
    cursor.executemany(
        "INSERT INTO instituciones AS i (codigo_cnbv, banco_norm, nombre_oficial, nombre_corto, es_sistema)"
        " VALUES (%(code)s, %(short)s, %(official)s, %(short)s, %(system)s) ON CONFLICT (codigo_cnbv) DO UPDATE"
        " SET banco_norm = excluded.banco_norm, nombre_oficial = excluded.nombre_oficial,"
        " nombre_corto = excluded.nombre_corto, es_sistema = excluded.es_sistema"
        " WHERE (i.banco_norm, i.nombre_oficial, i.nombre_corto, i.es_sistema)"
        " IS DISTINCT FROM (excluded.banco_norm, excluded.nombre_oficial, excluded.nombre_corto, excluded.es_sistema)",
        [dict(zip(("code", "short", "official", "system"), row, strict=True)) for row in rows],
    )


def _remove(cursor: psycopg.Cursor[Any], run_id: int, figures: Sequence[str]) -> int:
    """Withdraw the figures at hand of the rows that ``entrada`` lacks; a row of which no figure is left is deleted."""
    missing = sql.SQL("NOT EXISTS (SELECT FROM entrada e WHERE {})").format(SAME_KEY)
    pairs = sql.SQL(", ").join(sql.SQL("({}, m.{})").format(name, sql.Identifier(name)) for name in figures)
    cursor.execute(
        sql.SQL(
            "INSERT INTO monthly_kpis_cambios (run_id, fecha, banco_norm, columna, valor_anterior)"
            " SELECT %s, m.fecha, m.banco_norm, v.columna, v.valor FROM monthly_kpis m"
            " CROSS JOIN LATERAL (VALUES {pairs}) AS v (columna, valor) WHERE {missing} AND v.valor IS NOT NULL"
        ).format(pairs=pairs, missing=missing),
        [run_id],
    )
    nothing = sql.SQL(", ").join(sql.SQL("NULL") for _ in figures)
    withdrawn = cursor.execute(
        sql.SQL(
            "UPDATE monthly_kpis m SET ({figures}) = ROW({nothing}), etl_run_id = %s,"
            " updated_at = statement_timestamp() WHERE {missing} AND num_nonnulls({old}) > 0"
        ).format(figures=_names(figures), nothing=nothing, missing=missing, old=_names(figures, "m")),
        [run_id],
    ).rowcount
    cursor.execute(
        sql.SQL("DELETE FROM monthly_kpis m WHERE {} AND num_nonnulls({}) = 0").format(missing, _names(METRICS, "m"))
    )
    return withdrawn


def _record_changes(cursor: psycopg.Cursor[Any], run_id: int, figures: Sequence[str]) -> int:
    pairs = sql.SQL(", ").join(
        sql.SQL("({}, m.{name}, e.{name})").format(name, name=sql.Identifier(name)) for name in figures
    )
    return cursor.execute(
        sql.SQL(
            "INSERT INTO monthly_kpis_cambios (run_id, fecha, banco_norm, columna, valor_anterior, valor_nuevo)"
            " SELECT %s, e.fecha, e.banco_norm, v.columna, v.anterior, v.nuevo"
            " FROM diferencias e JOIN monthly_kpis m ON {same_key}"
            " CROSS JOIN LATERAL (VALUES {pairs}) AS v (columna, anterior, nuevo)"
            " WHERE v.anterior IS NOT NULL AND v.anterior IS DISTINCT FROM v.nuevo"
        ).format(same_key=SAME_KEY, pairs=pairs),
        [run_id],
    ).rowcount


def _release_names(cursor: psycopg.Cursor[Any]) -> None:
    """Take names that change off their rows: the key is checked row by row, and two banks may exchange theirs."""
    cursor.execute(
        sql.SQL(
            "UPDATE monthly_kpis m SET banco_norm = m.codigo_cnbv FROM diferencias e"
            " WHERE {} AND m.banco_norm <> e.banco_norm"
        ).format(SAME_KEY)
    )


def _figures(columns: Iterable[str]) -> list[str]:
    return [name for name in columns if name not in NOT_FIGURES]


def _names(columns: Iterable[str], table: str | None = None) -> sql.Composed:
    prefix = (table,) if table else ()
    return sql.SQL(", ").join(sql.Identifier(*prefix, name) for name in columns)
