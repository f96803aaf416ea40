"""Publishing: the figures of a run are compared with the published ones, and only what differs is written.

Everything here works for each table that ``bankadvisor_etl.tables`` describes.

It all happens in the transaction that holds the lock: readers see the old table or the new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

from bankadvisor_etl.checks.restated import Comparison
from bankadvisor_etl.tables import MONTHLY_KPIS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

    from bankadvisor_etl.tables import PublishedTable


@dataclass(frozen=True)
class Published:
    """What publishing did: counts of rows, and of published figures that changed."""

    inserted: int
    updated: int
    unchanged: int
    removed: int
    figures_changed: int


@dataclass(frozen=True)
class Figures:
    """The figures of a run for one table, ready for COPY.

    Attributes:
        columns: those of ``table.match`` (codes for those in ``table.lookups``), the other texts, ``alertas`` if the
            table has it, and the available figures; a figure without a column here keeps its published value.
        rows: their values, in PostgreSQL's CSV; a ratio without a value is NaN.
        known_alertas: the alerts that this run could detect; published alerts of other names are kept.
        allow_removals: withdraw figures that the run does not have instead of keeping them.
        table: where they are published.
    """

    columns: Sequence[str]
    rows: bytes
    known_alertas: Sequence[str] = ()
    allow_removals: bool = False
    table: PublishedTable = MONTHLY_KPIS

    @property
    def names(self) -> list[str]:
        """The columns that hold figures."""
        return [name for name in self.columns if name in self.table.figures]

    @property
    def values(self) -> list[str]:
        """The columns that may differ from what is published: all except those that rows are matched by."""
        return [name for name in self.columns if name not in self.table.match]

    @property
    def words(self) -> dict[str, sql.Composable]:
        """What the statements below insert for this table: its name, its temporary tables, how rows are matched."""
        name = self.table.name
        meet = (sql.SQL("m.{0} = e.{0}").format(sql.Identifier(column)) for column in self.table.match)
        return {
            "table": sql.Identifier(name),
            "changes": sql.Identifier(self.table.changes),
            "entrada": sql.Identifier(f"{name}_entrada"),
            "codigos": sql.Identifier(f"{name}_codigos"),
            "diferencias": sql.Identifier(f"{name}_diferencias"),
            "same_key": sql.SQL(" AND ").join(meet),
        }


def stage(cursor: psycopg.Cursor[Any], figures: Figures) -> None:
    """COPY the figures of a run into a temporary table, and find out where they differ from the published ones.

    The temporary table ``TABLE_entrada`` has the figures of the run, rounded as they will be published;
    ``TABLE_diferencias`` has the rows that are new or differ, as they will be published: the published figure if the
    run has none, and NULL for a ratio without a value (NaN).

    Args:
        cursor: in the transaction that will publish.
        figures: the figures of the run.
    """
    words, match = figures.words, figures.table.match
    columns = _names(figures.columns)
    cursor.execute(
        sql.SQL("CREATE TEMPORARY TABLE {entrada} ON COMMIT DROP AS SELECT {columns} FROM {table} WITH NO DATA").format(
            columns=columns, **words
        )
    )
    _copy(cursor, figures)
    cursor.execute(sql.SQL("ALTER TABLE {entrada} ADD PRIMARY KEY ({})").format(_names(match), **words))
    cursor.execute(sql.SQL("ANALYZE {entrada} ({})").format(_names(match), **words))
    values = figures.values
    cursor.execute(
        sql.SQL(
            "CREATE TEMPORARY TABLE {diferencias} ON COMMIT DROP AS"
            " SELECT {key}, m.{first} IS NULL AS nueva, v.* FROM {entrada} e"
            " LEFT JOIN {table} m ON {same_key} CROSS JOIN LATERAL (SELECT {new}) AS v ({values})"
            " WHERE m.{first} IS NULL OR ROW({old}) IS DISTINCT FROM ROW({now})"
        ).format(
            key=_names(match, "e"),
            first=sql.Identifier(match[0]),
            new=_resolved(figures),
            values=_names(values),
            old=_names(values, "m"),
            now=_names(values, "v"),
            **words,
        ),
        {"known": list(figures.known_alertas)},
    )


def _copy(cursor: psycopg.Cursor[Any], figures: Figures) -> None:
    """COPY the rows of the run into ``TABLE_entrada``; a code becomes the id that the column holds."""
    words, lookups = figures.words, figures.table.lookups
    target = words["codigos"] if lookups else words["entrada"]
    if lookups:
        empty = (sql.SQL("NULL::text AS {0}" if name in lookups else "m.{0}") for name in figures.columns)
        named = (part.format(sql.Identifier(name)) for part, name in zip(empty, figures.columns, strict=True))
        cursor.execute(
            sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {table} m WITH NO DATA").format(
                target, sql.SQL(", ").join(named), **words
            )
        )
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(target, _names(figures.columns))) as copy:
        copy.write(figures.rows)
    if lookups:
        # An unknown code gives NULL, which the primary key of entrada refuses: no row is lost silently.
        joins = (
            sql.SQL("LEFT JOIN {table} AS {alias} ON {alias}.{code} = c.{column}").format(
                table=sql.Identifier(table),
                alias=sql.Identifier(f"of_{column}"),
                code=sql.Identifier(code),
                column=sql.Identifier(column),
            )
            for column, (table, code) in lookups.items()
        )
        values = (
            sql.Identifier(f"of_{name}", "id") if name in lookups else sql.Identifier("c", name)
            for name in figures.columns
        )
        cursor.execute(
            sql.SQL("INSERT INTO {entrada} ({columns}) SELECT {values} FROM {codigos} c {joins}").format(
                columns=_names(figures.columns),
                values=sql.SQL(", ").join(values),
                joins=sql.SQL(" ").join(joins),
                **words,
            )
        )


def _resolved(figures: Figures) -> sql.Composable:
    """The values as they will be published, from a row ``e`` of the run and the published row ``m``."""
    figure = (
        "nullif(e.{0}, 'NaN')"
        if figures.allow_removals
        else "CASE WHEN e.{0} = 'NaN' THEN NULL ELSE coalesce(e.{0}, m.{0}) END"
    )
    resolved: dict[str, sql.Composable] = {name: sql.SQL(figure).format(sql.Identifier(name)) for name in figures.names}
    resolved["alertas"] = sql.SQL(
        "CASE WHEN m.alertas <@ %(known)s THEN e.alertas ELSE ARRAY(SELECT unnest(e.alertas) UNION"
        " SELECT alerta FROM unnest(m.alertas) AS alerta WHERE alerta <> ALL(%(known)s) ORDER BY 1) END"
    )
    text = "coalesce(e.{0}, m.{0})"  # the text of a kept figure stays
    return sql.SQL(", ").join(resolved.get(name, sql.SQL(text).format(sql.Identifier(name))) for name in figures.values)


def compare(cursor: psycopg.Cursor[Any], figures: Figures) -> Comparison:
    """Count the published figures in the run's columns, and those that change, for the audit.

    A row whose source (``fuente``) changes is not counted: that is not a restatement by the regulator, and
    ``published.moved`` reports it.

    Args:
        cursor: in the transaction in which ``stage`` was called.
        figures: what was staged.
    """
    changed = sql.SQL(" + ").join(
        sql.SQL("(m.{name} IS NOT NULL AND m.{name} IS DISTINCT FROM e.{name})::int").format(name=sql.Identifier(name))
        for name in figures.names
    )
    same_source = sql.SQL("AND m.fuente = coalesce(e.fuente, m.fuente)" if "fuente" in figures.columns else "")
    row = cursor.execute(
        sql.SQL(
            "SELECT (SELECT coalesce(sum(num_nonnulls({published})), 0) FROM {entrada} e JOIN {table} m"
            " ON {same_key}), (SELECT coalesce(sum({changed}), 0) FROM {diferencias} e JOIN {table} m ON {same_key}"
            " {same_source})"
        ).format(published=_names(figures.names, "m"), changed=changed, same_source=same_source, **figures.words)
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always returns a row
    return Comparison(int(row[0]), int(row[1]))


def publish(cursor: psycopg.Cursor[Any], run_id: int, figures: Figures) -> Published:
    """Write what differs, and record each figure that changes.

    Args:
        cursor: in the transaction in which ``stage`` was called.
        run_id: the run recorded in the rows that are written.
        figures: what was staged; if removals are allowed, the figures of published rows that it lacks are withdrawn.
    """
    words = figures.words
    removed = _remove(cursor, run_id, figures) if figures.allow_removals else 0
    changed = _record_changes(cursor, run_id, figures)
    if "banco_norm" in figures.columns:
        _release_names(cursor, figures)
    author = figures.table.has_author
    parameters = [run_id] if author else []
    updated = cursor.execute(
        sql.SQL(
            "UPDATE {table} m SET ({values}) = ROW({new}){author} FROM {diferencias} e WHERE {same_key} AND NOT e.nueva"
        ).format(
            values=_names(figures.values),
            new=_names(figures.values, "e"),
            author=sql.SQL(", etl_run_id = %s, updated_at = statement_timestamp()" if author else ""),
            **words,
        ),
        parameters,
    ).rowcount
    inserted = cursor.execute(
        sql.SQL("INSERT INTO {table} ({columns}{author}) SELECT {new}{now} FROM {diferencias} e WHERE e.nueva").format(
            columns=_names(figures.columns),
            author=sql.SQL(", etl_run_id, updated_at" if author else ""),
            new=_names(figures.columns, "e"),
            now=sql.SQL(", %s, statement_timestamp()" if author else ""),
            **words,
        ),
        parameters,
    ).rowcount
    total = cursor.execute(sql.SQL("SELECT count(*) FROM {entrada}").format(**words)).fetchone()
    assert total is not None  # noqa: S101 - an aggregate always returns a row
    return Published(inserted, updated, int(total[0]) - inserted - updated, removed, changed)


def _remove(cursor: psycopg.Cursor[Any], run_id: int, figures: Figures) -> int:
    """Withdraw the run's columns in rows that the run lacks; a row with no figure left is deleted."""
    words, table = figures.words, figures.table
    missing = sql.SQL("NOT EXISTS (SELECT FROM {entrada} e WHERE {same_key})").format(**words)
    pairs = sql.SQL(", ").join(sql.SQL("({}, m.{})").format(name, sql.Identifier(name)) for name in figures.names)
    cursor.execute(
        sql.SQL(
            "INSERT INTO {changes} (run_id, {recorded}, columna, valor_anterior)"
            " SELECT %s, {row}, v.columna, v.valor FROM {table} m"
            " CROSS JOIN LATERAL (VALUES {pairs}) AS v (columna, valor) WHERE {missing} AND v.valor IS NOT NULL"
        ).format(
            recorded=_names(table.recorded), row=_names(table.recorded, "m"), pairs=pairs, missing=missing, **words
        ),
        [run_id],
    )
    author = table.has_author
    withdrawn = cursor.execute(
        sql.SQL(
            "UPDATE {table} m SET ({figures}) = ROW({nothing}){author} WHERE {missing} AND num_nonnulls({old}) > 0"
        ).format(
            figures=_names(figures.names),
            nothing=sql.SQL(", ").join(sql.SQL("NULL") for _ in figures.names),
            author=sql.SQL(", etl_run_id = %s, updated_at = statement_timestamp()" if author else ""),
            missing=missing,
            old=_names(figures.names, "m"),
            **words,
        ),
        [run_id] if author else [],
    ).rowcount
    cursor.execute(
        sql.SQL("DELETE FROM {table} m WHERE {missing} AND num_nonnulls({left}) = 0").format(
            missing=missing, left=_names(table.figures, "m"), **words
        )
    )
    return withdrawn


