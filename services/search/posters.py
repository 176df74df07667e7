"""What became of the booked loads of posters: how many they cancelled themselves."""

# scope: a door, which counts the bookings of all carriers; only the count is told.

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

Records = Mapping[UUID, tuple[int, int]]
"""(cancelled, booked) loads of each poster."""

BOOKINGS = text("select poster, cancelled, booked from bookings_of(:posters)")


def records_of(session: Session, posters: Collection[UUID]) -> Records:
    """Return what became of the booked loads of these posters, of the last half year.

    A poster of whose loads none was booked is left out.
    """
    rows = session.execute(BOOKINGS, {"posters": list(posters)})
    return {row.poster: (row.cancelled, row.booked) for row in rows}
