"""The floor of a run: each input read once, one after the other, with the fastest reader there is, and as many rows
COPYed. No checks.

Usage: ``python floor.py FOLDER DSN ROWS``.
"""

from __future__ import annotations

import sys
from pathlib import Path

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


def read_workbook(path: Path) -> pl.DataFrame:
    return fastexcel.read_excel(path).load_sheet(SHEETS[path.name]).to_polars()


def read_loans(path: Path) -> pl.DataFrame:
    rows = pl.scan_csv(path, infer_schema=False, encoding="utf8-lossy").select(LOANS)
    rate = pl.col("Average Rate").cast(pl.Float64, strict=False)
    portfolio = pl.col("Total Portfolio").str.replace_all(",", "").cast(pl.Float64, strict=False)
    sums = rows.group_by(LOANS[:3]).agg(portfolio.sum(), (portfolio * rate).sum().alias("weighted"))
    return sums.collect(engine="streaming")


def main(folder: Path, dsn: str, rows: int) -> None:
    frames = [read_workbook(folder / name) for name in SHEETS]
    read_loans(folder / "CorporateLoan_CNBVDB.csv")
    amounts = frames[0].select(pl.selectors.float()).head(rows)
    columns = ", ".join(f"c{number} numeric(20,6)" for number in range(amounts.width))
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE floor ({columns})".encode())
        with cursor.copy("COPY floor FROM STDIN (FORMAT csv)") as copy:
            copy.write(amounts.write_csv(include_header=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
