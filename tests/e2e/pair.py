"""A primary and its standby, from Debian's packages: synchronous, so that what is committed is on both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2e.container import wait_until

if TYPE_CHECKING:
    from e2e.machine import Machine

PRIMARY, STANDBY = 5441, 5442
DSN = (
    f"postgresql://bankadvisor_etl@127.0.0.1:{PRIMARY},127.0.0.1:{STANDBY}/bankadvisor?target_session_attrs=read-write"
)
MAKE = f"""
cd /
v=$(ls /usr/lib/postgresql)
pg_createcluster $v uno --port {PRIMARY}
pg_createcluster $v dos --port {STANDBY}
for name in uno dos; do
    pg_conftool $v $name set fsync off
    pg_conftool $v $name set shared_buffers 16MB
done
pg_conftool $v uno set synchronous_standby_names dos
pg_ctlcluster $v uno start
rm -rf /var/lib/postgresql/$v/dos
as="runuser -u postgres --"
$as psql -Xqp {PRIMARY} -c "SET synchronous_commit = local" -c "CREATE ROLE bankadvisor_etl LOGIN PASSWORD 'password'"
$as pg_basebackup --port {PRIMARY} --checkpoint fast --write-recovery-conf -D /var/lib/postgresql/$v/dos
$as sed -i "s/primary_conninfo = '/&application_name=dos /" /var/lib/postgresql/$v/dos/postgresql.auto.conf
pg_ctlcluster $v dos start
$as createdb --port {PRIMARY} --owner bankadvisor_etl bankadvisor
"""
# The standby last: it then has everything that the primary wrote.
REST = """
cd /
v=$(ls /usr/lib/postgresql)
for name in uno dos; do pg_ctlcluster $v $name stop --mode fast 2>/dev/null || true; done
"""
KEEP = f"""{REST}
rm -rf /root/pair
mkdir /root/pair
cp -a /var/lib/postgresql/$v/uno /var/lib/postgresql/$v/dos /root/pair/
"""
RESTORE = f"""{REST}
for name in uno dos; do
    rm -rf /var/lib/postgresql/$v/$name
    cp -a --reflink=auto /root/pair/$name /var/lib/postgresql/$v/$name
    pg_ctlcluster $v $name start
done
"""
LOSE = """
cd /
v=$(ls /usr/lib/postgresql)
kill -KILL $(head -1 /var/lib/postgresql/$v/uno/postmaster.pid)
pg_ctlcluster $v dos promote
"""
DROP = f"{REST}for name in uno dos; do pg_dropcluster $v $name --stop; done; rm -rf /root/pair\n"


class Pair:
    """The two servers on a machine, and their database."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.script(MAKE)

    def script(self, text: str) -> None:
        """Run a script as root; it must succeed."""
        self._machine.run("sh", "-ec", text)

    def restore(self) -> None:
        """Both in the saved state, with replication."""
        self.script(RESTORE)
        follows = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        wait_until(lambda: self.ask(PRIMARY, follows) == "1", "the standby follows")

    def ask(self, port: int, query: str) -> str:
        """A query, as the superuser; its answer as text."""
        psql = ["runuser", "-u", "postgres", "--", "psql", "-XqAt", "-p", str(port), "-d", "bankadvisor", "-c", query]
        return self._machine.run(*psql, check=False).stdout.strip()

    def lose_primary(self) -> None:
        """Kill the primary outright and promote the standby."""
        self.script(LOSE)
        wait_until(lambda: self.ask(STANDBY, "SELECT pg_is_in_recovery()") == "f", "the standby is promoted")
