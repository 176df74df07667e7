"""Tables. Columns, constraints, enums, one row's own invariants.

Importing the package makes every table known to the metadata.
"""

from models import (
    areas,
    assignments,
    audit,
    credentials,
    devices,
    drivers,
    events,
    idempotency,
    limits,
    loads,
    offers,
    organisations,
    periodic,
    positions,
    pushes,
    searches,
    stops,
    trucks,
)
from models.row import Row

__all__ = [
    "Row",
    "areas",
    "assignments",
    "audit",
    "credentials",
    "devices",
    "drivers",
    "events",
    "idempotency",
    "limits",
    "loads",
    "offers",
    "organisations",
    "periodic",
    "positions",
    "pushes",
    "searches",
    "stops",
    "trucks",
]
