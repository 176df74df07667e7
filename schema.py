"""The schema's revisions: which one this release needs, and getting there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Engine
from sqlalchemy.exc import ProgrammingError

from db import DatabaseUnusable

ROOT = Path(__file__).parent


def _config() -> Config:
    return Config(str(ROOT / "alembic.ini"))


def head() -> str:
    """Return the revision this release needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to `revision`, in one transaction. Safe to repeat.

    Raises: DatabaseUnusable if the login may not make the database roles.
    """
    try:
        with engine.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        raise DatabaseUnusable(
            "This login may not make the roles backhaul_owner, backhaul_app and"
            f" backhaul_worker or own their tables ({error.orig.diag.message_primary}):"
            " migrate with a login that has CREATEROLE and owns the database."
        ) from None


def downgrade(engine: Engine, revision: str = "base") -> None:
    """Take the schema back to `revision`."""
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def check(engine: Engine) -> None:
    """Raise alembic's CommandError if the models differ from the schema."""
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.check(config)
