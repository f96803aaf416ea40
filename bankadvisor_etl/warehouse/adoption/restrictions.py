"""Restrictions and publications of a table that a new table does not get: refused, so that none is lost silently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bankadvisor_etl.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

    from bankadvisor_etl.warehouse.adoption.relations import Relation


def refuse(
    cursor: psycopg.Cursor[Any],
    with_policies: Iterable[Relation],
    with_column_grants: Iterable[Relation],
    published: Iterable[Relation],
) -> None:
    """Refuse row-level security, grants on single columns and publications on relations that would lose them.

    Raises:
        ConfigurationError: there is one; the message names each, and says what to do.
    """
    found = [*_policies(cursor, with_policies), *_grants(cursor, with_column_grants), *_publications(cursor, published)]
    if found:
        raise ConfigurationError(
            f"these would not apply to the new tables: {'; '.join(found)}. Nothing was changed: save their "
            "definitions, remove them with the grants that they restrict, adopt again, and recreate both"
        )


def _policies(cursor: psycopg.Cursor[Any], relations: Iterable[Relation]) -> Sequence[str]:
    return _texts(
        cursor,
        "SELECT format('row-level security of %%s%%s', oid::regclass,"
        "  (SELECT ' (policy ' || string_agg(polname, ', ' ORDER BY polname) || ')' FROM pg_policy"
        "   WHERE polrelid = c.oid)) FROM pg_class c"
        " WHERE oid = ANY(%s) AND (relrowsecurity OR EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid)) ORDER BY 1",
        relations,
    )


def _grants(cursor: psycopg.Cursor[Any], relations: Iterable[Relation]) -> Sequence[str]:
    return _texts(
        cursor,
        "SELECT format('%%s on the columns %%s of %%s for %%s', privilege_type,"
        "  string_agg(attname, ', ' ORDER BY attnum), attrelid::regclass,"
        "  CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee)::text END)"
        " FROM pg_attribute, aclexplode(attacl)"
        " WHERE attrelid = ANY(%s) AND NOT attisdropped GROUP BY attrelid, grantee, privilege_type ORDER BY 1",
        relations,
    )


def _publications(cursor: psycopg.Cursor[Any], relations: Iterable[Relation]) -> Sequence[str]:
    return _texts(
        cursor,
        "SELECT format('%%s in the publication %%I', prrelid::regclass, pubname)"
        " FROM pg_publication_rel JOIN pg_publication p ON p.oid = prpubid WHERE prrelid = ANY(%s) ORDER BY 1",
        relations,
    )


def _texts(cursor: psycopg.Cursor[Any], query: str, relations: Iterable[Relation]) -> Sequence[str]:
    rows = cursor.execute(query.encode(), [[relation.oid for relation in relations]])
    return [text for (text,) in rows]
