"""Databases on a server, and their URLs."""

from contextlib import suppress
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql


def url_for(url: str, database: str) -> str:
    """Return `url` with its database replaced."""
    return urlunsplit(urlsplit(url)._replace(path="/" + quote(database, safe="")))


def create_database(url: str, name: str) -> str:
    """Make the database `name` on the server of `url`; return its URL.

    Safe to repeat, also by two processes at once.
    """
    # A connection to the template makes the copy fail; template0 allows none.
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0")
    with (
        psycopg.connect(url, autocommit=True) as connection,
        suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation),
    ):
        connection.execute(statement.format(sql.Identifier(name)))
    return url_for(url, name)
