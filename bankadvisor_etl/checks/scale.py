"""Checks that no month is in another unit: percent as fractions, thousands or pesos instead of millions.

Every column is compared with itself: for each bank, the logarithm of a figure minus that of the bank's figure one, two
and three rows earlier; then the median over the banks, and the same for the system's row. The deviation of a month is
the middle one of the three, so that one bad month does not make the good ones after it look bad. At the beginning of a
column, later months replace the missing earlier ones.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from bankadvisor_etl.checks.findings import SAMPLE, Finding
from bankadvisor_etl.formats.parse import SISTEMA
from bankadvisor_etl.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bankadvisor_etl.formats.sheet import Bound

FIRST_MONTHLY_CASTIGOS = date(2024, 10, 1)
NEIGHBOURS = (1, 2, 3)
LUMPY = 20
"""The bound from which on a column may also legitimately become 0."""
MEASURED_SINCE = date(2017, 1, 1)
"""The first month of the workbooks, from which the bounds come. CNBV's series goes back to 200012: moves in its earlier
months are only warnings."""
MANY, VANISHED = 10, 0.6
"""Banks, and the share of them that may become 0 from one month to the next; the largest real share is 0.48."""


BOUNDS: Mapping[str, Mapping[str, Bound]] = {source.name: source.bounds for source in SOURCES if source.bounds}
"""By source and column."""


def scale(
    source: str,
    frame: pl.DataFrame,
    bounds: Mapping[str, Bound] | None = None,
) -> Iterator[Finding]:
    """Yield one finding per column, ``scale_<source>_<column>``: whether no month is in another unit.

    Args:
        source: the name of the source.
        frame: its canonical frame.
        bounds: by column; by default those of the source in ``BOUNDS``.
    """
    bounds = BOUNDS.get(source, {}) if bounds is None else bounds
    if not bounds or frame.is_empty():
        return
    figures = _logarithms(source, frame, list(bounds))
    moves = _limited(_deviations(figures), bounds)
    apart = moves.filter(pl.col("factor").log10().abs() > pl.col("limit").log10())
    apart = pl.concat([apart, _limited(_zeros(source, frame, list(bounds)), bounds).filter(_vanished())])
    apart = apart.sort("mes", "who", descending=[True, False])
    if source == "cartera" and frame.filter(pl.col("mes") < MEASURED_SINCE).height:
        earlier = apart.filter(pl.col("mes") < MEASURED_SINCE)
        apart = apart.filter(pl.col("mes") >= MEASURED_SINCE)
        yield _of_history(source, earlier)
    none = apart.clear()
    by_column = {str(column): months for (column,), months in apart.group_by("column", maintain_order=True)}
    for column in bounds:
        months = by_column.get(column, none)
        yield Finding(
            f"scale_{source}_{column}",
            "error",
            months.is_empty(),
            f"{months['mes'].n_unique()} months in another unit" if months.height else "every month in the same unit",
            f"{bounds[column].banks:g} times its neighbours or less (--accept scale_{source}_{column} accepts it)",
            tuple(
                f"{month:%Y%m} {who}: {factor:.3g} times its neighbours"
                for month, who, factor in months.select("mes", "who", "factor").head(SAMPLE).iter_rows()
            ),
        )


def _of_history(source: str, months: pl.DataFrame) -> Finding:
    keys = tuple(
        f"{month:%Y%m} {who} {column}: {factor:.3g} times its neighbours"
        for month, who, column, factor in months.select("mes", "who", "column", "factor").iter_rows()
    )
    observed = f"{len(keys):,} moves beyond the bounds before {MEASURED_SINCE:%Y%m}"
    return Finding(f"scale_history_{source}", "warning", not keys, observed, "none", keys[:SAMPLE], keys)


def _logarithms(source: str, frame: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Who, whose, month, and the logarithms of the figures; null for a zero."""
    return (
        _amounts(source, frame, columns)
        .with_columns(pl.col(name).abs().log10() for name in columns)
        .with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in columns)
        .sort("codigo", "mes")
    )


