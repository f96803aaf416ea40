"""A container with its own systemd, root and network (loopback only); the machine's are never touched."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

HOST_HAS_SYSTEMD = Path("/run/systemd/system").exists()
HIERARCHIES = [Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")]
IN_GROUPS = 'for group in $GROUPS_TO_JOIN; do echo $$ >"$group/cgroup.procs"; done; exec "$@"'


def wait_until(holds: Callable[[], Any], what: str, *, seconds: float = 60) -> Any:
    """The first true result of `holds`, or an AssertionError that says what never became true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := holds():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


def control_groups(name: str) -> list[Path]:
    """A control group for the container if there is no systemd to create one.

    Two containers in one group would take each other's services for their own leftovers and kill them.
    """
    if HOST_HAS_SYSTEMD:
        return []
    return [tree / name for tree in HIERARCHIES if (tree / "cgroup.procs").exists()]


def enter(pid: int) -> list[str]:
    """The prefix of a command that runs inside, as root, with a clean environment."""
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid"]
    return ["nsenter", "--target", str(pid), *namespaces, "env", "-i", path, "HOME=/root", "LANG=C.UTF-8"]


class Container:
    """Boots, is cut off, boots again; commands run inside as root."""

    def __init__(self, root: Path, binds: dict[Path, str]) -> None:
        self.root = root
        self._binds = [f"--bind-ro={host}:{inside}" for host, inside in binds.items()]
        self._console = root.with_name(f"{root.name}.console")
        self._groups = control_groups(f"bankadvisor-e2e-{os.getpid()}")
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._pid = 0

    def __enter__(self) -> Self:
        self.boot()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut_power()

    def path(self, inside: str) -> Path:
        """The outside path of a file in the container, except in /run, /tmp and /proc, which only the container has."""
        return self.root / inside.lstrip("/")

    def boot(self) -> None:
        """Starts PID 1 and waits for multi-user.target."""
        for group in self._groups:
            group.mkdir(exist_ok=True)
        command = ["sh", "-c", IN_GROUPS, "sh", "setpriv", "--pdeathsig=TERM", "systemd-nspawn", "--quiet"]
        command += [f"--directory={self.root}", "--boot", "--register=no", "--private-network", "--console=pipe"]
        command += [] if HOST_HAS_SYSTEMD else ["--keep-unit"]
        joins = {"GROUPS_TO_JOIN": " ".join(map(str, self._groups))}
        with self._console.open("ab") as console:
            self._nspawn = subprocess.Popen(
                [*command, *self._binds],
                env=os.environ | joins,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        self._await_boot()

    def _await_boot(self) -> None:
        self._pid = wait_until(self._find_init, f"a PID 1 that answers, see {self._console}")
        wait_until(lambda: self.state("multi-user.target") == "active", "multi-user.target is reached", seconds=120)

    def _find_init(self) -> int:
        assert self._nspawn is not None
        assert self._nspawn.poll() is None, self._console.read_text()[-2000:]
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        return next((int(pid) for pid in children if answers(int(pid))), 0)

    def cut_power(self) -> None:
        """Kills everything inside at once, like a power failure."""
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)  # the kernel ends the whole PID namespace with its PID 1
            self._pid = 0
        if self._nspawn is not None:
            self._nspawn.kill()
            self._nspawn.wait()
            self._nspawn = None
        self._remove_groups()

    def _remove_groups(self) -> None:
        for group in self._groups:
            if group.exists():
                wait_until(partial(vacant, group), f"{group} is empty")
                for folder in sorted(group.rglob("*/"), reverse=True):
                    folder.rmdir()
                group.rmdir()

    def reboot(self) -> None:
        """An orderly `systemctl reboot`."""
        assert self._nspawn is not None
        before = self._pid
        self.run("systemctl", "reboot")
        wait_until(lambda: not Path(f"/proc/{before}").exists(), "the machine goes down", seconds=120)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._nspawn.wait(timeout=2)  # --keep-unit: it ends, and the new boot is its caller's to begin
        if self._nspawn.poll() is None:
            self._await_boot()
        else:
            self._remove_groups()
            self.boot()

    def run(self, *command: str, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A command inside, to its end."""
        whole = [*enter(self._pid), *command]
        done = subprocess.run(whole, input=stdin, capture_output=True, text=True, check=False, timeout=300)
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def popen(self, *command: str) -> subprocess.Popen[str]:
        """A command inside, left running."""
        pipe = subprocess.PIPE
        return subprocess.Popen([*enter(self._pid), *command], stdin=pipe, stdout=pipe, text=True)

    def state(self, unit: str) -> str:
        """One of active, inactive, activating, failed."""
        return self.run("systemctl", "is-active", unit, check=False).stdout.strip()

    def show(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def journal(self, *selection: str) -> list[dict[str, Any]]:
        """Entries of the journal, with all their fields."""
        self.run("journalctl", "--sync")
        lines = self.run("journalctl", "--quiet", "--all", "--output=json", *selection).stdout.splitlines()
        return [json.loads(line) for line in lines]


def answers(pid: int) -> bool:
    """Whether this is a systemd that has begun to serve."""
    if Path(f"/proc/{pid}/comm").read_text() != "systemd\n":
        return False
    probe = subprocess.run([*enter(pid), "systemctl", "is-system-running"], capture_output=True, text=True, check=False)
    return probe.stdout.strip() in {"starting", "running", "degraded"}


def vacant(group: Path) -> bool:
    """Whether no process is left in a control group or below."""
    return not any(procs.read_text() for procs in group.rglob("cgroup.procs"))
