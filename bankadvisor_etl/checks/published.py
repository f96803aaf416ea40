"""Checks that publishing would lose nothing: a file that is merely poorer than what is published removes no figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import polars as pl

from bankadvisor_etl.checks.findings import SAMPLE, Evidence, Finding, Severity, keys_of, sample_of
from bankadvisor_etl.figures import FED_BY
from bankadvisor_etl.formats.parse import SISTEMA
from bankadvisor_etl.sources import SOURCES
from bankadvisor_etl.transforms.arithmetic import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

REQUIRED = {source.name for source in SOURCES if source.required}
FAR = 0.5
"""The relative change above which a figure counts as changed far."""
A_FEW = 10
"""Figures of any source that may change far, however few it has."""
LEAST, DECADE = 1e-4, 1e-4
"""The smallest figure that can show a power of ten in its published digits, and the tolerance of the logarithm."""
ACCEPTS = "(--allow-removals accepts it)"


def absent(published: pl.DataFrame, staged: pl.DataFrame, figures: Sequence[str]) -> pl.DataFrame:
    """For each published bank-month, how many of ``figures`` are published and how many of these ``staged`` lacks.

    Args:
        published: ``codigo``, ``mes`` and the figures.
        staged: ``codigo``, ``mes`` and the figures of the run; an undefined ratio (NaN) is not missing.
        figures: names of columns.

    Returns:
        ``codigo``, ``mes``, ``publicadas``, ``ausentes``.
    """
    both = published.select(*KEY, *figures).join(staged.select(*KEY, *figures), on=KEY, how="left", suffix="_nueva")
    is_published = [pl.col(name).is_not_null() for name in figures]
    is_absent = [pl.col(name).is_not_null() & pl.col(f"{name}_nueva").is_null() for name in figures]
    return both.select(*KEY, publicadas=pl.sum_horizontal(is_published), ausentes=pl.sum_horizontal(is_absent))


def figures_absent(evidence: Evidence) -> Iterator[Finding]:
    """The file of each source has at least 99 % of the figures that are published from it."""
    if evidence.due is None:
        return
    for source in evidence.extracts.keys() & FED_BY.keys():
        counts = absent(evidence.due, evidence.kpis.staged, FED_BY[source])
        lacking = counts.filter(pl.col("ausentes") > 0)
        total, gone = int(counts["publicadas"].sum()), int(counts["ausentes"].sum())
        limit = evidence.thresholds.absent_share
        many = gone > total * limit and not evidence.allow_removals
        observed = f"{gone:,} of {total:,} published figures are not in the file ({gone / max(total, 1):.2%})"
        sample, keys = sample_of(lacking, "ausentes"), keys_of(lacking)
        severity: Severity = "error" if source in REQUIRED else "warning"
        expected = f"at most {limit:.0%} {ACCEPTS}"
        yield Finding(f"figures_absent_{source}", severity, not many, observed, expected, sample if many else ())
        kept = gone > 0 and not many and not evidence.allow_removals
        yield Finding(f"figures_kept_{source}", "warning", not kept, observed, "none", sample, keys if kept else ())


def newest_not_back(evidence: Evidence) -> Iterator[Finding]:
    """The newest month with a value of each source is no older than the newest published one."""
    if evidence.due is None:
        return
    for source in evidence.extracts.keys() & FED_BY.keys():
        some = pl.any_horizontal(pl.col(FED_BY[source]).is_not_null())
        new = cast("date | None", evidence.kpis.staged.filter(some)["mes"].max())
        published = cast("date | None", evidence.due.filter(some)["mes"].max())
        if published is None:
            continue
        passed = (new is not None and new >= published) or evidence.allow_removals
        severity: Severity = "error" if source in REQUIRED else "warning"
        observed = "no month has a value" if new is None else f"newest month {new:%Y%m}"
        expected = f"{published:%Y%m} or later {ACCEPTS}"
        yield Finding(f"newest_month_not_back_{source}", severity, passed, observed, expected)


def restated_far(evidence: Evidence, source: str) -> Iterator[Finding]:
    """Few published figures of a source change far, and none becomes 10, 100, ... times itself.

    Rows shifted against their keys, a column of zeros or with another column's figures, a file in another unit: all
    of these change many figures far. The regulator's restatements change few figures, or change them little.
    ``reservas_variacion_mm`` is left out: a difference changes far when one of its two amounts changes a little.
    """
    if evidence.published is None or source not in FED_BY:
        return
    compared, far = _far(evidence.published, evidence.kpis.staged, source)
    limit = max(evidence.thresholds.far_share * compared, A_FEW)
    decades = far.filter(pl.col("publicada").abs() > LEAST, _is_decade(pl.col("veces")))
    for name, rows, most in (("restated_far", far, int(limit)), ("restated_decade", decades, 0)):
        passed = rows.height <= most
        observed = f"{rows.height:,} of {compared:,} published figures"
        expected = f"at most {most:,} (--accept {name}_{source} accepts it)"
        yield Finding(f"{name}_{source}", "error", passed, observed, expected, () if passed else _with_column(rows))


def _far(published: pl.DataFrame, staged: pl.DataFrame, source: str) -> tuple[int, pl.DataFrame]:
    """Count the published figures that the run also has, and list those that change far.

    Returns:
        Their number, and for those that change far: key, ``variable``, ``publicada``, ``veces`` (new / published).
    """
    names = [name for name in FED_BY[source] if name != "reservas_variacion_mm"]
    if source == "tasa_efectiva":  # the same figure on every bank's row
        staged = staged.filter(pl.col("codigo") == SISTEMA)
    new = staged.select(*KEY, pl.col(names).name.suffix("_nueva"))
    both = published.select(*KEY, *names).join(new, on=KEY)
    quotients = (pl.col(f"{name}_nueva") / pl.col(name) for name in names)  # null or not finite where there is no pair
    times = both.select(
        pl.when(quotient.is_finite()).then(quotient).alias(name)
        for name, quotient in zip(names, quotients, strict=True)
    )
    rows = times.select(pl.any_horizontal((pl.col(names) - 1).abs() > FAR).fill_null(value=False)).to_series()
    long, old = (
        pl.concat([both.select(KEY), values.select(names)], how="horizontal")
        .filter(rows)
        .unpivot(names, index=KEY, value_name=value)
        for values, value in ((times, "veces"), (both, "publicada"))
    )
    pairs = sum(times.height - times[name].null_count() for name in names)
    return pairs, old.with_columns(long["veces"]).filter((pl.col("veces") - 1).abs() > FAR)


def _is_decade(factor: pl.Expr) -> pl.Expr:
    """Whether a factor is 10, 100, ... or their inverse, within the published digits."""
    power = factor.abs().log10()
    return (power.round() != 0) & ((power - power.round()).abs() < DECADE)


def _with_column(rows: pl.DataFrame) -> tuple[str, ...]:
    newest = rows.sort("mes", "codigo", "variable", descending=[True, False, False]).head(SAMPLE)
    return tuple(
        f"{code} {month:%Y%m} {column}: {factor:.4g} times what is published"
        for code, month, column, factor in newest.select(*KEY, "variable", "veces").iter_rows()
    )


def none_missing(evidence: Evidence) -> Iterator[Finding]:
    """No published bank-month is missing from the new files; up to 1 % stay, more are an error."""
    if evidence.due is None:
        return
    missing = evidence.due.join(evidence.kpis.frame, on=KEY, how="anti")
    share = missing.height / max(evidence.due.height, 1)
    limit = evidence.thresholds.missing_share
    many = share > limit and not evidence.allow_removals
    observed = f"{missing.height:,} of {evidence.due.height:,} published bank-months are missing ({share:.2%})"
    sample, keys = sample_of(missing), keys_of(missing)
    expected = f"at most {limit:.0%} {ACCEPTS}"
    yield Finding("few_published_missing", "error", not many, observed, expected, sample if many else ())
    yield Finding("no_published_missing", "warning", missing.is_empty(), observed, "none", sample, keys)


SOURCE_CHECKS = (figures_absent, newest_not_back)
"""The checks that set aside an optional source."""

CHECKS = (none_missing,)
