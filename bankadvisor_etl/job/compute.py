"""From what was read to what can be published: one recipe, for ``run`` and for ``check``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl

from bankadvisor_etl.checks.audit import audit, audit_sources
from bankadvisor_etl.checks.findings import Evidence, Finding, Thresholds
from bankadvisor_etl.checks.published import absent
from bankadvisor_etl.figures import FED_BY
from bankadvisor_etl.sources import SOURCES, catalogue
from bankadvisor_etl.transforms import kpis
from bankadvisor_etl.transforms.arithmetic import KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bankadvisor_etl.sources.model import Reading

KEPT = "cifra_conservada"
"""The alert of a row with a figure that the files no longer give, and that stays as published."""

OPTIONAL = [source.name for source in SOURCES if not source.required]


@dataclass(frozen=True)
class Settings:
    """What the figures of a run are held against.

    Attributes:
        thresholds: the bounds of the checks.
        today: the date of the run.
        allow_removals: whether published figures and bank-months may be withdrawn.
        accepted: the checks whose failure was accepted by name.
        last_rows: rows read of each source in the newest success that used it.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    allow_removals: bool = False
    accepted: frozenset[str] = frozenset()
    last_rows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What a run computed.

    Attributes:
        evidence: what the checks looked at, with the figures.
        findings: what they found.
        names: the catalogue of institutions: ``codigo``, ``banco_norm``, ``nombre_oficial``.
        publication: ``fecha``, ``codigo_cnbv``, ``institucion``, ``banco_norm``, the figures at hand, ``alertas``: a
            figure that is null keeps what is published, one that is NaN has no value.
        known_alertas: the alerts that this run could tell; published ones of other names are kept.
    """

    evidence: Evidence
    findings: list[Finding]
    names: pl.DataFrame
    publication: pl.DataFrame
    known_alertas: tuple[str, ...]


def compute(readings: Mapping[str, Reading], settings: Settings, published: pl.DataFrame | None = None) -> Result:
    """Compute the figures, audit them, and set aside the optional sources that are poorer than what is published.

    Args:
        readings: what was read, by source; ``cartera`` has to be there.
        settings: what the figures are held against.
        published: what is published: ``codigo``, ``mes``, the figures and ``alertas``; None before the first run.
    """
    names = catalogue.catalogue(readings["instituciones"].frame if "instituciones" in readings else None)
    evidence, findings = _used(readings, settings, published, names)
    findings += [_accepted(finding, settings) for finding in audit(evidence)]
    staged, known = _with_kept_figures(evidence)
    return Result(evidence, findings, names, _publication(staged, names), known)


def _used(
    readings: Mapping[str, Reading], settings: Settings, published: pl.DataFrame | None, names: pl.DataFrame
) -> tuple[Evidence, list[Finding]]:
    """The evidence without the optional sources that do not pass, and what was found of every source."""
    found: dict[str, Finding] = {}
    used = dict(readings)
    while True:
        frames = {name: reading.frame for name, reading in used.items()}
        book = kpis.base(frames, published)
        figures = kpis.monthly_kpis(book, frames, published)
        evidence = Evidence(
            used,
            book,
            figures,
            catalogue.unknown(figures.frame, names),
            settings.today,
            settings.thresholds,
            settings.last_rows,
            settings.allow_removals,
            published,
            tuple(name for name in readings if name not in used),
        )
        now = [_accepted(finding, settings) for finding in audit_sources(evidence)]
        found |= {finding.name: finding for finding in now}
        failed = [finding.name for finding in now if not finding.passed and not finding.accepted]
        poorer = next((name for name in OPTIONAL if name in used and _sets_aside(name, failed)), None)
        if poorer is None:
            return evidence, list(found.values())
        # One at a time: a month that rests on the ICAPs of a poor file takes figures of good files with it.
        del used[poorer]


def _sets_aside(source: str, failed: list[str]) -> bool:
    """Whether one of the failed checks is of the kind that sets its source aside."""
    kinds = ("rejects", "figures_absent", "newest_month_not_back")
    return any(f"{kind}_{source}" in failed for kind in kinds)


def _accepted(finding: Finding, settings: Settings) -> Finding:
    return replace(finding, accepted=not finding.passed and finding.name in settings.accepted)


def _with_kept_figures(evidence: Evidence) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The figures with the alert ``KEPT`` on each row that keeps one, and the published rows that the files lack."""
    staged, known = evidence.kpis.staged, evidence.kpis.alertas
    fed = [source for source in FED_BY if source in evidence.readings]
    if len(fed) == len(FED_BY):
        known = (*known, KEPT)
    if evidence.published is None or evidence.allow_removals:
        return staged, known
    counts = absent(evidence.published, staged, [name for source in fed for name in FED_BY[source]])
    kept = counts.filter(pl.col("ausentes") > 0).select(KEY)
    marked = kept.with_columns(conservada=pl.lit(value=True))
    staged = staged.join(marked, on=KEY, how="left", maintain_order="left").with_columns(
        alertas=pl.when("conservada").then(pl.concat_list("alertas", pl.lit(KEPT))).otherwise("alertas")
    )
    missing = evidence.published.join(staged, on=KEY, how="anti").select(
        *KEY, alertas=pl.concat_list("alertas", pl.lit(KEPT)).list.unique(maintain_order=True)
    )
    return pl.concat([staged.drop("conservada"), missing], how="diagonal"), known


def _publication(frame: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """The frame as the table has it: renamed keys, and the names of the banks."""
    head = ("codigo", "mes", "banco_norm")
    return catalogue.named(frame, names).select(
        pl.col("mes").alias("fecha"),
        pl.col("codigo").alias("codigo_cnbv"),
        pl.col("banco_norm").alias("institucion"),
        "banco_norm",
        pl.exclude(head),
    )
