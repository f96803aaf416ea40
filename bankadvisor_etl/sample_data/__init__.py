"""Sample files with the regulator's exact layouts, traps included: same seed, same bytes.

Each module of this package with a source's name writes that file and lists its traps. Codes, headers, sheets and cell
types are real; every figure is invented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.errors import ConfigurationError
from bankadvisor_etl.sample_data import (
    amounts,
    bulletins,
    cartera,
    castigos,
    castigos_comerciales,
    icap,
    icap_bulletin,
    instituciones,
    official,
    tasa_efectiva,
    tasas,
    tda,
)
from bankadvisor_etl.sample_data.workbooks import require_xlsxwriter, write_workbook, writing
from bankadvisor_etl.sources import SAMPLE

if TYPE_CHECKING:
    from pathlib import Path

MARKER = SAMPLE.files[0]
SECOND_EDITION = "segunda-edicion"
CAPITAL_MONTH = 202504
FILES = tuple(
    module.FILE for module in (cartera, instituciones, castigos, castigos_comerciales, icap, tda, tasa_efectiva, tasas)
)


def write_sample(directory: Path, *, seed: int = 0, tasas_rows: int = 5_000) -> list[Path]:
    """Write the eight input files of a run and return their paths, the required source first.

    Amounts are MDP, rates and capital percent, months 201701-202507. Existing sample files are replaced; a folder with
    files of these names that may be real is refused.

    The rates CSV has ``tasas_rows`` rows of about 180 bytes and is written in blocks, in constant memory.

    Raises:
        InputError: the directory or a file in it cannot be written.
        ConfigurationError: xlsxwriter (the extra ``sample``) is not installed, or the folder may hold real files;
            nothing is written.
    """
    require_xlsxwriter()
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
        _mark_as_invented(directory)
    cifras = amounts.simulate(seed)
    flujos = castigos.simulate(seed, cifras)
    workbooks = {
        cartera.FILE: cartera.sheets(cifras),
        instituciones.FILE: instituciones.sheets(),
        castigos.FILE: castigos.sheets(flujos),
        castigos_comerciales.FILE: castigos_comerciales.sheets(flujos),
        icap.FILE: icap.sheets(seed),
        tda.FILE: tda.sheets(seed),
        tasa_efectiva.FILE: tasa_efectiva.sheets(seed),
    }
    paths = [write_workbook(directory / name, sheets) for name, sheets in workbooks.items()]
    return [*paths, tasas.write(directory, seed, tasas_rows)]


def write_official(directory: Path, *, seed: int = 0) -> list[Path]:
    """Write CNBV's series and catalogues for the figures of ``write_sample``, in two editions, and return their paths.

    The first goes to ``directory/cnbv`` and ends in 202506; the second, to ``directory/segunda-edicion/cnbv``, has
    202507 and restates 25 values of 202506. The first also has the bulletins of 202506 and 202507 and the bulletin of
    capital of 202504.

    Raises:
        InputError: the directory or a file in it cannot be written.
    """
    with writing(directory):
        first, second = official.write(directory, seed, 1), official.write(directory / SECOND_EDITION, seed, 2)
        folder = directory / official.FOLDER
        return [*first, *bulletins.write(folder, seed), icap_bulletin.write(folder, seed, CAPITAL_MONTH), *second]


def _mark_as_invented(directory: Path) -> None:
    """Write the marker that the folder's figures are invented, unless it may hold real ones."""
    marker = directory / MARKER
    real = [name for name in FILES if (directory / name).is_file()]
    if real and not marker.exists():
        raise ConfigurationError(
            f"{directory} contains {real[0]} but no {MARKER}: the file may be a real one; choose another folder"
        )
    marker.write_text("The figures of the files in this folder are invented, by bankadvisor-etl sample-data.\n")
