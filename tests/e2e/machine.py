"""A machine with PostgreSQL and the package on it, as an operator would set it up and then watch it."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from e2e.container import Container, wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

SERVICE, TIMER = "bankadvisor-etl.service", "bankadvisor-etl.timer"
FAILURE = f"bankadvisor-etl-failure@{SERVICE}.service"
SETTINGS, PGPASS = "/etc/bankadvisor-etl/bankadvisor-etl.env", "/etc/bankadvisor-etl/pgpass"
HOOK, ALERTS = "/etc/bankadvisor-etl/on-failure", "/var/lib/bankadvisor-etl/alerts"
UNFINISHED = "/var/lib/bankadvisor-etl/unfinished"
DATA, SAMPLE = "/srv/bankadvisor-etl", "/root/sample"
DROP_IN = f"/etc/systemd/system/{SERVICE}.d/50-test.conf"
FETCH = "bankadvisor-etl-fetch.service"
FETCH_DROP_IN = f"/etc/systemd/system/{FETCH}.d/50-test.conf"
COMMAND = "/opt/bankadvisor-etl/current/bin/bankadvisor-etl"
FORCED = ("[Service]", "ExecStart=", f"ExecStart={COMMAND} run --force")  # unchanged files would be skipped
PIP = "[global]\nno-index = true\nfind-links = /wheels\n"
"""/etc/pip.conf inside, where there is no index."""
DSN = "postgresql://bankadvisor_etl@127.0.0.1:5432/bankadvisor"
NO_PATIENCE = "BANKADVISOR_RETRIES=0\n"
"""For fetch: there is no network inside, and no test should wait for one."""
PASSWORD = "only:in-the-credential"  # noqa: S105  # the colon needs pgpass's escape
DATABASE = "CREATE DATABASE bankadvisor OWNER bankadvisor_etl ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0"
ALERT = f"""#!/bin/sh
{{ echo "--- alert"; env | grep ^FAILED_; cat; }} >>{ALERTS}
"""


class Machine(Container):
    """The container, with this project's commands."""

    installed = ""  # the output of the first installation
    _mark = 0

    def make(self, target: str, *settings: str, source: str = "/src") -> str:
        """Run `make install-units` and the like in the checkout, without a package index; return the output."""
        done = self.run("make", "--silent", "-C", source, target, *settings)
        return done.stdout + done.stderr

    def write(self, inside: str, text: str, mode: int = 0o644) -> Path:
        """A file inside, with its folder."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def configure(self) -> None:
        """The next steps printed by the installer: the data, the DSN, the password."""
        self.write(SETTINGS, f"BANKADVISOR_DATA_DIR={DATA}\nBANKADVISOR_DSN={DSN}\n{NO_PATIENCE}")
        escaped = PASSWORD.replace(":", r"\:")
        self.write(PGPASS, f"127.0.0.1:5432:bankadvisor:bankadvisor_etl:{escaped}\n", 0o600)
        self.run("chown", "bankadvisor-etl:", PGPASS)
        self.run("sh", "-c", f"rm -rf {DATA}/* && cp {SAMPLE}/* {DATA}/")

    def reset(self) -> None:
        """The initial state of every test: configured, an empty database, no override, nothing failed."""
        for path in (DROP_IN, FETCH_DROP_IN, HOOK, ALERTS, UNFINISHED):
            self.path(path).unlink(missing_ok=True)
        self.run("systemctl", "daemon-reload")
        self.run("systemctl", "stop", SERVICE)
        self.run("systemctl", "reset-failed")
        self.configure()
        self.run("systemctl", "start", "postgresql")
        self.run("systemctl", "--quiet", "enable", "--now", TIMER)
        self._mark = int(self.journal("--lines=1")[-1]["__REALTIME_TIMESTAMP"])
        self.psql("DROP DATABASE IF EXISTS bankadvisor WITH (FORCE)", DATABASE, database="postgres")

    def psql(self, *statements: str, database: str = "bankadvisor") -> str:
        """Statements as the superuser."""
        commands = [word for statement in statements for word in ("-c", statement)]
        psql = ["runuser", "-u", "postgres", "--", "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database]
        return self.run(*psql, *commands).stdout

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query."""
        rows: list[dict[str, Any]] = json.loads(self.psql(f"SELECT coalesce(json_agg(t), '[]') FROM ({query}) t"))  # noqa: S608
        return rows

    def etl_runs(self) -> list[dict[str, Any]]:
        """Every run so far; none if there is no table."""
        exists = self.psql("SELECT to_regclass('etl_runs') IS NOT NULL").strip() == "t"
        return self.rows("SELECT * FROM etl_runs ORDER BY id") if exists else []

    def published(self) -> str:
        """A fingerprint of all that is published, the same only if every figure is."""
        figures = "(to_jsonb(k) - 'updated_at' - 'etl_run_id')::text"
        return self.psql(f"SELECT count(*), md5(string_agg({figures}, '' ORDER BY id)) FROM monthly_kpis k")  # noqa: S608

    def next_run(self) -> dt.datetime:
        """When the timer elapses next."""
        (timer,) = json.loads(self.run("systemctl", "list-timers", "--output=json", TIMER).stdout)
        return dt.datetime.fromtimestamp(timer["next"] / 1e6, dt.UTC)

    def news(self, *selection: str) -> list[dict[str, Any]]:
        """Entries of the journal since this test began."""
        # Not --after-cursor: with a filter, journalctl of systemd 252 leaves out the first entry after it.
        return [entry for entry in self.journal(*selection) if int(entry["__REALTIME_TIMESTAMP"]) > self._mark]

    def override(self, *lines: str, path: str = DROP_IN) -> None:
        """A drop-in over the service, as `systemctl edit` makes it."""
        self.write(path, "\n".join(lines) + "\n")
        self.run("systemctl", "daemon-reload")

    def hook(self) -> None:
        """An /etc/bankadvisor-etl/on-failure that stores its input."""
        self.write(HOOK, ALERT, 0o755)

    def alerts(self) -> list[str]:
        """The input of the hook, one text per alert."""
        path = self.path(ALERTS)
        return path.read_text().split("--- alert\n")[1:] if path.exists() else []

    def start(self, *options: str) -> subprocess.CompletedProcess[str]:
        """`systemctl start bankadvisor-etl`, with its exit code."""
        return self.run("systemctl", "start", *options, SERVICE, check=False)

    def succeed(self) -> None:
        """A start of the service that must succeed; otherwise the journal is shown."""
        done = self.start()
        assert done.returncode == 0, "\n".join(str(entry["MESSAGE"]) for entry in self.news("-u", SERVICE))

    def settled(self, *, seconds: float = 90) -> str:
        """Waits until the service is at rest, retries included; active states are inactive and failed."""
        return str(wait_until(self._at_rest, "the service rests", seconds=seconds))

    def _at_rest(self) -> str:
        """The state, if the service is at rest; a start that waits for the fetch is not."""
        state = self.state(SERVICE)
        return state if state in {"inactive", "failed"} and self.show(SERVICE, "Job") in {"", "0"} else ""

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock monthly_kpis, so that a run waits there."""
        hold = ["-c", "BEGIN", "-c", "LOCK monthly_kpis IN ACCESS EXCLUSIVE MODE", "-c", "SELECT pg_sleep(600)"]
        # A unit of the container: a process started from outside would delay its reboot.
        unit = ["systemd-run", "--quiet", "--collect", "--setenv=PGAPPNAME=holder", "--uid=postgres"]
        self.run(*unit, "psql", "-d", "bankadvisor", *hold)
        wait_until(lambda: self._locks(granted=True), "monthly_kpis is locked")
        yield
        self.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'")

    def _locks(self, *, granted: bool) -> list[dict[str, Any]]:
        """Locks on monthly_kpis that are held or waited for."""
        locks = self.rows("SELECT mode, granted FROM pg_locks WHERE relation = 'monthly_kpis'::regclass")
        return [lock for lock in locks if lock["granted"] is granted]

    def waiting_run(self) -> dict[str, Any]:
        """The row of the run that now waits for monthly_kpis."""
        wait_until(lambda: self._locks(granted=False), "a run waits for monthly_kpis")
        (run,) = [run for run in self.etl_runs() if run["status"] == "running"]
        return run

    @contextlib.contextmanager
    def held_run(self) -> Iterator[dict[str, Any]]:
        """A run of the service that cannot go on; its row of etl_runs."""
        with self.locked():
            self.start("--no-block")
            yield self.waiting_run()

    @contextlib.contextmanager
    def stopped_run(self) -> Iterator[dict[str, Any]]:
        """A run of the service that does nothing for as long as needed: one that waits for a lock would give up."""
        with self.held_run() as run:
            self.run("systemctl", "kill", "--signal=STOP", "--kill-whom=main", SERVICE)
        yield run
        self.run("systemctl", "kill", "--signal=CONT", "--kill-whom=main", SERVICE)

    def start_twice(self) -> list[int]:
        """Two starts at the same time; their exit codes."""
        with ThreadPoolExecutor(2) as pool:
            return [done.returncode for done in pool.map(lambda _: self.start(), range(2))]
