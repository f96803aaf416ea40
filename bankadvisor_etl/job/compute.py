"""Computes what can be published from what was read, for ``run`` and for ``check``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import polars as pl

from bankadvisor_etl.checks.audit import audit, audit_sources
from bankadvisor_etl.checks.bulletins import bulletins, labels
from bankadvisor_etl.checks.findings import Evidence, Finding
from bankadvisor_etl.checks.published import absent
from bankadvisor_etl.figures import FED_BY
from bankadvisor_etl.formats.extract import Extract
from bankadvisor_etl.job import tables
from bankadvisor_etl.job.books import books
from bankadvisor_etl.sources import SOURCES, catalogue
from bankadvisor_etl.transforms import kpis
from bankadvisor_etl.transforms.arithmetic import KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bankadvisor_etl.checks.settings import Settings
    from bankadvisor_etl.sources.serie import SeriesExtract
    from bankadvisor_etl.sources.series.comparison import Kept

KEPT = "cifra_conservada"
"""The alert of a row with a figure that the files no longer have and that stays as published."""

OPTIONAL = [source.name for source in SOURCES if not source.required]


@dataclass(frozen=True)
class Result:
    """The result of a run's computation.

    Attributes:
        evidence: the input of the checks, with the figures.
        findings: the findings so far.
        names: the catalogue of institutions: ``codigo``, ``banco_norm``, ``nombre_oficial``.
        publication: ``fecha``, ``codigo_cnbv``, ``institucion``, ``banco_norm``, the available figures, ``alertas``; a
            null figure keeps what is published, NaN is a ratio without a value.
        known_alertas: the alerts that this run could detect; published alerts of other names are kept.
        consolidated: the same as ``publication`` for ``kpis_consolidados``; None without a series.
        beside: the rows of the other tables, by name, with codes where they have ids.
    """

    evidence: Evidence
    findings: list[Finding]
    names: pl.DataFrame
    publication: pl.DataFrame
    known_alertas: tuple[str, ...]
    consolidated: pl.DataFrame | None = None
    beside: Mapping[str, pl.DataFrame] = field(default_factory=dict)


def compute(extracts: Mapping[str, Extract], settings: Settings, published: pl.DataFrame | None = None) -> Result:
    """Compute the figures and audit them: ``publishable``, then ``audited``."""
    return audited(publishable(extracts, settings, published), extracts, settings)


def audited(result: Result, extracts: Mapping[str, Extract], settings: Settings) -> Result:
    """The result with the findings of all checks; ``extracts`` and ``settings`` are those used to compute it."""
    found = [*audit(result.evidence), *bulletins(extracts), *labels(extracts)]
    if "serie" in extracts:
        from bankadvisor_etl.checks.series import known_to_the_catalogues  # noqa: PLC0415 - numpy, for the series alone

        found += known_to_the_catalogues(cast("SeriesExtract", extracts["serie"]).series, extracts)
    return replace(result, findings=[*result.findings, *(_accepted(finding, settings) for finding in found)])


def publishable(
    extracts: Mapping[str, Extract],
    settings: Settings,
    published: pl.DataFrame | None = None,
    kept: Sequence[Kept] = (),
) -> Result:
    """Compute the figures, and set aside the optional sources that are poorer than what is published.

    Args:
        extracts: what was read, by source; ``cartera`` or ``serie`` is required.
        settings: the settings of the checks.
        published: what is published: ``codigo``, ``mes``, ``banco_norm``, the figures and ``alertas``; None before the
            first run.
        kept: stored values of an earlier edition of the series that this one lacks.
    """
    known_names = [
        extracts[name].frame.select("codigo", "nombre") for name in ("entidades", "instituciones") if name in extracts
    ]
    names = catalogue.catalogue(
        pl.concat(known_names).unique("codigo", keep="first") if known_names else None, published
    )
    official = consolidated = None
    if "serie" in extracts:
        from bankadvisor_etl.transforms import from_series  # noqa: PLC0415 - numpy, for the series alone

        series = cast("SeriesExtract", extracts["serie"]).series
        official = from_series.official(series, 130, kept)
        consolidated = _consolidated(from_series.official(series, 133, kept), names)
    evidence, findings = _used(extracts, official, settings, published, names)
    staged, known = _with_kept_figures(evidence)
    used = {name: extract for name, extract in extracts.items() if name not in evidence.set_aside}
    beside = tables.publications(used, kept)
    return Result(evidence, findings, names, _publication(staged, names), known, consolidated, beside)


def _consolidated(official: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """The figures of saldo 133, as in ``kpis_consolidados``."""
    given = books({"serie": Extract(official, official.height)}, official, "serie", ())
    frames = {name: extract.frame for name, extract in given.extracts.items()}
    figures = kpis.monthly_kpis(kpis.base(frames), frames)
    return _publication(_marked_as_kept(figures.staged, official), names)


def _marked_as_kept(staged: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """The figures with the alert ``KEPT`` on each row for which a value of the series was kept."""
    kept = series.filter("conservada").select(*KEY, conservada=True)
    with_alert = pl.concat_list("alertas", pl.lit(KEPT)).list.unique(maintain_order=True)
    staged = staged.join(kept, on=KEY, how="left", maintain_order="left")
    return staged.with_columns(alertas=pl.when("conservada").then(with_alert).otherwise("alertas")).drop("conservada")


def _used(
    extracts: Mapping[str, Extract],
    official: pl.DataFrame | None,
    settings: Settings,
    published: pl.DataFrame | None,
    names: pl.DataFrame,
) -> tuple[Evidence, list[Finding]]:
    """The evidence without the optional sources that fail, and the findings of every source."""
    found: dict[str, Finding] = {}
    used = dict(extracts)
    optional = [*OPTIONAL, *(["cartera"] if official is not None else [])]
    while True:
        poor = {*(name for name in extracts if name not in used), *settings.damaged}
        given = books(used, official, settings.prefer, poor)
        frames = {name: extract.frame for name, extract in given.extracts.items()}
        book = kpis.base(frames, published)
        figures = kpis.monthly_kpis(book, frames, published)
        evidence = Evidence(
            given.extracts,
            book,
            figures,
            catalogue.unknown(figures.frame, names),
            settings.today,
            settings.thresholds,
            settings.last_rows,
            settings.allow_removals,
            published,
            tuple(name for name in extracts if name not in used),
            settings.damaged,
            settings.similar,
            settings.last_accepted,
            given.computed,
        )
        now = [_accepted(finding, settings) for finding in audit_sources(evidence)]
        found |= {finding.name: finding for finding in now}
        failed = [finding.name for finding in now if not finding.passed and not finding.accepted]
        poorer = next((name for name in optional if name in used and _sets_aside(name, failed)), None)
        if poorer is None:
            return evidence, list(found.values())
        # One at a time: a month published only for the ICAPs of a poor file affects figures of good files.
        del used[poorer]


def _sets_aside(source: str, failed: list[str]) -> bool:
    """Whether one of the failed checks sets its source aside."""
    kinds = ["rejects", "figures_absent", "newest_month_not_back", "loans_not_fewer"]
    if source == "cartera":  # with the series: what the loan book lacks, the workbook also lacks
        kinds = ["rejects"]
    return any(f"{kind}_{source}" in failed for kind in kinds)


def _accepted(finding: Finding, settings: Settings) -> Finding:
    return replace(finding, accepted=not finding.passed and finding.name in settings.accepted)


def _with_kept_figures(evidence: Evidence) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The figures with the alert ``KEPT`` on each row that keeps one, and the published rows that the files lack."""
    staged, known = evidence.kpis.staged, evidence.kpis.alertas
    if "serie" in evidence.extracts:
        staged = _marked_as_kept(staged, evidence.extracts["serie"].frame)
    fed = [source for source in FED_BY if source in evidence.extracts]
    if len(fed) == len(FED_BY) or (len(fed) == len(FED_BY) - 1 and "serie" not in fed):
        known = (*known, KEPT)
    if evidence.published is None or evidence.allow_removals:
        return staged, known
    counts = absent(evidence.published, staged, [name for source in fed for name in FED_BY[source]])
    kept = counts.filter(pl.col("ausentes") > 0).select(KEY)
    # Kept rows keep their published alerts.
    marked = evidence.published.join(kept, on=KEY, how="semi").select(*KEY, publicadas="alertas")
    with_published = pl.concat_list("alertas", "publicadas", pl.lit(KEPT)).list.unique(maintain_order=True)
    staged = staged.join(marked, on=KEY, how="left", maintain_order="left").with_columns(
        alertas=pl.when(pl.col("publicadas").is_not_null()).then(with_published).otherwise("alertas")
    )
    missing = evidence.published.join(staged, on=KEY, how="anti").select(
        *KEY, alertas=pl.concat_list("alertas", pl.lit(KEPT)).list.unique(maintain_order=True)
    )
    return pl.concat([staged.drop("publicadas"), missing], how="diagonal"), known


def _publication(frame: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """The frame in the form of the table: renamed keys, and the names of the banks."""
    head = ("codigo", "mes", "banco_norm")
    return catalogue.named(frame, names).select(
        pl.col("mes").alias("fecha"),
        pl.col("codigo").alias("codigo_cnbv"),
        pl.col("banco_norm").alias("institucion"),
        "banco_norm",
        pl.exclude(head),
    )
