"""The engine, the one Session factory, and the actor of each transaction.

The edges configure the factory once, at start. PostgreSQL's row security limits each
transaction to the rows its actor may use: `migrations/versions/0010_walls.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum, StrEnum
from time import monotonic
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection as PsycopgConnection
from psycopg import Error
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import (
    Connection,
    Dialect,
    Engine,
    Select,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import SessionTransaction, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from runtime.config import Settings
from runtime.errors import CannotStart

Session: sessionmaker[OrmSession] = sessionmaker(expire_on_commit=False)


class DatabaseRole(StrEnum):
    """The database roles our processes work as. The migrations make them."""

    APP = "backhaul_app"
    WORKER = "backhaul_worker"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A signed-in member: acts on their company's rows, and sees rows shown to it."""

    org_id: UUID
    member_id: UUID


class Hand(Enum):
    """The actor where no member is signed in.

    NOBODY sees no rows. SERVER is the server itself: its jobs and the operator's
    commands.
    """

    NOBODY = "nobody"
    SERVER = "server"


_acting: ContextVar[Tenant | Hand | None] = ContextVar("acting", default=None)


@contextmanager
def acting(as_whom: Tenant | Hand) -> Iterator[None]:
    """Let the transactions that begin within this block act for this member or hand."""
    token = _acting.set(as_whom)
    try:
        yield
    finally:
        _acting.reset(token)


BIND: LiteralString = "select act_for(%s, %s, %s)"
"""Role, company, member. Local to the transaction: nothing is left for the connection's
next user. Source: `migrations/versions/0012_entrance.py`."""

Values = Sequence[Any] | Mapping[str, Any]


def _names(whom: Tenant | Hand | None) -> tuple[str, str, str]:
    if isinstance(whom, Tenant):
        return (DatabaseRole.APP.value, str(whom.org_id), str(whom.member_id))
    role = DatabaseRole.WORKER if whom is Hand.SERVER else DatabaseRole.APP
    return (role.value, "", "")


@event.listens_for(Session, "after_begin")
def _bind(
    session: OrmSession, transaction: SessionTransaction, connection: Connection
) -> None:
    if transaction.nested:
        return
    names = _names(_acting.get() or session.info.get("acting", Hand.NOBODY))
    raw = _raw(connection)
    if raw.info.transaction_status is TransactionStatus.IDLE:
        # In one round trip. The names are ids and words of ours, never a caller's text.
        begin = "begin; select act_for('{}', '{}', '{}')".format(*names)
        if raw.pgconn.exec_(begin.encode()).status == ExecStatus.TUPLES_OK:
            return
        raw.rollback()
    # In a savepoint; or what has just failed fails again, and SQLAlchemy handles it.
    connection.exec_driver_sql(BIND, names)


