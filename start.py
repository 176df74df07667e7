"""What every process does first: settings, logs, engine, keys, or one sentence."""

import os
import secrets
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import NoReturn, ParamSpec, TypeVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from sqlalchemy import Engine

import schema
from config import Settings, SettingsError
from db import (
    DatabaseRole,
    DatabaseUnusable,
    Hand,
    Session,
    check_role,
    check_schema,
    check_server,
    make_engine,
)
from embedded import EmbeddedServerError
from errors import DomainError
from services.audit import Seal, make_seal
from services.tokens import Keyring, make_keyring
from telemetry import start_logging

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class CannotStart(Exception):
    """The message is one sentence that says what to do."""


EXPECTED = (
    CannotStart,
    SettingsError,
    DatabaseUnusable,
    EmbeddedServerError,
    DomainError,
)


def stop_with(message: object) -> NoReturn:
    """End the process with one sentence and exit code 2."""
    sys.stderr.write(f"{message}\n")
    raise SystemExit(2)


def clear_failures(main: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Turn what we expect to go wrong at start into a sentence, not a traceback."""

    @wraps(main)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return main(*args, **kwargs)
        except EXPECTED as error:
            stop_with(error)

    return guarded


def settings_from_environment() -> Settings:
    """Return the settings; logging runs from here on.

    Raises: SettingsError.
    """
    settings = Settings.from_env(os.environ)
    start_logging(settings.LOG_LEVEL, is_readable=sys.stderr.isatty())
    return settings


def connect(
    settings: Settings, *, hand: Hand = Hand.NOBODY, needs_schema: bool = True
) -> Engine:
    """Bind the Session factory to the database; a server and schema are there.

    hand: who acts where no member is signed in; the server itself works as the
        worker's database role, everybody else as the app's.

    Raises: CannotStart, DatabaseUnusable.
    """
    if not settings.DATABASE_URL:
        raise CannotStart(
            "DATABASE_URL is not set: set it, or start with `make run` or `make demo`,"
            " which bring an embedded PostgreSQL."
        )
    engine = make_engine(settings)
    check_server(engine)
    if needs_schema:
        check_schema(engine, schema.head())
        engine.dispose()
        is_server = hand is Hand.SERVER
        role = DatabaseRole.WORKER if is_server else DatabaseRole.APP
        engine = make_engine(settings, role)
        check_role(engine, role)
    Session.configure(bind=engine, info={"acting": hand})
    return engine


def keyring(settings: Settings) -> Keyring:
    """Return the keys of the settings; in development, keys kept in DATA_DIR.

    Raises: CannotStart.
    """
    private = settings.JWT_PRIVATE_KEY or _kept(settings, "jwt.pem", _new_private_key)
    refresh = settings.REFRESH_KEY or _kept(settings, "refresh.key", secrets.token_hex)
    try:
        return make_keyring(
            private,
            refresh,
            access_ttl_s=settings.ACCESS_TOKEN_TTL_S,
            refresh_ttl_s=settings.REFRESH_TOKEN_TTL_S,
        )
    except ValueError as error:
        raise CannotStart(f"{error}: correct it.") from None


def seal(settings: Settings) -> Seal:
    """Return the key that signs audit heads; in development, one kept in DATA_DIR.

    Raises: CannotStart.
    """
    private = settings.AUDIT_SIGNING_KEY or _kept(settings, "audit.pem", _new_seal_key)
    try:
        return make_seal(private, settings.AUDIT_PREVIOUS_KEY)
    except ValueError as error:
        raise CannotStart(f"{error}: correct it.") from None


def _kept(settings: Settings, name: str, make: Callable[[], str]) -> str:
    """Read the development secret of this name; the first process makes it."""
    path = Path(settings.DATA_DIR) / name
    try:
        return _read_or_made(path, make)
    except OSError as error:
        raise CannotStart(
            f"{path} cannot be kept ({error.strerror}): correct DATA_DIR, or set"
            " JWT_PRIVATE_KEY, REFRESH_KEY and AUDIT_SIGNING_KEY."
        ) from None


def _read_or_made(path: Path, make: Callable[[], str]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    if not path.exists():
        draft.touch(mode=0o600)
        draft.write_text(make())
        try:
            # A link is made or refused as a whole: two first processes share one key.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()


def _new_private_key() -> str:
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def _new_seal_key() -> str:
    return _pem(ed25519.Ed25519PrivateKey.generate())


def _pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
