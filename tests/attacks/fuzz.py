"""Feeds mutated copies of the files: ``python tests/attacks/fuzz.py --seconds 300 --seed 1 --data DIR``.

Each case must end in a clean refusal (65 or 74), or in the figures of the original files; never in a bug, a hang, more
than 1 GB, or another figure. Most cases are read by the run's own reader and audited here; some are given to the whole
command, with a database.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

import polars as pl
from mutations import suitable
from trial import MEMORY, Watch, let_everybody_in, run

from bankadvisor_etl.checks.findings import Finding, Thresholds, failures
from bankadvisor_etl.checks.settings import Settings
from bankadvisor_etl.errors import DataError, EtlError, InputError
from bankadvisor_etl.figures import METRICS
from bankadvisor_etl.inputs.files import find_files, list_files
from bankadvisor_etl.job.child import Child, Job
from bankadvisor_etl.job.inbox import assert_computed
from bankadvisor_etl.job.messages import as_error
from bankadvisor_etl.job.results import results
from bankadvisor_etl.sample_data import write_sample
from support.databases import choose_source, fresh_database
from support.published import figures

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from support.databases import Source

KEY = ["codigo", "mes"]
KEEPS_WHAT_IS_PUBLISHED = ("figures_kept", "figures_absent", "newest_month_not_back", "rejects")
TODAY = date(2025, 9, 1)
PATIENCE = 60
WHOLE_EVERY = 25
"""One case in this many is given to the whole command."""


@dataclass(frozen=True)
class Case:
    """One file, damaged in one way; the same number always makes the same one."""

    number: int
    source: str
    file: str
    mutation: str
    path: Path

    def __str__(self) -> str:
        return f"case {self.number}: {self.file}, {self.mutation}"


@dataclass
class Report:
    """The outcomes of the cases."""

    outcomes: Counter[str] = field(default_factory=Counter)
    mutations: Counter[str] = field(default_factory=Counter)
    not_held: list[str] = field(default_factory=list)
    peak: int = 0
    slowest: float = 0.0

    @property
    def cases(self) -> int:
        return sum(self.outcomes.values())

    def add(self, case: Case, outcome: str, *, held: bool = True) -> None:
        self.outcomes[outcome] += 1
        self.mutations[case.mutation] += 1
        if not held:
            self.not_held.append(f"{case}: {outcome}")


class Untouched:
    """The original files and their figures."""

    def __init__(self, folder: Path, thresholds: Thresholds) -> None:
        self.folder, self.paths = folder, dict(find_files(folder))
        self._settings = Settings(thresholds, TODAY)
        self._published: bytes | None = None
        self.published = self.figures(self.paths)
        absent = {name: pl.lit(None, pl.Float64) for name in METRICS if name not in self.published.columns}
        whole = self.published.with_columns(pl.col("alertas").list.join(","), **absent)
        names = ("codigo", "mes", "banco_norm", "alertas", "fuente", *METRICS)
        self._published = whole.select(names).write_csv().encode()

    def figures(self, paths: Mapping[str, Path]) -> pl.DataFrame:
        """The figures that a run would publish from these files and the original ones, rounded as published.

        Raises:
            EtlError: a file is refused, or the audit refuses the figures.
        """
        job = Job(list_files({**self.paths, **paths}.items()), self._settings, self._published)
        with Child() as child:
            child.ask(job)
            messages = list(results(child, job))
        for message in messages:
            if message.kind == "error":
                raise as_error(message.content)
        computed, audited = (assert_computed(message) for message in messages[-2:])
        findings = [Finding.from_json(finding) for finding in audited.content["findings"]]
        if words := failures(findings):
            raise DataError(words)
        kept = [f.name for f in findings if not f.passed and f.name.startswith(KEEPS_WHAT_IS_PUBLISHED)]
        if kept:
            raise DataError(f"what is published stays: {', '.join(kept)}")
        return _frame(computed.content["columns"]["monthly_kpis"], computed.blocks[0])

    def differences(self, mine: pl.DataFrame) -> str:
        """The changes from publishing ``mine``; rows that it lacks stay as they are."""
        theirs = self.published.join(mine, on=KEY, how="semi").sort(KEY)
        if theirs.height != mine.height:
            return f"{mine.height - theirs.height} bank-months are new"
        changed = [name for name in mine.columns if not mine[name].equals(theirs[name])]
        return f"other figures in {', '.join(changed)}" if changed else ""


def cases(untouched: Untouched, seed: int, folder: Path) -> Iterator[Case]:
    """Damage one file after another, without end."""
    number = 0
    while True:
        for source, path in untouched.paths.items():
            random = Random(f"{seed} {number}")  # noqa: S311 (not a secret)
            mutation = random.choice(suitable(path.name))
            copy = folder / str(number) / path.name
            copy.parent.mkdir()
            shutil.copy(path, copy)
            copy.chmod(0o644)
            mutation.do(random, copy)
            yield Case(number, source, path.name, mutation.name, copy)
            number += 1


def fuzz(untouched: Untouched, *, seconds: float, most: int, seed: int, dsn: str | None, folder: Path) -> Report:
    """Judge cases until there are enough or the time is up; with ``dsn``, some by the whole command on it."""
    report, began = Report(), time.monotonic()
    endless = cases(untouched, seed, folder)
    before = figures(dsn) if dsn else ""
    while report.cases < most and time.monotonic() - began < seconds:
        batch = [next(endless) for _ in range(min(len(untouched.paths), most - report.cases))]
        if dsn and batch[0].number // WHOLE_EVERY != (batch[-1].number + 1) // WHOLE_EVERY:
            _whole(untouched, batch.pop(), dsn, before, report)
        _judge(untouched, batch, report)
        for case in batch:
            shutil.rmtree(case.path.parent)
    return report


def _frame(columns: list[str], block: bytes) -> pl.DataFrame:
    """The figures of a result: ``codigo``, ``mes``, ``alertas``, rounded figures."""
    text = ("fecha", "codigo_cnbv", "institucion", "banco_norm", "alertas", "fuente", "fuente_icap")
    schema = {name: pl.String if name in text else pl.Float64 for name in columns}
    frame = pl.read_csv(block, has_header=False, schema=schema)
    return frame.select(
        pl.col("codigo_cnbv").alias("codigo"),
        pl.col("fecha").str.to_date().alias("mes"),
        "banco_norm",
        pl.col("alertas").str.strip_chars("{}").str.split(","),
        "fuente",
        (pl.selectors.float().fill_nan(None).round(8)),
    ).sort(KEY)


def _judge(untouched: Untouched, batch: list[Case], report: Report) -> None:
    """Judge each damaged file together with the original others."""
    for case in batch:
        started = time.monotonic()
        with Watch() as watch:
            _judge_one(untouched, case, report)
        report.peak = max(report.peak, watch.peak)
        report.slowest = max(report.slowest, time.monotonic() - started)


def _judge_one(untouched: Untouched, case: Case, report: Report) -> None:
    try:
        mine = untouched.figures({case.source: case.path})
    except EtlError as error:
        _add_refusal(report, case, error)
    except Exception as error:  # noqa: BLE001 (bugs are what we are looking for)
        report.add(case, f"a bug: {type(error).__name__}: {error}", held=False)
    else:
        changed = untouched.differences(mine)
        report.add(case, changed or "the same figures", held=not changed)


def _add_refusal(report: Report, case: Case, error: EtlError) -> None:
    clean = isinstance(error, DataError | InputError) and "panick" not in str(error) and "\n" not in str(error)
    report.add(case, f"refused, exit {error.exit_code}" if clean else f"{type(error).__name__}: {error}", held=clean)


def _whole(untouched: Untouched, case: Case, dsn: str, before: str, report: Report) -> None:
    """Give the damaged file to the command, with links to the original others."""
    for path in untouched.folder.iterdir():
        if path.name != case.file:
            (case.path.parent / path.name).symlink_to(path.resolve())
    outcome = run(case.path.parent, dsn, "--force")
    report.peak, report.slowest = max(report.peak, outcome.peak), max(report.slowest, outcome.seconds)
    clean = outcome.code in {0, DataError.exit_code, InputError.exit_code} and "Traceback" not in outcome.output
    same = figures(dsn) == before
    words = f"the whole command, exit {outcome.code}" + ("" if same else ", and other figures")
    report.add(case, words if clean and same else f"{words}: {outcome.end}", held=clean and same)
    shutil.rmtree(case.path.parent)


def main() -> int:
    """Fuzz according to the arguments; return 1 if a case failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=300, help="how long at most (default: 300)")
    parser.add_argument("--cases", type=int, default=1_000_000, help="how many at most")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same seed, the same cases")
    parser.add_argument("--data", type=Path, help="folder of the files (default: the sample data)")
    options = parser.parse_args()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bankadvisor-fuzz-")))
        write_sample(scratch / "data")
        if options.data:
            for path in options.data.iterdir():
                (scratch / "data" / path.name).unlink(missing_ok=True)
                (scratch / "data" / path.name).symlink_to(path.resolve())
        server = choose_source(None, None)
        dsn = _database(stack, server) if server else None
        if dsn and run(scratch / "data", dsn).code:
            parser.error("the untouched files are refused")
        (scratch / "cases").mkdir()
        print(f"seed {options.seed}; {'some' if dsn else 'none'} by the whole command", flush=True)
        began = time.monotonic()
        untouched = Untouched(scratch / "data", Thresholds())
        report = fuzz(
            untouched, seconds=options.seconds, most=options.cases, seed=options.seed, dsn=dsn, folder=scratch / "cases"
        )
    return _show(report, time.monotonic() - began)


def _database(stack: ExitStack, server: Source) -> str:
    dsn = stack.enter_context(fresh_database(stack.enter_context(server.serve())))
    let_everybody_in(dsn)
    return dsn


def _show(report: Report, seconds: float) -> int:
    for outcome, count in report.outcomes.most_common():
        print(f"{count:6}  {outcome}")
    print("\n".join(report.not_held))
    print(
        f"{report.cases} cases of {len(report.mutations)} kinds in {seconds:.0f} s: {len(report.not_held)} not held; "
        f"at most {report.peak / 1e6:.0f} MB resident, {report.slowest:.1f} s for one reading"
    )
    return bool(report.not_held) or report.peak > MEMORY


if __name__ == "__main__":
    sys.exit(main())
