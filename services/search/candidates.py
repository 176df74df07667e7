"""Finding posted loads by index: all in a search's boxes, or the best of many."""

# scope: runs in the worker; ON_THE_MARKET names the company.

from collections.abc import Iterator
from datetime import datetime
from itertools import product
from math import cos, radians, sin
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, text
from sqlalchemy.orm import Session

from freight.bounds import KEY_CENTS_PER_M, Ceiling
from freight.equipment import Equipment
from freight.ranking import Ranking
from freight.situation import Candidate, Situation
from geo.areas import SearchArea
from geo.boxes import Box, boxes_around, common_boxes
from geo.cells import COLUMNS, cells_of, nearest_m
from geo.distance import EARTH_RADIUS_M, METRES_PER_MILE
from geo.points import Point
from models.loads.loads import Load
from services.loads.market import ON_THE_MARKET

COLUMN_NAMES = """
    id, pickup_lat, pickup_lon, delivery_lat, delivery_lon, loaded_m, price_cents,
    currency, equipment, pickup_from, pickup_until, delivery_from, delivery_until,
    weight_kg, length_m, has_hazmat, stop_count, temperature_min_c, temperature_max_c
"""

BETWEEN_BOXES = """
    point(pickup_lon, pickup_lat) <@ box(point(:w1, :s1), point(:e1, :n1))
    and point(delivery_lon, delivery_lat) <@ box(point(:w2, :s2), point(:e2, :n2))
"""
"""PostgreSQL compares boxes and points with a tolerance of 1e-6 degrees (0.1 m), which
only finds more loads, never fewer; the exact area is judged afterwards."""

BETWEEN_EDGES = """
    pickup_lat between :s1 and :n1 and pickup_lon between :w1 and :e1
    and delivery_lat between :s2 and :n2 and delivery_lon between :w2 and :e2
"""
"""The same condition, worded so that the planner does not pick `ix_loads_two_ended`:
the query with these words is for `ix_loads_best`."""

IN_BOXES = text(
    f"select {COLUMN_NAMES} from loads where {BETWEEN_BOXES} and {ON_THE_MARKET}"
)

COUNT_IN_BOXES = text(
    f"select count(*) from (select from loads where {BETWEEN_BOXES}"
    f" and {ON_THE_MARKET} limit :most) as found"
)

ONE = text(f"select {COLUMN_NAMES} from loads where id = :load_id").bindparams(
    bindparam("load_id")
)

CELL = f"floor(pickup_lat)::int * {COLUMNS} + floor(pickup_lon)::int"
KEY = f"price_cents - loaded_m * {KEY_CENTS_PER_M}"
ONLY = "coalesce(left(equipment[2], 0), equipment[1])"
"""Written exactly as in `ix_loads_best`, or PostgreSQL could not use the index. ONLY is
the one type that a load accepts, or '' if it accepts several."""


def _great_circle_m(lat: str, lon: str, end: str) -> str:
    """Return the SQL of the great-circle metres from (lat, lon) to one end of the way.

    end: "drop" or "home"; `_of_truck` gives its sine, cosine and longitude.
    """
    return (
        f"{EARTH_RADIUS_M} * acos(least(1.0, greatest(-1.0,"
        f" sin(radians({lat})) * :sin_{end} + cos(radians({lat})) * :cos_{end}"
        f" * cos(radians({lon} - :lon_{end})))))"
    )


EMPTY_M = f"""
    {_great_circle_m("pickup_lat", "pickup_lon", "drop")} as to_pickup_m,
    {_great_circle_m("delivery_lat", "delivery_lon", "home")} as from_delivery_m
"""

CEILING_CENTS = """
    :price_share * price_cents - :loaded_cents_per_m * loaded_m + :credit_cents
    - :empty_cents_per_m * (to_pickup_m + from_delivery_m)
"""
"""`bounds.Ceiling.most_cents` in SQL."""

WITHIN_REACH = """
    to_pickup_m <= :radius_m + 1
    and to_pickup_m + loaded_m + from_delivery_m <= :longest_m + 1
    and pickup_until >= cast(:free_at as timestamptz)
        + to_pickup_m / :speed_mps * interval '1 s'
"""
"""Circle, detour and pickup window, tested with great circles. No road is shorter, so
no load within reach is lost. The extra metre is more than any rounding error here."""

FITS = """
    currency = :currency
    and (cast(:equipment as text) is null or :equipment = any(equipment))
    and coalesce(weight_kg <= :payload_kg, true)
    and coalesce(length_m <= :deck_length_m, true)
    and (not has_hazmat or :is_hazmat_allowed)
"""
"""`feasibility.TRUCK_CHECKS` in SQL. It may let more loads through, never fewer: each
load that it lets through is judged afterwards."""

