"""What every process does at start: settings, logs, engine, keys, failures."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import NoReturn, ParamSpec, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from runtime import keys, schema
from runtime.config import Settings
from runtime.db import (
    DatabaseRole,
    DatabaseUnusable,
    Hand,
    Session,
    check_role,
    check_schema,
    check_server,
    make_engine,
)
from runtime.errors import CannotStart, DomainError
from runtime.telemetry import GAUGES, Reading, start_logging
from services.people.tokens import Keyring, Lives, Secrets, make_keyring
from services.upkeep import health
from services.upkeep.audit import AuditKey, make_audit_key

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def stop_with(message: object) -> NoReturn:
    """End the process with one sentence and exit code 2."""
    sys.stderr.write(f"{message}\n")
    raise SystemExit(2)


def clear_failures(main: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Turn the failures we expect into one sentence on stderr and exit code 2."""

    @wraps(main)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return main(*args, **kwargs)
        except (CannotStart, DomainError) as error:
            stop_with(error)

    return guarded


def settings_from_environment() -> Settings:
    """Read the settings and start logging.

    Raises: SettingsError.
    """
    settings = Settings.from_env(os.environ)
    start_logging(settings.LOG_LEVEL, is_readable=sys.stderr.isatty())
    return settings


def connect(
    settings: Settings, *, hand: Hand = Hand.NOBODY, needs_schema: bool = True
) -> Engine:
    """Check the database, and bind the Session factory and our metrics to it.

    The server must be new enough. If `needs_schema`, the schema must be too, and the
    login must be able to work as our database role.

    hand: the actor where no member is signed in. SERVER works as the worker's database
        role, NOBODY as the app's.

    Raises: CannotStart, DatabaseUnusable.
    """
    if not settings.DATABASE_URL:
        raise CannotStart(
            "DATABASE_URL is not set: set it, or start `make run` in another terminal,"
            " which starts an embedded PostgreSQL."
        )
    engine = make_engine(settings)
    check_server(engine)
    if needs_schema:
        login, is_server = engine, hand is Hand.SERVER
        role = DatabaseRole.WORKER if is_server else DatabaseRole.APP
        engine = make_engine(settings, role)
        try:
            check_role(engine, role)
        except DatabaseUnusable:
            # Before the first migration there are no roles: then report the schema.
            with suppress(DBAPIError):
                check_schema(login, schema.head())
            raise
        finally:
            login.dispose()
        check_schema(engine, schema.head())
    Session.configure(bind=engine, info={"acting": hand})
    GAUGES.read = read_gauges
    return engine


def read_gauges() -> list[Reading]:
    """Return the gauges of the server, those of an outage if the database is down."""
    try:
        with Session() as session:
            return health.gauges(session)
    except (SQLAlchemyError, DatabaseUnusable):
        return health.unavailable()


def keyring(settings: Settings) -> Keyring:
    """Return the keys of the settings; in development, keys kept in DATA_DIR.

    Raises: CannotStart.
    """
    pairs = _in_force(settings, keys.OF_THE_KEYRING)
    current, previous = (Secrets(*each) for each in zip(*pairs, strict=True))
    lives = Lives(
        *(
            timedelta(seconds=life)
            for life in (
                settings.ACCESS_TOKEN_TTL_S,
                settings.REFRESH_TOKEN_TTL_S,
                settings.REFRESH_IDLE_S,
                settings.REFRESH_REPEAT_S,
            )
        )
    )
    try:
        return make_keyring(current, lives, previous)
    except ValueError as error:
        raise CannotStart(f"{error}: correct it.") from None


def audit_key(settings: Settings) -> AuditKey:
    """Return the key that signs audit heads; in development, one kept in DATA_DIR.

    Raises: CannotStart.
    """
    try:
        return make_audit_key(*_in_force(settings, [keys.AUDIT])[0])
    except ValueError as error:
        raise CannotStart(f"{error}: correct it.") from None


def _in_force(
    settings: Settings, wanted: Sequence[keys.Rotated]
) -> list[tuple[str, str]]:
    try:
        return [keys.in_force(settings, secret) for secret in wanted]
    except OSError as error:
        names = ", ".join(secret.setting for secret in keys.ROTATED)
        raise CannotStart(
            f"{error.filename} cannot be read or written ({error.strerror}): correct"
            f" DATA_DIR, or set {names}."
        ) from None


def secret_files() -> dict[str, Path]:
    """Return the files that the environment names for settings."""
    return {
        name.removesuffix("_FILE"): Path(value)
        for name, value in os.environ.items()
        if name.endswith("_FILE")
    }
