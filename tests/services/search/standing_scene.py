"""Drivers whose phones may not ring, in the tests of loads that stand by."""

from typing import Any
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from models.fleet.positions import LastPosition
from models.search.standing import StandingBy
from runtime.db import Session
from services.fleet import positions
from services.fleet.positions import Fix
from tests.services.scene import Scene, last_seen, rows_of
from tests.world import NEW_YORK, Caller, utcnow

KMH = 1 / 3.6
DRIVES = 90 * KMH


def say(driver: Caller, speed_mps: float | None, **fields: Any) -> None:
    """Let the driver's phone report a fix of now, at the drop."""
    with Session.begin() as session:
        say_in(session, driver, speed_mps, **fields)


def say_in(
    session: OrmSession, driver: Caller, speed_mps: float | None, **fields: Any
) -> None:
    now = utcnow()
    at = fields.pop("at", now)
    fix = Fix(uuid7(), at, NEW_YORK.lat, NEW_YORK.lon, speed_mps=speed_mps)
    positions.report(session, UUID(driver.driver_id), [fix], sent_at=None, now=now)


def moving(scene: Scene, **fields: Any) -> Caller:
    """Return a driver whose newest fix says that the truck drives."""
    driver = scene.driver(**fields)
    with Session.begin() as session:
        last_seen(session, driver, NEW_YORK)
    say(driver, DRIVES)
    return driver


def age(driver: Caller, by: str = "5 minutes") -> None:
    """Let the driver's newest fix be older."""
    older = text(f"interval '{by}'")
    with Session.begin() as session:
        session.execute(
            update(LastPosition)
            .where(LastPosition.driver_id == UUID(driver.driver_id))
            .values(
                corrected_at=LastPosition.corrected_at - older,
                received_at=LastPosition.received_at - older,
            )
        )


def row_of(driver: Caller) -> StandingBy | None:
    rows = rows_of(StandingBy, StandingBy.driver_id == UUID(driver.driver_id))
    return rows[0] if rows else None


def desk(scene: Scene) -> Caller:
    """Return the carrier's dispatcher, who has a phone."""
    scene.rows.phone(scene.carrier, "ok-desk")
    return scene.carrier
