"""When a company booked a load, which its further drivers on the load do not change.

A give-back is measured from there, and a carrier's record counts bookings: a change of
driver was counted as another booking, and began the time anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020_bookings"
down_revision = "0019_fetch"
phase = "expand"
branch_labels = None
depends_on = None

GIVE_BACKS_OF = """
create or replace function give_backs_of(org uuid, within_s int, since timestamptz,
    out bookings bigint, out quick bigint)
    language sql stable security definer set search_path = public, pg_temp as $$
    select count({bookings}),
        count({bookings}) filter (where given_back_after_s <= within_s)
    from assignments where org_id = org and {booked_at} >= since
$$
"""
BOOKED_AT = "coalesce(first_booked_at, created_at)"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    first = sa.Column("first_booked_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("assignments", first)
    _define(bookings=f"distinct (load_id, {BOOKED_AT})", booked_at=BOOKED_AT)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    _define(bookings="*", booked_at="created_at")
    op.drop_column("assignments", "first_booked_at")


def _define(**counted: str) -> None:
    op.execute("reset role")
    op.execute("grant create on schema public to backhaul_worker")
    op.execute(GIVE_BACKS_OF.format(**counted))
    op.execute("revoke create on schema public from backhaul_worker")
    op.execute("set local role backhaul_owner")
