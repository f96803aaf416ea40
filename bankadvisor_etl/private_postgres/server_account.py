"""The user that a private PostgreSQL runs as: the current one, or an unprivileged one if that is root."""

from __future__ import annotations

import os
import pwd
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from bankadvisor_etl.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Account:
    """A system user.

    Attributes:
        name: its name, for messages.
        uid: its number; ``None`` for the current user.
        gid: its group's number; ``None`` for the current group.
    """

    name: str = "yours"
    uid: int | None = None
    gid: int | None = None

    @classmethod
    def of_folder(cls, folder: Path) -> Account:
        """Choose the account of the server in ``folder``: the current user, except root, which PostgreSQL refuses.

        An existing cluster stays with its owner. For a new one, ``postgres`` is intended for this purpose, if a
        distribution's package created it; ``nobody`` always exists, but other programs that run as ``nobody`` could
        access the data. Creating a user would change the machine.

        Raises:
            ConfigurationError: the current user is root and there is no such user.
        """
        if os.geteuid() != 0:
            return cls()
        candidates = ["postgres", "nobody"]
        with suppress(FileNotFoundError, KeyError):
            candidates.insert(0, (folder / "data").owner())
        for name in candidates:
            with suppress(KeyError):
                user = pwd.getpwnam(name)
                if user.pw_uid != 0:
                    return cls(name, user.pw_uid, user.pw_gid)
        raise ConfigurationError("PostgreSQL refuses root, and there is no user 'postgres' or 'nobody'")

    def own(self, path: Path) -> None:
        """Make the account the owner of ``path``."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def run(self, *command: str | Path, output: int | IO[str] = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
        """Run a command as the account, isolated from our terminal, signals and environment (``PGPORT`` ...).

        Args:
            command: the program and its arguments.
            output: where it writes, including errors; not a pipe if it leaves a process behind that keeps it open.

        Raises:
            OSError: the program cannot be run; ``PermissionError`` if the account cannot access it.
        """
        return subprocess.run(
            [str(part) for part in command],
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            check=False,
        )
