"""CNBV's series in the database: only what is new or changed is written.

It all happens in one transaction of the caller: a crash leaves the old series intact, and readers never wait.
Nothing here needs polars or numpy: the process that parses the file sends blocks that are ready for COPY.
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
KEYS = ("entidad", "saldo", "idconcepto", "huella_anterior")
"""The columns of the blocks. ``huella_anterior`` is the stored fingerprint that the comparison used."""

BLOCK = 2 * 2**20
"""Bytes of stored series that are passed on at a time."""

DIFFERENCES = ("entidad", "saldo", "idconcepto", "mes", "anterior", "nuevo")


class Blocks(Protocol):
    """A file compared with the stored series, as ``sources.series.comparison`` provides it.

    The parts are requested in this order; an empty part has no block.
    """

    def keys_to_compare(self) -> Iterator[bytes]:
        """Binary COPY (``KEYS``) of the stored series whose values are needed."""

    def hold(self, stored: Iterable[bytes]) -> None:
        """Compare these values, as ``_stored`` returns them, with the file's; called once, if any were requested."""

    def differences(self) -> Iterator[bytes]:
        """CSV (``DIFFERENCES``) of the values that differ in the file, or (without ``nuevo``) that it lacks."""

    def rewritten_keys(self) -> Iterator[bytes]:
        """Binary COPY (``KEYS``) of the stored series that are rewritten."""

    def rows(self) -> Iterator[bytes]:
        """Binary COPY (``ROWS``) of the rewritten series and of the new ones."""

    @property
    def unchanged(self) -> int:
        """How many series are as stored."""


@dataclass(frozen=True)
class Loaded:
    """What a load did: how many series are new, changed and unchanged, how many values restated and withdrawn.

    If values were withdrawn, ``stored`` counts those stored before, and ``first`` is the key of the first withdrawn.
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

    May be read before the transaction of ``load``, which refuses a comparison with fingerprints no longer stored.
    """
    # One text per institution takes a third of the time of 74,000 rows.
    lines = cursor.execute(
        "SELECT string_agg(concat_ws(',', entidad, saldo, idconcepto,"
        " (date_part('year', primero) * 12 + date_part('month', primero) - 1)::integer,"
        " cardinality(valores), coalesce(huella::text, '')), E'\\n') FROM cnbv_series_valores GROUP BY entidad"
    )
    return "\n".join(text for (text,) in lines).encode()


def load(cursor: psycopg.Cursor[Any], blocks: Blocks, run_id: int, most: float = 1) -> Loaded:
    """Write what is new or changed; record each value that was restated or withdrawn.

    A stored value that the file lacks is withdrawn: it is kept, and recorded once, without a new value.

    Args:
        cursor: in a transaction, which the caller commits.
        blocks: the file, compared with ``heads``.
        run_id: the run of ``etl_runs`` under which the changes are recorded.
        most: the share of the stored values that may be withdrawn; beyond it nothing is written, and the caller
            judges the counts (``checks.withdrawn``).

    Raises:
        ChangedError: somebody else loaded since ``heads``.
    """
    cursor.execute("LOCK TABLE cnbv_series_valores IN SHARE ROW EXCLUSIVE MODE")
    compared = _stage_keys(cursor, "series_comparadas", blocks.keys_to_compare())
    point("series_staged")
    if compared:
        blocks.hold(_stored(cursor, compared))
    differ, withdrawn = _stage_differences(cursor, blocks.differences())
    stored, first = _context(cursor) if withdrawn else (0, "")
    if withdrawn > most * stored:
        for _ in (*blocks.rewritten_keys(), *blocks.rows()):  # read to the end, but not written
            continue
        return Loaded(0, 0, blocks.unchanged, differ - withdrawn, withdrawn, stored, first)
    if differ:
        _record(cursor, run_id)
    rewritten = _stage_keys(cursor, "series_reescritas", blocks.rewritten_keys())
    _delete(cursor, rewritten)  # and insert again, which is as fast as appending to the arrays
    point("series_compared")
    written = _copy(cursor, "cnbv_series_valores", ROWS, blocks.rows())
    point("series_loaded")
    return Loaded(written - rewritten, rewritten, blocks.unchanged, differ - withdrawn, withdrawn, stored, first)


