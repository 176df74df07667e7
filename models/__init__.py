"""Tables: columns, constraints, enums, and the invariants of a single row.

Importing the package makes every table known to the metadata.
"""

from models.booking import overrides
from models.fleet import areas, drivers, flags, positions, trucks
from models.kernel import events, idempotency, limits, periodic
from models.kernel.row import Row
from models.loads import assignments, duplicates, loads, stops, tombstones
from models.offers import offers, pushes
from models.people import credentials, devices, organisations
from models.search import searches, standing, waiting
from models.upkeep import audit

__all__ = [
    "Row",
    "areas",
    "assignments",
    "audit",
    "credentials",
    "devices",
    "drivers",
    "duplicates",
    "events",
    "flags",
    "idempotency",
    "limits",
    "loads",
    "offers",
    "organisations",
    "overrides",
    "periodic",
    "positions",
    "pushes",
    "searches",
    "standing",
    "stops",
    "tombstones",
    "trucks",
    "waiting",
]
