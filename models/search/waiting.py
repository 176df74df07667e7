"""Drivers who wait for a load, and the loads that came to the market for them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from geo.points import Point
from models.kernel.row import Row, within


class WaitingDriver(Row):
    """A driver who became empty and wants a load.

    A row alone does not make them wait: they must also be available, have no load and
    not be home, which is asked when a load looks for them.

    since: when they became empty.
    lat, lon: where their last search started. free_at: when they could leave the drop;
        or, of a driver who waits again, when they were there.
    baseline_m, baseline_s: of the empty way home from there; None while their first
        search has not ended. home_lat, home_lon, is_crew: for whom that is the way: it
        is not known of another home, nor if the driver has a mate now, or has none.
    load_ids: loads to be judged for them by a search that is owed.
    due_at: when that search runs; None if none is owed.
    """

    __tablename__ = "waiting_drivers"
    __table_args__ = (
        within("driver_id", "drivers", ondelete="CASCADE"),
        CheckConstraint("abs(lat) <= 90 AND abs(lon) <= 180", name="on_earth"),
    )

    driver_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    since: Mapped[datetime]
    lat: Mapped[float]
    lon: Mapped[float]
    free_at: Mapped[datetime]
    baseline_m: Mapped[float | None]
    baseline_s: Mapped[float | None]
    home_lat: Mapped[float | None]
    home_lon: Mapped[float | None]
    is_crew: Mapped[bool | None]
    load_ids: Mapped[list[UUID]] = mapped_column(
        ARRAY(Uuid), default=list, server_default=text("'{}'")
    )
    due_at: Mapped[datetime | None]

    @property
    def point(self) -> Point:
        return Point(self.lat, self.lon)
