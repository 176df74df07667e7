"""What freight, drivers and costs are judged by: hours, countries, preferences, prices.

An expand: the previous release writes rows without these columns, whose defaults say
"not known". `is_cabotage` reads a stop's own country where it has one.

The app may write the costs of its own company, and no other column of it.
"""

from alembic import op

revision = "0023_fields"
down_revision = "0022_market"
phase = "expand"
branch_labels = None
depends_on = None

COLUMNS: dict[str, dict[str, str]] = {
    "organisations": {
        "version": "integer not null default 1",
        "cost_cents_per_km": "double precision",
        "hour_cents": "integer",
    },
    "trucks": {"hour_cents": "integer"},
    "drivers": {
        "countries": "varchar[]",
        "rank_by": "varchar not null default 'gain'",
        "home_every": "jsonb",
        "preferences": "jsonb not null default '[]'",
    },
    "stops": {
        "opening_hours": "jsonb",
        "opening_spans": "bigint[]",
        "country": "varchar(2)",
        "state": "varchar",
        "is_urban": "boolean not null default false",
    },
    "loads": {
        "takes_reefers": "boolean",
        "crossings": "smallint not null default 0",
        "domestic_country": "varchar(2)",
    },
}

CHECKS: dict[str, dict[str, str]] = {
    "organisations": {
        "cost": "cost_cents_per_km between 10 and 1000",
        "hour": "hour_cents between 0 and 20000",
    },
    "trucks": {"hour": "hour_cents between 0 and 20000"},
    "drivers": {
        "countries": "countries <> '{}'",
        "preferences": "jsonb_typeof(preferences) = 'array'",
    },
    "stops": {
        "opening": "(opening_hours is null) = (opening_spans is null)",
        "opening_spans": "cardinality(opening_spans) % 2 = 0",
    },
}

OF_THE_COMPANY = "version, cost_cents_per_km, hour_cents"
"""The columns of its own company that the app writes. The right to update one column is
also the right to lock the row."""

IS_CABOTAGE = """
create or replace function is_cabotage(load uuid, driver uuid) returns boolean
    language sql stable set search_path = public, pg_temp as $$
    select exists (
        select from drivers d join organisations o on o.id = d.org_id
        where d.id = driver and exists (
            select from stops s where s.load_id = load
            having count(distinct {country}) = 1
            and count({country}) = count(*)
            and (min({country}) <> o.country
                or min({country}) <> d.country)
        )
    )
$$
"""
COUNTRY = "coalesce(s.country, s.address->>'country')"
"""Of a stop that the previous release wrote, the address says it."""
COUNTRY_BEFORE = "s.address->>'country'"

OF_LOADS = (
    *("id", "status", "visibility", "commodity", "equipment", "weight_kg", "length_m"),
    *("pieces", "has_hazmat", "temperature_min_c", "temperature_max_c", "price_cents"),
    *("currency", "rate_type", "rate_cents", "billed_miles", "miles_source"),
    *("loaded_m", "distance_source", "stop_count", "pickup_place", "pickup_lat"),
    *("pickup_lon", "pickup_from", "pickup_until", "delivery_place", "delivery_lat"),
    *("delivery_lon", "delivery_from", "delivery_until", "posted_at", "version"),
    *("is_unconfirmed", "may_be_rebrokered", "lease_expires_at", "created_at"),
    "updated_at",
)
OF_STOPS = (
    *("id", "load_id", "sequence", "kind", "lat", "lon", "window_from"),
    *("window_until", "zone"),
)
NEW_OF_LOADS = ("takes_reefers", "crossings", "domestic_country")
NEW_OF_STOPS = ("opening_hours", "country", "state")

KEEP_LOAD = """
create or replace function keep_load() returns trigger
    language plpgsql set search_path = public, pg_temp as $$
begin
    new.load_kept := (select
        (select jsonb_object_agg(key, value) from jsonb_each(to_jsonb(l))
            where key in ({of_loads}))
        || jsonb_build_object('stops', (
            select jsonb_agg((
                select jsonb_object_agg(key, value) from jsonb_each(to_jsonb(s))
                    where key in ({of_stops})
                ) || jsonb_build_object('address', (
                    select coalesce(jsonb_object_agg(key, value), '{{}}')
                    from jsonb_each(s.address)
                    where key in ('city', 'state', 'country')
                )) order by s.sequence)
            from stops s where s.load_id = l.id))
        from loads l where l.id = new.load_id);
    return new;
end $$
"""
"""As 0018 has it; it also keeps what the market sees of the new columns."""


def _keep(of_loads: tuple[str, ...], of_stops: tuple[str, ...]) -> None:
    op.execute(KEEP_LOAD.format(of_loads=_words(of_loads), of_stops=_words(of_stops)))


def _words(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    for table, columns in COLUMNS.items():
        for name, kind in columns.items():
            op.execute(f"alter table {table} add column {name} {kind}")
    for table, checks in CHECKS.items():
        for name, condition in checks.items():
            op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
    op.execute("revoke update on organisations from backhaul_app")
    op.execute(f"grant update ({OF_THE_COMPANY}) on organisations to backhaul_app")
    op.execute(
        "alter policy app_update on organisations with check (id = (select app_org()))"
    )
    op.execute(IS_CABOTAGE.format(country=COUNTRY))
    _keep(OF_LOADS + NEW_OF_LOADS, OF_STOPS + NEW_OF_STOPS)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    _keep(OF_LOADS, OF_STOPS)
    op.execute(IS_CABOTAGE.format(country=COUNTRY_BEFORE))
    op.execute("alter policy app_update on organisations with check (false)")
    op.execute(f"revoke update ({OF_THE_COMPANY}) on organisations from backhaul_app")
    op.execute("grant update on organisations to backhaul_app")
    for table, columns in reversed(COLUMNS.items()):
        for name in reversed(columns):
            op.drop_column(table, name)
