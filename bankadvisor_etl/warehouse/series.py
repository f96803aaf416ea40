"""CNBV's series in the database: what is new or changed is laid over what is stored, and nothing else is written.

All of it happens in one transaction of the caller: a crash leaves the old series whole, and readers never wait.
Nothing here needs polars or numpy: whoever parsed the file hands over blocks that are ready for COPY.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from psycopg import sql

from bankadvisor_etl.errors import ChangedError
from bankadvisor_etl.faults import point

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import psycopg

ROWS = ("huella", "primero", "idconcepto", "n_valores", "saldo", "entidad", "valores")
STAGED = (*ROWS, "huella_anterior")
KEYS = ("entidad", "saldo", "idconcepto", "huella_anterior")
"""The columns of the blocks. ``huella_anterior`` is the stored fingerprint that the comparison rested on."""


class Blocks(Protocol):
    """A file held against the heads of what is stored, as ``sources.series.encoding`` makes it."""

    @property
    def unchanged(self) -> int:
        """How many series are as stored."""

    def longer_keys(self) -> Iterator[bytes]:
        """Binary COPY (``KEYS``) of the stored series that go on in the file; no block where there are none."""

    def rows(self) -> Iterator[bytes]:
        """Binary COPY (``ROWS``) of the series that are new and of those that go on; no block where there are none."""

    def restated_rows(self) -> Iterator[bytes]:
        """Binary COPY (``STAGED``) of the series whose stored part differs; an empty array: the file has none."""

    def keep(self, values: bytes) -> None:
        """Take note of the stored values that the file lacks and that stay.

        CSV: entidad, saldo, idconcepto, month counted from year 0, value. Called once, before ``rows``.
        """


@dataclass(frozen=True)
class Loaded:
    """What a load did: series that it wrote and left, and values that it restated, and that it kept as withdrawn.

    ``stored`` counts the values that were stored before, where any was withdrawn; ``first`` is the key of one of those.
    """

    new: int
    changed: int
    unchanged: int
    restated: int
    withdrawn: int
    stored: int = 0
    first: str = ""


def heads(cursor: psycopg.Cursor[Any]) -> bytes:
    """What is stored, one CSV line per series: entidad, saldo, idconcepto, first month, length, fingerprint.

    Taken in the transaction of ``load``, or before it: ``load`` refuses what does not rest on the stored fingerprints.
    """
    with cursor.copy(
        "COPY (SELECT entidad, saldo, idconcepto,"
        " (date_part('year', primero) * 12 + date_part('month', primero) - 1)::integer, cardinality(valores), huella"
        " FROM cnbv_series_valores) TO STDOUT (FORMAT csv)"
    ) as copy:
        return b"".join(copy)


def load(cursor: psycopg.Cursor[Any], blocks: Blocks, run_id: int) -> Loaded:
    """Write what is new or changed; record each value that was restated or withdrawn.

    A value that is stored and that the file lacks is withdrawn: it is kept, and recorded once, without a new value.
    Whether too many were is for the caller to judge (``checks.withdrawn``), who rolls back then.

    Args:
        cursor: in a transaction, which the caller commits.
        blocks: the file, held against ``heads``.
        run_id: the run of ``etl_runs`` that the changes are recorded under.

    Raises:
        ChangedError: somebody else loaded since ``heads``.
    """
    cursor.execute("LOCK TABLE cnbv_series_valores IN SHARE ROW EXCLUSIVE MODE")
    longer = _stage_keys(cursor, blocks)
    compared = _stage(cursor, blocks)
    point("series_staged")
    restated = withdrawn = overwritten = stored = 0
    first, kept = "", b""
    if compared:
        withdrawn = _compare(cursor, compared)
        if withdrawn:
            stored, first = _context(cursor)
            kept = _withdrawn_values(cursor)
    blocks.keep(kept)
    if compared:
        restated = _record(cursor, run_id)
        overwritten = _overwrite(cursor, withdrawn)
    _delete(cursor, "series_alargadas", longer)  # to be written anew: as fast as to append, and the file is at hand
    point("series_compared")
    written = _copy(cursor, "cnbv_series_valores", ROWS, blocks.rows())
    point("series_loaded")
    unchanged = blocks.unchanged + compared - overwritten
    return Loaded(written - longer, longer + overwritten, unchanged, restated, withdrawn, stored, first)


def load_concepts(cursor: psycopg.Cursor[Any], concepts: Sequence[tuple[int, str, int, int]]) -> int:
    """Bring ``cnbv_conceptos`` up to date (id, label, level, order) and return how many rows were written.

    A concept that a newer catalogue lacks stays: the series may have it still.
    """
    cursor.execute("CREATE TEMPORARY TABLE conceptos_entrada (LIKE cnbv_conceptos) ON COMMIT DROP")
    with cursor.copy("COPY conceptos_entrada FROM STDIN") as copy:
        for concept in concepts:
            copy.write_row(concept)
    cursor.execute(
        "INSERT INTO cnbv_conceptos AS c SELECT * FROM conceptos_entrada e WHERE NOT EXISTS"
        " (SELECT FROM cnbv_conceptos c WHERE c IS NOT DISTINCT FROM ROW(e.*)::cnbv_conceptos)"
        " ON CONFLICT (id) DO UPDATE SET concepto = excluded.concepto, nivel = excluded.nivel, orden = excluded.orden"
    )
    return cursor.rowcount


def _copy(cursor: psycopg.Cursor[Any], table: str, columns: Iterable[str], blocks: Iterator[bytes]) -> int:
    """COPY blocks of whole rows, and return how many rows; without a block nothing is executed."""
    first = next(blocks, None)
    if first is None:
        return 0
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with cursor.copy(statement) as copy:
        copy.write(first)
        for block in blocks:
            copy.write(block)
    return cursor.rowcount


def _stage(cursor: psycopg.Cursor[Any], blocks: Blocks) -> int:
    """COPY the series that have to be compared into ``series_entrada``, and return how many there are."""
    cursor.execute(
        "CREATE TEMPORARY TABLE series_entrada (LIKE cnbv_series_valores INCLUDING STORAGE INCLUDING COMPRESSION,"
        " huella_anterior bigint) ON COMMIT DROP"
    )
    cursor.execute(
        "ALTER TABLE series_entrada ALTER primero DROP NOT NULL, ALTER n_valores DROP NOT NULL,"
        " ALTER valores DROP NOT NULL"
    )
    staged = _copy(cursor, "series_entrada", STAGED, blocks.restated_rows())
    if staged:
        cursor.execute("ANALYZE series_entrada (entidad, saldo, idconcepto)")
    return staged


def _stage_keys(cursor: psycopg.Cursor[Any], blocks: Blocks) -> int:
    """COPY the keys of the series that go on into ``series_alargadas``, and return how many there are."""
    cursor.execute(
        "CREATE TEMPORARY TABLE series_alargadas"
        " (entidad text, saldo smallint, idconcepto integer, huella_anterior bigint) ON COMMIT DROP"
    )
    staged = _copy(cursor, "series_alargadas", KEYS, blocks.longer_keys())
    if staged:
        cursor.execute("ANALYZE series_alargadas")
    return staged


def _delete(cursor: psycopg.Cursor[Any], table: str, expected: int) -> None:
    """Delete the stored series that a temporary table names, to be written anew."""
    if not expected:
        return
    cursor.execute(
        sql.SQL(
            "DELETE FROM cnbv_series_valores s USING {} e"
            " WHERE (e.entidad, e.saldo, e.idconcepto) = (s.entidad, s.saldo, s.idconcepto)"
            " AND s.huella IS NOT DISTINCT FROM e.huella_anterior"
        ).format(sql.Identifier(table))
    )
    _check_same(cursor.rowcount, expected)


def _check_same(found: int, expected: int) -> None:
    if found != expected:
        raise ChangedError("the stored series changed while the file was read: another run loaded one; run again")


def _compare(cursor: psycopg.Cursor[Any], compared: int) -> int:
    """List the values that differ in ``series_diferencias``, and return how many are stored and not in the file.

    Both arrays are laid out from the earlier of their first months on. What lies before the stored values or after
    them is no difference: it is new.
    """
    row = cursor.execute(
        "SELECT count(*) FROM series_entrada e JOIN cnbv_series_valores s USING (entidad, saldo, idconcepto)"
        " WHERE s.huella IS NOT DISTINCT FROM e.huella_anterior"
    ).fetchone()
    _check_same(row[0] if row else 0, compared)
    cursor.execute(
        """
        CREATE TEMPORARY TABLE series_diferencias ON COMMIT DROP AS
        SELECT entidad, saldo, idconcepto, (desde + make_interval(months => lugar - 1))::date AS mes, anterior, nuevo
        FROM (
            -- In the list of columns, arrays are taken apart in step; in FROM each would go through a store of its own.
            SELECT entidad, saldo, idconcepto, least(s.primero, e.primero) AS desde, antes,
                antes + cardinality(s.valores) AS hasta,
                unnest(array_fill(NULL::double precision, ARRAY[antes]) || s.valores) AS anterior,
                unnest(array_fill(NULL::double precision, ARRAY[despues]) || e.valores) AS nuevo,
                generate_series(1, greatest(antes + cardinality(s.valores), despues + cardinality(e.valores))) AS lugar
            FROM series_entrada e JOIN cnbv_series_valores s USING (entidad, saldo, idconcepto)
            CROSS JOIN LATERAL (SELECT ((date_part('year', s.primero) - date_part('year', e.primero)) * 12
                + date_part('month', s.primero) - date_part('month', e.primero))::integer AS meses) AS d
            CROSS JOIN LATERAL (SELECT greatest(meses, 0) AS antes, greatest(-meses, 0) AS despues) AS a
        ) AS v
        WHERE anterior IS DISTINCT FROM nuevo AND lugar > antes AND lugar <= hasta
        """
    )
    cursor.execute("ANALYZE series_diferencias")
    row = cursor.execute("SELECT count(*) FROM series_diferencias WHERE nuevo IS NULL").fetchone()
    return int(row[0]) if row else 0


def _context(cursor: psycopg.Cursor[Any]) -> tuple[int, str]:
    """How many values are stored, and the key of the first that the file lacks."""
    stored = cursor.execute("SELECT sum(n_valores) FROM cnbv_series_valores").fetchone()
    first = cursor.execute(
        "SELECT concat_ws(' ', entidad, saldo, idconcepto, to_char(mes, 'YYYYMM')) FROM series_diferencias"
        " WHERE nuevo IS NULL ORDER BY entidad, saldo, idconcepto, mes LIMIT 1"
    ).fetchone()
    assert stored  # noqa: S101 - a sum gives a row
    assert first  # noqa: S101 - some were withdrawn
    return int(stored[0]), str(first[0])


def _withdrawn_values(cursor: psycopg.Cursor[Any]) -> bytes:
    with cursor.copy(
        "COPY (SELECT entidad, saldo, idconcepto, extract(year FROM mes) * 12 + extract(month FROM mes) - 1, anterior"
        " FROM series_diferencias WHERE nuevo IS NULL) TO STDOUT (FORMAT csv)"
    ) as copy:
        return b"".join(copy)


def _record(cursor: psycopg.Cursor[Any], run_id: int) -> int:
    """Record the differences and return how many values were restated; a withdrawn value is recorded once."""
    cursor.execute(
        "INSERT INTO cnbv_series_cambios SELECT %s, entidad, saldo, idconcepto, mes, anterior, NULL"
        " FROM series_diferencias d WHERE nuevo IS NULL AND NOT EXISTS (SELECT FROM cnbv_series_cambios c"
        " WHERE (c.entidad, c.saldo, c.idconcepto, c.mes, c.valor_anterior) ="
        " (d.entidad, d.saldo, d.idconcepto, d.mes, d.anterior) AND c.valor_nuevo IS NULL)",
        [run_id],
    )
    cursor.execute(
        "INSERT INTO cnbv_series_cambios SELECT %s, entidad, saldo, idconcepto, mes, anterior, nuevo"
        " FROM series_diferencias WHERE nuevo IS NOT NULL",
        [run_id],
    )
    return cursor.rowcount


def _overwrite(cursor: psycopg.Cursor[Any], withdrawn: int) -> int:
    """Write the compared series that are not as stored, with the stored values in their gaps; return how many."""
    if withdrawn:
        _fill_gaps(cursor)
    cursor.execute(
        "DELETE FROM series_entrada e USING cnbv_series_valores s"
        " WHERE (e.entidad, e.saldo, e.idconcepto) = (s.entidad, s.saldo, s.idconcepto)"
        " AND (s.primero, s.valores) = (e.primero, e.valores) AND s.huella IS NOT DISTINCT FROM e.huella"
    )
    row = cursor.execute("SELECT count(*) FROM series_entrada").fetchone()
    count = int(row[0]) if row else 0
    _delete(cursor, "series_entrada", count)
    columns = sql.SQL(", ").join(map(sql.Identifier, ROWS))
    cursor.execute(sql.SQL("INSERT INTO cnbv_series_valores ({0}) SELECT {0} FROM series_entrada").format(columns))
    return count


def _fill_gaps(cursor: psycopg.Cursor[Any]) -> None:
    """Give the series that lack stored values those, and no fingerprint: no file has one like it."""
    cursor.execute(
        """
        UPDATE series_entrada e SET valores = l.valores, primero = l.primero, n_valores = l.n_valores, huella = NULL
        FROM (
            SELECT entidad, saldo, idconcepto, least(s.primero, e.primero) AS primero,
                array_agg(coalesce(nuevo, anterior) ORDER BY lugar) AS valores,
                count(coalesce(nuevo, anterior)) AS n_valores
            FROM series_entrada e JOIN cnbv_series_valores s USING (entidad, saldo, idconcepto)
            CROSS JOIN LATERAL (SELECT ((date_part('year', s.primero) - date_part('year', e.primero)) * 12
                + date_part('month', s.primero) - date_part('month', e.primero))::integer AS antes) AS d
            CROSS JOIN LATERAL unnest(
                array_fill(NULL::double precision, ARRAY[greatest(antes, 0)]) || s.valores,
                array_fill(NULL::double precision, ARRAY[greatest(-antes, 0)]) || e.valores
            ) WITH ORDINALITY AS v (anterior, nuevo, lugar)
            WHERE (entidad, saldo, idconcepto) IN
                (SELECT entidad, saldo, idconcepto FROM series_diferencias WHERE nuevo IS NULL)
            GROUP BY 1, 2, 3, 4
        ) AS l
        WHERE (e.entidad, e.saldo, e.idconcepto) = (l.entidad, l.saldo, l.idconcepto)
        """
    )
