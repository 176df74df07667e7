"""Where trucks were. The one table that outgrows a server: day partitions, and keys
that begin with the driver, so that it can be distributed by `driver_id`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, PrimaryKeyConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.row import Row


class Position(Row):
    """One fix by the phone. `fixed_at` is its own clock, `corrected_at` ours."""

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


class LastPosition(Row):
    """The newest fix of a driver; it never goes back in time."""

    __tablename__ = "last_positions"

    driver_id: Mapped[UUID] = mapped_column(primary_key=True)
    corrected_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lat: Mapped[float]
    lon: Mapped[float]
    accuracy_m: Mapped[float | None]
    speed_mps: Mapped[float | None]
    heading_deg: Mapped[float | None]
