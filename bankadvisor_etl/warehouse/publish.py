"""Publishing: the figures of a run are laid beside the published ones, and only what differs is written.

All of it happens in the transaction that holds the lock: readers see the old table or the new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from psycopg import sql

from bankadvisor_etl.checks.findings import Comparison

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

KEY = ("fecha", "codigo_cnbv")
NOT_FIGURES = (*KEY, "institucion", "banco_norm", "alertas")

SAME_KEY = sql.SQL("m.fecha = e.fecha AND m.codigo_cnbv = e.codigo_cnbv")


@dataclass(frozen=True)
class Published:
    """What publishing did, in rows of ``monthly_kpis``."""

    inserted: int
    updated: int
    unchanged: int
    removed: int


def stage(cursor: psycopg.Cursor[Any], frame: pl.DataFrame, known_alertas: Sequence[str]) -> None:
    """COPY the figures of a run into the temporary table ``entrada``, rounded as they will be published.

    Args:
        cursor: in the transaction that will publish.
        frame: ``fecha``, ``codigo_cnbv``, ``institucion``, ``banco_norm``, ``alertas`` and the figures at hand; a
            figure without a column here keeps what is published.
        known_alertas: the alerts that this run could tell; published ones of other names are kept.
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
    cursor.execute(
        sql.SQL(
            "UPDATE entrada e SET alertas = ARRAY(SELECT unnest(e.alertas) UNION"
            " SELECT alerta FROM unnest(m.alertas) AS alerta WHERE alerta <> ALL(%s) ORDER BY 1)"
            " FROM monthly_kpis m WHERE {} AND NOT m.alertas <@ %s"
        ).format(SAME_KEY),
        [list(known_alertas), list(known_alertas)],
    )


def compare(cursor: psycopg.Cursor[Any], columns: Sequence[str]) -> Comparison:
    """Lay ``entrada`` beside what is published, for the audit.

    Args:
        cursor: in the transaction in which ``stage`` was called.
        columns: the columns of ``entrada``.
    """
    keys = cursor.execute("SELECT codigo_cnbv, fecha FROM monthly_kpis").fetchall()
    figures = [name for name in columns if name not in NOT_FIGURES]
    published = sql.SQL("num_nonnulls({})").format(_names(figures, "m"))
    changed = sql.SQL(" + ").join(
        sql.SQL("(m.{name} IS NOT NULL AND m.{name} IS DISTINCT FROM e.{name})::int").format(name=sql.Identifier(name))
        for name in figures
    )
    row = cursor.execute(
        sql.SQL(
            "SELECT coalesce(sum({published}), 0), coalesce(sum({changed}) FILTER (WHERE {differs}), 0)"
            " FROM entrada e JOIN monthly_kpis m ON {same_key}"
        ).format(published=published, changed=changed, differs=_differs(figures), same_key=SAME_KEY)
    ).fetchone()
    assert row is not None  # noqa: S101 - sums give a row
    frame = pl.DataFrame(keys, schema={"codigo": pl.String, "mes": pl.Date}, orient="row")
    return Comparison(frame, int(row[0]), int(row[1]))


