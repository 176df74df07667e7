"""How the schema gets to a revision. Loads alembic: no process that serves needs it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from runtime.db import SCHEMA, DatabaseUnusable
from runtime.schema import head

ROOT = Path(__file__).parent.parent

CLOSE_DATABASE = text("""
do $$ begin
    if to_regrole('backhaul_logins') is null or not exists (
        select from pg_database d, aclexplode(coalesce(datacl, acldefault('d', datdba)))
        where datname = current_database() and grantee = 0)
    then return; end if;
    execute format('revoke all on database %I from public', current_database());
    -- `backhaul seed` works with temporary tables.
    execute format('grant connect, temporary on database %I to backhaul_logins, %I',
        current_database(), session_user);
end $$
""")
"""Lets only our roles, their members and this login connect. Done at each migration, as
a restored dump has no rights on its database."""


def _config() -> Config:
    return Config(str(ROOT / "alembic.ini"))


def served(revision: str) -> list[str]:
    """Return the revisions whose releases run on the schema `revision`, newest first.

    After an expand revision, all releases that ran before still run. A contract
    revision removes what the release before it no longer uses: after it, only that
    release still runs. A revision that names no phase serves only its own release.
    """
    scripts = ScriptDirectory.from_config(_config())
    found = [revision]
    for script in scripts.walk_revisions("base", revision):
        phase = getattr(script.module, "phase", None)
        if phase is None or script.down_revision is None:
            break
        found.append(str(script.down_revision))
        if phase == "contract":
            break
    return found


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to `revision`, in one transaction. Safe to repeat.

    Does not change a schema that a newer release made, if this release runs on it.

    Raises: DatabaseUnusable if the login may not make the database roles, or the
        schema is too new.
    """
    try:
        with engine.begin() as connection:
            if _is_newer(connection):
                return
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            _keep_served(connection)
            connection.execute(text("reset role"))
            connection.execute(CLOSE_DATABASE)
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
        _keep_served(connection)


def _is_newer(connection: Connection) -> bool:
    """Say whether a newer release made this schema and this release runs on it.

    Raises: DatabaseUnusable if a newer one made it and this release does not run on it.
    """
    is_there = text("select to_regclass('alembic_version') is not null")
    at = (
        connection.execute(SCHEMA).one_or_none()
        if connection.scalar(is_there)
        else None
    )
    ours = {
        script.revision
        for script in ScriptDirectory.from_config(_config()).walk_revisions()
    }
    if at is None or at.revision in ours:
        return False
    if head() in at.served:
        return True
    raise DatabaseUnusable(
        f"The database schema is at {at.revision}, which this release does not know and"
        " cannot use: deploy the release that it belongs to."
    )


def _keep_served(connection: Connection) -> None:
    """Store, beside the revision, the revisions whose releases run on the schema."""
    at = connection.execute(SCHEMA).one_or_none()
    words = " ".join(served(at.revision)) if at else ""
    # A table's comment is in its dumps, and every role may read it.
    connection.execute(text(f"comment on table alembic_version is '{words}'"))


def check(engine: Engine) -> None:
    """Raise alembic's CommandError if the models differ from the schema."""
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.check(config)