ONCE_A_ROW = "offset 0"
"""Stops PostgreSQL from inlining the distance expressions: each is computed once."""

BEST_OF_CELLS = text(
    f"""
    select * from (
        select loads.*, {CEILING_CENTS} as most_cents
        from unnest(cast(:cells as int[]), cast(:least_keys as float8[]))
            as cells (cell, least_key)
        cross join lateral (
            select {COLUMN_NAMES}, {EMPTY_M} from loads
            where status = 'posted' and {CELL} = cell
            and {ONLY} = any (array[:equipment, '']) and {KEY} >= least_key
            and price_cents >= :least_price_cents
            and {BETWEEN_EDGES} and {ON_THE_MARKET} and {FITS}
            {ONCE_A_ROW}
        ) loads
        where {WITHIN_REACH}
    ) loads
    where most_cents >= :least_cents
    and (most_cents, id) < (:below_cents, cast(:below_id as uuid))
    order by most_cents desc, id desc limit :most
    """
)

BEST_OF_BOXES = text(
    f"""
    select * from (
        select {COLUMN_NAMES}, {EMPTY_M} from loads
        where {BETWEEN_BOXES} and {ON_THE_MARKET} and {FITS}
        {ONCE_A_ROW}
    ) loads
    where {WITHIN_REACH}
    order by {CEILING_CENTS} desc limit :most
    """
)

FEW = 250
"""At or below this count, judge every load and count the loads of each stage; above it,
look only for the best. A driver sees a handful, a search keeps `run.KEPT`."""

NEAR_HOME_M = 40 * METRES_PER_MILE
"""Radius around home in which `add_best` looks first."""

NO_BITMAPS = text("select set_config('enable_bitmapscan', 'off', true)")
"""Turns bitmap scans off for the rest of the transaction. A bitmap scan collects every
load of the boxes, although the first ones, or those of one cell, are enough."""

AT_ONCE = 120
"""The most loads that BEST_OF_CELLS returns at once."""

LAST_ID = UUID(int=2**128 - 1)
"""Greater than the id of any load."""


def candidates_in(
    session: Session, area: SearchArea, *, org_id: UUID, now: datetime
) -> list[Candidate]:
    """Return the posted loads in the boxes of `area` that the company may see.

    Finds every load that lies in the area, and some that do not.
    """
    found: dict[UUID, Candidate] = {}
    for edges_of_both in box_values(area):
        asked = edges_of_both | {"now": now, "org_id": org_id}
        rows = session.execute(IN_BOXES, asked)
        found.update((row.id, candidate_of(row)) for row in rows)
    return list(found.values())


def are_few(session: Session, area: SearchArea, *, org_id: UUID, now: datetime) -> bool:
    """Say whether `candidates_in` would return FEW loads or fewer.

    Turns bitmap scans off for the rest of the transaction.
    """
    session.execute(NO_BITMAPS)
    number = 0
    for edges_of_both in box_values(area):
        asked = edges_of_both | {"now": now, "org_id": org_id, "most": FEW + 1}
        number += session.scalars(COUNT_IN_BOXES, asked).one()
    return number <= FEW


def add_best(
    session: Session,
    ranking: Ranking,
    area: SearchArea,
    situation: Situation,
    ceiling: Ceiling,
    *,
    org_id: UUID,
    now: datetime,
    kept: int,
) -> None:
    """Add loads to `ranking` until its best `kept` are the best of `candidates_in`.

    Skips loads whose upper bound cannot reach the best `kept`. First, some loads that
    end near home show which score is needed. Then the loads that may reach it are
    added, the highest upper bound first, until the next one cannot.
    """
    asked = _of_truck(situation, ceiling) | {"now": now, "org_id": org_id}
    asked |= {"radius_m": area.circle.radius_m}
    _add_near_home(session, ranking, area, situation, asked, kept)
    if situation.equipment is None:
        # Without the truck's type every load is excluded as `equipment_unknown`.
        return
    for pickup, delivery in product(area.pickup_boxes(), area.delivery_boxes()):
        ways = {cell: nearest_m(situation.drop, cell) for cell in cells_of([pickup])}
        near = {c: m for c, m in ways.items() if m <= area.circle.radius_m}
        limits = _between(pickup, delivery) | {"cells": list(near), "most": AT_ONCE}
        limits |= {"below_cents": float("inf"), "below_id": LAST_ID}
        while True:
            least = ranking.score_of(kept)
            needed = {
                "least_cents": least,
                "least_price_cents": ceiling.least_price_cents(least),
                "least_keys": [ceiling.least_key(least, m) for m in near.values()],
            }
            rows = session.execute(BEST_OF_CELLS, asked | limits | needed).all()
            ranking.add(candidate_of(row) for row in rows if row.id not in ranking)
            # No later row can gain more than the upper bound of the last one.
            if len(rows) < AT_ONCE or rows[-1].most_cents < ranking.score_of(kept):
                break
            limits |= {"below_cents": rows[-1].most_cents, "below_id": rows[-1].id}


