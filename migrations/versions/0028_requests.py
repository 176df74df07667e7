"""Searches that people ask for, and what would have to change for more loads.

An expand: the previous release asks for no search and makes no offer by hand; what it
inserts is no dry run and relaxes nothing.

The app inserts searches for drivers of its company that are still to run, and offers of
loads on which its transaction acts, as it does assignments.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028_requests"
down_revision = "0027_waiting"
phase = "expand"
branch_labels = None
depends_on = None

START = "ck_backhaul_searches_start"

WALLS = """
create policy app_insert on backhaul_searches for insert to backhaul_app
    with check (org_id = (select app_org()) and trigger = 'requested'
        and outcome = 'pending');
grant insert on backhaul_searches to backhaul_app;
create policy app_insert on offers for insert to backhaul_app
    with check (org_id = (select app_org())
        and load_id = any((select app_loads())::uuid[]));
grant insert on offers to backhaul_app;
"""

OPEN = """
revoke insert on offers from backhaul_app;
drop policy app_insert on offers;
revoke insert on backhaul_searches from backhaul_app;
drop policy app_insert on backhaul_searches;
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.add_column(
        "backhaul_searches", sa.Column("request", postgresql.JSONB(), nullable=True)
    )
    op.add_column(
        "backhaul_searches",
        sa.Column(
            "is_dry_run", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
    )
    op.add_column(
        "backhaul_searches",
        sa.Column(
            "relaxations",
            postgresql.JSONB(),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
    )
    op.drop_constraint(START, "backhaul_searches")
    op.execute(
        f"alter table backhaul_searches add constraint {START} check"
        " (num_nonnulls(stop_id, assignment_id, load_ids, request) = 1) not valid"
    )
    op.execute(f"alter table backhaul_searches validate constraint {START}")
    op.create_index(
        "ix_backhaul_searches_pending",
        "backhaul_searches",
        ["searched_at"],
        postgresql_where=sa.text("outcome = 'pending'"),
    )
    op.execute(WALLS)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute(OPEN)
    # What the older release cannot read goes: searches that were asked for, with their
    # offers.
    op.execute("set local role backhaul_worker")
    op.execute(
        "update assignments set offer_id = null where offer_id in (select o.id from"
        " offers o join backhaul_searches s on s.id = o.search_id"
        " where s.request is not null)"
    )
    op.execute(
        "delete from offers where search_id in"
        " (select id from backhaul_searches where request is not null)"
    )
    op.execute("delete from backhaul_searches where request is not null")
    # What is due at the commit would come too late: a table with a due trigger cannot
    # be altered.
    op.execute("set constraints all immediate")
    op.execute("set local role backhaul_owner")
    op.drop_index("ix_backhaul_searches_pending", "backhaul_searches")
    op.drop_constraint(START, "backhaul_searches")
    op.execute(
        f"alter table backhaul_searches add constraint {START} check"
        " (num_nonnulls(stop_id, assignment_id, load_ids) = 1)"
    )
    for name in ("relaxations", "is_dry_run", "request"):
        op.drop_column("backhaul_searches", name)
