"""The engine and the one Session factory. Edges configure it once, at start."""

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import sessionmaker

from config import Settings

Session: sessionmaker[OrmSession] = sessionmaker(expire_on_commit=False)

OLDEST_SERVER = 160_000
"""PostgreSQL 16, as `server_version_num` counts."""


class DatabaseUnusable(Exception):
    """The message is one sentence that says what to do."""


def make_engine(settings: Settings) -> Engine:
    """Return an engine whose connections carry our timeouts; nothing connects yet."""
    url = make_url(settings.DATABASE_URL).set(drivername="postgresql+psycopg")
    timeout_ms = settings.STATEMENT_TIMEOUT_S * 1000
    options = (
        f"-c statement_timeout={timeout_ms}"
        " -c idle_in_transaction_session_timeout=60000 -c timezone=UTC"
    )
    return create_engine(
        url,
        pool_size=settings.DB_POOL_SIZE,
        max_overflow=settings.DB_POOL_SIZE,
        pool_pre_ping=True,
        # Errors are logged: what people sent us stays out of their text.
        hide_parameters=True,
        connect_args={"options": options, "connect_timeout": 5},
    )


def check_server(engine: Engine, oldest: int = OLDEST_SERVER) -> None:
    """Make sure a server answers and is new enough.

    Raises: DatabaseUnusable.
    """
    try:
        with engine.connect() as connection:
            version = connection.scalar(text("show server_version_num"))
    except DBAPIError as error:
        reason = (str(error.orig).strip().splitlines() or ["it says nothing"])[0]
        raise DatabaseUnusable(
            f"No PostgreSQL answers at DATABASE_URL ({reason}): start it, correct"
            " DATABASE_URL, or unset it to use the embedded server."
        ) from None
    if int(version or 0) < oldest:
        raise DatabaseUnusable(
            f"The PostgreSQL server is version {int(version or 0) // 10_000}:"
            f" Backhaul needs {oldest // 10_000} or newer, please upgrade it."
        )


def check_schema(engine: Engine, head: str) -> None:
    """Make sure the schema is at revision `head`.

    Raises: DatabaseUnusable.
    """
    with engine.connect() as connection:
        found = connection.scalar(
            text("select to_regclass('alembic_version') is not null")
        )
        current = (
            connection.scalar(text("select version_num from alembic_version"))
            if found
            else None
        )
    if current != head:
        raise DatabaseUnusable(
            f"The database schema is at {current or 'nothing'}, this release needs"
            f" {head}: run `make migrate`."
        )