def _add_near_home(
    session: Session,
    ranking: Ranking,
    area: SearchArea,
    situation: Situation,
    asked: dict[str, Any],
    kept: int,
) -> None:
    """Add loads that end near home, doubling the radius until `kept` are ranked."""
    radius_m = NEAR_HOME_M
    while ranking.score_of(kept) == 1 and radius_m < area.corridor.length_m:
        around_home = boxes_around(situation.home, radius_m)
        near_home = common_boxes(area.delivery_boxes(), around_home)
        for pickup, delivery in product(area.pickup_boxes(), near_home):
            limits = _between(pickup, delivery) | {"most": kept + kept // 2}
            rows = session.execute(BEST_OF_BOXES, asked | limits)
            ranking.add(map(candidate_of, rows))
        radius_m *= 2


def candidate(session: Session, load_id: UUID) -> Candidate | None:
    """Return the load as a search would see it now, in any status; None if unknown."""
    row = session.execute(ONE, {"load_id": load_id}).one_or_none()
    return candidate_of(row) if row is not None else None


def edges(box: Box, number: str) -> dict[str, float]:
    """Return the values that the SQL takes for the edges of its first or second box.

    number: "1" for the box of the pickups, "2" for that of the deliveries.
    """
    return {
        f"s{number}": box.south,
        f"w{number}": box.west,
        f"n{number}": box.north,
        f"e{number}": box.east,
    }


def box_values(area: SearchArea) -> Iterator[dict[str, float]]:
    """Yield the edges of each pair of a pickup box and a delivery box of `area`."""
    for pickup, delivery in product(area.pickup_boxes(), area.delivery_boxes()):
        yield _between(pickup, delivery)


def _between(pickup: Box, delivery: Box) -> dict[str, float]:
    return edges(pickup, "1") | edges(delivery, "2")


def _of_truck(situation: Situation, ceiling: Ceiling) -> dict[str, Any]:
    """Return the SQL's values for the truck, its ceiling, its drop and its home."""
    asked: dict[str, Any] = {
        "price_share": ceiling.price_share,
        "loaded_cents_per_m": ceiling.loaded_cents_per_m,
        "empty_cents_per_m": ceiling.empty_cents_per_m,
        "credit_cents": ceiling.credit_cents,
        "longest_m": ceiling.longest_m,
        "speed_mps": ceiling.speed_mps,
        "free_at": situation.free_at,
        "currency": situation.currency,
        "equipment": situation.equipment and situation.equipment.value,
        "payload_kg": situation.payload_kg,
        "deck_length_m": situation.deck_length_m,
        "is_hazmat_allowed": situation.is_hazmat_allowed,
    }
    for end, point in (("drop", situation.drop), ("home", situation.home)):
        asked |= {
            f"sin_{end}": sin(radians(point.lat)),
            f"cos_{end}": cos(radians(point.lat)),
            f"lon_{end}": point.lon,
        }
    return asked


def candidate_of(row: Row[Any] | Load) -> Candidate:
    """Return the candidate in a row with the columns COLUMN_NAMES, or of a load."""
    return Candidate(
        load_id=row.id,
        pickup=Point(row.pickup_lat, row.pickup_lon),
        delivery=Point(row.delivery_lat, row.delivery_lon),
        loaded_m=row.loaded_m,
        price_cents=row.price_cents,
        currency=row.currency,
        equipment=frozenset(Equipment(word) for word in row.equipment),
        pickup_from=row.pickup_from,
        pickup_until=row.pickup_until,
        delivery_from=row.delivery_from,
        delivery_until=row.delivery_until,
        weight_kg=row.weight_kg,
        length_m=row.length_m,
        has_hazmat=row.has_hazmat,
        stop_count=row.stop_count,
        temperature_min_c=row.temperature_min_c,
        temperature_max_c=row.temperature_max_c,
    )
