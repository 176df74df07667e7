"""Areas where a company or a driver wants to work, or must not go."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.row import Dated, Identified, Row, Versioned, Word, within


class AreaKind(StrEnum):
    """OPERATING: work inside only. NO_GO: never inside."""

    OPERATING = "operating"
    NO_GO = "no_go"


class Area(Identified, Dated, Versioned, Row):
    """A GeoJSON polygon. Without a driver it applies to the whole company."""

    __tablename__ = "areas"
    __table_args__ = (
        within("driver_id", "drivers"),
        Index(None, "org_id"),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    driver_id: Mapped[UUID | None]
    kind: Mapped[AreaKind] = mapped_column(Word(AreaKind))
    name: Mapped[str]
    geometry: Mapped[dict[str, Any]]
