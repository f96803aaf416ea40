"""What a run would report about the files, without a database."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.checks.findings import Finding, Thresholds, failures
from bankadvisor_etl.checks.settings import Settings
from bankadvisor_etl.errors import DataError
from bankadvisor_etl.inputs.files import find_files, list_files
from bankadvisor_etl.job.child import Child, Job
from bankadvisor_etl.job.inbox import assert_computed
from bankadvisor_etl.job.messages import as_error
from bankadvisor_etl.job.results import results
from bankadvisor_etl.sources import SOURCES, similar_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bankadvisor_etl.errors import EtlError


@dataclass
class Report:
    """What was found.

    Attributes:
        files: source, file name, rows read, rows set aside, seconds; for each file that could be read.
        errors: why the others could not be read.
        findings: of the checks; none if the required file could not be read.
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
        """Raise what a run would: the files that could not be read, or the failed checks of severity ``error``."""
        if self.errors:
            raise type(self.errors[0])(" | ".join(map(str, self.errors)))
        if words := failures(self.findings):
            raise DataError(words.replace("nothing was published, since", "run would publish nothing, since"))


def check_files(data_dir: Path, thresholds: Sequence[str] = (), *, forked: bool = False) -> Report:
    """Read every file and run every check that needs no database.

    Args:
        data_dir: the folder of the files.
        thresholds: the limits that the checks apply, as ``NAME=VALUE``.
        forked: whether the process that reads may be a fork of this one.

    Raises:
        InputError: the folder or the required file is missing, or the folder cannot be read.
        ConfigurationError: a threshold is invalid.
    """
    report = Report()
    with Child(forked=forked) as child:
        limits = Thresholds.parse(thresholds)
        files = list_files(find_files(data_dir))
        job = Job(files, Settings(limits, similar=similar_files(data_dir)))
        child.ask(job)
        for message in results(child, job):
            if "file" not in message.content:
                findings = assert_computed(message).content.get("findings", [])
                report.findings = [Finding.from_json(finding) for finding in findings]
            elif message.kind == "error":
                report.errors.append(as_error(message.content))
            else:
                file, content = job.files[message.content["file"]], message.content
                figures = (content["rows_read"], content["rows_rejected"], content["seconds"])
                report.files.append((file.source, file.name, *figures))
    order = [source.name for source in SOURCES]
    report.files.sort(key=lambda line: order.index(line[0]))
    return report