def load_concepts(cursor: psycopg.Cursor[Any], concepts: Sequence[tuple[int, str, int, int]]) -> int:
    """Update ``cnbv_conceptos`` (id, label, level, order) and return how many rows were written.

    A concept that a newer catalogue lacks stays: the series may still have it.
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


def _copy(
    cursor: psycopg.Cursor[Any], table: str, columns: Iterable[str], blocks: Iterator[bytes], layout: str = "binary"
) -> int:
    """COPY blocks of whole rows and return the number of rows; without a block nothing is executed."""
    first = next(blocks, None)
    if first is None:
        return 0
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT {})").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns)), sql.SQL(layout)
    )
    with cursor.copy(statement) as copy:
        copy.write(first)
        for block in blocks:
            copy.write(block)
    return cursor.rowcount


def _stage_keys(cursor: psycopg.Cursor[Any], table: str, blocks: Iterator[bytes]) -> int:
    """COPY keys into a temporary table and return how many there are."""
    cursor.execute(
        sql.SQL(
            "CREATE TEMPORARY TABLE {} (entidad text, saldo smallint, idconcepto integer, huella_anterior bigint)"
            " ON COMMIT DROP"
        ).format(sql.Identifier(table))
    )
    return _copy(cursor, table, KEYS, blocks)


def _stored(cursor: psycopg.Cursor[Any], expected: int) -> Iterator[bytes]:
    """Binary COPY of the stored series to be compared: entidad, saldo, idconcepto, first month, values (NaN: none)."""
    block, size = [], 0
    with cursor.copy(
        "COPY (SELECT entidad::integer, saldo, idconcepto,"
        " (date_part('year', primero) * 12 + date_part('month', primero) - 1)::integer,"
        " array_replace(valores, NULL, 'NaN') FROM series_comparadas c JOIN cnbv_series_valores s"
        " USING (entidad, saldo, idconcepto) WHERE s.huella IS NOT DISTINCT FROM c.huella_anterior)"
        " TO STDOUT (FORMAT binary)"
    ) as copy:
        for row in copy:  # the server sends whole rows
            block.append(bytes(row))
            size += len(row)
            if size > BLOCK:
                yield b"".join(block)
                block, size = [], 0
    yield b"".join(block)
    _check_same(cursor.rowcount, expected)


def _delete(cursor: psycopg.Cursor[Any], expected: int) -> None:
    """Delete the stored series that are rewritten."""
    if not expected:
        return
    cursor.execute(
        "DELETE FROM cnbv_series_valores s USING series_reescritas e"
        " WHERE (e.entidad, e.saldo, e.idconcepto) = (s.entidad, s.saldo, s.idconcepto)"
        " AND s.huella IS NOT DISTINCT FROM e.huella_anterior"
    )
    _check_same(cursor.rowcount, expected)


def _check_same(found: int, expected: int) -> None:
    if found != expected:
        raise ChangedError("the stored series changed while the file was read: another run loaded one; run again")


def _stage_differences(cursor: psycopg.Cursor[Any], differences: Iterator[bytes]) -> tuple[int, int]:
    """COPY the differences into ``series_diferencias``; return how many there are and how many are withdrawn."""
    cursor.execute(
        "CREATE TEMPORARY TABLE series_diferencias (entidad text, saldo smallint, idconcepto integer, mes date,"
        " anterior double precision, nuevo double precision) ON COMMIT DROP"
    )
    count = _copy(cursor, "series_diferencias", DIFFERENCES, differences, "csv")
    if not count:
        return 0, 0
    cursor.execute("ANALYZE series_diferencias")
    withdrawn = cursor.execute("SELECT count(*) FROM series_diferencias WHERE nuevo IS NULL").fetchone()
    return count, int(withdrawn[0]) if withdrawn else 0


def _record(cursor: psycopg.Cursor[Any], run_id: int) -> None:
    """Record the differences; a withdrawn value is recorded once."""
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


def _context(cursor: psycopg.Cursor[Any]) -> tuple[int, str]:
    """The number of stored values, and the key of the first one that the file lacks."""
    stored = cursor.execute("SELECT sum(n_valores) FROM cnbv_series_valores").fetchone()
    first = cursor.execute(
        "SELECT concat_ws(' ', entidad, saldo, idconcepto, to_char(mes, 'YYYYMM')) FROM series_diferencias"
        " WHERE nuevo IS NULL ORDER BY entidad, saldo, idconcepto, mes LIMIT 1"
    ).fetchone()
    assert stored  # noqa: S101 - an aggregate always returns a row
    assert first  # noqa: S101 - some were withdrawn
    return int(stored[0]), str(first[0])
