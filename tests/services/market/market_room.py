"""What the tests of the market in memory share."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.orm import Session as OrmSession

from geo.points import Point
from runtime.db import Session
from services.market.market import Listed, Market
from tests.services.scene import Scene
from tests.world import utcnow

STRANGER = UUID(int=1)


def walked(scene: Scene, *places: Point) -> UUID:
    """Post a load with stops at these places; return its id."""
    stops = [
        scene.world.stop_body("pickup" if n == 0 else "delivery", place, n, 48 + n)
        for n, place in enumerate(places)
    ]
    return scene.load(stops=stops)


def change(statement: str, **values: Any) -> None:
    """Change rows as the server, in a transaction of its own."""
    with Session.begin() as session:
        session.execute(text(statement), values)


@contextmanager
def writing(statement: str, **values: Any) -> Iterator[OrmSession]:
    """Do the change, and commit it when the block ends."""
    with Session.begin() as session:
        session.execute(text(statement), values)
        yield session


def ids(
    listed: Listed, org_id: UUID = STRANGER, now: datetime | None = None
) -> set[UUID]:
    """Return the loads that the company sees."""
    rows = np.flatnonzero(listed.visible(org_id, now or utcnow()))
    return set(listed.those(rows).ids)


def seen(market: Market, org_id: UUID = STRANGER) -> set[UUID]:
    """Return the loads that the company sees after a refresh."""
    return ids(market.refresh(), org_id)


def cell(listed: Listed, load_id: UUID, column: str) -> Any:
    """Return the value of a load that is on the market."""
    rows = np.flatnonzero(listed.visible(STRANGER, utcnow()))
    (row,) = rows[[found == load_id for found in listed.those(rows).ids]]
    return listed.loads[column][row]


def stops_of(listed: Listed, load_id: UUID) -> list[tuple[float, float]]:
    """Return the places of a walked load's stops, in order."""
    extra = cell(listed, load_id, "extra")
    first = listed.stops.first
    places = slice(first[extra], first[extra + 1])
    lat, lon = listed.stops.lat[places], listed.stops.lon[places]
    return list(zip(lat.tolist(), lon.tolist(), strict=True))


def reloads(why: str) -> float:
    labels = {"why": why}
    return REGISTRY.get_sample_value("backhaul_market_reloads_total", labels) or 0.0


@contextmanager
def reloading(why: str) -> Iterator[None]:
    """Check that the block reads the whole market once, for this reason alone."""
    every = (
        "start",
        "server",
        "horizon",
        "schema",
        "tables",
        "behind",
        "many",
        "unfinished",
    )
    before = {each: reloads(each) for each in every}
    yield
    after = {each: reloads(each) for each in every}
    assert after == before | {why: before[why] + 1}
