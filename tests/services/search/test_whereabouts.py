"""A search starts where the driver is: at the drop, or where they were seen since."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from geo.distance import destination
from geo.points import Point
from models.fleet.positions import LastPosition
from models.loads.assignments import Assignment
from models.loads.stops import Stop
from runtime.db import Session
from services.fleet.flags import FARTHEST_FROM_STOP_M, FASTEST_MPS
from services.judging import whereabouts
from services.search import run
from tests.services.scene import Scene, last_seen
from tests.world import CLEVELAND, NEW_YORK, Caller, utcnow

AGO = timedelta(hours=7)


def completed(scene: Scene, at: datetime) -> UUID:
    """Return a drop in New York that was completed at that time."""
    stop_id = scene.drop(NEW_YORK)
    with Session.begin() as session:
        session.execute(
            update(Stop)
            .where(Stop.id == stop_id)
            .values(status="completed", arrived_at=at, completed_at=at)
        )
    return stop_id


def start(
    scene: Scene,
    place: Point,
    *,
    seen_after: timedelta,
    completed_ago: timedelta = AGO,
    accuracy_m: float | None = None,
) -> Point:
    """Return where the search of the drop starts.

    seen_after: how long after the completion the driver was at `place`.
    """
    now = utcnow()
    completed_at = now - completed_ago
    driver, stop_id = scene.driver(), completed(scene, completed_at)
    seen_at = completed_at + seen_after
    with Session.begin() as session:
        last_seen(session, driver, place, corrected_at=seen_at, accuracy_m=accuracy_m)
        made = run.search_home(
            session,
            scene.rules,
            stop_id=stop_id,
            driver_id=UUID(driver.driver_id),
            now=now,
        )
    assert made is not None
    return Point(**made.situation["drop"])


class TestAfterADrop:
    def test_reported_late_it_starts_where_the_driver_is_by_now(
        self, scene: Scene
    ) -> None:
        found = start(scene, CLEVELAND, seen_after=timedelta(hours=6, minutes=50))

        assert found == CLEVELAND

    def test_seen_since_near_the_drop_it_starts_there(self, scene: Scene) -> None:
        near = destination(NEW_YORK, 285, 10_000)

        assert start(scene, near, seen_after=timedelta(hours=1)) == near

    def test_seen_last_before_it_the_driver_is_at_the_drop(self, scene: Scene) -> None:
        nine_hours = timedelta(hours=-9)

        assert start(scene, CLEVELAND, seen_after=nine_hours) == NEW_YORK

    def test_seen_so_far_away_that_no_truck_comes_it_was_reported_from_elsewhere(
        self, scene: Scene
    ) -> None:
        found = start(scene, CLEVELAND, seen_after=timedelta(minutes=-10))

        assert found == CLEVELAND

    @pytest.mark.parametrize(("share", "is_there"), [(0.9, True), (1.1, False)])
    def test_the_fastest_truck_decides_what_is_too_far(
        self, scene: Scene, share: float, is_there: bool
    ) -> None:
        away = destination(NEW_YORK, 285, share * FASTEST_MPS * 3600)

        found = start(scene, away, seen_after=timedelta(hours=-1))

        assert found == (NEW_YORK if is_there else away)

    def test_an_inexact_position_near_the_limit_is_no_contradiction(
        self, scene: Scene
    ) -> None:
        away = destination(NEW_YORK, 285, FASTEST_MPS * 3600 + 3_000)

        found = start(scene, away, seen_after=timedelta(hours=-1), accuracy_m=4_000)

        assert found == NEW_YORK

    def test_near_the_stop_a_moment_before_is_at_the_stop(self, scene: Scene) -> None:
        near = destination(NEW_YORK, 285, FARTHEST_FROM_STOP_M - 1_000)

        assert start(scene, near, seen_after=timedelta(seconds=-1)) == NEW_YORK

    def test_a_driver_never_seen_is_at_the_drop(self, scene: Scene) -> None:
        driver = scene.rows.driver(scene.carrier, device=None, is_seen=False)
        stop_id = scene.drop(NEW_YORK)
        with Session() as session:
            place = whereabouts.after_drop(
                session,
                UUID(driver.driver_id),
                session.get_one(Stop, stop_id),
                utcnow(),
            )

        assert place == (NEW_YORK, "stop")

    def test_not_completed_on_paper_the_time_of_the_search_counts(
        self, scene: Scene
    ) -> None:
        """A position of now, far away, is no older than the report."""
        driver, now = scene.driver(), utcnow()
        stop_id = scene.drop(NEW_YORK)
        with Session.begin() as session:
            last_seen(session, driver, CLEVELAND, corrected_at=now)
            stop = session.get_one(Stop, stop_id)
            place = whereabouts.after_drop(session, UUID(driver.driver_id), stop, now)

        assert place == (CLEVELAND, "position")

    def test_loads_behind_a_driver_who_reports_late_are_not_searched(
        self, scene: Scene
    ) -> None:
        behind, ahead = scene.load(), scene.load(pickup=CLEVELAND)
        driver, stop_id = scene.driver(), completed(scene, utcnow() - AGO)
        with Session.begin() as session:
            last_seen(session, driver, CLEVELAND)
            made = run.search_home(
                session,
                scene.rules,
                stop_id=stop_id,
                driver_id=UUID(driver.driver_id),
                now=utcnow(),
            )

        assert made is not None
        found = [UUID(record["candidate"]["load_id"]) for record in made.ranked]
        assert (found, behind in found) == ([ahead], False)


class TestWithoutADrop:
    """The load was taken from the driver: they may be anywhere."""

    def last_seen(self, driver: Caller, ago: timedelta) -> None:
        with Session.begin() as session:
            session.execute(
                update(LastPosition)
                .where(LastPosition.driver_id == UUID(driver.driver_id))
                .values(
                    lat=CLEVELAND.lat, lon=CLEVELAND.lon, corrected_at=utcnow() - ago
                )
            )

    def arrived(self, scene: Scene, driver: Caller, after: timedelta) -> UUID:
        """Let a truck arrive in New York, so long after the driver got the load."""
        load_id = scene.load(pickup=NEW_YORK)
        assignment_id = scene.assigned(driver, load_id)
        with Session.begin() as session:
            booked_at = session.get_one(Assignment, assignment_id).created_at
            session.execute(
                update(Stop)
                .where(Stop.load_id == load_id, Stop.sequence == 0)
                .values(status="arrived", arrived_at=booked_at + after)
            )
        return assignment_id

    def place(self, driver: Caller) -> whereabouts.Whereabouts | None:
        with Session() as session:
            return whereabouts.place_of(session, UUID(driver.driver_id), utcnow())

    def test_the_stop_they_came_to_says_more_than_an_old_position(
        self, scene: Scene
    ) -> None:
        driver = scene.driver()
        self.arrived(scene, driver, timedelta(minutes=1))
        self.last_seen(driver, AGO)

        assert self.place(driver) == (NEW_YORK, "stop")

    def test_a_position_of_now_says_more_than_any_stop(self, scene: Scene) -> None:
        driver = scene.driver()
        self.arrived(scene, driver, timedelta(minutes=1))
        self.last_seen(driver, timedelta(0))

        assert self.place(driver) == (CLEVELAND, "position")

    def test_a_stop_that_the_truck_before_came_to_says_nothing(
        self, scene: Scene
    ) -> None:
        driver = scene.driver()
        self.arrived(scene, driver, timedelta(minutes=-1))
        self.last_seen(driver, AGO)

        assert self.place(driver) == (CLEVELAND, "position")

    def test_a_stop_that_the_next_truck_came_to_says_nothing(
        self, scene: Scene
    ) -> None:
        driver = scene.driver()
        assignment_id = self.arrived(scene, driver, timedelta(minutes=2))
        self.last_seen(driver, AGO)
        with Session.begin() as session:
            had = session.get_one(Assignment, assignment_id)
            session.execute(
                update(Assignment)
                .where(Assignment.id == assignment_id)
                .values(
                    status="cancelled", ended_at=had.created_at + timedelta(minutes=1)
                )
            )

        assert self.place(driver) == (CLEVELAND, "position")

    def test_a_driver_of_whom_nothing_is_known_is_nowhere(self, scene: Scene) -> None:
        driver = scene.rows.driver(scene.carrier, device=None, is_seen=False)

        assert self.place(driver) is None
