"""The input of a check, its result, and its thresholds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, cast

from bankadvisor_etl.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    import polars as pl

    from bankadvisor_etl.formats.extract import Extract
    from bankadvisor_etl.transforms.kpis import Kpis

Severity = Literal["error", "warning"]
SAMPLE = 10
NUMBER = re.compile(r"[0-9]*\.?[0-9]+(e-?[0-9]{1,2})?", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: of the check.
        severity: if an ``error`` fails, nothing is published.
        passed: whether the check passed.
        observed: what was found.
        expected: what was expected.
        sample: the first keys that failed, as text, with values.
        keys: all keys that failed, without values; they distinguish a new finding from a known one.
        accepted: whether it was accepted by name (``--accept``) for this run.
    """

    name: str
    severity: Severity
    passed: bool
    observed: str
    expected: str
    sample: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    accepted: bool = False

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Finding:
        """The finding that became ``content`` by ``dataclasses.asdict`` and JSON."""
        return cls(**{**content, "sample": tuple(content["sample"]), "keys": tuple(content["keys"])})

    @property
    def stops(self) -> bool:
        """Whether it prevents publishing."""
        return self.severity == "error" and not self.passed and not self.accepted


@dataclass(frozen=True)
class Thresholds:
    """The limits that the checks apply; each can be set by name (``--threshold NAME=VALUE``).

    Attributes:
        floor_cartera: the fewest rows of the source; the same for ``floor_castigos``, ``floor_icap``, ``floor_tda``,
            ``floor_serie``.
        rows_share: the fewest rows of a source, as a share of those of the last success.
        rejects_share: the largest share of faulty rows in a source.
        stage_tolerance: MDP by which a stage's total may differ from its segments, and ``todas`` from its stages.
        sistema_tolerance: MDP by which SISTEMA may differ from the sum of the banks.
        absent_share: the largest share of a source's published figures that its file may lack.
        missing_share: the largest share of published bank-months that the new files may lack.
        months_old: months that the newest one may be behind the current one.
        imor_high: the delinquency rate above which a bank-month is reported.
        jump: the relative change of ``cartera_total`` within a month above which it is reported.
        castigos_tolerance: MDP by which the two sources of write-offs may differ.
        restated_share: the share of changed figures above which they are reported.
        far_share: the largest share of a source's published figures that may change by more than half.
    """

    floor_cartera: float = 5_000
    floor_castigos: float = 40
    floor_icap: float = 500
    floor_tda: float = 500
    floor_serie: float = 5_000
    rows_share: float = 0.9
    rejects_share: float = 0.01
    stage_tolerance: float = 1e-4
    sistema_tolerance: float = 1e-3
    absent_share: float = 0.01
    missing_share: float = 0.01
    months_old: float = 3
    imor_high: float = 0.15
    jump: float = 0.5
    castigos_tolerance: float = 1e-3
    restated_share: float = 0.05
    far_share: float = 0.05

    @classmethod
    def parse(cls, settings: Sequence[str]) -> Thresholds:
        """Read ``NAME=VALUE`` settings.

        Raises:
            ConfigurationError: a name is unknown, or a value is not a number.
        """
        names = [field.name for field in fields(cls)]
        values = {}
        for setting in settings:
            name, _, value = setting.partition("=")
            if not NUMBER.fullmatch(value):
                raise ConfigurationError(f"threshold {setting!r}: not NAME=NUMBER")
            if name not in names:
                raise ConfigurationError(f"threshold {name!r}: not one of {', '.join(names)}")
            values[name] = float(value)
        return cls(**values)

    def floor(self, source: str) -> int:
        """The fewest rows that a valid file of the source can have."""
        return int(cast("float", getattr(self, f"floor_{source}", 1)))


@dataclass(frozen=True)
class Evidence:
    """Everything that the checks examine.

    Attributes:
        extracts: what was read, by source.
        book: the loan book of SISTEMA and all banks, the unpublished months included.
        kpis: the figures of the run.
        unnamed: codes of published banks that are in no catalogue.
        today: the date of the run.
        thresholds: the limits.
        last_rows: rows read of each source in the newest success that used it.
        allow_removals: whether months and bank-months may disappear.
        published: what is published: ``codigo``, ``mes``, the figures and ``alertas``; None before the first run.
        set_aside: the optional sources that were read but are not used.
        damaged: the optional sources whose file is present but could not be read.
        similar: by missing source, the names of files that may be intended for it.
        last_accepted: usable rows of each source in the newest success that used it.
        computed: the sources in ``extracts`` for which no file was read: the loan book from the series.
    """

    extracts: Mapping[str, Extract]
    book: pl.DataFrame
    kpis: Kpis
    unnamed: Sequence[str]
    today: date
    thresholds: Thresholds = field(default_factory=Thresholds)
    last_rows: Mapping[str, int] = field(default_factory=dict)
    allow_removals: bool = False
    published: pl.DataFrame | None = None
    set_aside: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    similar: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    last_accepted: Mapping[str, int] = field(default_factory=dict)
    computed: tuple[str, ...] = ()

    @property
    def files(self) -> dict[str, Extract]:
        """The extracts that were read from files, by source."""
        return {name: extract for name, extract in self.extracts.items() if name not in self.computed}

    @property
    def due(self) -> pl.DataFrame | None:
        """The published rows that the available sources should have: without the series, none that came from it."""
        if self.published is None or "serie" in self.extracts or "fuente" not in self.published.columns:
            return self.published
        return self.published.filter(self.published["fuente"] != "serie")

    @property
    def cartera(self) -> pl.DataFrame:
        """The canonical frame of the loan book, aggregates included."""
        return self.extracts["cartera"].frame


def failures(findings: Iterable[Finding]) -> str | None:
    """The ``error`` checks that failed and were not accepted, in words; None if all passed."""
    failed = [finding for finding in findings if finding.stops]
    if not failed:
        return None
    words = [
        f"{finding.name}: {finding.observed}; expected {finding.expected}"
        + (f"; for one {finding.sample[0]}" if finding.sample else "")
        for finding in failed
    ]
    return "nothing was published, since " + " | ".join(words)


def keys_of(frame: pl.DataFrame) -> tuple[str, ...]:
    """The keys of ``frame`` as ``code month``, in order."""
    rows = frame.select("codigo", "mes").unique().sort("codigo", "mes").iter_rows()
    return tuple(f"{code} {month:%Y%m}" for code, month in rows)


def sample_of(frame: pl.DataFrame, *values: str) -> tuple[str, ...]:
    """The newest rows of ``frame`` as ``code month value ...``."""
    newest = frame.sort("mes", "codigo", descending=[True, False]).head(SAMPLE).select("codigo", "mes", *values)
    return tuple(
        " ".join(
            [
                code,
                f"{month:%Y%m}",
                *(f"{name}={value:.6g}" for name, value in zip(values, rest, strict=True)),
            ]
        )
        for code, month, *rest in newest.iter_rows()
    )
