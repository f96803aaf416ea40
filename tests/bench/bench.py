"""``make bench``: a full run compared with the floor, alternating, pair by pair, and the memory of each.

The figures of one call are comparable only with each other: quote the ratios.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bankadvisor_etl.sample_data import tasas, write_sample
from bankadvisor_etl.warehouse.adoption import adopt
from support.databases import choose_source, fresh_database
from support.folders import real_data_folder

TASAS_ROWS = 1_746_826
PUBLISHED_ROWS = 5_235
MIB = 1024


@dataclass(frozen=True)
class Run:
    """One process: wall seconds, CPU seconds, MiB of its largest process, MiB of it and its children together."""

    wall: float
    cpu: float
    largest: float
    together: float


def measure(command: list[str], *, together: bool = False) -> Run:
    """Run a command to its end; one that fails ends the benchmark. ``together`` looks at its memory all the time."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment())
    peak = Peak(process.pid)
    if together:
        peak.start()
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    peak.stopped.set()
    if status:
        sys.exit(f"{' '.join(command)} failed:\n{output}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / MIB, peak.kibibytes / MIB)


def environment() -> dict[str, str]:
    """This one with compiled modules, as in an installed package."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Peak(threading.Thread):
    """Adds up the proportional memory of a process and its children every few milliseconds."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.kibibytes, self.stopped = pid, 0, threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.02):
            self.kibibytes = max(self.kibibytes, sum(map(_pss, [self.pid, *_children(self.pid)])))


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return found


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def main() -> None:
    """Create the data, measure alternately, print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=7, help="pairs of run and floor")
    options.add_argument("--tasas-rows", type=int, default=TASAS_ROWS)
    options.add_argument("--no-tenfold", action="store_true", help="leave out the CSV that is ten times as long (3 GB)")
    given = options.parse_args()
    source = choose_source(None, None)
    if source is None:
        sys.exit("no PostgreSQL: see the README")
    with tempfile.TemporaryDirectory(prefix="bankadvisor-bench-") as folder, source.serve() as server:
        data = prepare(Path(folder), given.tasas_rows)
        report(server, data, given.pairs, tenfold=None if given.no_tenfold else 10 * given.tasas_rows)


def prepare(folder: Path, tasas_rows: int) -> Path:
    """The real workbooks if available, otherwise sample ones; always sample rates."""
    data, real = folder / "data", real_data_folder()
    if real:
        data.mkdir()
        for workbook in real.glob("*.xlsx"):
            (data / workbook.name).symlink_to(workbook)
        tasas.write(data, 0, tasas_rows)
    else:
        write_sample(data, tasas_rows=tasas_rows)
    print(f"workbooks: {'real' if real else 'invented'}; rates: {tasas_rows:,} rows")
    return data


def report(server: str, data: Path, pairs: int, tenfold: int | None) -> None:
    """Measure in turn and print."""
    floor = [sys.executable, str(Path(__file__).with_name("floor.py")), str(data)]
    rounds = []
    for number in range(pairs + 1):
        with fresh_database(server) as dsn:
            adopt(dsn, dry_run=False)  # the tables: a nightly run finds them there
            commands = (etl(data, dsn), [*floor, dsn, str(PUBLISHED_ROWS)], etl(data, dsn))
            # The first round warms the file cache, and its memory is looked at, which takes time of the other core.
            rounds.append([measure(command, together=number == 0) for command in commands])
    warm, *measured = rounds
    ratios = [run.wall / floor.wall for run, floor, _ in measured]
    for name, first, *figures in zip(("full run", "floor", "unchanged"), warm, *measured, strict=True):
        show(name, figures, first.together)
    print(f"full run / floor, wall, {pairs} pairs: " + spread(ratios, "{:.2f}") + "   (goal: at most 1.5)")
    if tenfold:
        tasas.write(data, 0, tenfold)
        with fresh_database(server) as dsn:
            whole = measure(etl(data, dsn), together=True)
        with fresh_database(server) as dsn:
            alone = measure([*floor, dsn, str(PUBLISHED_ROWS)])
        show(f"{tenfold:,} rates", [whole], whole.together)
        print(f"{'of its floor':<18} {whole.wall / alone.wall:.2f}   (goal: at most 1.6)")


def etl(data: Path, dsn: str) -> list[str]:
    """The command of a run."""
    return [sys.executable, "-m", "bankadvisor_etl", "run", "--data-dir", str(data), "--dsn", dsn]


def show(name: str, runs: list[Run], together: float) -> None:
    """One line of the table; ``together`` is in MiB."""
    print(
        f"{name:<18} wall {spread([run.wall for run in runs], '{:.2f}')} s   "
        f"cpu {statistics.median(run.cpu for run in runs):.2f} s   "
        f"largest process {max(run.largest for run in runs):.0f} MiB   "
        f"with its children {together:.0f} MiB"
    )


def spread(values: list[float], form: str) -> str:
    """Minimum, median and maximum."""
    return " / ".join(form.format(value) for value in (min(values), statistics.median(values), max(values)))


if __name__ == "__main__":
    main()
