"""What changed on the market since a reader's last snapshot, and on which server.

A snapshot of PostgreSQL names the transactions that it does not see: those that were
open (`in_progress`), and those that had not begun (from `ends_at` on). A later snapshot
sees nothing more than what these wrote. So however long a writer stays open, nothing is
read twice.
"""

# scope: the server reads the loads of all companies.

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from models.loads.tombstones import LoadTombstone
from services.kernel.batches import delete_batch

TOMBSTONES_KEPT = timedelta(days=1)
UNREAD_S = TOMBSTONES_KEPT.total_seconds() / 2
"""A reader that was away for longer may have missed a tombstone, and reads all."""

BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Place:
    """How far a reader has read: a snapshot of this server, schema and tables.

    horizon: every transaction before it had ended.
    server: changes with each start of the server, also after a crash, and with each
        copy of it.
    tables: changes when the tables are written anew: truncated, or made by a restore.
    read_at: Unix time, by the database's clock.
    """

    horizon: int
    ends_at: int
    in_progress: tuple[int, ...]
    server: str
    schema: str
    tables: str
    read_at: float

    def unseen(self, column: LiteralString) -> str:
        """Return the condition that the snapshot did not see this transaction."""
        since = f"{column} >= '{self.ends_at}'::xid8"
        if not self.in_progress:
            return since
        some = ",".join(map(str, self.in_progress))
        return f"({since} or {column} = any('{{{some}}}'::xid8[]))"

    def reason_to_reload(self, now: "Place") -> str | None:
        """Return why all must be read again by `now`; None if it need not be."""
        if self.server != now.server:
            return "server"
        if now.horizon < self.horizon or now.ends_at < self.ends_at:
            return "horizon"
        if self.schema != now.schema:
            return "schema"
        if self.tables != now.tables:
            return "tables"
        if now.read_at - self.read_at > UNREAD_S:
            return "behind"
        return None


@dataclass(frozen=True, slots=True)
class News:
    """What one snapshot says beside the loads.

    is_own: the transaction has written, and sees what its snapshot does not name: the
        next reader must read all.
    changed: how many loads have changed since the place before.
    """

    place: Place
    is_own: bool
    changed: int
    deleted: list[UUID]
    suspended: list[UUID]


NEWS: LiteralString = """
select pg_current_snapshot()::text,
    pg_current_xact_id_if_assigned() is not null,
    (select concat_ws(' ', system_identifier, pg_postmaster_start_time(), stats_reset)
        from pg_control_system(), pg_stat_bgwriter),
    (select version_num from alembic_version),
    concat_ws(' ', 'loads'::regclass::oid, pg_relation_filenode('loads'),
        'stops'::regclass::oid, pg_relation_filenode('stops')),
    extract(epoch from clock_timestamp())::float8,
    array(select suspended_organisations())
"""
"""A crash resets the server's statistics: it may give ids of lost transactions again,
and is no new start of the server if only one of its processes was killed."""

SINCE: LiteralString = """,
    (select count(*) from loads where {loads}),
    array(select load_id from load_tombstones where {tombstones})
"""

BOOKINGS: LiteralString = "select poster, booked, cancelled from bookings_of(null)"


def news(connection: Connection[Any], before: Place | None) -> News:
    """Return what the connection's snapshot says, and what has changed since `before`.

    Raises: psycopg.Error.
    """
    # Without parameters: the planner then knows that few rows are asked for.
    since = SINCE.format(
        loads=before.unseen("loads.changed_xid") if before else "false",
        tombstones=before.unseen("xid") if before else "false",
    )
    row = connection.execute((NEWS + since).encode()).fetchone()
    assert row is not None
    snapshot, is_own, server, schema, tables, read_at, suspended, changed, deleted = row
    xmin, xmax, some = snapshot.split(":")
    in_progress = tuple(map(int, filter(None, some.split(","))))
    place = Place(int(xmin), int(xmax), in_progress, server, schema, tables, read_at)
    return News(place, is_own, changed, deleted, suspended)


def bookings(connection: Connection[Any]) -> list[tuple[UUID, int, int]]:
    """Return, for each poster, how many bookings others made of their loads, and how
    many of these the poster cancelled.

    Raises: psycopg.Error.
    """
    return connection.execute(BOOKINGS).fetchall()


def prune_tombstones(session: Session, *, most: int = BATCH) -> int:
    """Delete the tombstones that every reader has read, or reads all instead (a job).

    Safe to repeat; returns how many were deleted.
    """
    old = text(f"deleted_at < now() - interval '{TOMBSTONES_KEPT.days} days'")
    batch = select(LoadTombstone.id).where(old).order_by(LoadTombstone.id).limit(most)
    return delete_batch(session, LoadTombstone, batch)


IN_THE_FUTURE: LiteralString = ">= pg_snapshot_xmax(pg_current_snapshot())"

BRING_BACK = text(
    f"""
    with chosen as materialized (
        select id from loads where changed_xid {IN_THE_FUTURE}
        limit :most for no key update skip locked
    )
    update loads set changed_xid = pg_current_xact_id()
    where id in (select id from chosen)
    """
)


def bring_changes_back(session: Session, *, most: int = BATCH) -> int:
    """Give loads whose last change lies in the server's future this transaction's id.

    A dump keeps the ids of the server it was made on. Each refresh would read these
    loads, until the server has got that far. Safe to repeat; returns how many loads.

    Locks: the loads.
    """
    session.execute(delete(LoadTombstone).where(text(f"xid {IN_THE_FUTURE}")))
    done = session.execute(BRING_BACK, {"most": most})
    return int(done.rowcount)  # type: ignore[attr-defined]
