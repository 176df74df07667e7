"""What people claim: flags for the desk, figures to confirm, and duplicates of loads.

`flags` has what a phone reported that is hard to believe, for the driver's own company.
`duplicates` has pairs of loads that look like the same freight, for the platform only:
the app cannot read it, and writes it through the door `note_duplicates`. An assignment
that was cut short keeps what the market saw of its load then (`load_kept`).
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018_claims"
down_revision = "0017_slots"
phase = "expand"
branch_labels = None
depends_on = None

OWN = "org_id = (select app_org())"

ENDS_NEAR = """
    point(other.pickup_lon, other.pickup_lat) <@ box(
        point(mine.pickup_lon - 0.03, mine.pickup_lat - 0.02),
        point(mine.pickup_lon + 0.03, mine.pickup_lat + 0.02))
    and point(other.delivery_lon, other.delivery_lat) <@ box(
        point(mine.delivery_lon - 0.03, mine.delivery_lat - 0.02),
        point(mine.delivery_lon + 0.03, mine.delivery_lat + 0.02))
"""
"""About a mile and a half. Two partial indexes serve it: see `NOTE_DUPLICATES`."""

ACTIVE = (
    "('held', 'booked', 'at_pickup', 'pickup_confirmed', 'in_transit', 'at_delivery',"
    " 'interrupted')"
)
"""Beside `posted`: statuses in which freight waits, is under way, or is on a truck
without a driver."""


def _stops_near(kind: str) -> str:
    """Return the condition that a stop of this kind of both loads is about the same.

    0.362 degree of latitude are 25 miles.
    """
    return f"""
        exists (select from stops one, stops two
            where one.load_id = mine.id and two.load_id = found.id
            and one.kind = '{kind}' and two.kind = '{kind}'
            and (one.lat - two.lat) ^ 2
                + ((one.lon - two.lon) * cos(radians(one.lat))) ^ 2 <= 0.362 ^ 2
            and one.window_from <= two.window_until + interval '2 days'
            and two.window_from <= one.window_until + interval '2 days')
    """


CARRIED = f"""
    select found.* from loads found
    where found.org_id <> mine.org_id and found.id in (
        select a.load_id from assignments a
        where a.org_id = mine.org_id and a.status = 'active'
        union all
        select l.id from loads l
        join assignments a on a.id = l.interrupted_assignment_id
        where l.status = 'interrupted' and a.org_id = mine.org_id)
    and coalesce(mine.weight_kg <= 1.25 * found.weight_kg, true)
    and {_stops_near("pickup")} and {_stops_near("delivery")}
"""
"""The loads of others on the company's trucks that may be the same freight: with one
pickup and one delivery near, and no more than a quarter lighter; a part of the freight
is like the whole. A company carries few loads, so all stops are compared."""

MOST_TOLD = 5

NOTE_DUPLICATES = f"""
create function note_duplicates(
    load_id uuid, out own uuid[], out is_rebrokered boolean
) language plpgsql security definer set search_path = public, pg_temp as $$
declare mine loads; begin
    own := '{{}}';
    is_rebrokered := false;
    select * into mine from loads
    where loads.id = note_duplicates.load_id and loads.org_id = app_org();
    if not found then return; end if;
    with seen as (
        select found.id, found.org_id, found.may_be_rebrokered, exists (
            select from assignments a where a.load_id = found.id
            and a.org_id = mine.org_id and (a.status = 'active'
                or a.id = found.interrupted_assignment_id)) as is_carried,
            false as is_near
        from (
            select * from loads other where other.status = 'posted' and {ENDS_NEAR}
            union all
            select * from loads other where other.status in {ACTIVE} and {ENDS_NEAR}
        ) found
        where found.id <> mine.id
        and found.pickup_from <= mine.pickup_until
        and found.pickup_until >= mine.pickup_from
        and found.delivery_from <= mine.delivery_until
        and found.delivery_until >= mine.delivery_from
        and coalesce(abs(found.weight_kg - mine.weight_kg)
            <= 0.05 * greatest(found.weight_kg, mine.weight_kg), true)
        union all
        select carried.id, carried.org_id, true, true, true from ({CARRIED}) carried
    ), pairs as (
        select id, org_id, bool_or(is_carried) as is_carried,
            bool_and(may_be_rebrokered) as is_agreed, bool_and(is_near) as is_near,
            row_number() over (partition by org_id order by id) as turn
        from seen group by id, org_id
    ), noted as (
        insert into duplicates as known (
            id, org_id, load_id, like_org_id, like_id, is_carried, is_near)
        select gen_random_uuid(), mine.org_id, mine.id, p.org_id, p.id, p.is_carried,
            p.is_near
        from pairs p where p.org_id <> mine.org_id
        order by p.is_carried desc, p.is_near, p.turn, p.id limit {MOST_TOLD}
        on conflict on constraint uq_duplicates_org_id_load_id_like_id do update
        set is_carried = known.is_carried or excluded.is_carried,
            is_near = known.is_near and excluded.is_near
        where excluded.is_carried > known.is_carried or excluded.is_near < known.is_near
    )
    select coalesce(array_agg(id) filter (where org_id = mine.org_id
            and turn <= {MOST_TOLD}), '{{}}'),
        coalesce(bool_or(org_id <> mine.org_id and is_carried and not is_agreed), false)
    into own, is_rebrokered from pairs;
