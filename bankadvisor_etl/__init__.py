"""Loads figures of Mexican banks from CNBV's files into PostgreSQL.

As a library: ``from bankadvisor_etl import run, check, read, compute`` (see ``bankadvisor_etl.api``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bankadvisor_etl.api import check, compute, read, run

__version__ = "0.2.0"
__all__ = ["__version__", "check", "compute", "read", "run"]


def __getattr__(name: str) -> Any:
    if name in __all__:  # imported on first use, so that the command line does not wait for it
        from bankadvisor_etl import api  # noqa: PLC0415

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
