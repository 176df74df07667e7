"""Alembic's entry: our metadata, the given connection or DATABASE_URL."""

import os
import re

from alembic import context
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.schema import SchemaItem

from models import Row
from models.kernel.events import Xid8
from runtime.config import Settings
from runtime.db import make_engine

# The dialect does not know the type, and would warn at every comparison.
ischema_names["xid8"] = Xid8


def is_ours(
    item: SchemaItem, name: str | None, kind: str, reflected: bool, other: object
) -> bool:
    """Leave the queue's own tables and the day partitions out of comparisons."""
    table = name if kind == "table" else getattr(item, "table", None)
    table_name = getattr(table, "name", table) or ""
    return not str(table_name).startswith(("procrastinate_", "positions_2"))


BECOME_OWNER = text(
    "select set_config('role', 'backhaul_owner', true) from pg_class"
    " where oid = to_regclass('public.alembic_version')"
    " and relowner = to_regrole('backhaul_owner')"
)
"""Once the roles are there, what a revision makes belongs to the owner."""


LONGEST = 32
"""Characters that the column `alembic_version.version_num` holds."""


def number(
    _: MigrationContext, revision: object, scripts: list[MigrationScript]
) -> None:
    """Name a new revision by the next number and its message: 0012_rest_breaks."""
    newest = context.script.get_current_head()
    following = int(newest[:4]) + 1 if newest else 1
    for script in scripts:
        words = "_".join(re.findall(r"[a-z0-9]+", (script.message or "").lower()))
        script.rev_id = f"{following:04}_{words}"[:LONGEST].rstrip("_")


def migrate(connection: Connection) -> None:
    """Run the asked revisions in one transaction on `connection`."""
    context.configure(
        connection=connection,
        target_metadata=Row.metadata,
        include_object=is_ours,
        compare_type=True,
        compare_server_default=False,
        process_revision_directives=number,
    )
    with context.begin_transaction():
        connection.execute(BECOME_OWNER)
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    engine = make_engine(Settings.from_env(os.environ))
    with engine.connect() as connection:
        migrate(connection)
        connection.commit()
    engine.dispose()
