"""What a carrier gives back: how soon after the booking, and the offers that the load's
return renews. A load's places are towns: a facility's name tells who the customer is.

`give_backs_of` lets a poster count what the carrier of its load gave back, also to
others.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015_give_backs"
down_revision = "0014_phone_keys"
phase = "expand"
branch_labels = None
depends_on = None

GIVE_BACKS_OF = """
create function give_backs_of(org uuid, within_s int, since timestamptz,
    out bookings bigint, out quick bigint)
    language sql stable security definer set search_path = public, pg_temp as $$
    select count(*), count(*) filter (where given_back_after_s <= within_s)
    from assignments where org_id = org and created_at >= since
$$;
alter function give_backs_of(uuid, int, timestamptz) owner to backhaul_worker;
revoke execute on function give_backs_of(uuid, int, timestamptz) from public;
grant execute on function give_backs_of(uuid, int, timestamptz) to backhaul_app;
"""

FACILITIES = """
update loads set {end}_place = null from stops
where stops.load_id = loads.id and stops.sequence = {sequence}
    and loads.{end}_place = stops.facility
    and coalesce(nullif(stops.address ->> 'city', ''),
        nullif(stops.address ->> 'state', '')) is null
"""
"""A place that is a facility, as there was no town."""

ONE_OF_EACH = """
delete from offers older using offers newer
where newer.search_id = older.search_id and newer.load_id = older.load_id
    and newer.id > older.id
"""
"""Only an offer that was not answered is renewed, and no other row refers to it."""

AT_ONCE = "set constraints all immediate"
"""A table whose rows still have deferred triggers to run cannot be altered."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.add_column("assignments", sa.Column("given_back_after_s", sa.Integer()))
    op.add_column("offers", sa.Column("renews_id", sa.Uuid()))
    op.create_foreign_key(
        op.f("fk_offers_org_id_renews_id"),
        "offers",
        "offers",
        ["org_id", "renews_id"],
        ["org_id", "id"],
    )
    op.create_index("uq_offers_renews", "offers", ["org_id", "renews_id"], unique=True)
    op.drop_index("uq_offers_search_load", table_name="offers")
    op.create_index(
        "uq_offers_search_load",
        "offers",
        ["search_id", "load_id"],
        unique=True,
        postgresql_where=sa.text("renews_id IS NULL"),
    )
    # Of the rows, as the server.
    op.execute("set local role backhaul_worker")
    op.execute(FACILITIES.format(end="pickup", sequence="0"))
    op.execute(FACILITIES.format(end="delivery", sequence="loads.stop_count - 1"))
    op.execute(AT_ONCE)
    op.execute("reset role")
    op.execute("grant create on schema public to backhaul_worker")
    op.execute(GIVE_BACKS_OF)
    op.execute("revoke create on schema public from backhaul_worker")
    op.execute("set local role backhaul_owner")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute("reset role")
    op.execute("drop function give_backs_of(uuid, int, timestamptz)")
    op.execute("set local role backhaul_owner")
    op.drop_index("uq_offers_search_load", table_name="offers")
    op.drop_index("uq_offers_renews", table_name="offers")
    op.drop_constraint("fk_offers_org_id_renews_id", "offers", type_="foreignkey")
    op.drop_column("offers", "renews_id")
    op.execute("set local role backhaul_worker")
    op.execute(ONE_OF_EACH)
    op.execute(AT_ONCE)
    op.execute("set local role backhaul_owner")
    op.create_index(
        "uq_offers_search_load", "offers", ["search_id", "load_id"], unique=True
    )
    op.drop_column("assignments", "given_back_after_s")
