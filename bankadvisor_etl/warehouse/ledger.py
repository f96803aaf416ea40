"""The record of one run, from beginning to end, whatever happens in between."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.errors import DatabaseError, EtlError, Terminated, exit_code_of, message_of
from bankadvisor_etl.warehouse import runs
from bankadvisor_etl.warehouse.connection import connect, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import psycopg

    from bankadvisor_etl.checks.findings import Finding


PATIENCE = 3.0
"""Seconds to wait for a lost server; after that, the next run closes the row of this one."""


class Ledger:
    """Records what a run does as it happens, each fact in a separate transaction."""

    def __init__(self, dsn: str, connection: psycopg.Connection[Any], run_id: int, *, details: bool) -> None:
        """Write under ``run_id`` through ``connection`` (to ``dsn``), which is not the one that publishes.

        Without ``details`` (in a dry run) only the run's row is written.
        """
        self.run_id = run_id
        self.connection = connection
        self.counts = runs.Counts()
        self.figures_changed = 0
        self.phase = "start"
        self.status = "running"
        self._dsn = dsn
        self._details = details

    def begin_phase(self, phase: str) -> None:
        """Record the phase that begins."""
        self.phase = phase
        with transaction(self.connection) as cursor:
            runs.begin_phase(cursor, self.run_id, phase)

    def record_sources(self, records: Iterable[runs.SourceRecord]) -> None:
        """Record the files of the run; a file that is already recorded is updated."""
        if self._details:
            with transaction(self.connection) as cursor:
                runs.record_sources(cursor, self.run_id, records)

    def record_rejects(self, rejects: bytes) -> None:
        """Record rows that were set aside, ready for COPY."""
        if self._details:
            with transaction(self.connection) as cursor:
                runs.record_rejects(cursor, rejects)

    def record_findings(self, findings: Sequence[Finding]) -> list[Finding]:
        """Record what the checks found, and return what failed and is new; in a dry run, all that failed."""
        if not self._details:
            return [finding for finding in findings if not finding.passed]
        with transaction(self.connection) as cursor:
            return runs.record_findings(cursor, self.run_id, findings)

    def repeat_findings(self, earlier: int, but: str) -> None:
        """Record again what the run ``earlier`` found, except the check ``but``."""
        if self._details:
            with transaction(self.connection) as cursor:
                runs.repeat_findings(cursor, self.run_id, earlier, but)

    def close(self, ending: runs.Ending) -> bool:
        """Close the run's row, over a new connection if this one is lost; False if the run had succeeded."""
        try:
            closed = self._close(self.connection, ending)
        except DatabaseError:
            if not self.connection.broken:
                raise
            with self._anew() as anew:
                closed = self._close(anew, ending)
        self.status = ending.status if closed else "success"
        return closed

    def _anew(self) -> psycopg.Connection[Any]:
        """Connect again; a server that crashed takes a moment to recover."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return connect(self._dsn)
            except DatabaseError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(PATIENCE / 10)

    def _close(self, connection: psycopg.Connection[Any], ending: runs.Ending) -> bool:
        with transaction(connection) as cursor:
            closed = runs.close(cursor, self.run_id, ending, self.counts)
            # Not closed: its commit succeeded, or the run that took the lost lock closed it as abandoned.
            return closed or not runs.has_succeeded(cursor, self.run_id)


@contextmanager
def recorded(
    dsn: str, triggered_by: str, prefer: str, on_failure: Callable[[Ledger, BaseException], None], *, details: bool
) -> Iterator[Ledger]:
    """Insert a run's row and, if the run fails, close it with the error; the lock has to be held.

    The caller closes the row of a run that succeeds, together with what it publishes: if that commit succeeded and
    only its confirmation was lost, the run succeeded and no error is raised. Rows that killed runs left open are
    closed first. ``on_failure`` is called with each error that is raised, after it is recorded.
    """
    with connect(dsn) as connection:
        with transaction(connection) as cursor:
            runs.close_abandoned(cursor)
            ledger = Ledger(dsn, connection, runs.begin(cursor, triggered_by, prefer), details=details)
        try:
            yield ledger
        except (Exception, Terminated, KeyboardInterrupt) as error:
            if _closed_as_failure(ledger, error):
                on_failure(ledger, error)
                raise


def _closed_as_failure(ledger: Ledger, error: BaseException) -> bool:
    try:
        return ledger.close(runs.Ending("failure", exit_code_of(error), message_of(error)))
    except EtlError as second:
        error.add_note(f"and the run's row could not be closed: {second}")
        return True
