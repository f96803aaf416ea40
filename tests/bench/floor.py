"""The floor of a run: each input read once by the fastest reader of the same bytes, the CSV in parallel with the
workbooks, and the same number of rows copied. No checks, no record, no exit handlers.

Usage: ``python floor.py FOLDER DSN ROWS``.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("POLARS_CSV_CHUNK_SIZE", str(2**20))

import fastexcel
import polars as pl
import psycopg

SHEETS = {
    "CNBV_Cartera_Bancos_V2.xlsx": "Sheet1",
    "Instituciones.xlsx": "Instituciones",
    "CASTIGOS.xlsx": "CASTIGOS",
    "Castigos Comerciales.xlsx": "Sheet 1",
    "ICAP_Bancos.xlsx": "ICAP Bancos",
    "TDA.xlsx": "Sheet1",
    "TE_Invex_Sistema.xlsx": 0,
}
LOANS = ["Institution Code", "Currency", "Monitoring Term", "Average Rate", "Total Portfolio"]


def read_workbooks(folder: Path) -> list[pl.DataFrame]:
    return [fastexcel.read_excel(folder / name).load_sheet(sheet).to_polars() for name, sheet in SHEETS.items()]


def read_loans(path: Path) -> pl.DataFrame:
    rows = pl.scan_csv(path, infer_schema=False, encoding="utf8-lossy").select(LOANS)
    rate = pl.col("Average Rate").cast(pl.Float64, strict=False)
    portfolio = pl.col("Total Portfolio").str.replace_all(",", "", literal=True).cast(pl.Float64, strict=False)
    sums = rows.group_by(LOANS[:3]).agg(portfolio.sum(), (portfolio * rate).sum().alias("weighted"))
    return sums.collect(engine="streaming")


def main(folder: Path, dsn: str, rows: int) -> None:
    with ThreadPoolExecutor(2) as pool:
        loans = pool.submit(read_loans, folder / "CorporateLoan_CNBVDB.csv")
        frames = pool.submit(read_workbooks, folder).result()
        loans.result()
    amounts = frames[0].select(pl.selectors.float()).head(rows)
    columns = ", ".join(f"c{number} numeric(20,6)" for number in range(amounts.width))
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE floor ({columns})".encode())
        with cursor.copy("COPY floor FROM STDIN (FORMAT csv)") as copy:
            copy.write(amounts.write_csv(include_header=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    os._exit(0)
