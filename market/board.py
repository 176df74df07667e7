"""A whole made-up market in the database at once: companies, trucks, posted loads.

Written by COPY and INSERT .. SELECT as the worker's database role, without services.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from random import Random
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import psycopg

from freight.roles import Role
from geo.points import Point
from geo.roads import EstimatedRoads, Roads
from market.cargo import Urn
from market.cast import DESK
from market.loads import AS_EVER, Habits, MarketLoad, market
from market.trucks import MarketTruck, fleet
from places.regions import is_urban

Record = TypeVar("Record")

ESTIMATED = EstimatedRoads()

ROWS_A_BATCH = 20_000
SHARES = {"carrier": 50, "private_fleet": 10, "shipper": 30, "broker": 10}
"""Kinds of companies. Our own assumption, no statistics behind it."""

KINDS = tuple(SHARES)
HAVE_TRUCKS, HAVE_FREIGHT = ("carrier", "private_fleet"), ("shipper", "broker")

ROLE: LiteralString = "set local role backhaul_worker"

UNCHECKED: LiteralString = """
    select set_config('session_replication_role', 'replica', true)
    where has_parameter_privilege('session_replication_role', 'set')
"""
"""Skips the checks of foreign keys, which are right, as we make both ends. They would
take half of the time; a login that may not skip them waits for them."""

STAGED: dict[str, LiteralString] = {
    "organisations": "id uuid, kind text, name text",
    "members": "id uuid, org_id uuid, name text, email text, roles text[]",
    "trucks": "id uuid, org_id uuid, driver_id uuid, member_id uuid, unit text,"
    " equipment text, payload_kg int, deck_length_m float, hazmat bool, home text,"
    " lat float, lon float",
    "loads": "id uuid, pickup_id uuid, delivery_id uuid, org_id uuid, posted_by uuid,"
    " load_number text, commodity text, equipment text[], weight_kg int,"
    " length_m float, pieces int, hazmat bool, low_c float, high_c float,"
    " price_cents int, loaded_m float, p_city text, p_state text, p_zone text,"
    " p_urban bool, p_lat float, p_lon float, p_from timestamptz, p_until timestamptz,"
    " d_city text, d_state text, d_zone text, d_urban bool, d_lat float, d_lon float,"
    " d_from timestamptz, d_until timestamptz,"
    " p_place bytea, d_place bytea, road_version text",
}

INSERTS: dict[str, tuple[LiteralString, ...]] = {
    "organisations": (
        "insert into organisations (id, kind, name)"
        " select id, kind, name from staged_organisations",
    ),
    "members": (
        "insert into members (id, org_id, name, email, roles, password_hash, locale)"
        " select id, org_id, name, email, roles, %(password_hash)s, 'en'"
        " from staged_members",
    ),
    "trucks": (
        "insert into trucks (id, org_id, unit_number, equipment, payload_kg,"
        " deck_length_m, is_hazmat_allowed) select id, org_id, unit, equipment,"
        " payload_kg, deck_length_m, hazmat from staged_trucks",
        "insert into drivers (id, org_id, member_id, truck_id, home_label, home_lat,"
        " home_lon, has_hazmat_endorsement, availability) select driver_id, org_id,"
        " member_id, id, home, lat, lon, hazmat, 'available' from staged_trucks",
    ),
    "loads": (
        "insert into loads (id, version, org_id, posted_by, status, visibility,"
        ' load_number, "references", commodity, equipment, weight_kg, length_m, pieces,'
        " has_hazmat, temperature_min_c, temperature_max_c, price_cents, currency,"
        " rate_type, loaded_m, distance_source, posted_at, lease_expires_at,"
        " stop_count, pickup_place, pickup_lat, pickup_lon, pickup_from, pickup_until,"
        " delivery_place, delivery_lat, delivery_lon, delivery_from, delivery_until,"
        " domestic_country)"
        " select id, 1, org_id, posted_by, 'posted', 'network', load_number, '[]',"
        " commodity, equipment, weight_kg, length_m, pieces, hazmat, low_c, high_c,"
        " price_cents, 'USD', 'all_in', loaded_m, 'estimated', %(now)s, p_until, 2,"
        " p_city || ', ' || p_state, p_lat, p_lon, p_from, p_until,"
        " d_city || ', ' || d_state, d_lat, d_lon, d_from, d_until, 'US'"
        " from staged_loads",
        "insert into stops (id, org_id, load_id, sequence, kind, status, facility,"
        " address, lat, lon, window_from, window_until, zone, contact,"
        " country, state, is_urban, road_place, road_version, leg_m, leg_access_m)"
        " select pickup_id, org_id, id, 0, 'pickup', 'pending', p_city || ' warehouse',"
        " jsonb_build_object('city', p_city, 'state', p_state), p_lat, p_lon, p_from,"
        " p_until, p_zone, '{}'::jsonb, 'US', p_state, p_urban, p_place, road_version,"
        " null, null from staged_loads"
        " union all"
        " select delivery_id, org_id, id, 1, 'delivery', 'pending',"
        " d_city || ' warehouse',"
        " jsonb_build_object('city', d_city, 'state', d_state), d_lat, d_lon, d_from,"
        " d_until, d_zone, '{}'::jsonb, 'US', d_state, d_urban, d_place, road_version,"
        " loaded_m, 0 from staged_loads",
    ),
}


@dataclass(frozen=True, slots=True)
class Company:
    """A company of the made-up market, and the member at its desk."""

    id: UUID
    kind: str
    desk_id: UUID
    email: str


def write_board(
    database_url: str,
    *,
    loads: int,
    trucks: int,
    orgs: int,
    seed: int,
    now: datetime,
    password_hash: str,
    roads: Roads = ESTIMATED,
    habits: Habits = AS_EVER,
    tell: Callable[[int], None] = lambda written: None,
) -> list[Company]:
    """Write a made-up market to the database; return its companies.

    The same arguments give the same rows, ids included. Each batch of loads is
    committed with its stops: what was written before an interruption stays. `analyze`
    runs at the end.

    database_url: of a login that may work as backhaul_worker.
    orgs: how many companies, enough to have one for the trucks and one for the loads.
    now: aware. The loads' windows open within the four days after it; their leases
        last until the last moment to pick up.
    password_hash: of every member.
    roads: that know the places of the stops. The ways are estimates all the same.
    tell: called after each batch of loads with the number written so far.

    Raises: ValueError, psycopg.Error.
    """
    ids = Ids(Random(f"board {seed} {now.isoformat()}"), now)
    companies = list(_companies(ids, orgs, seed))
    fleets = [company for company in companies if company.kind in HAVE_TRUCKS]
    posters = [company for company in companies if company.kind in HAVE_FREIGHT]
    if (trucks and not fleets) or (loads and not posters):
        raise ValueError("There is no company to have the trucks or the freight.")
    values = {"now": now, "password_hash": password_hash}
    with psycopg.connect(database_url) as connection, ThreadPoolExecutor(1) as writer:
        for table, columns in STAGED.items():
            connection.execute(f"create temp table staged_{table} ({columns})")
        connection.commit()

        def write(table: str, records: list[tuple[Any, ...]]) -> None:
            _write(connection, table, records, values)

        write("organisations", [_organisation(company) for company in companies])
        write("members", [_desk(company) for company in companies])
        for batch in _batches(_trucks(ids, fleet(trucks, seed=seed), fleets, seed)):
            write("members", [member for member, _ in batch])
            write("trucks", [truck for _, truck in batch])
        made_up = market(loads, seed=seed, now=now, habits=habits)
        batches = _batches(_loads(ids, made_up, posters, seed))
        placed = (_placed(batch, roads) for batch in batches)
        _meanwhile(writer, lambda batch: write("loads", batch), placed, tell)
        connection.autocommit = True
        connection.execute("analyze")
    return companies


class Ids:
    """UUIDv7 of one moment, made from `random`: the same random, the same ids."""

    def __init__(self, random: Random, now: datetime) -> None:
        self._random = random
        self._fixed = int(now.timestamp() * 1000) << 80 | 0x7 << 76 | 0b10 << 62

    def draw(self) -> UUID:
        bits = self._random.getrandbits(74)
        # 12 bits beside the version, 62 beside the variant.
        return UUID(int=self._fixed | bits >> 62 << 64 | bits & (1 << 62) - 1)


def _companies(ids: Ids, orgs: int, seed: int) -> Iterator[Company]:
    random, kinds = Random(f"companies {seed}"), Urn(SHARES)
    for number in range(orgs):
        # One of each kind first, so that few companies are enough.
        kind = KINDS[number] if number < len(KINDS) else kinds.draw(random)
        org_id = ids.draw()
        yield Company(org_id, kind, ids.draw(), f"desk@{org_id.hex[-12:]}.example")


def _organisation(company: Company) -> tuple[Any, ...]:
    name = f"{company.kind.replace('_', ' ').title()} {company.id.hex[-6:]}"
    return company.id, company.kind, name


def _desk(company: Company) -> tuple[Any, ...]:
    roles = [Role.ADMIN.value, *(role.value for role in DESK[company.kind])]
    return company.desk_id, company.id, "Desk", company.email, roles


def _trucks(
    ids: Ids, trucks: Iterable[MarketTruck], fleets: list[Company], seed: int
) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    random = Random(f"fleets {seed}")
    for truck in trucks:
        owner = random.choice(fleets)
        member_id, email = ids.draw(), f"truck{truck.unit_number}@{owner.email[5:]}"
        yield (
            (member_id, owner.id, truck.driver_name, email, ["driver"]),
            (
                *(ids.draw(), owner.id, ids.draw(), member_id, truck.unit_number),
                *(truck.equipment.value, truck.payload_kg, truck.deck_length_m),
                *(truck.has_hazmat, f"{truck.home.name}, {truck.home.state}"),
                *(truck.home_point.lat, truck.home_point.lon),
            ),
        )


def _loads(
    ids: Ids, loads: Iterable[MarketLoad], posters: list[Company], seed: int
) -> Iterator[tuple[Any, ...]]:
    random = Random(f"posters {seed}")
    for load in loads:
        poster = posters[int(random.random() * len(posters))]
        low_c, high_c = load.temperature_c or (None, None)
        yield (
            *(ids.draw(), ids.draw(), ids.draw(), poster.id, poster.desk_id),
            *(load.reference, load.commodity),
            sorted([kind.value for kind in load.equipment]),
            *(load.weight_kg, load.length_m, load.pieces, load.has_hazmat),
            *(low_c, high_c, load.price_cents, load.loaded_m),
            *(load.origin.name, load.origin.state, load.origin.zone),
            is_urban(load.pickup),
            *(load.pickup.lat, load.pickup.lon, load.pickup_from, load.pickup_until),
            *(load.destination.name, load.destination.state, load.destination.zone),
            is_urban(load.delivery),
            *(load.delivery.lat, load.delivery.lon),
            *(load.delivery_from, load.delivery_until),
        )


def _placed(records: list[tuple[Any, ...]], roads: Roads) -> list[tuple[Any, ...]]:
    """Add the places of both ends on the roads to the records of some loads."""
    names = [column.split()[0] for column in STAGED["loads"].split(",")]
    ends = []
    for end in "pd":
        lat, lon = names.index(f"{end}_lat"), names.index(f"{end}_lon")
        points = [Point(record[lat], record[lon]) for record in records]
        ends.append(roads.places(points).to_bytes())
    return [
        (*record, pickup, delivery, roads.version)
        for record, pickup, delivery in zip(records, *ends, strict=True)
    ]


def _write(
    connection: psycopg.Connection[Any],
    table: str,
    records: list[tuple[Any, ...]],
    values: dict[str, Any],
) -> None:
    """Copy the records into a temporary table, and insert them under row security."""
    with connection.transaction(), connection.cursor() as cursor:
        # PostgreSQL refuses COPY into a table with row security.
        with cursor.copy(f"copy staged_{table} from stdin") as copy:
            for record in records:
                copy.write_row(record)
        cursor.execute(f"grant select on staged_{table} to backhaul_worker")
        cursor.execute(UNCHECKED)
        cursor.execute(ROLE)
        for insert in INSERTS[table]:
            cursor.execute(insert, values)
        cursor.execute("reset role")
        cursor.execute(f"truncate staged_{table}")


def _meanwhile(
    writer: ThreadPoolExecutor,
    write: Callable[[list[Record]], None],
    batches: Iterable[list[Record]],
    tell: Callable[[int], None],
) -> None:
    """Make up the next batch while the database writes the one before."""
    under_way: Future[None] | None = None
    written = 0
    for batch in batches:
        if under_way is not None:
            under_way.result()
            tell(written)
        under_way = writer.submit(write, batch)
        written += len(batch)
    if under_way is not None:
        under_way.result()
        tell(written)


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    source = iter(records)
    while batch := list(islice(source, ROWS_A_BATCH)):
        yield batch