def _amounts(source: str, frame: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Who (``banks`` or ``sistema``), whose, month, and the figures that can be compared from month to month."""
    if source == "tasas":
        frame = frame.with_columns(
            codigo=pl.concat_str("codigo", "moneda", separator=" "), tasa=pl.col("saldo_por_tasa") / pl.col("saldo")
        )
    if source == "castigos_comerciales":  # accumulated within the year at first: use the monthly mean
        cumulative = pl.col("mes") < FIRST_MONTHLY_CASTIGOS
        months = pl.when(cumulative).then(pl.col("mes").dt.month()).otherwise(1)
        frame = frame.with_columns(pl.col("castigos") / months)
    if "codigo" not in frame.columns:
        frame = frame.with_columns(codigo=pl.lit(SISTEMA))
    system = pl.col("codigo") == SISTEMA
    who = pl.when(system).then(pl.lit("sistema")).otherwise(pl.lit("banks")).alias("who")
    known = frame.filter(system | pl.col("codigo").str.starts_with("04"))
    return known.select(who, "codigo", "mes", *columns)


def _zeros(source: str, frame: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Month, column, who, how many had a figure in the row before, and, as factor, the share that did not become 0."""
    figures = _amounts(source, frame, columns).sort("codigo", "mes")
    same = pl.col("codigo") == pl.col("codigo").shift(1)
    before = (pl.when(same).then(pl.col(name).shift(1)) for name in columns)
    lost = (
        pl.when((earlier != 0) & pl.col(name).is_not_null()).then((pl.col(name) != 0).cast(pl.Float64)).alias(name)
        for name, earlier in zip(columns, before, strict=True)
    )
    values = figures.select("who", "mes", *lost).group_by("who", "mes").agg(pl.col(columns).drop_nulls())
    long = values.unpivot(columns, index=["who", "mes"], variable_name="column", value_name="values")
    return long.select("who", "mes", "column", n=pl.col("values").list.len(), factor=pl.col("values").list.mean())


def _vanished() -> pl.Expr:
    """Whether most of at least ten banks, or the system, became 0 in a column that normally moves little."""
    many = (pl.col("who") == "banks") & (pl.col("n") >= MANY) & (pl.col("factor") < 1 - VANISHED)
    system = (pl.col("who") == "sistema") & (pl.col("factor") == 0)
    return (many | system) & (pl.col("limit") < LUMPY)


def _deviations(figures: pl.DataFrame) -> pl.DataFrame:
    """Month, column, who, number of banks, and the factor between the month and those around it."""
    columns = figures.columns[3:]
    steps = [_medians(figures.select("who", "mes", *(_step(name, k) for name in columns))) for k in NEIGHBOURS]
    back = {f"back_{k}": step["median"] for k, step in zip(NEIGHBOURS, steps, strict=True)}
    table = steps[0].select("who", "mes", "column", "n").with_columns(**back)
    fore = {f"fore_{k}": _later(-pl.col(f"back_{k}"), k) for k in NEIGHBOURS}
    # In the first month of a column, the banks are those that also have the next one.
    banks = pl.when(pl.col("n") > 0).then("n").otherwise(_later(pl.col("n"), 1))
    table = table.with_columns(**fore, n=banks)
    settled = pl.all_horizontal(pl.col(*back).is_not_null())
    deviations = [
        table.filter(settled).with_columns(middle=_middle_of_three(*map(pl.col, back))),
        _beginnings(table.filter(~settled), [*back, *fore]),
    ]
    named = [rows.select("who", "mes", "column", "n", factor=10 ** pl.col("middle")) for rows in deviations]
    return pl.concat(named)


def _middle_of_three(one: pl.Expr, two: pl.Expr, three: pl.Expr) -> pl.Expr:
    lower, upper = pl.min_horizontal(one, two), pl.max_horizontal(one, two)
    return pl.max_horizontal(lower, pl.min_horizontal(upper, three))


def _beginnings(table: pl.DataFrame, neighbours: Sequence[str]) -> pl.DataFrame:
    """The rows with ``middle``: of the first three existing neighbours, or the one nearest to 0 if there are fewer."""
    there = pl.concat_list(*neighbours).list.drop_nulls().list.head(len(NEIGHBOURS))
    table = table.with_columns(there=there).filter(pl.col("there").list.len() > 0)
    one, two, three = (pl.col("there").list.get(at, null_on_oob=True) for at in range(len(NEIGHBOURS)))
    nearer = pl.when(two.abs() < one.abs()).then(two).otherwise(one)
    return table.with_columns(
        middle=pl.when(three.is_not_null()).then(_middle_of_three(one, two, three)).otherwise(nearer)
    )


def _step(name: str, rows: int) -> pl.Expr:
    same = pl.col("codigo") == pl.col("codigo").shift(rows)
    return pl.when(same).then(pl.col(name) - pl.col(name).shift(rows)).alias(name)


def _later(value: pl.Expr, months: int) -> pl.Expr:
    """The value of the same column ``months`` rows later; the rows are sorted by column, who and month."""
    same = (pl.col("column") == pl.col("column").shift(-months)) & (pl.col("who") == pl.col("who").shift(-months))
    return pl.when(same).then(value.shift(-months))


def _medians(values: pl.DataFrame) -> pl.DataFrame:
    """The median of each column over the banks, and over the system's single row, by month, with their number."""
    columns = values.columns[2:]
    by_month = values.group_by("who", "mes").agg(pl.col(columns).drop_nulls()).sort("who", "mes")
    long = by_month.unpivot(columns, index=["who", "mes"], variable_name="column", value_name="values")
    return long.select("who", "mes", "column", n=pl.col("values").list.len(), median=pl.col("values").list.median())


def _limited(moves: pl.DataFrame, bounds: Mapping[str, Bound]) -> pl.DataFrame:
    """The moves with their limits, without medians of too few banks."""
    table = pl.DataFrame(
        [(name, who, float(limit), least) for name, bound in bounds.items() for who, limit, least in _limits(bound)],
        schema={"column": pl.String, "who": pl.String, "limit": pl.Float64, "least": pl.UInt32},
        orient="row",
    )
    return moves.join(table, on=["column", "who"]).filter(pl.col("n") >= pl.col("least"))


def _limits(bound: Bound) -> tuple[tuple[str, float, int], tuple[str, float, int]]:
    return ("banks", bound.banks, bound.least), ("sistema", bound.sistema, 1)
