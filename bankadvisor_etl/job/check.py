"""Everything that a run would say of the files, without a database."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.checks.audit import failures
from bankadvisor_etl.checks.findings import Finding, Thresholds
from bankadvisor_etl.errors import DataError, EtlError
from bankadvisor_etl.inputs.files import hash_files
from bankadvisor_etl.inputs.reading import reader
from bankadvisor_etl.job.compute import Settings, compute
from bankadvisor_etl.job.nightly import find_files
from bankadvisor_etl.sources import similar_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass
class Report:
    """What was found.

    Attributes:
        files: source, file name, rows read, rows set aside, seconds; for each file that could be read.
        errors: why the others could not.
        findings: of the checks; none where the required file could not be read.
    """

    files: list[tuple[str, str, int, int, float]] = field(default_factory=list)
    errors: list[EtlError] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def failed(self) -> list[Finding]:
        """The findings that did not pass, errors first."""
        return sorted((f for f in self.findings if not f.passed), key=lambda f: f.severity)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values."""
        names = ("source", "file", "rows_read", "rows_rejected", "seconds")
        return {
            "files": [dict(zip(names, file, strict=True)) for file in self.files],
            "errors": [str(error) for error in self.errors],
            "checks": [asdict(finding) for finding in self.findings],
        }

    def raise_first_error(self) -> None:
        """Raise what a run would: all that could not be read, or the checks of severity ``error`` that failed."""
        if self.errors:
            raise type(self.errors[0])(" | ".join(map(str, self.errors)))
        if words := failures(self.findings):
            raise DataError(words.replace("nothing was published, since", "run would publish nothing, since"))


def check_files(data_dir: Path, thresholds: Sequence[str] = ()) -> Report:
    """Read every file and make every check that needs no database.

    Raises:
        InputError: the folder or the required file is missing.
        ConfigurationError: a threshold is not one.
    """
    limits = Thresholds.parse(thresholds)
    report, readings, damaged = Report(), {}, []
    files = hash_files(find_files(data_dir))
    with reader() as reading:
        for source, future in reading.read(files).items():
            try:
                read = future.result()
            except EtlError as error:
                report.errors.append(error)
                damaged.append(source)
                continue
            readings[source] = read.reading
            rows, rejected = read.reading.rows_read, read.reading.rejects.height
            report.files.append((source, read.file.name, rows, rejected, read.seconds))
    if "cartera" in readings:
        settings = Settings(limits, damaged=tuple(damaged), similar=similar_files(data_dir))
        report.findings = compute(readings, settings).findings
    return report
