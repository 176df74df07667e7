"""Loads that an older release posted get the countries of their stops."""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from geo.points import Point
from runtime.db import Session
from services.loads import places_of_stops
from tests.world import CHICAGO, World

TORONTO = Point(43.6532, -79.3832)

COLUMNS = (
    "select l.id, l.version, l.updated_at, l.crossings, l.domestic_country,"
    " array_agg(array[s.country, s.state, s.is_urban::text] order by s.sequence)"
    " from loads l join stops s on s.load_id = l.id group by l.id order by l.id"
)


def rows() -> list[Any]:
    with Session() as session:
        return [tuple(row) for row in session.execute(text(COLUMNS))]


def forget() -> None:
    with Session.begin() as session:
        session.execute(
            text("update stops set country = null, state = null, is_urban = false")
        )
        session.execute(text("update loads set crossings = 7, domestic_country = null"))


class TestFill:
    def test_sets_what_a_posting_sets_and_makes_no_version(self, world: World) -> None:
        shipper = world.shipper()
        abroad = world.stop_body("pickup", TORONTO, address={"country": "CA"})
        home = world.stop_body("delivery", CHICAGO, ends_h=96)
        made = [world.load(shipper), world.load(shipper, stops=[abroad, home])]
        before = rows()
        forget()
        ids = [UUID(load["id"]) for load in made]

        for _ in range(2):
            with Session.begin() as session:
                places_of_stops.fill(session, ids)

            assert rows() == before
        assert {row[3] for row in before} == {0, 1}
        assert {row[4] for row in before} == {"US", None}

    def test_leaves_other_loads_alone(self, world: World) -> None:
        shipper = world.shipper()
        mine, _other = world.load(shipper), world.load(shipper)
        forget()

        with Session.begin() as session:
            places_of_stops.fill(session, [UUID(mine["id"])])
            places_of_stops.fill(session, [])

        assert sorted(row[3] for row in rows()) == [0, 7]
