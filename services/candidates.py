"""Loads the index finds: pickup in these boxes and delivery in those."""

# scope: searched as the worker; the condition names the company.

from collections.abc import Sequence
from datetime import datetime
from itertools import product
from uuid import UUID

from sqlalchemy import Row, bindparam, text
from sqlalchemy.orm import Session

from freight.equipment import Equipment
from freight.situation import Candidate
from geo.areas import SearchArea
from geo.boxes import Box
from geo.points import Point

COLUMNS = """
    id, pickup_lat, pickup_lon, delivery_lat, delivery_lon, loaded_m, price_cents,
    currency, equipment, pickup_from, pickup_until, delivery_from, delivery_until,
    weight_kg, length_m, has_hazmat, stop_count
"""

IN_BOXES = text(
    f"""
    select {COLUMNS} from loads
    where status = 'posted'
    and point(pickup_lon, pickup_lat) <@ box(point(:w1, :s1), point(:e1, :n1))
    and point(delivery_lon, delivery_lat) <@ box(point(:w2, :s2), point(:e2, :n2))
    and lease_expires_at > :now and pickup_until > :now
    and (visibility = 'network' or org_id = :org_id)
    and not exists (select from organisations o
        where o.id = loads.org_id and o.suspended_at is not null)
    """
)
"""Box and point compare with a tolerance of 1e-6 degrees (0.1 m) in PostgreSQL, which
only ever finds more; the exact area is judged afterwards."""

ONE = text(f"select {COLUMNS} from loads where id = :load_id").bindparams(
    bindparam("load_id")
)


def candidates_in(
    session: Session, area: SearchArea, *, org_id: UUID, now: datetime
) -> list[Candidate]:
    """Return the posted loads in the boxes of `area` that the company may see.

    Every load that lies in the area is found; some others too.
    """
    found: dict[UUID, Candidate] = {}
    pairs: Sequence[tuple[Box, Box]] = list(
        product(area.pickup_boxes(), area.delivery_boxes())
    )
    for pickup, delivery in pairs:
        rows = session.execute(
            IN_BOXES,
            edges(pickup, "1") | edges(delivery, "2") | {"now": now, "org_id": org_id},
        )
        found.update((row.id, _candidate(row)) for row in rows)
    return list(found.values())


def candidate(session: Session, load_id: UUID) -> Candidate | None:
    """Return the load as a search would see it now, whatever its status."""
    row = session.execute(ONE, {"load_id": load_id}).one_or_none()
    return _candidate(row) if row is not None else None


def edges(box: Box, number: str) -> dict[str, float]:
    """Return what IN_BOXES calls the edges of its first or second box."""
    return {
        f"s{number}": box.south,
        f"w{number}": box.west,
        f"n{number}": box.north,
        f"e{number}": box.east,
    }


def _candidate(row: Row[tuple[object, ...]]) -> Candidate:
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
    )
