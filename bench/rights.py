"""Which ids a company may be shown, decided by the tables and not by the services."""

import base64
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql

from bench.crowd import OWNED

FORM = re.compile(rb"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
CURSOR = re.compile(rb'"(?:next_cursor|cursor)":\s*"([\w-]+)')
NOBODY = UUID(int=0)

LOADS_OF: LiteralString = """
    select load_id from assignments where org_id = %(org)s
    union select load_id from offers where org_id = %(org)s
    union select id from loads where org_id = %(org)s
"""
"""Loads that the company posted, carries, or was offered, now or before."""

ON_THE_MARKET: LiteralString = """
    select l.id from loads l join organisations o on o.id = l.org_id
    where l.id = any(%(ids)s) and l.visibility = 'network' and o.suspended_at is null
    and l.status = 'posted' and not l.is_unconfirmed and l.lease_expires_at > now()
"""

HAD_BEEN_POSTED: LiteralString = """
    select id from loads where id = any(%(ids)s) and visibility = 'network'
    and posted_at is not null
"""
"""A search's record contains, and explains, what was on the market at its time."""


@dataclass(frozen=True)
class Leak:
    """A row's id that was shown to a company without the right to see it."""

    table: str
    id: UUID
    owner: UUID


def ids_in(text: bytes) -> set[UUID]:
    """Return the ids in an answer, including those in its cursors."""
    opened = [
        base64.urlsafe_b64decode(cursor + b"=" * (-len(cursor) % 4))
        for cursor in CURSOR.findall(text)
    ]
    return {
        UUID(found.decode()) for part in (text, *opened) for found in FORM.findall(part)
    }


def foreign(
    connection: psycopg.Connection[Any],
    org_id: UUID,
    ids: Collection[UUID],
    *,
    of_a_search: bool = False,
) -> list[Leak]:
    """Return the ids that this company has no right to see at the moment.

    A company may see its own rows; loads that are on the network's market; loads that
    it posted, carries or carried, is or was offered, and their stops. Ids of no row are
    left out.

    of_a_search: loads that were on the network's market before are allowed too, as the
        record of a search names them.
    """
    if not ids:
        return []
    query = sql.SQL(
        "with found as ({found}), mine as ({mine}), market as ({market})"
        " select kind, id, org_id from found where org_id <> %(org)s and not ("
        " kind = 'loads' and (id in (select * from mine)"
        " or id in (select * from market))"
        " or kind = 'stops' and (select load_id from stops where stops.id = found.id)"
        " in (select * from mine))"
    ).format(
        found=_found(),
        mine=sql.SQL(LOADS_OF),
        market=sql.SQL(HAD_BEEN_POSTED if of_a_search else ON_THE_MARKET),
    )
    rows = connection.execute(query, {"org": org_id, "ids": list(ids)})
    return [Leak(*row) for row in rows]


def _found() -> sql.Composable:
    parts = [
        sql.SQL(
            "select {name} as kind, id, org_id from {table} where id = any(%(ids)s)"
        ).format(name=table, table=sql.Identifier(table))
        for table in OWNED
    ]
    parts.append(
        sql.SQL("select 'organisations', id, id from organisations")
        + sql.SQL(" where id = any(%(ids)s)")
    )
    return sql.SQL(" union all ").join(parts)
