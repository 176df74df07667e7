"""Countries and states of a load's stops, and the borders between them."""

from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from freight.borders import crossings, domestic_country
from geo.points import Point
from models.loads.loads import Load
from models.loads.stops import Stop
from places.regions import region_of


def settle(load: Load) -> None:
    """Set where each stop is, and what borders the load crosses. The stops are set."""
    for stop in load.stops:
        region = region_of(stop.point, stop.address)
        stop.country, stop.state, stop.is_urban = region
    countries = [stop.country for stop in load.stops]
    load.crossings = crossings(countries)
    load.domestic_country = domestic_country(countries)


def fill(session: Session, load_ids: Sequence[UUID]) -> None:
    """Do the same for loads that are stored, with all their stops.

    For loads that an older release posted. It is no edit: versions and times of update
    stay. Safe to repeat. The number of statements does not depend on the loads.

    Locks: the loads, then their stops, each by id.
    """
    # scope: the operator's command, for all companies.
    session.execute(
        select(Load.id)
        .where(Load.id.in_(load_ids))
        .order_by(Load.id)
        .with_for_update(key_share=True)
    )
    columns = (Stop.load_id, Stop.id, Stop.lat, Stop.lon, Stop.address)
    found = session.execute(
        select(*columns)
        .where(Stop.load_id.in_(load_ids))
        .order_by(Stop.load_id, Stop.sequence)
    )
    of_stops, of_loads = [], []
    for load_id, stops in groupby(found, key=lambda stop: stop.load_id):
        countries = []
        for stop in stops:
            region = region_of(Point(stop.lat, stop.lon), stop.address)
            of_stops.append({"of": stop.id, **region._asdict()})
            countries.append(region.country)
        borders = {
            "crossings": crossings(countries),
            "domestic_country": domestic_country(countries),
        }
        of_loads.append({"of": load_id, **borders})
    of_stops.sort(key=lambda each: each["of"])
    of_loads.sort(key=lambda each: each["of"])
    # As tables: the models would make a version of each load.
    for table, changes in ((Load.__table__, of_loads), (Stop.__table__, of_stops)):
        if changes:
            named = update(table).where(table.c.id == bindparam("of"))  # type: ignore[arg-type]
            session.connection().execute(named, changes)
