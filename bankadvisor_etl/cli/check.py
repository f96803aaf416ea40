"""The verb ``check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bankadvisor_etl.cli.options import AS_JSON, DATA_DIR, THRESHOLD
from bankadvisor_etl.cli.table import as_table, dumps

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@DATA_DIR
@THRESHOLD
@AS_JSON
def check(data_dir: Path, thresholds: tuple[str, ...], *, as_json: bool) -> None:
    """Validate the files without a database: what run would refuse, and why.

    Every file is read and every check is made that needs no published figures. Exit codes: 0 run would take the
    files, 65 the data is wrong, 74 a file cannot be read.
    """
    from bankadvisor_etl.job.check import check_files  # noqa: PLC0415 - polars is not needed for --help

    report = check_files(data_dir, thresholds, forked=True)
    if as_json:
        click.echo(dumps(report.as_dict()))
    else:
        click.echo(as_table(("source", "file", "rows", "set aside", "seconds"), report.files))
        failed = [(f.severity, f.name, f.observed, f.expected, "; ".join(f.sample[:3])) for f in report.failed]
        if failed:
            click.echo("\n" + as_table(("severity", "check", "observed", "expected", "for instance"), failed))
        click.echo(f"\n{len(report.findings) - len(report.failed)} of {len(report.findings)} checks passed")
    report.raise_first_error()
