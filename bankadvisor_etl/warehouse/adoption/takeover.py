"""One takeover, step by step: move old tables, keep the history, create ours, and keep old readers working."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg import sql

from bankadvisor_etl.warehouse import schema
from bankadvisor_etl.warehouse.adoption import contents, institutions, record, relations, restrictions, shapes, views
from bankadvisor_etl.warehouse.adoption.relations import ANTERIOR, MATERIALIZED, Relation
from bankadvisor_etl.warehouse.tables import constrain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import psycopg

    from bankadvisor_etl.warehouse.adoption.shapes import Shape
    from bankadvisor_etl.warehouse.adoption.views import View


@dataclass
class Takeover:
    """The state of a takeover.

    Attributes:
        cursor: in a transaction that holds the lock; the caller decides whether it is committed.
        ours: the shapes of our tables.
        home: the schema of our tables.
        odd: the tables with our names that have another shape.
        moved: what is now in ``anterior``, by oid.
        steps: what was done, as sentences.
    """

    cursor: psycopg.Cursor[Any]
    ours: Mapping[str, Shape]
    home: str
    odd: list[Relation]
    moved: dict[int, Relation] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)

    def perform(self) -> None:
        """Take every step, from the beginning; nothing is committed."""
        self.moved, self.steps = {}, []
        # With an empty search path PostgreSQL prints definitions with qualified names, so that they can be run again.
        self._set_search_path("")
        history = [table for table in self.odd if self._is_history(table)]
        old = [table for table in self.odd if table not in history]
        old += [table for table in relations.hanging(self.cursor, old) if table not in history]
        replaced = [table for table in old if table.name in self.ours]
        readers = views.reading(self.cursor, [*history, *replaced])
        bound = views.functions(self.cursor, replaced)
        restrictions.refuse(self.cursor, [*history, *old], [*old, *(view.relation for view in readers)], old)
        for table in history:
            record.refuse_ids(self.cursor, table)
        if self.odd:
            self.cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(ANTERIOR)))
        # Views first, then referring tables, then referenced ones: most readers take their locks in that order.
        self._move_views(readers)
        for table in history:
            self._extend(table, [view for view in readers if table.oid in view.reads])
        self._move_tables(reversed(old))
        self._create()
        self._keep_institutions(replaced)
        self._stand_in(table for table in old if table not in replaced)
        self._let_in(replaced)
        self._make_again(readers)
        self.steps += [f"warning: the function {name} is bound to an old table; recreate it" for name in bound]

    def _is_history(self, table: Relation) -> bool:
        return table.name == "etl_runs" and record.is_record(table, shapes.read(self.cursor, table.oid))

    def _move_views(self, readers: Sequence[View]) -> None:
        for view in reversed(readers):
            self.moved[view.relation.oid] = relations.move(self.cursor, view.relation)

    def _extend(self, history: Relation, readers: Iterable[View]) -> None:
        """Extend the table in place; its views, whose columns must keep their types, read a copy."""
        copy = record.set_aside(self.cursor, history)
        for view in readers:
            view.replace(self.cursor, self.moved[view.relation.oid])
        self.moved[copy.oid] = moved = relations.move(self.cursor, copy)
        self.steps.append(f"{history} is copied as it is to {moved}")
        self.steps += record.extend(self.cursor, history, self.ours[history.name])

    def _move_tables(self, tables: Iterable[Relation]) -> None:
        for table in tables:
            self.moved[table.oid] = moved = relations.move(self.cursor, table)
            self.steps.append(f"{table} is moved to {moved} ({relations.count(self.cursor, moved)} rows)")

    def _create(self) -> None:
        self._set_search_path(self.home)
        missing = self.ours.keys() - relations.visible(self.cursor, self.ours).keys()
        for version in sorted(schema.available()):
            schema.apply(self.cursor, version)
        schema.prepare(self.cursor)
        constrain(self.cursor)
        self._set_search_path("")
        if missing:
            names = ", ".join(name for name in self.ours if name in missing)
            self.steps.append(f"created in {self.home}: {names}")

    def _keep_institutions(self, replaced: Sequence[Relation]) -> None:
        for table in replaced:
            if table.name == "instituciones":
                new = sql.Identifier(self.home, table.name)
                self.steps += institutions.keep_ids(self.cursor, self.moved[table.oid], new)
            if table.name == "segmentos_cartera":
                new = sql.Identifier(self.home, table.name)
                self.steps += institutions.keep_segments(self.cursor, self.moved[table.oid], new)
        old = {table.name: self.moved[table.oid] for table in replaced}
        self.steps += contents.keep_rows(self.cursor, old, self.home)

    def _stand_in(self, tables: Iterable[Relation]) -> None:
        """Put a view in the place of each moved table that none of our tables replaces."""
        for table in tables:
            moved = self.moved[table.oid]
            self.cursor.execute(sql.SQL("CREATE VIEW {} AS TABLE {}").format(table.sql, moved.sql))
            for statement in relations.permissions(self.cursor, moved, table):
                self.cursor.execute(statement.encode())
            self.steps.append(f"{moved} refers to a table that was moved; {table} is now a view of it, updatable")

    def _let_in(self, replaced: Iterable[Relation]) -> None:
        """Let the readers of an old table read the new one, and all of them read what was moved."""
        for table in replaced:
            if table.name == "monthly_kpis":
                self.steps.append(f"to do: bankadvisor-etl run; the new {table.name} is empty until then")
            if users := relations.readers(self.cursor, [table]):
                self._grant(sql.SQL("SELECT ON {}").format(sql.Identifier(self.home, table.name)), users)
                self.steps.append(f"can still read {self.home}.{table.name}: {', '.join(users)}")
        if users := relations.readers(self.cursor, self.moved.values()):
            self._grant(sql.SQL("USAGE ON SCHEMA {}").format(sql.Identifier(ANTERIOR)), users)

    def _make_again(self, readers: Iterable[View]) -> None:
        for view in readers:
            name, moved = view.relation, self.moved[view.relation.oid]
            if fault := views.make_again(self.cursor, view):
                self.steps.append(f"warning: {name} does not compile over the new tables: {fault}; it is {moved} now")
                continue
            self.steps.append(f"{name} is recreated over the new tables; the one over the old tables is {moved}")
            if view.relation.kind == MATERIALIZED:
                self.steps.append(f"to do after that run: REFRESH MATERIALIZED VIEW {name}")

    def _grant(self, what: sql.Composed, users: Iterable[str]) -> None:
        self.cursor.execute(sql.SQL("GRANT {} TO {}").format(what, sql.SQL(", ").join(map(sql.SQL, users))))

    def _set_search_path(self, schema_name: str) -> None:
        path = sql.Identifier(schema_name).as_string() if schema_name else ""
        self.cursor.execute("SELECT set_config('search_path', %s, true)", [path])
