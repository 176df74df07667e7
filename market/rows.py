"""Records of rows, and the statements that write them.

A record has the columns that the product sets, without those that the database fills
in. tests/market/test_rows.py compares them with rows made over the API.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg import sql

Record = dict[str, Any]
"""The columns of one row, by name."""

TABLES = (
    *("organisations", "members", "devices", "refresh_families", "trucks", "drivers"),
    *("areas", "invitations", "loads", "stops", "backhaul_searches", "offers"),
    *("assignments", "overrides", "events", "positions", "last_positions"),
)
"""Ordered so that a row is written after the rows it refers to."""

BATCH = 5_000

INSERT: LiteralString = (
    "insert into {table} ({columns}) select {columns}"
    " from jsonb_populate_recordset(null::{table}, %s::jsonb)"
)


def inserts(
    made: Mapping[str, Sequence[Record]],
) -> Iterator[tuple[sql.Composed, str]]:
    """Yield the statements that write the records, each with its parameter."""
    for table in TABLES:
        by_columns: dict[tuple[str, ...], list[Record]] = {}
        for record in made.get(table, ()):
            by_columns.setdefault(tuple(record), []).append(record)
        for columns, records in by_columns.items():
            statement = sql.SQL(INSERT).format(
                table=sql.Identifier(table),
                columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            )
            for first in range(0, len(records), BATCH):
                yield statement, as_json(records[first : first + BATCH])


def as_json(made: object) -> str:
    """Return records as JSON."""
    return json.dumps(made, default=_plain)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
