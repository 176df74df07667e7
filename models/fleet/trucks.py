"""Trucks: what they can carry and what a kilometre costs."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from freight.equipment import Equipment
from models.kernel.row import Dated, Identified, Row, Versioned, Word


class Truck(Identified, Dated, Versioned, Row):
    """A tractor with its trailer. Where a cost is None, the company's applies, or else
    our stated default.

    hour_cents: what an hour of truck and driver is worth.
    """

    __tablename__ = "trucks"
    __table_args__ = (
        UniqueConstraint("org_id", "unit_number"),
        UniqueConstraint("org_id", "id"),
        CheckConstraint("payload_kg > 0 AND deck_length_m > 0", name="sizes"),
        CheckConstraint(
            "cost_empty_cents_per_km >= 0 AND cost_loaded_cents_per_km >= 0",
            name="costs",
        ),
        CheckConstraint("hour_cents BETWEEN 0 AND 20000", name="hour"),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    unit_number: Mapped[str]
    equipment: Mapped[Equipment] = mapped_column(Word(Equipment))
    payload_kg: Mapped[int | None]
    deck_length_m: Mapped[float | None]
    is_hazmat_allowed: Mapped[bool] = mapped_column(default=False)
    cost_empty_cents_per_km: Mapped[float | None]
    cost_loaded_cents_per_km: Mapped[float | None]
    hour_cents: Mapped[int | None]
