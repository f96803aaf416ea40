"""What a run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal

from bankadvisor_etl.checks.findings import Thresholds

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Request:
    """The settings of a run.

    Attributes:
        data_dir: the folder of the files.
        dsn: the connection string.
        triggered_by: ``timer``, ``systemd``, ``cron`` or ``manual``.
        dry_run: do everything except publish.
        force: read and publish although the files are those of the last success.
        allow_removals: withdraw published figures and bank-months that the files lack, and accept a newest month that
            goes back.
        accepted: checks whose failure is accepted for this run, by name.
        thresholds: the limits that the checks apply, as ``NAME=VALUE``.
        keep_days: how long rejects and checks are kept.
        today: the date of the run.
        prefer: whether the loan book comes from CNBV's series or from the workbook where both have it.
    """

    data_dir: Path
    dsn: str
    triggered_by: str = "manual"
    dry_run: bool = False
    force: bool = False
    allow_removals: bool = False
    accepted: tuple[str, ...] = ()
    thresholds: tuple[str, ...] = ()
    keep_days: int = 400
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    prefer: Literal["serie", "libro"] = "serie"

    @property
    def insists(self) -> bool:
        """Whether the files are read although none of them changed."""
        return self.force or self.dry_run or self.allow_removals or bool(self.accepted)

    @property
    def limits(self) -> Thresholds:
        """The thresholds, parsed.

        Raises:
            ConfigurationError: one of them is invalid.
        """
        return Thresholds.parse(self.thresholds)
