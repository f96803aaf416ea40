"""A run is stopped at every step, in every way that can happen: nothing wrong is ever published.

After each fault: ``monthly_kpis`` is the old table or the new one, the run's row is correct, no process is left, the
next run succeeds, and no row or change appears twice. The new files restate 751 rows of the old ones.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from bankadvisor_etl.faults import POINTS
from support.fault_case import BEFORE_THE_ROW, PHASES, RESTATED, Case, failure

if TYPE_CHECKING:
    from support.proxy import Proxy


def test_the_points_are_all_known() -> None:
    assert (*BEFORE_THE_ROW, *PHASES, "committed") == POINTS


@pytest.mark.parametrize("point", POINTS)
def test_killed(case: Case, point: str) -> None:
    """kill -9: nobody can close the row, so the next run does; what was committed stays."""
    with case.stopped_at(point) as running:
        running.send(signal.SIGKILL)
        done = running.end()
        assert running.survivors == []
    row: dict[str, Any] | None = {"status": "running", "phase": PHASES.get(point), "completed_at": None}
    if point in BEFORE_THE_ROW:
        row = None
    elif point == "committed":
        row = {"status": "success", "exit_code": 0, "rows_updated": RESTATED}
    case.assert_held(point, "kill -9", done, -signal.SIGKILL, row)


@pytest.mark.parametrize("point", POINTS)
def test_terminated(case: Case, point: str) -> None:
    """SIGTERM: the run closes its row; after the commit there is nothing left to stop."""
    with case.stopped_at(point) as running:
        running.send(signal.SIGTERM)
        done = running.end()
        assert running.survivors == []
    events = [event["event"] for event in done.events]
    if point == "committed":
        assert "etl.failed" not in events
        case.assert_held(point, "SIGTERM", done, 0, {"status": "success", "exit_code": 0})
    elif point in BEFORE_THE_ROW:
        case.assert_held(point, "SIGTERM", done, 143, None)
    else:
        assert done.event("etl.failed")["phase"] == PHASES[point]
        row = failure(143, PHASES[point]) | {"error_message": "stopped by SIGTERM"}
        case.assert_held(point, "SIGTERM", done, 143, row)


@pytest.mark.parametrize("point", POINTS)
def test_cut_off(case: Case, through: tuple[Proxy, str], point: str) -> None:
    """All connections drop, and the server is reachable again: the run closes its row over a new connection.

    Before the row exists there is only the lock, which is lost with its connection: the run notices when it stages its
    figures.
    """
    proxy, dsn = through
    with case.stopped_at(point, dsn) as running:
        proxy.cut()
        case.go_on()
        done = running.end()
        assert running.survivors == []
    if point == "committed":
        case.assert_held(point, "connections cut", done, 0, {"status": "success", "exit_code": 0})
        return
    phase = "discovery" if point in BEFORE_THE_ROW else PHASES[point]
    assert "PostgreSQL" in done.event("etl.failed")["error"]
    case.assert_held(point, "connections cut", done, 69, failure(69, phase))
