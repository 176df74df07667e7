"""The market: people, trucks, loads, searches, offers, assignments, positions.

Phase: expand.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

revision = "2026_11_22_market"
down_revision = "2026_11_22_queue"
branch_labels = None
depends_on = None


class Xid8(UserDefinedType):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


APPEND_ONLY = """
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name;
end $$;
create trigger events_are_append_only before update or delete on events
    for each row execute function refuse_change();
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.create_table(
        "last_positions",
        sa.Column("driver_id", sa.Uuid(), nullable=False),
        sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("speed_mps", sa.Double(), nullable=True),
        sa.Column("heading_deg", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("driver_id", name=op.f("pk_last_positions")),
    )
    op.create_table(
        "organisations",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
    )
    op.create_table(
        "positions",
        sa.Column("driver_id", sa.Uuid(), nullable=False),
        sa.Column("fix_id", sa.Uuid(), nullable=False),
        sa.Column("fixed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("speed_mps", sa.Double(), nullable=True),
        sa.Column("heading_deg", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "abs(lat) <= 90 AND abs(lon) <= 180", name=op.f("ck_positions_on_earth")
        ),
        sa.PrimaryKeyConstraint(
            "driver_id", "fix_id", "fixed_at", name=op.f("pk_positions")
        ),
        postgresql_partition_by="RANGE (fixed_at)",
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "xid",
            Xid8(),
            server_default=sa.text("pg_current_xact_id()"),
            nullable=False,
        ),
        sa.Column("org_id", sa.Uuid(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_role", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("edi_214", sa.String(), nullable=True),
        sa.Column(
            "body",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_events_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(
        op.f("ix_events_org_id_id"), "events", ["org_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_events_subject_id"), "events", ["subject_id"], unique=False
    )
    op.create_table(
        "members",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("deactivated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "roles <> '{}' AND roles <@ ARRAY['driver','dispatcher','shipper','broker','admin']::varchar[]",  # noqa: E501 - as the model has it
            name=op.f("ck_members_roles"),
        ),
        sa.CheckConstraint(
            "email IS NOT NULL OR phone IS NOT NULL", name=op.f("ck_members_reachable")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_members_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
    )
    op.create_index(op.f("ix_members_org_id"), "members", ["org_id"], unique=False)
    op.create_index(
        "uq_members_email", "members", [sa.literal_column("lower(email)")], unique=True
    )
    op.create_index("uq_members_phone", "members", ["phone"], unique=True)
    op.create_table(
        "trucks",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("unit_number", sa.String(), nullable=False),
        sa.Column("equipment", sa.String(), nullable=False),
        sa.Column("payload_kg", sa.Integer(), nullable=True),
        sa.Column("deck_length_m", sa.Double(), nullable=True),
        sa.Column("is_hazmat_allowed", sa.Boolean(), nullable=False),
        sa.Column("cost_empty_cents_per_km", sa.Double(), nullable=True),
        sa.Column("cost_loaded_cents_per_km", sa.Double(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "cost_empty_cents_per_km >= 0 AND cost_loaded_cents_per_km >= 0",
            name=op.f("ck_trucks_costs"),
        ),
        sa.CheckConstraint(
            "payload_kg > 0 AND deck_length_m > 0", name=op.f("ck_trucks_sizes")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_trucks_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trucks")),
        sa.UniqueConstraint(
            "org_id", "unit_number", name=op.f("uq_trucks_org_id_unit_number")
        ),
    )
    op.create_table(
        "devices",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("target_kind", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("app_version", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_ok_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dead_reason", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_devices_member_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
    )
    op.create_index(
        op.f("ix_devices_member_id"), "devices", ["member_id"], unique=False
    )
    op.create_index(
        "uq_devices_live_target",
        "devices",
        ["target_kind", "target"],
        unique=True,
        postgresql_where=sa.text("dead_at IS NULL"),
    )
    op.create_table(
        "drivers",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("truck_id", sa.Uuid(), nullable=True),
        sa.Column("home_label", sa.String(), nullable=True),
        sa.Column("home_lat", sa.Double(), nullable=True),
        sa.Column("home_lon", sa.Double(), nullable=True),
        sa.Column("home_by_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("max_deadhead_m", sa.Double(), nullable=True),
        sa.Column("min_pay_cents_per_km", sa.Double(), nullable=True),
        sa.Column("has_hazmat_endorsement", sa.Boolean(), nullable=False),
        sa.Column("availability", sa.String(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(home_lat IS NULL) = (home_lon IS NULL)",
            name=op.f("ck_drivers_home_is_a_point"),
        ),
        sa.CheckConstraint(
            "max_deadhead_m >= 0 AND min_pay_cents_per_km >= 0",
            name=op.f("ck_drivers_limits"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_drivers_member_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_drivers_org_id")
        ),
        sa.ForeignKeyConstraint(
            ["truck_id"], ["trucks.id"], name=op.f("fk_drivers_truck_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drivers")),
        sa.UniqueConstraint("member_id", name=op.f("uq_drivers_member_id")),
    )
    op.create_index(op.f("ix_drivers_org_id"), "drivers", ["org_id"], unique=False)
    op.create_table(
        "loads",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("posted_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("load_number", sa.String(), nullable=False),
        sa.Column(
            "references", postgresql.JSONB(astext_type=sa.Text()), nullable=False
        ),
        sa.Column("consignee", sa.String(), nullable=True),
        sa.Column("bill_to", sa.String(), nullable=True),
        sa.Column("commodity", sa.String(), nullable=True),
        sa.Column("equipment", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("weight_kg", sa.Integer(), nullable=True),
        sa.Column("length_m", sa.Double(), nullable=True),
        sa.Column("pieces", sa.Integer(), nullable=True),
        sa.Column("has_hazmat", sa.Boolean(), nullable=False),
        sa.Column("temperature_min_c", sa.Double(), nullable=True),
        sa.Column("temperature_max_c", sa.Double(), nullable=True),
        sa.Column("price_cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("rate_type", sa.String(), nullable=False),
        sa.Column("loaded_m", sa.Double(), nullable=False),
        sa.Column("distance_source", sa.String(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("cancel_reason", sa.String(), nullable=True),
        sa.Column("stop_count", sa.Integer(), nullable=False),
        sa.Column("pickup_place", sa.String(), nullable=True),
        sa.Column("pickup_lat", sa.Double(), nullable=False),
        sa.Column("pickup_lon", sa.Double(), nullable=False),
        sa.Column("pickup_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pickup_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivery_place", sa.String(), nullable=True),
        sa.Column("delivery_lat", sa.Double(), nullable=False),
        sa.Column("delivery_lon", sa.Double(), nullable=False),
        sa.Column("delivery_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivery_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("equipment <> '{}'", name=op.f("ck_loads_equipment")),
        sa.CheckConstraint(
            "status <> 'posted' OR lease_expires_at IS NOT NULL",
            name=op.f("ck_loads_leased"),
        ),
        sa.CheckConstraint("price_cents >= 0", name=op.f("ck_loads_price")),
        sa.CheckConstraint(
            "temperature_min_c <= temperature_max_c", name=op.f("ck_loads_temperature")
        ),
        sa.CheckConstraint(
            "weight_kg >= 0 AND length_m >= 0 AND pieces >= 0",
            name=op.f("ck_loads_size"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_loads_org_id")
        ),
        sa.ForeignKeyConstraint(
            ["posted_by"], ["members.id"], name=op.f("fk_loads_posted_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loads")),
        sa.UniqueConstraint(
            "org_id", "load_number", name=op.f("uq_loads_org_id_load_number")
        ),
    )
    op.create_index(
        "ix_loads_lease",
        "loads",
        ["lease_expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'posted'"),
    )
    op.create_index(op.f("ix_loads_org_id_id"), "loads", ["org_id", "id"], unique=False)
    op.create_index(
        "ix_loads_pickup_until",
        "loads",
        ["pickup_until"],
        unique=False,
        postgresql_where=sa.text("status IN ('posted', 'held')"),
    )
    op.create_index(
        "ix_loads_two_ended",
        "loads",
        [
            sa.literal_column("point(pickup_lon, pickup_lat)"),
            sa.literal_column("point(delivery_lon, delivery_lat)"),
        ],
        unique=False,
        postgresql_using="gist",
        postgresql_where=sa.text("status = 'posted'"),
    )
    op.create_table(
        "refresh_families",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("seed", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_reason", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_refresh_families_member_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_families")),
    )
    op.create_index(
        op.f("ix_refresh_families_member_id"),
        "refresh_families",
        ["member_id"],
        unique=False,
    )
    op.create_table(
        "areas",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("driver_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("geometry", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["driver_id"], ["drivers.id"], name=op.f("fk_areas_driver_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_areas_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_areas")),
    )
    op.create_index(op.f("ix_areas_org_id"), "areas", ["org_id"], unique=False)
    op.create_table(
        "pushes",
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("message_name", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_pushes_device_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pushes")),
    )
    op.create_index(op.f("ix_pushes_device_id"), "pushes", ["device_id"], unique=False)
    op.create_index(
        op.f("ix_pushes_subject_id"), "pushes", ["subject_id"], unique=False
    )
    op.create_table(
        "stops",
        sa.Column("load_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("facility", sa.String(), nullable=True),
        sa.Column("address", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("window_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("contact", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("instructions", sa.String(), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("departed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.String(), nullable=True),
        sa.Column("confirmed_pieces", sa.Integer(), nullable=True),
        sa.Column("confirmed_weight_kg", sa.Integer(), nullable=True),
        sa.Column("seal_number", sa.String(), nullable=True),
        sa.Column("bol_number", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(status <> 'pending') = (arrived_at IS NOT NULL)",
            name=op.f("ck_stops_arrived"),
        ),
        sa.CheckConstraint(
            "(status = 'departed') = (departed_at IS NOT NULL)",
            name=op.f("ck_stops_departed"),
        ),
        sa.CheckConstraint(
            "(status IN ('completed', 'departed')) = (completed_at IS NOT NULL)",
            name=op.f("ck_stops_completed"),
        ),
        sa.CheckConstraint("window_from <= window_until", name=op.f("ck_stops_window")),
        sa.ForeignKeyConstraint(
            ["load_id"], ["loads.id"], name=op.f("fk_stops_load_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stops")),
        sa.UniqueConstraint(
            "load_id", "sequence", name=op.f("uq_stops_load_id_sequence")
        ),
    )
    op.create_table(
        "backhaul_searches",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("driver_id", sa.Uuid(), nullable=False),
        sa.Column("stop_id", sa.Uuid(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("searched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("strategy", sa.String(), nullable=True),
        sa.Column("situation", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False
        ),
        sa.Column("area", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("map", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("radius_m", sa.Double(), nullable=True),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("ranked", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("timings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("trace_id", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["driver_id"], ["drivers.id"], name=op.f("fk_backhaul_searches_driver_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_backhaul_searches_org_id")
        ),
        sa.ForeignKeyConstraint(
            ["stop_id"], ["stops.id"], name=op.f("fk_backhaul_searches_stop_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backhaul_searches")),
        sa.UniqueConstraint("stop_id", name=op.f("uq_backhaul_searches_stop_id")),
    )
    op.create_index(
        op.f("ix_backhaul_searches_driver_id_id"),
        "backhaul_searches",
        ["driver_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_backhaul_searches_org_id_id"),
        "backhaul_searches",
        ["org_id", "id"],
        unique=False,
    )
    op.create_table(
        "offers",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("search_id", sa.Uuid(), nullable=False),
        sa.Column("load_id", sa.Uuid(), nullable=False),
        sa.Column("driver_id", sa.Uuid(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("score_cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("snapshot", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("responded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undeliverable_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decline_reason", sa.String(), nullable=True),
        sa.Column("decline_note", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["driver_id"], ["drivers.id"], name=op.f("fk_offers_driver_id")
        ),
        sa.ForeignKeyConstraint(
            ["load_id"], ["loads.id"], name=op.f("fk_offers_load_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_offers_org_id")
        ),
        sa.ForeignKeyConstraint(
            ["search_id"], ["backhaul_searches.id"], name=op.f("fk_offers_search_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
    )
    op.create_index(
        op.f("ix_offers_driver_id_id"), "offers", ["driver_id", "id"], unique=False
    )
    op.create_index(
        "ix_offers_open_expiry",
        "offers",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('created', 'sent', 'seen')"),
    )
    op.create_index(
        "ix_offers_open_load",
        "offers",
        ["load_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('created', 'sent', 'seen')"),
    )
    op.create_index(
        op.f("ix_offers_org_id_id"), "offers", ["org_id", "id"], unique=False
    )
    op.create_index(
        "uq_offers_open_driver_load",
        "offers",
        ["driver_id", "load_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('created', 'sent', 'seen')"),
    )
    op.create_index(
        "uq_offers_search_load", "offers", ["search_id", "load_id"], unique=True
    )
    op.create_table(
        "assignments",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("load_id", sa.Uuid(), nullable=False),
        sa.Column("driver_id", sa.Uuid(), nullable=False),
        sa.Column("truck_id", sa.Uuid(), nullable=True),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(status = 'active') = (ended_at IS NULL)",
            name=op.f("ck_assignments_ended_iff_not_active"),
        ),
        sa.ForeignKeyConstraint(
            ["driver_id"], ["drivers.id"], name=op.f("fk_assignments_driver_id")
        ),
        sa.ForeignKeyConstraint(
            ["load_id"], ["loads.id"], name=op.f("fk_assignments_load_id")
        ),
        sa.ForeignKeyConstraint(
            ["offer_id"], ["offers.id"], name=op.f("fk_assignments_offer_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_assignments_org_id")
        ),
        sa.ForeignKeyConstraint(
            ["truck_id"], ["trucks.id"], name=op.f("fk_assignments_truck_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
    )
    op.create_index(
        op.f("ix_assignments_driver_id"), "assignments", ["driver_id"], unique=False
    )
    op.create_index(
        op.f("ix_assignments_load_id"), "assignments", ["load_id"], unique=False
    )
    op.create_index(
        op.f("ix_assignments_org_id_id"), "assignments", ["org_id", "id"], unique=False
    )
    op.create_index(
        "uq_assignments_active_backhaul",
        "assignments",
        ["driver_id"],
        unique=True,
        postgresql_where=sa.text("status = 'active' AND kind = 'backhaul'"),
    )
    op.create_index(
        "uq_assignments_active_load",
        "assignments",
        ["load_id"],
        unique=True,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "uq_assignments_active_planned",
        "assignments",
        ["driver_id"],
        unique=True,
        postgresql_where=sa.text("status = 'active' AND kind = 'planned'"),
    )
    op.create_table(
        "overrides",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=True),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("notified", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "reason <> 'other' OR note <> ''",
            name=op.f("ck_overrides_other_needs_a_note"),
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["members.id"], name=op.f("fk_overrides_actor_id")
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignments.id"],
            name=op.f("fk_overrides_assignment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_overrides_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_overrides")),
    )
    op.create_index(
        op.f("ix_overrides_org_id_id"), "overrides", ["org_id", "id"], unique=False
    )
    op.execute(APPEND_ONLY)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.drop_index(op.f("ix_overrides_org_id_id"), table_name="overrides")
    op.drop_table("overrides")
    op.drop_index(
        "uq_assignments_active_planned",
        table_name="assignments",
        postgresql_where=sa.text("status = 'active' AND kind = 'planned'"),
    )
    op.drop_index(
        "uq_assignments_active_load",
        table_name="assignments",
        postgresql_where=sa.text("status = 'active'"),
    )
    op.drop_index(
        "uq_assignments_active_backhaul",
        table_name="assignments",
        postgresql_where=sa.text("status = 'active' AND kind = 'backhaul'"),
    )
    op.drop_index(op.f("ix_assignments_org_id_id"), table_name="assignments")
    op.drop_index(op.f("ix_assignments_load_id"), table_name="assignments")
    op.drop_index(op.f("ix_assignments_driver_id"), table_name="assignments")
    op.drop_table("assignments")
    op.drop_index("uq_offers_search_load", table_name="offers")
    op.drop_index(
        "uq_offers_open_driver_load",
        table_name="offers",
        postgresql_where=sa.text("status IN ('created', 'sent', 'seen')"),
    )
    op.drop_index(op.f("ix_offers_org_id_id"), table_name="offers")
    op.drop_index(
        "ix_offers_open_load",
        table_name="offers",
        postgresql_where=sa.text("status IN ('created', 'sent', 'seen')"),
    )
    op.drop_index(
        "ix_offers_open_expiry",
        table_name="offers",
        postgresql_where=sa.text("status IN ('created', 'sent', 'seen')"),
    )
    op.drop_index(op.f("ix_offers_driver_id_id"), table_name="offers")
    op.drop_table("offers")
    op.drop_index(
        op.f("ix_backhaul_searches_org_id_id"), table_name="backhaul_searches"
    )
    op.drop_index(
        op.f("ix_backhaul_searches_driver_id_id"), table_name="backhaul_searches"
    )
    op.drop_table("backhaul_searches")
    op.drop_table("stops")
    op.drop_index(op.f("ix_pushes_subject_id"), table_name="pushes")
    op.drop_index(op.f("ix_pushes_device_id"), table_name="pushes")
    op.drop_table("pushes")
    op.drop_index(op.f("ix_areas_org_id"), table_name="areas")
    op.drop_table("areas")
    op.drop_index(op.f("ix_refresh_families_member_id"), table_name="refresh_families")
    op.drop_table("refresh_families")
    op.drop_index(
        "ix_loads_two_ended",
        table_name="loads",
        postgresql_using="gist",
        postgresql_where=sa.text("status = 'posted'"),
    )
    op.drop_index(
        "ix_loads_pickup_until",
        table_name="loads",
        postgresql_where=sa.text("status IN ('posted', 'held')"),
    )
    op.drop_index(op.f("ix_loads_org_id_id"), table_name="loads")
    op.drop_index(
        "ix_loads_lease",
        table_name="loads",
        postgresql_where=sa.text("status = 'posted'"),
    )
    op.drop_table("loads")
    op.drop_index(op.f("ix_drivers_org_id"), table_name="drivers")
    op.drop_table("drivers")
    op.drop_index(
        "uq_devices_live_target",
        table_name="devices",
        postgresql_where=sa.text("dead_at IS NULL"),
    )
    op.drop_index(op.f("ix_devices_member_id"), table_name="devices")
    op.drop_table("devices")
    op.drop_table("trucks")
    op.drop_index("uq_members_phone", table_name="members")
    op.drop_index("uq_members_email", table_name="members")
    op.drop_index(op.f("ix_members_org_id"), table_name="members")
    op.drop_table("members")
    op.drop_index(op.f("ix_events_subject_id"), table_name="events")
    op.drop_index(op.f("ix_events_org_id_id"), table_name="events")
    op.drop_table("events")
    op.drop_table("positions")
    op.drop_table("organisations")
    op.drop_table("last_positions")
    op.execute("drop function refuse_change()")
