"""Opens sessions, limits how long they take, and translates their errors. No password leaves this module."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bankadvisor_etl.errors import ConfigurationError, DatabaseError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LIBPQ_VARIABLES = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE", "PGUSER", "PGPORT")

DEFAULTS: dict[str, Any] = {
    "connect_timeout": "10",
    "tcp_user_timeout": "60000",
    "application_name": "bankadvisor-etl",
}
"""Used where the connection string does not set them."""

SHORTEST_SECRET = 4

TIMEOUTS = {
    "statement_timeout": "120s",
    "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "1h",
    "timezone": "UTC",
}
"""Set in each transaction and not in the session: behind a transaction pooler, sessions are shared."""


ENCODE = "in a postgresql:// address write '@' as %40, '/' as %2F, ':' as %3A and '%' as %25"


def choose_dsn(option: str | None, environment: Mapping[str, str], *, embedded: bool) -> str | None:
    """Return the first connection string that is set, or None for the private PostgreSQL.

    In this order: the option (or ``BANKADVISOR_DSN``), ``DATABASE_URL``, libpq's own variables, ``embedded``.

    Raises:
        ConfigurationError: none of them is set.
    """
    if option:
        return option
    if url := environment.get("DATABASE_URL"):
        return re.sub(r"^(\w+)\+\w+://", r"\1://", url)
    if any(environment.get(name) for name in LIBPQ_VARIABLES):
        return ""
    if embedded:
        return None
    raise ConfigurationError(
        "no database is named: give --dsn, or set BANKADVISOR_DSN, DATABASE_URL or libpq's PGHOST/PGSERVICE, "
        "or use --embedded for a private PostgreSQL"
    )


def connect(dsn: str) -> psycopg.Connection[Any]:
    """Open a session in autocommit mode.

    Raises:
        ConfigurationError: the connection string cannot be read.
        DatabaseError: the server cannot be reached or refuses the login.
    """
    given = _parts(dsn)
    try:
        # Prepared statements belong to the session, too.
        conninfo = make_conninfo(**{**DEFAULTS, **given})
        connection = psycopg.connect(conninfo, autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        message = _without_secrets(str(error).strip(), dsn, given)
        raise DatabaseError(f"the database cannot be reached: {message}") from None
    return connection


def _parts(dsn: str) -> dict[str, Any]:
    """The settings of a connection string; libpq may quote any of them in an error, except the passwords.

    libpq ends a password at its first '@' or '/' and takes the rest for the host, the port or the database. A string
    that can be read this way is refused before libpq sees it.

    Raises:
        ConfigurationError: the string cannot be read, or part of a password would be taken for something else.
    """
    address = dsn.partition("://")[2]
    credentials, path = address.rpartition("@")[0], address.partition("?")[0].partition("/")[2]
    if not address.startswith("/") and ("@" in path or (":" in credentials and set(credentials) & set("@/"))):
        raise ConfigurationError(f"the connection string has an '@' or a '/' inside the user or password; {ENCODE}")
    try:
        given = conninfo_to_dict(dsn)
    except (psycopg.Error, UnicodeError):
        # libpq quotes the string in its message, including the password.
        raise ConfigurationError(
            "the connection string is not of the form postgresql://user@host/database or key=value; "
            f"look for a missing '='; {ENCODE}"
        ) from None
    if not re.fullmatch(r"[0-9,\s]*", str(given.get("port") or "")):
        raise ConfigurationError(f"the port in the connection string is not a number; {ENCODE}")
    if re.search(r"[^,]@|://", str(given.get("host") or "")) or "://" in str(given.get("dbname") or ""):
        raise ConfigurationError(
            f"the host or database in the connection string contains another connection string; {ENCODE}"
        )
    return given


@contextmanager
def transaction(connection: psycopg.Connection[Any]) -> Iterator[psycopg.Cursor[Any]]:
    """One transaction with the timeouts set; PostgreSQL's errors become this package's.

    Raises:
        DatabaseError: the connection was lost or a statement failed.
        ConfigurationError: a privilege is missing.
        DataError: a value does not fit its column.
    """
    with translated(), connection.transaction(), connection.cursor() as cursor:
        set_timeouts(cursor)
        yield cursor


def set_timeouts(cursor: psycopg.Cursor[Any]) -> None:
    """Set ``TIMEOUTS`` for the transaction that the cursor is in."""
    cursor.execute(
        "SELECT " + ", ".join("set_config(%s, %s, true)" for _ in TIMEOUTS),
        [part for setting in TIMEOUTS.items() for part in setting],
    )


@contextmanager
def translated() -> Iterator[None]:
    """Turn PostgreSQL's errors into this package's.

    Raises:
        DatabaseError: the connection was lost or a statement failed.
        ConfigurationError: a privilege is missing.
        DataError: a value does not fit its column.
    """
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"the database role lacks a privilege: {_short(error)}; see 'Roles' in systemd/README.md for the GRANTs"
        ) from error
    except psycopg.DataError as error:
        raise DataError(f"PostgreSQL refused a value: {_short(error)}") from error
    except psycopg.Error as error:
        raise DatabaseError(f"PostgreSQL: {_short(error)}") from error


def _short(error: psycopg.Error) -> str:
    """The message without the statement."""
    message = error.diag.message_primary or str(error).strip() or type(error).__name__
    return f"{message} ({error.diag.message_detail})" if error.diag.message_detail else message


def _without_secrets(message: str, dsn: str, given: Mapping[str, Any]) -> str:
    secrets = {str(given.get(name) or "") for name in ("password", "sslpassword")}
    secrets.add(os.environ.get("PGPASSWORD", ""))
    secrets.add(dsn.partition("://")[2].rpartition("@")[0].partition(":")[2])  # as typed, with its %XX
    # libpq quotes no password; blanking out a short one would reveal where its letters occur in other words.
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            message = message.replace(secret, "***")
    return message
