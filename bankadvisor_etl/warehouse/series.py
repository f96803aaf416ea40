"""CNBV's series in the database: what is new or changed is laid over what is stored, and nothing else is written.

All of it happens in one transaction of the caller: a crash leaves the old series whole, and readers never wait.
Nothing here needs polars or numpy: whoever parsed the file hands over blocks that are ready for COPY.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from psycopg import sql

from bankadvisor_etl.errors import ChangedError, DataError
from bankadvisor_etl.faults import point

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import psycopg

NEW = ("huella", "primero", "idconcepto", "n_valores", "saldo", "entidad", "valores")
CHANGED = (*NEW, "huella_anterior", "restada")
"""The columns of the blocks. ``huella_anterior`` is the fingerprint that the comparison with the file rested on;
``restada`` says that the stored part differs, and has to be compared value by value."""

MAX_WITHDRAWN = 0.001
"""The share of the stored values that a file may lack."""

WITHDRAWN = "serie_valores_retirados"
"""The name under which more are accepted."""


class Blocks(Protocol):
    """A file held against the heads of what is stored, as ``sources.series.encoding`` makes it."""

    @property
    def unchanged(self) -> int:
        """How many series are as stored."""

    def new_blocks(self) -> Iterator[bytes]:
        """Binary COPY of the series that are not stored; no block where there are none."""

    def changed_blocks(self) -> Iterator[bytes]:
        """Binary COPY of the series to lay over stored ones; no block where there are none."""


@dataclass(frozen=True)
class Loaded:
    """What a load did: series that it wrote and left, and values that it restated, withdrew (kept) and holds."""

    new: int
    changed: int
    unchanged: int
    restated: int
    withdrawn: int


def heads(cursor: psycopg.Cursor[Any]) -> bytes:
    """What is stored, one CSV line per series: entidad, saldo, idconcepto, first month, length, fingerprint.

    Taken in the transaction of ``load``, or before it: ``load`` refuses what does not rest on the stored fingerprints.
    """
    with cursor.copy(
        "COPY (SELECT entidad, saldo, idconcepto, cnbv_numero_de_mes(primero), cardinality(valores), huella"
        " FROM cnbv_series_valores) TO STDOUT (FORMAT csv)"
    ) as copy:
        return b"".join(copy)


def load(cursor: psycopg.Cursor[Any], blocks: Blocks, run_id: int, *, accept_withdrawn: bool = False) -> Loaded:
    """Write what is new or changed; record each value that was restated or withdrawn.

    A value that is stored and that the file lacks is withdrawn: it is kept, and recorded once, without a new value.

    Args:
        cursor: in a transaction, which the caller commits.
        blocks: the file, held against ``heads``.
        run_id: the run of ``etl_runs`` that the changes are recorded under.
        accept_withdrawn: take a file that lacks more than ``MAX_WITHDRAWN`` of the stored values.

    Raises:
        DataError: the file lacks more than that.
        ChangedError: somebody else loaded since ``heads``.
    """
    cursor.execute("LOCK TABLE cnbv_series_valores IN SHARE ROW EXCLUSIVE MODE")
    new = _copy(cursor, "cnbv_series_valores", NEW, blocks.new_blocks())
    cursor.execute(
        "CREATE TEMPORARY TABLE series_entrada ON COMMIT DROP AS"
        " SELECT *, NULL::bigint AS huella_anterior, NULL::boolean AS restada FROM cnbv_series_valores WITH NO DATA"
    )
    cursor.execute("ALTER TABLE series_entrada ALTER COLUMN valores SET STORAGE MAIN")
    staged = _copy(cursor, "series_entrada", CHANGED, blocks.changed_blocks())
    point("series_staged")
    restated = withdrawn = changed = 0
    if staged:
        cursor.execute("ANALYZE series_entrada (entidad, saldo, idconcepto)")
        _check_nobody_loaded(cursor, staged)
        withdrawn = _compare(cursor)
        _check_withdrawn(cursor, withdrawn, accepted=accept_withdrawn)
        restated = _record(cursor, run_id)
        changed = _overwrite(cursor)
    point("series_loaded")
    return Loaded(new, changed, blocks.unchanged + staged - changed, restated, withdrawn)


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


def _check_nobody_loaded(cursor: psycopg.Cursor[Any], staged: int) -> None:
    row = cursor.execute(
        "SELECT count(*) FROM series_entrada e JOIN cnbv_series_valores s USING (entidad, saldo, idconcepto)"
        " WHERE s.huella IS NOT DISTINCT FROM e.huella_anterior"
    ).fetchone()
    if row != (staged,):
        raise ChangedError("the stored series changed while the file was read: another run loaded one; run again")


def _compare(cursor: psycopg.Cursor[Any]) -> int:
    """List the values that differ in ``series_diferencias``, and return how many are stored and not in the file.

    Both arrays are laid out from the earlier of their first months on. What lies before the stored values or after
    them is no difference: it is new.
    """
    cursor.execute(
        """
        CREATE TEMPORARY TABLE series_diferencias ON COMMIT DROP AS
        SELECT entidad, saldo, idconcepto, (least(s.primero, e.primero) + make_interval(months => lugar::integer - 1))
            ::date AS mes, anterior, nuevo
        FROM series_entrada e JOIN cnbv_series_valores s USING (entidad, saldo, idconcepto)
        CROSS JOIN LATERAL (SELECT cnbv_numero_de_mes(s.primero) - cnbv_numero_de_mes(e.primero) AS antes) AS d
        CROSS JOIN LATERAL unnest(
            array_fill(NULL::double precision, ARRAY[greatest(antes, 0)]) || s.valores,
            array_fill(NULL::double precision, ARRAY[greatest(-antes, 0)]) || e.valores
        ) WITH ORDINALITY AS v (anterior, nuevo, lugar)
        WHERE e.restada AND anterior IS DISTINCT FROM nuevo
            AND lugar > greatest(antes, 0) AND lugar <= greatest(antes, 0) + cardinality(s.valores)
        """
    )
    cursor.execute("ANALYZE series_diferencias")
    row = cursor.execute("SELECT count(*) FROM series_diferencias WHERE nuevo IS NULL").fetchone()
    return int(row[0]) if row else 0


def _check_withdrawn(cursor: psycopg.Cursor[Any], withdrawn: int, *, accepted: bool) -> None:
    if not withdrawn:
        return
    row = cursor.execute(
        "SELECT coalesce(sum(n_valores), 0) FROM cnbv_series_valores s WHERE EXISTS"
        " (SELECT FROM series_entrada e WHERE (e.entidad, e.saldo, e.idconcepto) = (s.entidad, s.saldo, s.idconcepto))"
        " OR s.huella IS NOT NULL"
    ).fetchone()
    stored = int(row[0]) if row else 0
    if withdrawn > MAX_WITHDRAWN * stored and not accepted:
        where = cursor.execute(
            "SELECT entidad, saldo, idconcepto, to_char(mes, 'YYYYMM') FROM series_diferencias WHERE nuevo IS NULL"
            " ORDER BY 1, 2, 3, 4 LIMIT 1"
        ).fetchone()
        raise DataError(
            f"the series lacks {withdrawn:,} of {stored:,} values that are stored, the first at (entidad, saldo, "
            f"idconcepto, periodo) {where}; at most {MAX_WITHDRAWN:.1%} may be withdrawn: fetch the file again, or "
            f"accept it with --accept {WITHDRAWN}"
        )


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


def _overwrite(cursor: psycopg.Cursor[Any]) -> int:
    """Write the series that differ; where the file lacks values, the stored ones fill the gaps. Return how many."""
    cursor.execute(
        """
        UPDATE series_entrada e SET valores = l.valores, primero = l.primero, n_valores = l.n_valores, huella = NULL
        FROM (
            SELECT entidad, saldo, idconcepto, least(s.primero, e.primero) AS primero,
                array_agg(coalesce(nuevo, anterior) ORDER BY lugar) AS valores, count(coalesce(nuevo, anterior))
                AS n_valores
            FROM series_entrada e JOIN cnbv_series_valores s USING (entidad, saldo, idconcepto)
            CROSS JOIN LATERAL (SELECT cnbv_numero_de_mes(s.primero) - cnbv_numero_de_mes(e.primero) AS antes) AS d
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
    cursor.execute(
        "UPDATE cnbv_series_valores s SET valores = e.valores, primero = e.primero, n_valores = e.n_valores,"
        " huella = e.huella FROM series_entrada e"
        " WHERE (e.entidad, e.saldo, e.idconcepto) = (s.entidad, s.saldo, s.idconcepto)"
        " AND (s.valores, s.primero, s.huella) IS DISTINCT FROM (e.valores, e.primero, e.huella)"
    )
    return cursor.rowcount
