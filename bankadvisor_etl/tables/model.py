"""The description of a published table and its columns. Needs neither polars nor psycopg, so every verb can use it."""

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
"""The type of each kind of column, as PostgreSQL's catalogue spells it."""

UNITS: Mapping[Kind, str] = {
    "amount": "MDP",
    "ratio": "razón",
    "percent": "porcentaje",
    "pesos": "MDP",
    "points": "porcentaje",
}
"""The units of figures: MDP are millions of pesos; 0.05 as a ratio equals 5 as a percentage."""

FILES = {source.name: source.files[0] for source in SOURCES}
FILES["cartera"] = f"{FILES['serie']} o {FILES['cartera']}"


@dataclass(frozen=True)
class Column:
    """A column of a published table.

    Attributes:
        name: as in the database.
        kind: the kind of its values, which determines type and unit.
        title: its heading, in Spanish.
        description: its meaning, in Spanish.
        formula: how it is computed, in Spanish and column names; empty if it is read from a file.
        source: the input that is required to compute it; None if it does not come from a file.
        alias_of: the column that it repeats, for older readers.
        constraint: the SQL after the type.
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
        """The type, as PostgreSQL's catalogue spells it."""
        return TYPES[self.kind]

    @property
    def unit(self) -> str | None:
        """``MDP``, ``razón`` or ``porcentaje``; None if it is not a figure."""
        return UNITS.get(self.kind)

    @property
    def is_figure(self) -> bool:
        """Whether a run computes it: a number from a file, and not an alias."""
        return self.unit is not None and self.alias_of is None

    @property
    def file(self) -> str | None:
        """The name of its file."""
        return FILES[self.source] if self.source else None

    @property
    def sql(self) -> str:
        """The definition of the column in ``CREATE TABLE`` and ``ALTER TABLE``."""
        generated = f"GENERATED ALWAYS AS ({self.alias_of}) STORED" if self.unit and self.alias_of else ""
        return " ".join(part for part in (self.name, self.type, generated, self.constraint) if part)

    @property
    def comment(self) -> str:
        """The column's COMMENT: meaning, formula, unit and source, one sentence each."""
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
        columns: in order.
        match: the columns by which the rows of a run are matched with the published ones; together they are unique.
        changes: the table that records each published figure that a later run changes.
        recorded: the columns that identify the row of the figure in it.
        constraints: the SQL after the columns, without the primary key.
        indexes: by name, the SQL after ``ON table``.
        lookups: for columns that hold an id where the rows of a run have a code: table and column of the code.
        late: by name, constraints that are added after the first run has written: PostgreSQL then checks a foreign
            key for all rows at once rather than one by one. This blocks writers of the other table.
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
        """The columns without the row number and the aliases."""
        return tuple(column for column in self.columns if column.alias_of is None and column.name != "id")

    @property
    def has_alerts(self) -> bool:
        """Whether its rows carry ``alertas``."""
        return any(column.kind == "list" for column in self.columns)

    @property
    def has_author(self) -> bool:
        """Whether its rows have ``etl_run_id`` and ``updated_at``: which run changed them, and when."""
        return any(column.name == "etl_run_id" for column in self.columns)

    @property
    def fed_by(self) -> dict[str, tuple[str, ...]]:
        """The names of the figures by the source that is required to compute them."""
        sources = dict.fromkeys(column.source for column in self.columns if column.is_figure and column.source)
        return {
            source: tuple(column.name for column in self.columns if column.is_figure and column.source == source)
            for source in sources
        }

    @property
    def changes_sql(self) -> str:
        """``CREATE TABLE IF NOT EXISTS`` for the table that records its changes."""
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
        """Its ``CREATE TABLE``."""
        lines = [*(column.sql for column in self.columns), f"PRIMARY KEY ({', '.join(self.key)})", *self.constraints]
        return f"CREATE TABLE {self.name} (\n    " + ",\n    ".join(lines) + "\n)"


@dataclass(frozen=True)
class View:
    """A view for readers.

    Attributes:
        name: as in the database.
        description: what it shows, in Spanish.
        columns: by name, the expression and the comment (in Spanish).
        source: the SQL from ``FROM`` on.
        reads: the table whose readers may read the view.
        before: the common table expressions, from ``WITH`` on; empty if there are none.
    """

    name: str
    description: str
    columns: Mapping[str, tuple[str, str]]
    source: str
    reads: str
    before: str = ""

    def sql(self, existing: tuple[str, ...] = ()) -> str:
        """Its ``CREATE OR REPLACE VIEW``.

        Args:
            existing: the columns that the view already has. PostgreSQL only replaces a view by one that adds columns
                at the end, so a new column of the table comes last in an existing view.
        """
        names = [*existing, *(name for name in self.columns if name not in existing)]
        values = ", ".join(f"{self.columns[name][0]} AS {name}" for name in names)
        return f"CREATE OR REPLACE VIEW {self.name} AS {self.before} SELECT {values} {self.source}"
