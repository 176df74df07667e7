"""The search before the drop: one for each stop, beside that after it; and the wish
that its offers wait for the drop.

An expand: the previous release makes one search for a stop, after its drop, and refuses
an offer to a driver who has a load. It does not let a driver wait after a drop before
which the new release searched.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031_arrived"
down_revision = "0030_standing_by"
phase = "expand"
branch_labels = None
depends_on = None

SEARCHES = "backhaul_searches"
OF_A_STOP = "uq_backhaul_searches_stop_id"
OF_A_STOP_AND_TRIGGER = "uq_backhaul_searches_stop_id_trigger"

END_STANDING_BY = """
create or replace trigger end_standing_by after update of availability on drivers
    for each row when ({when}) execute function end_standing_by()
"""
IS_AWAY = "new.availability <> 'available' and old.availability = 'available'"
GOT_A_LOAD = "new.availability = 'on_load'"
"""Also who is on a load already: an acceptance writes it again for the next load."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.create_unique_constraint(OF_A_STOP_AND_TRIGGER, SEARCHES, ["stop_id", "trigger"])
    op.drop_constraint(OF_A_STOP, SEARCHES)
    op.add_column(
        "drivers",
        sa.Column(
            "offers_wait_for_drop",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
        ),
    )
    op.execute(END_STANDING_BY.format(when=f"{IS_AWAY} or {GOT_A_LOAD}"))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    # What the older release cannot read goes: searches before a drop, with their
    # offers, and what stands by until the drop.
    op.execute("set local role backhaul_worker")
    op.execute("delete from standing_by where reason = 'unloading'")
    op.execute(
        "update assignments set offer_id = null where offer_id in (select o.id from"
        " offers o join backhaul_searches s on s.id = o.search_id"
        " where s.trigger = 'arrived')"
    )
    op.execute(
        "delete from offers where search_id in"
        " (select id from backhaul_searches where trigger = 'arrived')"
    )
    op.execute("delete from backhaul_searches where trigger = 'arrived'")
    op.execute("set constraints all immediate")
    op.execute("set local role backhaul_owner")
    op.execute(END_STANDING_BY.format(when=IS_AWAY))
    op.drop_column("drivers", "offers_wait_for_drop")
    op.create_unique_constraint(OF_A_STOP, SEARCHES, ["stop_id"])
    op.drop_constraint(OF_A_STOP_AND_TRIGGER, SEARCHES)
