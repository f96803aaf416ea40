"""A series in the database: what is written, what is recorded, what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from bankadvisor_etl.errors import ChangedError, DataError
from bankadvisor_etl.sources.series import catalogues, comparison
from bankadvisor_etl.warehouse import schema
from bankadvisor_etl.warehouse import series as warehouse
from bankadvisor_etl.warehouse.connection import connect, transaction
from support.published import ask, one
from support.series import Value, csv_file, load, read

if TYPE_CHECKING:
    from pathlib import Path

MONTHS = [*range(202301, 202313), *range(202401, 202413)]
VALUES = {
    (entity, saldo, concept, month): float(month - concept % 7)
    for entity in ("5", "040002", "040171")
    for saldo in (130, 133)
    for concept in range(40100001, 40100011)
    for month in MONTHS
}
COUNT = len(VALUES)
KEY = ("040002", 130, 40100003, 202306)

Values = dict[tuple[str, int, int, int], float]


def loaded(dsn: str, path: Path, values: Values, **options: Any) -> warehouse.Loaded:
    rows: list[Value] = [(*key, value) for key, value in values.items()]
    with connect(dsn) as connection:
        return load(connection, csv_file(path / "s.csv", *rows), **options)


def stored(dsn: str) -> Values:
    rows = ask(dsn, "SELECT entidad, saldo, idconcepto, to_char(mes, 'YYYYMM')::int, valor FROM cnbv_series")
    return {(entity, saldo, concept, month): value for entity, saldo, concept, month, value in rows}


def changes(dsn: str) -> list[tuple[Any, ...]]:
    return ask(
        dsn,
        "SELECT run_id, entidad, saldo, idconcepto, to_char(mes, 'YYYYMM')::int, valor_anterior, valor_nuevo"
        " FROM cnbv_series_cambios ORDER BY 1, 2, 3, 4, 5",
    )


def versions(dsn: str) -> list[tuple[Any, ...]]:
    """The location and author of each row: a rewritten row has another location."""
    return ask(dsn, "SELECT ctid::text, xmin::text FROM cnbv_series_valores ORDER BY 1")


def test_first_load(dsn: str, tmp_path: Path) -> None:
    holes = {key: value for key, value in VALUES.items() if key[3] not in {202303, 202401} or key[1] == 130}
    assert loaded(dsn, tmp_path, holes) == warehouse.Loaded(60, 0, 0, 0, 0)
    assert stored(dsn) == holes
    assert one(dsn, "SELECT sum(n_valores) FROM cnbv_series_valores") == len(holes)
    assert one(dsn, "SELECT max(cardinality(valores)) FROM cnbv_series_valores") == len(MONTHS)


def test_the_same_file_again_writes_nothing(dsn: str, tmp_path: Path) -> None:
    loaded(dsn, tmp_path, VALUES)
    before = versions(dsn)
    shuffled = dict(sorted(VALUES.items(), key=lambda item: (item[0][3], -item[0][2])))
    assert loaded(dsn, tmp_path, shuffled) == warehouse.Loaded(0, 0, 60, 0, 0)
    assert versions(dsn) == before
    assert changes(dsn) == []


def test_the_next_month_with_restated_values(dsn: str, tmp_path: Path) -> None:
    loaded(dsn, tmp_path, VALUES)
    restated = [key for at, key in enumerate(VALUES) if at % 37 == 0]
    newer = VALUES | {(*key[:3], 202501): 1.5 for key in VALUES} | dict.fromkeys(restated, -1.0)
    assert loaded(dsn, tmp_path, newer) == warehouse.Loaded(0, 60, 0, len(restated), 0)
    assert stored(dsn) == newer
    assert changes(dsn) == sorted((2, *key, VALUES[key], -1.0) for key in restated)
    assert loaded(dsn, tmp_path, newer) == warehouse.Loaded(0, 0, 60, 0, 0)


def test_one_restated_value_writes_one_series(dsn: str, tmp_path: Path) -> None:
    loaded(dsn, tmp_path, VALUES)
    before = set(versions(dsn))
    assert loaded(dsn, tmp_path, VALUES | {KEY: 0.0}) == warehouse.Loaded(0, 1, 59, 1, 0)
    assert len(before & set(versions(dsn))) == 59
    assert changes(dsn) == [(2, *KEY, VALUES[KEY], 0.0)]


def test_history_that_comes_later_is_no_restatement(dsn: str, tmp_path: Path) -> None:
    """Months before the first, new concepts and institutions; a filled gap is recorded."""
    gap = {key: value for key, value in VALUES.items() if key != KEY}
    loaded(dsn, tmp_path, gap)
    newer = VALUES | {(*key[:3], 202212): 2.5 for key in VALUES} | {("040012", 130, 40100001, 202412): 7.0}
    assert loaded(dsn, tmp_path, newer) == warehouse.Loaded(1, 60, 0, 1, 0)
    assert stored(dsn) == newer
    assert changes(dsn) == [(2, *KEY, None, VALUES[KEY])]


@pytest.mark.parametrize("month", [202301, 202306, 202412])
def test_a_withdrawn_value_stays_on_record(dsn: str, tmp_path: Path, month: int) -> None:
    loaded(dsn, tmp_path, VALUES)
    key = (*KEY[:3], month)
    other = next(k for k in VALUES if k[:3] != key[:3])
    poorer = {k: value for k, value in VALUES.items() if k != key} | {other: 3.25}
    assert loaded(dsn, tmp_path, poorer) == warehouse.Loaded(0, 2, 58, 1, 1)
    assert stored(dsn) == VALUES | {other: 3.25}
    before = versions(dsn)
    assert loaded(dsn, tmp_path, poorer) == warehouse.Loaded(0, 0, 60, 0, 1)
    assert versions(dsn) == before
    assert changes(dsn) == sorted([(2, *key, VALUES[key], None), (2, *other, VALUES[other], 3.25)])
    assert loaded(dsn, tmp_path, VALUES | {other: 3.25}).withdrawn == 0
    assert loaded(dsn, tmp_path, VALUES | {other: 3.25}) == warehouse.Loaded(0, 0, 60, 0, 0)


@pytest.mark.parametrize("lost", ["a month", "an institution", "a saldo"])
def test_more_than_a_thousandth_withdrawn_refuses(dsn: str, tmp_path: Path, lost: str) -> None:
    loaded(dsn, tmp_path, VALUES)
    doomed = {"a month": 202412, "an institution": "040171", "a saldo": 133}[lost]
    poorer = {key: value for key, value in VALUES.items() if doomed not in key}
    before = versions(dsn)
    with pytest.raises(DataError):
        loaded(dsn, tmp_path, poorer)
    assert (versions(dsn), changes(dsn), one(dsn, "SELECT count(*) FROM etl_runs")) == (before, [], 1)
    done = loaded(dsn, tmp_path, poorer, accept_withdrawn=True)
    assert done.withdrawn == COUNT - len(poorer)
    assert stored(dsn) == VALUES
    assert [row[6] for row in changes(dsn)] == [None] * done.withdrawn


def test_where_too_many_are_withdrawn_nothing_is_written(dsn: str, tmp_path: Path) -> None:
    loaded(dsn, tmp_path, VALUES)
    before = versions(dsn)
    poorer = {key: value + 1 for key, value in VALUES.items() if key[1] == 130}
    path = csv_file(tmp_path / "p.csv", *((*key, value) for key, value in poorer.items()))
    with connect(dsn) as connection, transaction(connection) as cursor:
        difference = comparison.compare(read(path), warehouse.heads(cursor))
        done = warehouse.load(cursor, difference, 1, most=0.4)
    assert done == warehouse.Loaded(0, 0, 0, COUNT // 2, COUNT // 2, COUNT, "040002 133 40100001 202301")
    assert (versions(dsn), changes(dsn)) == (before, [])


def test_a_thousandth_is_borne(dsn: str, tmp_path: Path) -> None:
    loaded(dsn, tmp_path, VALUES)
    doomed = list(VALUES)[: COUNT // 1_000 + 1]
    poorer = {key: value for key, value in VALUES.items() if key not in doomed}
    with pytest.raises(DataError):
        loaded(dsn, tmp_path, poorer)
    poorer[doomed[0]] = VALUES[doomed[0]]
    assert loaded(dsn, tmp_path, poorer).withdrawn == 1


def test_somebody_else_loaded_in_between(dsn: str, tmp_path: Path) -> None:
    loaded(dsn, tmp_path, VALUES)
    path = csv_file(tmp_path / "n.csv", *((*key, value) for key, value in (VALUES | {KEY: 1.0}).items()))
    with connect(dsn) as connection, transaction(connection) as cursor:
        difference = comparison.compare(read(path), warehouse.heads(cursor))
    loaded(dsn, tmp_path, VALUES | {KEY: 2.0})
    with pytest.raises(ChangedError), connect(dsn) as connection, transaction(connection) as cursor:
        warehouse.load(cursor, difference, 1)
    assert stored(dsn) == VALUES | {KEY: 2.0}


def test_readers_never_wait(dsn: str, tmp_path: Path) -> None:
    loaded(dsn, tmp_path, VALUES)
    path = csv_file(tmp_path / "n.csv", *((*key, value + 1) for key, value in VALUES.items()))
    with connect(dsn) as connection, transaction(connection) as cursor:
        difference = comparison.compare(read(path), warehouse.heads(cursor))
        assert warehouse.load(cursor, difference, 1).restated == COUNT
        with psycopg.connect(dsn, options="-c lock_timeout=200ms") as other:
            assert other.execute("SELECT sum(valor) FROM cnbv_series").fetchone() == (sum(VALUES.values()),)
    assert one(dsn, "SELECT sum(valor) FROM cnbv_series") == sum(VALUES.values()) + COUNT


def test_one_month_of_everything(dsn: str, tmp_path: Path) -> None:
    holes = {key: value for key, value in VALUES.items() if key != KEY}
    loaded(dsn, tmp_path, holes)
    view = ask(dsn, "SELECT * FROM cnbv_series WHERE mes = '2023-06-01' ORDER BY 1, 3, 4")
    assert ask(dsn, "SELECT * FROM cnbv_series_mes('2023-06-17') ORDER BY 1, 3, 4") == view
    assert len(view) == 59
    for month in ("2022-12-01", "2025-01-01", "1999-01-01"):
        assert ask(dsn, "SELECT * FROM cnbv_series_mes(%s)", [month]) == []


def test_concepts_and_names(dsn: str, tmp_path: Path) -> None:
    loaded(dsn, tmp_path, VALUES)
    ask(
        dsn,
        "INSERT INTO instituciones (codigo_cnbv, banco_norm, nombre_oficial, nombre_corto, es_sistema)"
        " VALUES ('040002', 'BANAMEX', 'Banamex', 'Banamex', false)",
    )
    concepts = [catalogues.Concept(40100001, "Activo", 1, 1), catalogues.Concept(40100002, "Otros, \t\\ y más", 2, 3)]
    with connect(dsn) as connection:
        for expected in (2, 0):
            with transaction(connection) as cursor:
                rows = [(c.id, c.label, c.level, c.order) for c in concepts]
                assert warehouse.load_concepts(cursor, rows) == expected
        with transaction(connection) as cursor:
            assert warehouse.load_concepts(cursor, [(40100001, "Activo", 1, 2)]) == 1
    assert ask(dsn, "SELECT * FROM cnbv_conceptos ORDER BY id") == [
        (40100001, "Activo", 1, 2),
        (40100002, "Otros, \t\\ y más", 2, 3),
    ]
    names = "SELECT DISTINCT entidad, banco_norm, concepto FROM cnbv_series WHERE idconcepto IN (40100002, 40100003)"
    assert sorted(ask(dsn, names), key=str) == sorted(
        [
            (entity, name, label)
            for entity, name in (("5", "5"), ("040002", "BANAMEX"), ("040171", "040171"))
            for label in ("Otros, \t\\ y más", None)
        ],
        key=str,
    )


def test_the_module_that_talks_to_the_database_needs_no_polars() -> None:
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    code = "import sys, bankadvisor_etl.warehouse.series; sys.exit(bool({'polars', 'numpy'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_tables_apply_twice(dsn: str) -> None:
    with connect(dsn) as connection:
        for _ in range(2):
            with transaction(connection) as cursor:
                schema.prepare(cursor)
                schema.apply(cursor, 3)
