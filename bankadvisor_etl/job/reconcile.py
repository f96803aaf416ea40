"""Compares the sources with each other, without a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.checks.settings import Settings
from bankadvisor_etl.inputs.files import find_files, hashed, list_files
from bankadvisor_etl.job.child import Child, Job
from bankadvisor_etl.job.inbox import assert_computed
from bankadvisor_etl.job.messages import as_error
from bankadvisor_etl.job.reconciling import COLUMNS
from bankadvisor_etl.job.results import results

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Reconciliation:
    """What the verb shows.

    Attributes:
        summary: per comparison, what was compared and what differs.
        rows: what differs: ``COLUMNS``, then the hashes of both files.
    """

    summary: list[dict[str, Any]]
    rows: list[list[Any]]

    @property
    def unexplained(self) -> int:
        """How many figures differ without a known cause."""
        return sum(line["sin_explicar"] for line in self.summary)


def reconcile_files(data_dir: Path, *, forked: bool = False) -> Reconciliation:
    """Read every file and compare the sources with each other, without a database.

    Args:
        data_dir: the folder of the files.
        forked: whether the process that reads may be a fork of this one.

    Raises:
        InputError: the folder or a required file is missing, or a file cannot be read.
        DataError: the contents of a file cannot be right.
    """
    content: dict[str, Any] = {"summary": [], "rows": []}
    with Child(forked=forked) as child:
        job = Job(list_files(find_files(data_dir)), Settings())
        child.ask(job)
        for message in results(child, job):
            if message.kind == "error" and "file" in message.content:
                raise as_error(message.content)
            if "file" not in message.content:
                content = assert_computed(message).content.get("reconcile", content)
    hashes = {file.path.name: file.sha256 for file in hashed(job.files)}
    first, second = COLUMNS.index("archivo_a"), COLUMNS.index("archivo_b")
    rows = [[*row, hashes.get(row[first]), hashes.get(row[second])] for row in content["rows"]]
    return Reconciliation(content["summary"], rows)
