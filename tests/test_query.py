"""``query``: exact digits, valid JSON, and statements that can neither write nor have side effects."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from support.cli import COMMAND, Result, environment, etl
from support.published import ask, everything, one

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES = [
    "1.10::numeric(20,6)",
    "0.00000000::numeric",
    "12345678901234567890.123456789",
    "0.1::float8",
    "1e20::float8",
    "0.30000000000000004::float8",
    "1.1::float4",
    "9223372036854775807",
    "-0.0::float8",
]


def _query(dsn: str, *arguments: str, given: str | None = None) -> Result:
    done = subprocess.run(
        [*COMMAND, "query", *arguments],
        env=environment(BANKADVISOR_DSN=dsn),
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("value", VALUES)
def test_digits_are_those_of_postgresql(dsn: str, value: str) -> None:
    text = one(dsn, f"SELECT ({value})::text")  # type: ignore[arg-type]
    statement = f"SELECT {value} AS x"
    (row,) = csv.DictReader(io.StringIO(_query(dsn, "--csv", statement).out))
    assert row["x"] == text
    assert _query(dsn, statement).out.split()[-1] == text
    shown = _query(dsn, "--json", statement)
    ((parsed,),) = [row.values() for row in json.loads(shown.out, parse_float=Decimal, parse_int=Decimal)]
    assert parsed == Decimal(text)
    if "numeric" in value or ("." in value and "float" not in value):
        assert f": {text}\n" in shown.out


def test_json_parses_whatever_is_in_it(dsn: str) -> None:
    statement = (
        "SELECT 'NaN'::numeric AS a, 'Infinity'::float8 AS a, '-Infinity'::numeric AS a_2, 'NaN'::float8 AS a,"
        " 'infinity'::timestamptz AS t, DATE '0044-03-15 BC' AS d, ARRAY[1.10, 'NaN'] AS l, NULL AS n, true AS b,"
        """ '{"x": 1.10, "y": [null, "\\u00e1"]}'::jsonb AS j, row(1, 'x') AS r, pg_sleep(0) AS v, E'\\n"' AS s,"""
        " '\\x00ff'::bytea AS y, interval '1 day' AS i, TIMESTAMPTZ '2024-01-01 00:00:00+00' AS z"
    )
    done = _query(dsn, "--json", statement)
    assert done.code == 0, done.err

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    (row,) = json.loads(done.out, parse_constant=refuse)
    assert [name for name, value in row.items() if value is None] == ["a", "a_3", "a_2", "a_4", "n"]
    assert (row["l"], row["b"], row["j"]) == ([1.1, None], True, {"x": 1.1, "y": [None, "\u00e1"]})
    assert (row["t"], row["s"], row["z"]) == ("infinity", '\n"', "2024-01-01T00:00:00+00:00")
    assert '"x": 1.10' in done.out
    assert len(row) == 16


def test_columns_of_one_name_stay_apart(dsn: str) -> None:
    (row,) = _query(dsn, "--json", "SELECT 1 AS x, 2 AS x, 3 AS x_2, 4 AS x").json
    assert sorted(row.values()) == [1, 2, 3, 4]
    assert (row["x"], row["x_2"]) == (1, 3)
    lines = list(csv.reader(io.StringIO(_query(dsn, "--csv", "SELECT 1 AS x, 2 AS x").out)))
    assert lines == [["x", "x"], ["1", "2"]]


def test_a_query_comes_from_standard_input(dsn: str) -> None:
    done = _query(dsn, "--csv", "-", given="SELECT 42 AS x -- the answer\n;\n")
    assert (done.code, done.out) == (0, "x\n42\n")


@pytest.mark.parametrize(
    ("statement", "lines"),
    [
        ("SHOW server_encoding", 2),
        ("EXPLAIN SELECT 1", 2),
        ("EXPLAIN (ANALYZE, TIMING off, BUFFERS off) SELECT count(*) FROM pg_class", 4),
        ("VALUES (1), (2), (3)", 4),
        ("WITH t AS (SELECT 1) TABLE t", 2),
        ("SELECT 1 WHERE false", 1),
        ("(SELECT 1 AS x) UNION ALL SELECT 2 ORDER BY x;", 3),
        ("SELECT '%' AS per, '$1' AS dollar", 2),
    ],
)
def test_what_returns_rows_works(dsn: str, statement: str, lines: int) -> None:
    done = _query(dsn, "--csv", statement)
    assert (done.code, done.err) == (0, "")
    assert len(done.out.splitlines()) >= lines


@pytest.fixture
def victim(published: str) -> Iterator[psycopg.Connection[Any]]:
    """A session like that of a run that is about to publish."""
    with psycopg.connect(published, application_name="bankadvisor-etl") as connection:
        connection.execute("SELECT pg_advisory_xact_lock(1)")
        yield connection


AS_SUPERUSER = [
    "SELECT pg_terminate_backend({pid})",
    "SELECT pg_cancel_backend({pid})",
    "SELECT set_config('role', 'none', true), pg_terminate_backend({pid})",
    "SELECT set_config('role', session_user, false), pg_terminate_backend({pid})",
    "SELECT set_config('session_authorization', session_user, false), pg_terminate_backend({pid})",
    "WITH a AS MATERIALIZED (SELECT set_config('role', 'none', false)) SELECT pg_terminate_backend({pid}) FROM a",
    "SELECT query_to_xml('SET ROLE none', true, true, ''), pg_terminate_backend({pid})",
    "SELECT query_to_xml('RESET ROLE', true, true, ''), pg_terminate_backend({pid})",
    "SELECT run_it('SET ROLE none'), pg_terminate_backend({pid})",
    "SELECT run_it('RESET SESSION AUTHORIZATION'), pg_terminate_backend({pid})",
    "SELECT run_it('RESET ALL; SET transaction_read_only = off; DELETE FROM monthly_kpis')",
    "SELECT with_role(), pg_terminate_backend({pid})",
    "SELECT pg_create_physical_replication_slot('canary', true)",
    "SELECT pg_create_logical_replication_slot('canary', 'test_decoding')",
    "SELECT set_config('role', 'none', true), pg_create_physical_replication_slot('canary', true)",
    "SELECT pg_reload_conf()",
    "SELECT pg_switch_wal()",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT lo_create(4242)",
    "SELECT nextval('etl_runs_id_seq')",
    "EXPLAIN ANALYZE CREATE TABLE canary AS SELECT 1",
    "EXPLAIN ANALYZE DELETE FROM monthly_kpis",
    "EXPLAIN ANALYZE SELECT pg_terminate_backend({pid})",
    "DELETE FROM monthly_kpis RETURNING 1",
    "CALL act()",
    "SELECT 1) AS x (a); DELETE FROM monthly_kpis; SELECT (1",
    "SELECT row(1)) AS result (c0); COMMIT; DELETE FROM monthly_kpis; --",
    "SELECT * FROM dblink_it('DELETE FROM monthly_kpis')",
]


@pytest.mark.parametrize("attack", AS_SUPERUSER)
def test_a_superuser_can_do_no_harm(published: str, victim: psycopg.Connection[Any], attack: str) -> None:
    ask(published, "CREATE FUNCTION run_it(s text) RETURNS int LANGUAGE plpgsql AS 'BEGIN EXECUTE s; RETURN 1; END'")
    ask(published, "CREATE FUNCTION with_role() RETURNS text LANGUAGE sql SET role = 'none' AS 'SELECT session_user'")
    ask(published, "CREATE PROCEDURE act(INOUT x int = 1) LANGUAGE plpgsql AS 'BEGIN DELETE FROM monthly_kpis; END'")
    before = everything(published)
    done = etl("query", attack.format(pid=victim.info.backend_pid), BANKADVISOR_DSN=published)
    assert done.code == 65, done
    assert "Traceback" not in done.err
    assert everything(published) == before
    assert victim.execute("SELECT 1").fetchone() == (1,)
    state = "SELECT (SELECT count(*) FROM pg_replication_slots), (SELECT count(*) FROM pg_largeobject_metadata)"
    assert ask(published, state) == [(0, 0)]
    assert one(published, "SELECT last_value FROM etl_runs_id_seq") == 1


def test_dblink_leads_no_way_around(published: str, victim: psycopg.Connection[Any]) -> None:
    if not one(published, "SELECT count(*) FROM pg_available_extensions WHERE name = 'dblink'"):
        pytest.skip("this server has no dblink")
    ask(published, "CREATE EXTENSION dblink")
    before = everything(published)
    back = published.replace("'", "''")
    for statement in (
        f"SELECT dblink_exec('{back}', 'DELETE FROM monthly_kpis')",  # noqa: S608
        f"SELECT dblink_connect('{back}')",
        f"SELECT set_config('role', 'none', true), dblink_exec('{back}', 'DELETE FROM monthly_kpis')",  # noqa: S608
    ):
        done = etl("query", statement, BANKADVISOR_DSN=published)
        assert done.code in {65, 69}, done  # dblink reports a failed connection
    assert everything(published) == before
    assert victim.execute("SELECT 1").fetchone() == (1,)


def test_a_session_that_may_take_no_reader_is_told(published: str) -> None:
    """A writer that cannot become a reader can read nevertheless; a role that can only read gets no warning."""
    ask(published, "DROP ROLE IF EXISTS q_writer, q_reader")
    ask(published, "CREATE ROLE q_writer LOGIN")
    ask(published, "CREATE ROLE q_reader LOGIN")
    try:
        ask(published, "GRANT SELECT, UPDATE ON monthly_kpis TO q_writer")
        ask(published, "GRANT SELECT ON monthly_kpis TO q_reader")
        statement = "SELECT count(*) AS n FROM monthly_kpis"
        told = {}
        for role in ("q_writer", "q_reader"):
            done = etl("query", "--csv", statement, BANKADVISOR_DSN=make_conninfo(published, user=role))
            assert (done.code, done.out) == (0, "n\n793\n"), done
            told[role] = bool(done.err)
        assert told == {"q_writer": True, "q_reader": False}
        done = etl(
            "query", "UPDATE monthly_kpis SET imor = 0 RETURNING 1", BANKADVISOR_DSN=f"{published} user=q_writer"
        )
        assert done.code == 65
        ask(published, "GRANT pg_read_all_data TO q_writer")
        done = etl("query", "--csv", statement, BANKADVISOR_DSN=make_conninfo(published, user="q_writer"))
        assert (done.code, done.out, done.err) == (0, "n\n793\n", "")
    finally:
        ask(published, "DROP OWNED BY q_writer, q_reader")
        ask(published, "DROP ROLE q_writer, q_reader")


def test_a_policy_hides_no_row_without_a_word(published: str) -> None:
    """A role that sees all rows is refused rather than shown fewer rows as the reader."""
    ask(published, "ALTER TABLE monthly_kpis ENABLE ROW LEVEL SECURITY")
    done = etl("query", "--csv", "SELECT count(*) FROM monthly_kpis", BANKADVISOR_DSN=published)
    assert done.code == 65 or done.out == "count\n793\n"


def test_a_name_is_found_in_the_schema_of_the_session(published: str) -> None:
    ask(published, "CREATE SCHEMA elsewhere")
    ask(published, "CREATE TABLE elsewhere.here AS SELECT 7 AS i")
    dsn = make_conninfo(published, options="-csearch_path=elsewhere,public")
    assert etl("query", "--csv", "SELECT i FROM here", BANKADVISOR_DSN=dsn).out == "i\n7\n"


def test_nothing_is_left_behind(published: str) -> None:
    assert etl("query", "SELECT 1", BANKADVISOR_DSN=published).code == 0
    assert one(published, "SELECT count(*) FROM pg_proc WHERE proname = 'bankadvisor_query'") == 0