def publish(cursor: psycopg.Cursor[Any], run_id: int, columns: Sequence[str], *, allow_removals: bool) -> Published:
    """Write what differs between ``entrada`` and ``monthly_kpis``, and record each figure that changes.

    Args:
        cursor: in the transaction in which ``stage`` was called.
        run_id: the run that becomes the author of the rows written.
        columns: the columns of ``entrada``.
        allow_removals: delete published rows that ``entrada`` lacks, rather than leave them.
    """
    removed = _remove(cursor, run_id) if allow_removals else 0
    values = [name for name in columns if name not in KEY]
    _record_changes(cursor, run_id, [name for name in columns if name not in NOT_FIGURES])
    _release_names(cursor)
    updated = cursor.execute(
        sql.SQL(
            "UPDATE monthly_kpis m SET ({values}) = ROW({new}), etl_run_id = %s, updated_at = statement_timestamp()"
            " FROM entrada e WHERE {same_key} AND {differs}"
        ).format(values=_names(values), new=_names(values, "e"), same_key=SAME_KEY, differs=_differs(values)),
        [run_id],
    ).rowcount
    inserted = cursor.execute(
        sql.SQL(
            "INSERT INTO monthly_kpis ({columns}, etl_run_id, updated_at) SELECT {new}, %s, statement_timestamp()"
            " FROM entrada e"
            " WHERE NOT EXISTS (SELECT FROM monthly_kpis m WHERE {same_key})"
        ).format(columns=_names(columns), new=_names(columns, "e"), same_key=SAME_KEY),
        [run_id],
    ).rowcount
    total = cursor.execute("SELECT count(*) FROM entrada").fetchone()
    assert total is not None  # noqa: S101 - count gives a row
    return Published(inserted, updated, int(total[0]) - inserted - updated, removed)


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


def _remove(cursor: psycopg.Cursor[Any], run_id: int) -> int:
    missing = sql.SQL("NOT EXISTS (SELECT FROM entrada e WHERE {})").format(SAME_KEY)
    figures = [
        name
        for (name,) in cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'monthly_kpis'::regclass"
            " AND atttypid = 'numeric'::regtype AND attgenerated = '' AND NOT attisdropped"
        )
    ]
    pairs = sql.SQL(", ").join(sql.SQL("({}, m.{})").format(name, sql.Identifier(name)) for name in figures)
    cursor.execute(
        sql.SQL(
            "INSERT INTO monthly_kpis_cambios (run_id, fecha, banco_norm, columna, valor_anterior)"
            " SELECT %s, m.fecha, m.banco_norm, v.columna, v.valor FROM monthly_kpis m"
            " CROSS JOIN LATERAL (VALUES {pairs}) AS v (columna, valor) WHERE {missing} AND v.valor IS NOT NULL"
        ).format(pairs=pairs, missing=missing),
        [run_id],
    )
    return cursor.execute(sql.SQL("DELETE FROM monthly_kpis m WHERE {}").format(missing)).rowcount


def _record_changes(cursor: psycopg.Cursor[Any], run_id: int, figures: Sequence[str]) -> None:
    pairs = sql.SQL(", ").join(
        sql.SQL("({}, m.{name}, e.{name})").format(name, name=sql.Identifier(name)) for name in figures
    )
    cursor.execute(
        sql.SQL(
            "INSERT INTO monthly_kpis_cambios (run_id, fecha, banco_norm, columna, valor_anterior, valor_nuevo)"
            " SELECT %s, e.fecha, e.banco_norm, v.columna, v.anterior, v.nuevo"
            " FROM entrada e JOIN monthly_kpis m ON {same_key}"
            " CROSS JOIN LATERAL (VALUES {pairs}) AS v (columna, anterior, nuevo)"
            " WHERE {differs} AND v.anterior IS NOT NULL AND v.anterior IS DISTINCT FROM v.nuevo"
        ).format(same_key=SAME_KEY, pairs=pairs, differs=_differs(figures)),
        [run_id],
    )


def _release_names(cursor: psycopg.Cursor[Any]) -> None:
    """Take names that change off their rows: the key is checked row by row, and two banks may exchange theirs."""
    cursor.execute(
        sql.SQL(
            "UPDATE monthly_kpis m SET banco_norm = m.codigo_cnbv FROM entrada e"
            " WHERE {} AND m.banco_norm <> e.banco_norm"
        ).format(SAME_KEY)
    )


def _differs(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL("ROW({}) IS DISTINCT FROM ROW({})").format(_names(columns, "m"), _names(columns, "e"))


def _names(columns: Iterable[str], table: str | None = None) -> sql.Composed:
    prefix = (table,) if table else ()
    return sql.SQL(", ").join(sql.Identifier(*prefix, name) for name in columns)