@dataclass(frozen=True, slots=True)
class Built:
    """A statement that was built once: its text, and the values that never change."""

    text: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, statement: Select[Any]) -> "Built":
        """Build it; parameters without a value are given at each `ask`."""
        dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
        options = {"render_postcompile": True}
        made = statement.compile(dialect=dialect, compile_kwargs=options)
        kept = {name: value for name, value in made.params.items() if value is not None}
        return cls(str(made), kept)

    def ask(self, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return its rows, as `read_alone` does."""
        return read_alone(self.text, {**self.values, **values})


def read_alone(statement: str, values: Values) -> list[tuple[Any, ...]]:
    """Return the rows of one statement that changes nothing, in one round trip.

    For answers that phones ask for every few seconds. It has a transaction of its own,
    which acts for whom `acting` says. Values and rows are those of psycopg.
    """
    with _lent() as raw, raw.pipeline():
        raw.execute("begin read only" if raw.autocommit else "savepoint alone")
        raw.execute(BIND, _names(_acting.get()))
        found = raw.execute(statement, values)
        # No rollback: psycopg forgets its prepared statements after one.
        raw.execute("commit" if raw.autocommit else "rollback to savepoint alone")
    return found.fetchall()


def call_alone(statement: str, values: Values) -> list[tuple[Any, ...]]:
    """Return the rows of one statement, in one round trip, and keep what it changes.

    It has a transaction of its own, and says itself who acts.
    """
    with _lent() as raw:
        return raw.execute(statement, values).fetchall()


@contextmanager
def one_snapshot() -> Iterator[PsycopgConnection[Any]]:
    """Lend a connection whose statements see one snapshot, as the server, and change
    nothing. Where the factory is bound to an open transaction, they see that one.

    Raises: DBAPIError, as SQLAlchemy does.
    """
    with _lent() as raw:
        is_alone = raw.autocommit
        begin = "begin isolation level repeatable read read only"
        raw.execute(begin if is_alone else "savepoint alone")
        raw.execute(BIND, _names(Hand.SERVER))
        yield raw
        raw.execute("commit" if is_alone else "rollback to savepoint alone")


@contextmanager
def _lent() -> Iterator[PsycopgConnection[Any]]:
    """Lend a connection of the pool that begins no transaction by itself; or the one to
    which the factory is bound, within its open transaction.

    Raises: DBAPIError, as SQLAlchemy does.
    """
    bind = Session.kw["bind"]
    with (
        bind.connect() if isinstance(bind, Engine) else nullcontext(bind) as connection
    ):
        raw = _raw(connection)
        is_idle = raw.info.transaction_status is TransactionStatus.IDLE
        if is_idle:
            raw.autocommit = True
        try:
            yield raw
        except Error as error:
            if raw.closed:
                # Fails in the way in which the pool learns that the server is gone.
                connection.exec_driver_sql("select 1")
            raise DBAPIError.instance(
                None, None, error, Error, hide_parameters=True
            ) from error
        finally:
            if is_idle and not raw.closed:
                raw.rollback()
                raw.autocommit = False


def _raw(connection: Connection) -> PsycopgConnection[Any]:
    raw = connection.connection.driver_connection
    assert isinstance(raw, PsycopgConnection)
    return raw


class KeepingConnection(PsycopgConnection[Any]):
    """A connection that keeps its prepared statements after a rollback.

    psycopg forgets them, as what a transaction created may be gone. Web creates
    nothing; and each transaction that only reads ends with a rollback, so nothing would
    stay prepared.
    """

    def rollback(self) -> None:
        """Roll back; what fails is left to psycopg, which raises."""
        if self.pgconn.transaction_status != TransactionStatus.IDLE:
            self.pgconn.exec_(b"rollback")
        super().rollback()


OLDEST_SERVER = 160_000
"""PostgreSQL 16, as `server_version_num` counts."""


class DatabaseUnusable(CannotStart):
    """The database cannot be used. The message is one sentence that says what to do."""


LOCK_WAITS = 3
"""A wait for one lock is cut after STATEMENT_TIMEOUT_S divided by this: a request that
meets so many locked rows one after the other still ends in time. Nothing else cuts
waits at COMMIT: PostgreSQL ends `statement_timeout` before deferred triggers run."""


def lock_timeout_ms(settings: Settings) -> int:
    """Return the longest wait for one lock, in milliseconds."""
    return settings.STATEMENT_TIMEOUT_S * 1000 // LOCK_WAITS


def make_engine(settings: Settings, role: DatabaseRole | None = None) -> Engine:
    """Return an engine whose connections carry our timeouts; nothing connects yet.

    role: the database role its connections change to; None keeps the login's own.
    """
    url = make_url(settings.DATABASE_URL).set(drivername="postgresql+psycopg")
    options = (
        f"-c statement_timeout={settings.STATEMENT_TIMEOUT_S * 1000}"
        f" -c lock_timeout={lock_timeout_ms(settings)}"
        " -c idle_in_transaction_session_timeout=60000 -c timezone=UTC"
    ) + (f" -c role={role}" if role else "")
    is_app = role is DatabaseRole.APP
    engine = create_engine(
        url,
        pool_size=settings.DB_POOL_SIZE,
        max_overflow=settings.DB_POOL_SIZE,
        # A request that finds no connection free waits no longer than for a lock.
        pool_timeout=lock_timeout_ms(settings) / 1000,
        # The worker pings before each transaction: a job that meets a dead connection
        # fails, and has used up one of its attempts.
        pool_pre_ping=not is_app,
        # Errors are logged: their text must not contain what people sent us.
        hide_parameters=True,
        connect_args={"options": options, "connect_timeout": 5},
    )
    if is_app:
        _ping_the_idle(engine)
        event.listen(engine, "do_connect", _connect_keeping)
    return engine


def _connect_keeping(
    dialect: Dialect,
    record: object,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
) -> PsycopgConnection[Any]:
    return KeepingConnection.connect(*arguments, **options)


UNASKED_S = 5.0
"""A connection used within this many seconds is not pinged. If it died meanwhile, the
first request gets a 503 and the pool discards all its connections."""


def _ping_the_idle(engine: Engine) -> None:
    """Ping a connection before it is lent, as the pool would, but only if it was idle.

    A request makes up to three transactions, and would wait for a ping before each.
    """

    @event.listens_for(engine, "checkin")
    def note(_: object, record: ConnectionPoolEntry) -> None:
        record.info["idle_since"] = monotonic()

    @event.listens_for(engine, "checkout")
    def ask(lent: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
        idle_since = record.info.get("idle_since")
        if idle_since is None or monotonic() - idle_since < UNASKED_S:
            return
        try:
            engine.dialect.do_ping(lent)
        except Error as error:
            raise InvalidatePoolError from error


def check_server(engine: Engine, oldest: int = OLDEST_SERVER) -> None:
    """Make sure a server answers and is new enough.

    Raises: DatabaseUnusable.
    """
    try:
        with engine.connect() as connection:
            version = connection.scalar(text("show server_version_num"))
    except DBAPIError as error:
        raise _no_answer(error) from None
    if int(version or 0) < oldest:
        raise DatabaseUnusable(
            f"The PostgreSQL server is version {int(version or 0) // 10_000}:"
            f" Backhaul needs {oldest // 10_000} or newer, please upgrade it."
        )


SCHEMA = text(
    "select version_num as revision, case when served[1] = version_num then served"
    " else '{}' end as served from alembic_version, string_to_array(obj_description("
    "'alembic_version'::regclass, 'pg_class'), ' ') as served"
)
"""The schema's revision, and the revisions whose releases run on it.

The latter are what `migrating.served` returned, stored as the table's comment. A
comment that does not begin with the revision is out of date and is ignored.
"""


def _may_not_connect(error: DBAPIError) -> bool:
    """Say whether the login lacks the right CONNECT, which has this name in all
    languages of the server."""
    return "CONNECT" in str(error.orig)


def _no_answer(error: DBAPIError) -> DatabaseUnusable:
    if _may_not_connect(error):
        return DatabaseUnusable(
            "The login of DATABASE_URL may not connect to this database: grant it"
            f" {DatabaseRole.APP} for web or {DatabaseRole.WORKER} for the worker, or"
            " use the login that migrated."
        )
    reason = (str(error.orig).strip().splitlines() or ["it says nothing"])[0]
    return DatabaseUnusable(
        f"No PostgreSQL answers at DATABASE_URL ({reason}): start it, correct"
        " DATABASE_URL, or unset it to use the embedded server."
    )


def check_schema(engine: Engine, head: str) -> None:
    """Make sure the schema is at revision `head`, or a newer one that serves it.

    Raises: DatabaseUnusable.
    """
    with engine.connect() as connection:
        found = connection.scalar(
            text("select to_regclass('alembic_version') is not null")
        )
        at = connection.execute(SCHEMA).one_or_none() if found else None
    if at is None or head not in (at.revision, *at.served):
        raise DatabaseUnusable(
            f"The database schema is at {at.revision if at else 'nothing'}, this"
            f" release needs {head}: run `make migrate`."
        )


def check_role(engine: Engine, role: DatabaseRole) -> None:
    """Make sure the login may work as `role`, and row security applies to that role.

    Raises: DatabaseUnusable.
    """
    try:
        with engine.connect() as connection:
            is_fenced = connection.scalar(
                text(
                    "select not rolsuper and not rolbypassrls from pg_roles"
                    " where rolname = current_user"
                )
            )
    except DBAPIError as error:
        if role not in str(error.orig) and not _may_not_connect(error):
            # The server has gone since it was checked.
            raise _no_answer(error) from None
        is_fenced = False
    if not is_fenced:
        raise DatabaseUnusable(
            f"The login of DATABASE_URL cannot work as {role}: run `make migrate` with"
            f" a login that may create roles, then `grant {role}` to this one."
        )