end $$;
"""
"""Tells the app only of its own company's loads, and whether the company carries such a
load of another one, which it knows. An unknown weight is like any weight. What is only
near to a load that the company carries is for the platform, and refuses nothing: it may
be freight of the company's own.

Of many pairs `MOST_TOLD` are kept: first what the company carries, then one with each
other company, a second, and so on, so that the loads of one do not hide another's."""

OF_LOADS = (
    *("id", "status", "visibility", "commodity", "equipment", "weight_kg", "length_m"),
    *("pieces", "has_hazmat", "temperature_min_c", "temperature_max_c", "price_cents"),
    *("currency", "rate_type", "rate_cents", "billed_miles", "miles_source"),
    *("loaded_m", "distance_source", "stop_count", "pickup_place", "pickup_lat"),
    *("pickup_lon", "pickup_from", "pickup_until", "delivery_place", "delivery_lat"),
    "delivery_lon",
    *("delivery_from", "delivery_until", "posted_at", "version", "is_unconfirmed"),
    *("may_be_rebrokered", "lease_expires_at", "created_at", "updated_at"),
)
OF_STOPS = (
    *("id", "load_id", "sequence", "kind", "lat", "lon", "window_from"),
    *("window_until", "zone"),
)


def _words(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


LOAD_KEPT = f"""
(select jsonb_object_agg(key, value) from jsonb_each(to_jsonb(l))
    where key in ({_words(OF_LOADS)}))
|| jsonb_build_object('stops', (
    select jsonb_agg((
        select jsonb_object_agg(key, value) from jsonb_each(to_jsonb(s))
            where key in ({_words(OF_STOPS)})
        ) || jsonb_build_object('address', (
            select coalesce(jsonb_object_agg(key, value), '{{}}')
            from jsonb_each(s.address) where key in ('city', 'state', 'country')
        )) order by s.sequence)
    from stops s where s.load_id = l.id))
"""
"""What the market sees of the load `l`, without contacts, streets and references."""

KEEP_LOAD = f"""
create function keep_load() returns trigger
    language plpgsql set search_path = public, pg_temp as $$
begin
    new.load_kept := (select {LOAD_KEPT} from loads l where l.id = new.load_id);
    return new;
end $$;
revoke execute on function keep_load() from public;
create trigger keep_load before update of status on assignments
    for each row when (new.status = 'cancelled' and old.status <> 'cancelled')
    execute function keep_load();
"""
"""A trigger, so that also what the previous release ends keeps it."""

KEEP_LOADS = f"""
update assignments set load_kept = (
    select {LOAD_KEPT} from loads l where l.id = assignments.load_id)
where status = 'cancelled'
"""

AS_WORKER = "note_duplicates(uuid)"


def _id_and_company() -> tuple[sa.Column, ...]:
    return (
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("word", sa.String(), nullable=True),
    )


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    for column in (
        "warnings jsonb not null default '[]'",
        "is_unconfirmed boolean not null default false",
        "may_be_rebrokered boolean not null default false",
        "rate_cents integer",
        "billed_miles double precision",
        "miles_source varchar",
    ):
        op.execute(f"alter table loads add column {column}")
    op.create_index(
        "ix_loads_two_ended_active",
        "loads",
        [
            sa.text("point(pickup_lon, pickup_lat)"),
            sa.text("point(delivery_lon, delivery_lat)"),
        ],
        postgresql_using="gist",
        postgresql_where=sa.text(f"status in {ACTIVE}"),
    )
    # For `note_duplicates`: what a company carries.
    op.create_index(
        "ix_assignments_org_id_active",
        "assignments",
        ["org_id"],
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "ix_loads_interrupted",
        "loads",
        ["interrupted_assignment_id"],
        postgresql_where=sa.text("status = 'interrupted'"),
    )
    op.execute("alter table last_positions add column doubted jsonb")
    _flags()
    _duplicates()
    _loads_kept()
    op.execute(NOTE_DUPLICATES)
    op.execute("reset role")
    op.execute("grant create on schema public to backhaul_worker")
    op.execute(f"alter function {AS_WORKER} owner to backhaul_worker")
    op.execute(f"revoke execute on function {AS_WORKER} from public")
    op.execute(f"grant execute on function {AS_WORKER} to backhaul_app")
    # It runs as the worker.
    op.execute("grant execute on function app_org() to backhaul_worker")
    op.execute("revoke create on schema public from backhaul_worker")
    op.execute("set local role backhaul_owner")


def _flags() -> None:
    op.create_table(
        "flags",
        *_id_and_company(),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("fact", sa.String(), nullable=False),
        sa.Column("driver_id", sa.Uuid(), nullable=True),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "last_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by IS NULL)"
            " AND (ended_at IS NULL) = (word IS NULL)",
            name=op.f("ck_flags_ended_by_a_person"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_flags_org_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "driver_id"],
            ["drivers.org_id", "drivers.id"],
            name=op.f("fk_flags_org_id_driver_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "ended_by"],
            ["members.org_id", "members.id"],
            name=op.f("fk_flags_org_id_ended_by"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flags")),
    )
    op.create_index("ix_flags_org_id_id", "flags", ["org_id", "id"])
    op.create_index("ix_flags_subject_id", "flags", ["subject_id"])
    op.create_index(
        "uq_flags_open",
        "flags",
        ["org_id", "subject_id", "fact", "kind"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    _fence("flags")
    for command, condition in (
        ("select", f"using ({OWN})"),
        ("insert", f"with check ({OWN})"),
        ("update", f"using ({OWN}) with check ({OWN})"),
    ):
        op.execute(f"grant {command} on flags to backhaul_app")
        op.execute(
            f"create policy app_{command} on flags for {command} to backhaul_app"
            f" {condition}"
        )


def _duplicates() -> None:
    op.create_table(
        "duplicates",
        *_id_and_company(),
        sa.Column("load_id", sa.Uuid(), nullable=False),
        sa.Column("like_org_id", sa.Uuid(), nullable=False),
        sa.Column("like_id", sa.Uuid(), nullable=False),
        sa.Column("is_carried", sa.Boolean(), nullable=False),
        sa.Column("is_near", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (word IS NULL)",
            name=op.f("ck_duplicates_ended_with_a_word"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_duplicates_org_id")
        ),
        sa.ForeignKeyConstraint(
            ["like_org_id"],
            ["organisations.id"],
            name=op.f("fk_duplicates_like_org_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "load_id"],
            ["loads.org_id", "loads.id"],
            name=op.f("fk_duplicates_org_id_load_id"),
        ),
        sa.ForeignKeyConstraint(
            ["like_org_id", "like_id"],
            ["loads.org_id", "loads.id"],
            name=op.f("fk_duplicates_like_org_id_like_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicates")),
        sa.UniqueConstraint(
            "org_id",
            "load_id",
            "like_id",
            name=op.f("uq_duplicates_org_id_load_id_like_id"),
        ),
    )
    _fence("duplicates")


def _loads_kept() -> None:
    op.execute("alter table assignments add column load_kept jsonb")
    # Of the rows, as the server.
    op.execute("set local role backhaul_worker")
    op.execute(KEEP_LOADS)
    op.execute("set constraints all immediate")
    op.execute("set local role backhaul_owner")
    op.execute(KEEP_LOAD)


def _fence(table: str) -> None:
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(
        f"create policy server on {table} to backhaul_worker"
        " using (true) with check (true)"
    )
    op.execute(f"grant select, insert, update, delete on {table} to backhaul_worker")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute("reset role")
    op.execute("revoke execute on function app_org() from backhaul_worker")
    op.execute(f"drop function {AS_WORKER}")
    op.execute("set local role backhaul_owner")
    op.drop_table("duplicates")
    op.drop_table("flags")
    op.execute("drop trigger keep_load on assignments")
    op.execute("drop function keep_load()")
    op.execute("alter table assignments drop column load_kept")
    op.execute("alter table last_positions drop column doubted")
    op.drop_index("ix_loads_interrupted", "loads")
    op.drop_index("ix_assignments_org_id_active", "assignments")
    op.drop_index("ix_loads_two_ended_active", "loads")
    for column in (
        *("miles_source", "billed_miles", "rate_cents", "may_be_rebrokered"),
        *("is_unconfirmed", "warnings"),
    ):
        op.drop_column("loads", column)
