"""How many bookings of a poster's loads others made, and how many the poster cancelled.

A function of the worker, for both roles: a search in the worker and an explanation in
web must say the same of a load.
"""

from alembic import op

revision = "0024_posters"
down_revision = "0023_fields"
phase = "expand"
branch_labels = None
depends_on = None

RECORD_DAYS = 180

BOOKINGS_OF = f"""
create function bookings_of(posters uuid[])
    returns table (poster uuid, booked bigint, cancelled bigint)
    language sql stable security definer set search_path = public, pg_temp as $$
    select a.load_org_id, count(*), count(*) filter (
        where a.ended_party is not distinct from 'poster' and exists (
            select from loads l where l.id = a.load_id and l.status = 'cancelled'))
    from assignments a
    where a.first_booked_at is null and a.org_id <> a.load_org_id
        and a.created_at > now() - interval '{RECORD_DAYS} days'
        and (posters is null or a.load_org_id = any(posters))
    group by a.load_org_id
$$
"""
"""A load that another driver of the same company takes on is booked once.

Of all posters if `posters` is null."""

NAME = "bookings_of(uuid[])"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute(BOOKINGS_OF)
    op.execute("reset role")
    op.execute("grant create on schema public to backhaul_worker")
    op.execute(f"alter function {NAME} owner to backhaul_worker")
    op.execute(f"revoke execute on function {NAME} from public")
    op.execute(f"grant execute on function {NAME} to backhaul_app")
    op.execute("revoke create on schema public from backhaul_worker")
    op.execute("set local role backhaul_owner")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute("reset role")
    op.execute(f"drop function {NAME}")
    op.execute("set local role backhaul_owner")
