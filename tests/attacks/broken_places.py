"""Other things in the place of a file, and files that may not be opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from broken import CARTERA, ICAP, INPUT, TASAS, Broken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _instead(make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Replace a file by something else."""

    def do(path: Path) -> None:
        path.unlink()
        make(path)

    return do


def _closed(path: Path) -> None:
    path.chmod(0)


def _closed_folder(path: Path) -> None:
    """CNBV's folder, next to a file."""
    (path.parent / "cnbv").mkdir(mode=0)


TABLE = [
    Broken("place", "nothing there", CARTERA, INPUT, (CARTERA, "missing"), _instead(lambda _: None)),
    Broken("place", "a link to nowhere", CARTERA, INPUT, (CARTERA,), _instead(lambda p: p.symlink_to("nowhere"))),
    Broken("place", "a link to itself", CARTERA, INPUT, (CARTERA,), _instead(lambda p: p.symlink_to(p.name))),
    Broken("place", "a folder", CARTERA, INPUT, (CARTERA,), _instead(lambda p: p.mkdir())),
    Broken("place", "a pipe", CARTERA, INPUT, (CARTERA,), _instead(os.mkfifo)),
    Broken("place", "a device", CARTERA, INPUT, (CARTERA,), _instead(lambda p: p.symlink_to("/dev/zero"))),
    Broken("place", "no permission", CARTERA, INPUT, (CARTERA, "Permission denied"), _closed),
    Broken("place", "no permission, optional", ICAP, INPUT, (ICAP, "Permission denied"), _closed),
    Broken("place", "no permission, CNBV's folder", CARTERA, INPUT, ("cnbv",), _closed_folder),
    Broken("place", "no permission, the rates", TASAS, INPUT, (TASAS, "Permission denied"), _closed),
]
