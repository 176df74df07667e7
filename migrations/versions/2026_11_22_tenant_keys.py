"""Keys that cannot leave the company: every reference carries its company's id.

Phase: expand and contract at once, before the first release: `stops.org_id`,
`offers.load_org_id` and `assignments.load_org_id` are filled from their loads here.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_tenant_keys"
down_revision = "2026_11_22_people"
branch_labels = None
depends_on = None

COMPANY_FIRST = (
    "members",
    "trucks",
    "drivers",
    "backhaul_searches",
    "offers",
    "assignments",
    "loads",
)
"""Tables that others refer to by (org_id, id)."""

REPLACED_INDEXES = ("backhaul_searches", "offers", "assignments", "loads")
"""Their index on (org_id, id) becomes the unique key."""

REFERENCES = (
    ("areas", "org_id", "driver_id", "drivers"),
    ("idempotency_keys", "org_id", "member_id", "members"),
    ("drivers", "org_id", "member_id", "members"),
    ("drivers", "org_id", "truck_id", "trucks"),
    ("loads", "org_id", "posted_by", "members"),
    ("backhaul_searches", "org_id", "driver_id", "drivers"),
    ("offers", "org_id", "search_id", "backhaul_searches"),
    ("offers", "org_id", "driver_id", "drivers"),
    ("offers", "load_org_id", "load_id", "loads"),
    ("assignments", "org_id", "driver_id", "drivers"),
    ("assignments", "org_id", "truck_id", "trucks"),
    ("assignments", "org_id", "offer_id", "offers"),
    ("assignments", "load_org_id", "load_id", "loads"),
    ("overrides", "org_id", "actor_id", "members"),
    ("overrides", "org_id", "assignment_id", "assignments"),
    ("stops", "org_id", "load_id", "loads"),
    ("devices", "org_id", "member_id", "members"),
    ("refresh_families", "org_id", "member_id", "members"),
    ("invitations", "org_id", "invited_by", "members"),
    ("invitations", "org_id", "member_id", "members"),
    ("password_resets", "org_id", "member_id", "members"),
    ("second_factors", "org_id", "member_id", "members"),
)
"""(table, its company column, its reference, the table referred to)."""

OF_THE_LOAD = (
    ("stops", "org_id"),
    ("offers", "load_org_id"),
    ("assignments", "load_org_id"),
)
"""New columns: the company that posted the load."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    for table, column in OF_THE_LOAD:
        op.add_column(table, sa.Column(column, sa.Uuid(), nullable=True))
        op.execute(
            f"update {table} set {column} = loads.org_id"
            f" from loads where loads.id = {table}.load_id"
        )
        op.alter_column(table, column, nullable=False)
    op.create_foreign_key(
        op.f("fk_stops_org_id"), "stops", "organisations", ["org_id"], ["id"]
    )
    for table in REPLACED_INDEXES:
        op.drop_index(op.f(f"ix_{table}_org_id_id"), table_name=table)
    op.drop_index(op.f("ix_members_org_id"), table_name="members")
    op.drop_index(op.f("ix_drivers_org_id"), table_name="drivers")
    for table in COMPANY_FIRST:
        op.create_unique_constraint(
            op.f(f"uq_{table}_org_id_id"), table, ["org_id", "id"]
        )
    for table, org, column, target in REFERENCES:
        op.drop_constraint(op.f(f"fk_{table}_{column}"), table, type_="foreignkey")
        op.create_foreign_key(
            op.f(f"fk_{table}_{org}_{column}"),
            table,
            target,
            [org, column],
            ["org_id", "id"],
            ondelete="CASCADE" if table == "stops" else None,
        )
    op.drop_constraint(op.f("uq_drivers_member_id"), "drivers", type_="unique")
    op.create_unique_constraint(
        op.f("uq_drivers_org_id_member_id"), "drivers", ["org_id", "member_id"]
    )
    op.drop_index(op.f("ix_assignments_load_id"), table_name="assignments")
    op.create_index(
        op.f("ix_assignments_load_id_org_id"), "assignments", ["load_id", "org_id"]
    )
    op.create_index("ix_offers_load_id_org_id", "offers", ["load_id", "org_id"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.drop_index("ix_offers_load_id_org_id", table_name="offers")
    op.drop_index(op.f("ix_assignments_load_id_org_id"), table_name="assignments")
    op.create_index(op.f("ix_assignments_load_id"), "assignments", ["load_id"])
    op.drop_constraint(op.f("uq_drivers_org_id_member_id"), "drivers", type_="unique")
    op.create_unique_constraint(op.f("uq_drivers_member_id"), "drivers", ["member_id"])
    for table, org, column, target in reversed(REFERENCES):
        op.drop_constraint(
            op.f(f"fk_{table}_{org}_{column}"), table, type_="foreignkey"
        )
        op.create_foreign_key(
            op.f(f"fk_{table}_{column}"),
            table,
            target,
            [column],
            ["id"],
            ondelete="CASCADE" if table == "stops" else None,
        )
    for table in COMPANY_FIRST:
        op.drop_constraint(op.f(f"uq_{table}_org_id_id"), table, type_="unique")
    op.create_index(op.f("ix_drivers_org_id"), "drivers", ["org_id"])
    op.create_index(op.f("ix_members_org_id"), "members", ["org_id"])
    for table in REPLACED_INDEXES:
        op.create_index(op.f(f"ix_{table}_org_id_id"), table, ["org_id", "id"])
    op.drop_constraint(op.f("fk_stops_org_id"), "stops", type_="foreignkey")
    for table, column in OF_THE_LOAD:
        op.drop_column(table, column)
