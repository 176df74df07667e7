"""What the tests of a search share: places by its drop, wishes, areas, its loads."""

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from geo.distance import METRES_PER_MILE, destination
from tests.world import NEW_YORK


def miles_away(miles):
    """Return a place so many miles west of the drop, on the way home."""
    return destination(NEW_YORK, 285, miles * METRES_PER_MILE)


def square(centre, degrees):
    lat, lon, d = centre.lat, centre.lon, degrees
    ring = [[lon - d, lat - d], [lon + d, lat - d], [lon + d, lat + d]]
    ring += [[lon - d, lat + d], [lon - d, lat - d]]
    return {"type": "Polygon", "coordinates": [ring]}


def ids_of(search):
    """Return the ids of the kept loads, best first."""
    return [UUID(record["candidate"]["load_id"]) for record in search.ranked]


def hours_away(record, search):
    """Return how long the driver is away from home with a kept load."""
    begin, end = search.situation["free_at"], record["figures"]["home_eta"]
    away = datetime.fromisoformat(end) - datetime.fromisoformat(begin)
    return away.total_seconds() / 3600


def excluded_in(counts):
    """Return how many loads were excluded for each reason."""
    found = {}
    for stage in counts["stages"]:
        found |= stage["excluded"]
    return found


def draw(caller, kind, geometry, **fields):
    body = {"kind": kind, "name": kind, "geometry": geometry} | fields
    made = caller.put(f"/v1/areas/{uuid7()}", body)
    assert made.status == 200, made.body


def edit(driver, scene, **fields):
    answer = scene.carrier.patch(f"/v1/drivers/{driver.driver_id}", fields)
    assert answer.status == 200, answer.body