def _record_changes(cursor: psycopg.Cursor[Any], run_id: int, figures: Figures) -> int:
    recorded = figures.table.recorded
    pairs = sql.SQL(", ").join(
        sql.SQL("({}, m.{name}, e.{name})").format(name, name=sql.Identifier(name)) for name in figures.names
    )
    return cursor.execute(
        sql.SQL(
            "INSERT INTO {changes} (run_id, {recorded}, columna, valor_anterior, valor_nuevo)"
            " SELECT %s, {row}, v.columna, v.anterior, v.nuevo"
            " FROM {diferencias} e JOIN {table} m ON {same_key}"
            " CROSS JOIN LATERAL (VALUES {pairs}) AS v (columna, anterior, nuevo)"
            " WHERE v.anterior IS NOT NULL AND v.anterior IS DISTINCT FROM v.nuevo"
        ).format(recorded=_names(recorded), row=_names(recorded, "e"), pairs=pairs, **figures.words),
        [run_id],
    ).rowcount


def _release_names(cursor: psycopg.Cursor[Any], figures: Figures) -> None:
    """Replace names that change by codes first: the key is checked row by row, and two banks may swap names."""
    cursor.execute(
        sql.SQL(
            "UPDATE {table} m SET banco_norm = m.codigo_cnbv FROM {diferencias} e"
            " WHERE {same_key} AND m.banco_norm <> e.banco_norm"
        ).format(**figures.words)
    )


def _names(columns: Iterable[str], table: str | None = None) -> sql.Composed:
    prefix = (table,) if table else ()
    return sql.SQL(", ").join(sql.Identifier(*prefix, name) for name in columns)
