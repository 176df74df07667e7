"""Positions of drivers: all kept fixes, and the newest of each driver.

`positions` is the one table that can grow too large for one server. It has day
partitions, and its key begins with the driver, so that it can be distributed by
`driver_id`.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, PrimaryKeyConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from geo.points import Point
from models.kernel.row import Row


class Position(Row):
    """One fix. `fixed_at` is by the phone's clock, `corrected_at` by the server's."""

    __tablename__ = "positions"
    __table_args__ = (
        PrimaryKeyConstraint("driver_id", "fix_id", "fixed_at"),
        CheckConstraint("abs(lat) <= 90 AND abs(lon) <= 180", name="on_earth"),
        {"postgresql_partition_by": "RANGE (fixed_at)"},
    )

    driver_id: Mapped[UUID]
    fix_id: Mapped[UUID]
    fixed_at: Mapped[datetime]
    corrected_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lat: Mapped[float]
    lon: Mapped[float]
    accuracy_m: Mapped[float | None]
    speed_mps: Mapped[float | None]
    heading_deg: Mapped[float | None]

    @property
    def point(self) -> Point:
        return Point(self.lat, self.lon)


class LastPosition(Row):
    """The newest fix of a driver. An older fix that comes later does not replace it.

    doubted: a newer fix to which no truck could have driven. It becomes the last
        position when a second fix agrees with it.
    """

    __tablename__ = "last_positions"

    driver_id: Mapped[UUID] = mapped_column(primary_key=True)
    corrected_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lat: Mapped[float]
    lon: Mapped[float]
    accuracy_m: Mapped[float | None]
    speed_mps: Mapped[float | None]
    heading_deg: Mapped[float | None]
    doubted: Mapped[dict[str, Any] | None]

    @property
    def point(self) -> Point:
        return Point(self.lat, self.lon)
