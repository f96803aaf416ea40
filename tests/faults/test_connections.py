"""Connections are lost one at a time, or for good, or at the worst moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.cli import etl
from support.fault_case import PHASES, RESTATED, Case, failure
from support.published import ask, one, runs

if TYPE_CHECKING:
    from support.proxy import Proxy


@pytest.mark.parametrize("point", ["begun", "hashed", "computed", "published", "closed"])
def test_cut_off_for_good(case: Case, through: tuple[Proxy, str], point: str) -> None:
    """The server stays unreachable: the row cannot be closed, and the next run does it."""
    proxy, dsn = through
    with case.stopped_at(point, dsn) as running:
        proxy.refuses = True
        proxy.cut()
        case.go_on()
        done = running.end()
    row = {"status": "running", "completed_at": None, "phase": PHASES[point]}
    case.assert_held(point, "server gone for good", done, 69, row)


def test_the_confirmation_of_the_commit_is_lost(case: Case, through: tuple[Proxy, str]) -> None:
    """The server commits but the confirmation is lost: the run asks, and finds that it succeeded."""
    proxy, dsn = through
    with case.stopped_at("closed", dsn) as running:
        proxy.swallows = b"COMMIT"
        case.go_on()
        done = running.end()
    assert "etl.failed" not in {event["event"] for event in done.events}
    assert done.event("etl.completed")["status"] == "success"
    case.assert_held("commit", "its answer is lost", done, 0, {"status": "success", "exit_code": 0})


def _end_session(dsn: str, state: str) -> None:
    """End the run's session in that state: the publisher is in a transaction, the ledger between two."""
    query = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'bankadvisor-etl' AND state = %s"
    )
    assert set(ask(dsn, query, [state])) == {(True,)}


@pytest.mark.parametrize("point", ["begun", "found", "computed", "staged", "published", "closed"])
def test_the_publisher_alone_is_lost(case: Case, point: str) -> None:
    with case.stopped_at(point) as running:
        _end_session(case.dsn, "idle in transaction")
        case.go_on()
        done = running.end()
    # This is only noticed when the connection is used again, to fetch what is published or to stage the figures.
    phase = {"publish": "publish", "start": "discovery", "discovery": "discovery"}.get(PHASES[point], "audit")
    case.assert_held(point, "publisher's session ended", done, 69, failure(69, phase))


@pytest.mark.parametrize("point", ["begun", "hashed", "computed", "compared"])
def test_the_ledger_alone_is_lost(case: Case, point: str) -> None:
    with case.stopped_at(point) as running:
        _end_session(case.dsn, "idle")
        case.go_on()
        done = running.end()
    case.assert_held(point, "ledger's session ended", done, 69, failure(69, PHASES[point]))


@pytest.mark.parametrize("point", ["published", "closed", "committed"])
def test_the_ledger_is_lost_when_it_has_no_more_to_say(case: Case, point: str) -> None:
    with case.stopped_at(point) as running:
        _end_session(case.dsn, "idle")
        case.go_on()
        done = running.end()
    case.assert_held(point, "ledger's session ended", done, 0, {"status": "success", "exit_code": 0})


def test_another_run_takes_the_lock_that_was_lost(case: Case, through: tuple[Proxy, str]) -> None:
    """The second run closes the first one's row as abandoned and publishes; the first one cannot, and fails."""
    proxy, dsn = through
    with case.stopped_at("computed", dsn) as running:
        proxy.cut()
        second = etl(*case.arguments, **case.settings())
        assert second.code == 0, second
        case.go_on()
        done = running.end()
    assert done.code == 69
    assert done.event("etl.failed")["run_id"] == 2
    _, first, other = runs(case.dsn)
    assert (first["status"], first["error_message"].partition(":")[0]) == ("failure", "abandoned")
    assert (other["status"], other["rows_updated"]) == ("success", RESTATED)
    assert one(case.dsn, "SELECT count(*) FROM monthly_kpis_cambios") == 3 * RESTATED
    case.note("computed", "another run takes the lost lock", done, "failure, abandoned", "the other's")
