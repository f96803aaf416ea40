"""The verb ``check``."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import click

from bankadvisor_etl.cli.options import AS_CSV, AS_JSON, DATA_DIR, THRESHOLD
from bankadvisor_etl.cli.table import as_csv as to_csv
from bankadvisor_etl.cli.table import as_table, dumps, screen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CSV_HEADER = ("check", "severity", "passed", "observed", "expected", "sample")


@click.command()
@DATA_DIR
@THRESHOLD
@AS_CSV
@AS_JSON
def check(data_dir: Path, thresholds: tuple[str, ...], *, as_csv: bool, as_json: bool) -> None:
    """Validate the files without a database: what run would refuse, and why.

    Every file is read, and every check that needs no published figures is made. Exit codes: 0 run would accept the
    files, 65 the data is wrong, 74 a file cannot be read. Example: bankadvisor-etl check --data-dir data/raw
    """
    from bankadvisor_etl.job.check import check_files  # noqa: PLC0415 - polars is not needed for --help

    report = check_files(data_dir, thresholds, forked=True)
    if as_json:
        click.echo(dumps(report.as_dict()))
    elif as_csv:
        findings = (
            (f.name, f.severity, f.passed, f.observed, f.expected, "; ".join(f.sample)) for f in report.findings
        )
        click.echo(to_csv(CSV_HEADER, findings))
    else:
        numbers = [False, False, True, True, True]
        click.echo(as_table(("source", "file", "rows", "aside", "seconds"), report.files, numbers, screen()))
        for finding in report.failed:
            click.echo("\n".join(["", *_sentences(finding)]))
        click.echo(f"\n{len(report.findings) - len(report.failed)} of {len(report.findings)} checks passed")
    report.raise_first_error()


def _sentences(finding: Any) -> Iterator[str]:
    """What failed, what was found, and for which banks, by code and name."""
    from bankadvisor_etl.looking.checks import in_english  # noqa: PLC0415 - what only this verb needs
    from bankadvisor_etl.looking.names import with_names  # noqa: PLC0415

    yield f"{finding.severity}  {finding.name}"
    sample = f", such as {'; '.join(finding.sample[:3])}" if finding.sample else ""
    text = with_names(f"{in_english(finding.name)}: {finding.observed} (expected: {finding.expected}){sample}")
    yield textwrap.fill(text, screen(), initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
