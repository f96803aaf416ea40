"""What a published table and its columns are. Needs neither polars nor psycopg: every verb may look here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from bankadvisor_etl.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["amount", "ratio", "percent", "pesos", "points", "text", "date", "list", "number", "reference", "moment"]

TYPES: Mapping[Kind, str] = {
    "amount": "numeric(20,6)",
    "ratio": "numeric(18,8)",
    "percent": "numeric(18,8)",
    "pesos": "numeric(20,2)",
    "points": "numeric(10,4)",
    "text": "text",
    "date": "date",
    "list": "text[]",
    "number": "bigint",
    "reference": "integer",
    "moment": "timestamp with time zone",
}
"""By kind of column, as PostgreSQL's catalogue writes it."""

UNITS: Mapping[Kind, str] = {
    "amount": "MDP",
    "ratio": "razón",
    "percent": "porcentaje",
    "pesos": "MDP",
    "points": "porcentaje",
}
"""What a figure is counted in: MDP are millions of pesos; 0.05 as a ratio and 5 as a percentage are the same."""

FILES = {source.name: source.files[0] for source in SOURCES}
FILES["cartera"] = f"{FILES['serie']} o {FILES['cartera']}"


@dataclass(frozen=True)
class Column:
    """A column of a published table.

    Attributes:
        name: as in the database.
        kind: what its values are; its type and its unit follow from it.
        title: what a person calls it, in Spanish, for headings.
        description: what it means, in Spanish.
        formula: how it is computed, in Spanish and names of columns; empty where it is read as it is.
        source: the input without which it cannot be computed; None for what no file gives.
        alias_of: the column that it repeats, for older readers.
        constraint: what SQL writes after the type.
    """

    name: str
    kind: Kind
    title: str
    description: str
    formula: str = ""
    source: str | None = None
    alias_of: str | None = None
    constraint: str = ""

    @property
    def type(self) -> str:
        """The type, as PostgreSQL's catalogue writes it."""
        return TYPES[self.kind]

    @property
    def unit(self) -> str | None:
        """``MDP``, ``razón`` or ``porcentaje``; None for what is no figure."""
        return UNITS.get(self.kind)

    @property
    def is_figure(self) -> bool:
        """Whether a run computes it: a number from a file, and no alias."""
        return self.unit is not None and self.alias_of is None

    @property
    def file(self) -> str | None:
        """The name of the file that it comes from."""
        return FILES[self.source] if self.source else None

    @property
    def sql(self) -> str:
        """The column as ``CREATE TABLE`` and ``ALTER TABLE`` write it."""
        generated = f"GENERATED ALWAYS AS ({self.alias_of}) STORED" if self.unit and self.alias_of else ""
        return " ".join(part for part in (self.name, self.type, generated, self.constraint) if part)

    @property
    def comment(self) -> str:
        """The column's COMMENT: meaning, formula, unit and source, each as a sentence of its own."""
        parts = [
            self.description,
            f"Alias de {self.alias_of}" if self.alias_of else "",
            f"Fórmula: {self.formula}" if self.formula else "",
            f"Unidad: {self.unit}" if self.unit else "",
            f"Fuente: {self.file}" if self.file else "",
        ]
        return ". ".join(part for part in parts if part)


@dataclass(frozen=True)
class PublishedTable:
    """A table that readers rely on.

    Attributes:
        name: as in the database.
        description: what one row is, in Spanish.
        key: the primary key.
        columns: in their order.
        match: the columns by which the rows of a run meet the published ones; together they are unique.
        changes: the table that records each published figure that a later run changes.
        recorded: the columns by which it names the row of the figure.
        constraints: what SQL writes after the columns, but for the key.
        indexes: by name, what SQL writes after ``ON table``.
        lookups: the columns that hold an id for which the rows of a run have a code: table and column of the code.
        late: the constraints by name that are made once the first run has written: PostgreSQL checks a foreign key of
            many rows in one go then, and otherwise one by one. The other table takes no writers meanwhile.
    """

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    match: tuple[str, ...]
    changes: str
    recorded: tuple[str, ...]
    constraints: tuple[str, ...]
    indexes: Mapping[str, str]
    lookups: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    late: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: there is no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def figures(self) -> tuple[str, ...]:
        """The names of the columns that a run computes."""
        return tuple(column.name for column in self.columns if column.is_figure)

    @property
    def plain(self) -> tuple[Column, ...]:
        """The columns without the row number and without the aliases."""
        return tuple(column for column in self.columns if column.alias_of is None and column.name != "id")

    @property
    def has_alerts(self) -> bool:
        """Whether its rows carry ``alertas``."""
        return any(column.kind == "list" for column in self.columns)

    @property
    def has_author(self) -> bool:
        """Whether its rows say which run changed them, and when: ``etl_run_id`` and ``updated_at``."""
        return any(column.name == "etl_run_id" for column in self.columns)

    @property
    def fed_by(self) -> dict[str, tuple[str, ...]]:
        """The names of the figures by the source without which they cannot be computed."""
        sources = dict.fromkeys(column.source for column in self.columns if column.is_figure and column.source)
        return {
            source: tuple(column.name for column in self.columns if column.is_figure and column.source == source)
            for source in sources
        }

    @property
    def changes_sql(self) -> str:
        """``CREATE TABLE`` of the table that records its changes, unless it is there."""
        row = "".join(f"{name} {self[name].type} NOT NULL, " for name in self.recorded)
        return (
            f"CREATE TABLE IF NOT EXISTS {self.changes} (run_id bigint NOT NULL REFERENCES etl_runs, {row}"
            "columna text NOT NULL, valor_anterior numeric, valor_nuevo numeric,"
            f" PRIMARY KEY (run_id, {', '.join(self.recorded)}, columna))"
        )

    @property
    def changes_comments(self) -> dict[str, str]:
        """The comments of that table's columns, and its own under ""."""
        return {
            "": f"Cada cifra de {self.name} que una corrida posterior cambió",
            "run_id": "La corrida que la cambió",
            **{name: f"Renglón de la cifra. {self[name].description}" for name in self.recorded},
            "columna": f"Columna de {self.name}",
            "valor_anterior": "La cifra anterior",
            "valor_nuevo": "La cifra nueva; nula si se retiró",
        }

    @property
    def sql(self) -> str:
        """``CREATE TABLE`` of it."""
        lines = [*(column.sql for column in self.columns), f"PRIMARY KEY ({', '.join(self.key)})", *self.constraints]
        return f"CREATE TABLE {self.name} (\n    " + ",\n    ".join(lines) + "\n)"


@dataclass(frozen=True)
class View:
    """A view for those who look.

    Attributes:
        name: as in the database.
        description: what it shows, in Spanish.
        columns: by name, the expression of each and its comment, in Spanish.
        source: what SQL writes from ``FROM`` on, and the common tables before the ``SELECT``.
        reads: the table whose readers may read the view.
        before: the common table expressions, from ``WITH`` on; empty where there are none.
    """

    name: str
    description: str
    columns: Mapping[str, tuple[str, str]]
    source: str
    reads: str
    before: str = ""

    def sql(self, existing: tuple[str, ...] = ()) -> str:
        """``CREATE OR REPLACE VIEW`` of it.

        Args:
            existing: the columns that the view has already. PostgreSQL lets a view be replaced by one that adds columns
                after those that are there: a new column of the table comes last in a view that exists.
        """
        names = [*existing, *(name for name in self.columns if name not in existing)]
        values = ", ".join(f"{self.columns[name][0]} AS {name}" for name in names)
        return f"CREATE OR REPLACE VIEW {self.name} AS {self.before} SELECT {values} {self.source}"
