"""The settings of the checks, as one process of a run passes them to the other."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal

from bankadvisor_etl.checks.findings import Thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Settings:
    """The settings of the checks.

    Attributes:
        thresholds: the limits.
        today: the date of the run.
        allow_removals: whether published figures and bank-months may be withdrawn.
        accepted: the checks whose failure was accepted by name.
        last_rows: rows read of each source in the newest success that used it.
        last_accepted: usable rows of each source in that success.
        similar: by missing source, the names of files that may be intended for it.
        damaged: the sources whose file is present but could not be read.
        prefer: whether the loan book comes from CNBV's series or from the workbook where both have it.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    allow_removals: bool = False
    accepted: frozenset[str] = frozenset()
    last_rows: Mapping[str, int] = field(default_factory=dict)
    last_accepted: Mapping[str, int] = field(default_factory=dict)
    similar: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    damaged: tuple[str, ...] = ()
    prefer: Literal["serie", "libro"] = "serie"

    def as_json(self) -> dict[str, Any]:
        """The settings as values that JSON can represent."""
        plain = {"today": self.today.isoformat(), "accepted": sorted(self.accepted)}
        return {**asdict(self), **plain}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Settings:
        """The settings that ``as_json`` wrote."""
        return cls(
            Thresholds(**content["thresholds"]),
            date.fromisoformat(content["today"]),
            content["allow_removals"],
            frozenset(content["accepted"]),
            content["last_rows"],
            content["last_accepted"],
            {source: tuple(names) for source, names in content["similar"].items()},
            tuple(content["damaged"]),
            content["prefer"],
        )
