"""The search before the drop: while the driver unloads at their last stop."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from models.loads.stops import Stop
from models.search.searches import SearchTrigger
from models.search.waiting import WaitingDriver
from runtime.db import Session
from services.search import going_on
from tests.services.scene import (
    decline,
    expire,
    in_transaction,
    let_waits_pass,
    offer_row,
    open_offers,
    pushes_to,
    queued,
    rows_of,
)
from tests.services.search.dock import (
    docked,
    interrupt,
    offered,
    on_the_way,
    plan,
)
from tests.services.search.standing_scene import DRIVES, row_of, say
from tests.services.search.test_waiting import change, searches
from tests.world import CHICAGO, CLEVELAND, NEW_YORK, utcnow

DWELL = timedelta(hours=2)


def free_at(search) -> datetime:
    return datetime.fromisoformat(search.situation["free_at"]).astimezone(UTC)


class TestTheJob:
    def test_follows_the_arrival_at_the_last_stop_five_minutes_later(self, scene):
        here = on_the_way(scene)
        assert queued("search.arrived") == []
        before = utcnow()

        here.tell("arrival")
        here.tell("arrival")

        (job,) = queued("search.arrived")
        assert job.args["stop_id"] == str(here.stop_id)
        assert job.args["driver_id"] == here.driver.driver_id
        after = job.scheduled_at - before
        assert timedelta(minutes=5) <= after < timedelta(minutes=6)

    def test_follows_also_what_the_desk_reports(self, scene):
        here = on_the_way(scene)

        stop = str(here.stop_id)
        scene.world.report(scene.carrier, stop, "arrival")

        (job,) = queued("search.arrived")
        assert job.args["driver_id"] == here.driver.driver_id

    def test_follows_no_stop_before_the_last(self, scene):
        driver = scene.driver()
        places = [("pickup", CHICAGO), ("delivery", CLEVELAND), ("delivery", CHICAGO)]
        stops = [scene.world.stop_body(kind, at) for kind, at in places]
        load = scene.world.load(scene.shipper, stops=stops)
        scene.world.assign(scene.carrier, driver, load, reason="safety")
        first, second, _ = (stop["id"] for stop in load["stops"])
        scene.world.confirm(scene.shipper, first)
        for stop, fact in (
            *((first, each) for each in ("arrival", "completion", "departure")),
            (second, "arrival"),
        ):
            assert scene.world.report(driver, stop, fact).status == 200

        assert queued("search.arrived") == []

    @pytest.mark.parametrize("end", ["completed", "interrupted", "next"])
    def test_does_nothing_if_by_then(self, scene, run_jobs, end):
        scene.loads(2)
        here = docked(scene)
        if end == "completed":
            here.complete()
        elif end == "interrupted":
            interrupt(here)
        else:
            plan(scene, here.driver, scene.load(pickup=CLEVELAND, delivery=CHICAGO))

        let_waits_pass()
        assert "search.arrived" in run_jobs(**scene.changes)

        triggers = {search.trigger for search in searches(here.driver)}
        assert SearchTrigger.ARRIVED not in triggers

    def test_an_arrival_and_a_completion_at_once_are_one_search(self, scene, run_jobs):
        best, second = scene.loads(2)
        here = docked(scene)
        here.complete()

        run_jobs(**scene.changes)
        let_waits_pass()
        run_jobs(**scene.changes)

        (search,) = searches(here.driver)
        assert search.trigger == "drop_completed"
        assert offered(here.driver) == [best, second]
        assert pushes_to(here.driver).count("offer") == 2

    def test_follows_no_arrival_with_the_next_load(self, scene):
        driver = scene.driver()
        plan(scene, driver, scene.load(pickup=CLEVELAND))

        docked(scene, driver)

        assert queued("search.arrived") == []

    def test_does_nothing_if_the_arrival_was_taken_back(self, scene):
        here = docked(scene)
        change(Stop, here.stop_id, status="pending", arrived_at=None)

        assert here.search() is None

    def test_searches_once_however_often_it_runs(self, scene):
        scene.load()
        here = docked(scene)

        assert here.search() is not None
        assert here.search() is None


class TestTheSearch:
    def test_starts_at_the_stop_and_when_the_dwell_is_over(self, scene):
        best, second = scene.loads(2)
        here = docked(scene)

        search = here.search()

        assert (search.trigger, search.outcome) == ("arrived", "offered")
        assert search.stop_id == here.stop_id
        assert search.situation["starts_from"] == "stop"
        (stop,) = rows_of(Stop, Stop.id == here.stop_id)
        assert free_at(search) == stop.arrived_at + DWELL
        assert offered(here.driver) == [best, second]
        assert pushes_to(here.driver).count("offer") == 2

    def test_counts_from_the_opening_of_the_dock(self, scene):
        here = docked(scene)
        opens = utcnow() + timedelta(hours=5)
        change(Stop, here.stop_id, window_from=opens, window_until=opens)

        assert free_at(here.search()) == opens + DWELL

    def test_of_an_arrival_reported_late_starts_no_earlier_than_now(self, scene):
        here = docked(scene)
        change(Stop, here.stop_id, arrived_at=utcnow() - timedelta(hours=3))
        change(Stop, here.stop_id, window_from=utcnow() - timedelta(hours=9))
        now = utcnow()

        search = in_transaction(lambda session: here.search_in(session, now))

        assert free_at(search) == now

    def test_and_an_hour_late_the_dwell_has_begun(self, scene):
        here = docked(scene)
        change(Stop, here.stop_id, window_from=utcnow() - timedelta(hours=9))
        arrived = utcnow() - timedelta(hours=1)
        change(Stop, here.stop_id, arrived_at=arrived)

        assert free_at(here.search()) == arrived + DWELL

    def test_lets_nobody_wait_and_ends_no_waiting(self, scene):
        here = docked(scene)

        here.search()

        assert rows_of(WaitingDriver) == []

    def test_goes_on_while_they_unload(self, scene, run_jobs):
        scene.changes["OFFERS_PER_DRIVER"] = 1
        best, second = scene.loads(2)
        here = docked(scene)
        here.search()
        (offer,) = open_offers(here.driver)
        assert offer.load_id == best

        decline(here.driver, offer.id)
        run_jobs(only="search.offer_next", **scene.changes)

        assert offered(here.driver) == [second]

    def test_ends_when_nothing_is_left(self, scene, run_jobs):
        scene.load()
        here = docked(scene)
        search = here.search()
        (offer,) = open_offers(here.driver)
        decline(here.driver, offer.id)
        run_jobs(only="search.offer_next", **scene.changes)

        with Session.begin() as session:
            going_on.offer_next(session, scene.rules, search_id=search.id, now=utcnow())

        assert queued("search.offer_next") == []

    def test_ends_no_waiting_that_began_meanwhile(self, scene):
        """The drop may be done, and the driver wait, before it sees that."""
        here = docked(scene)
        path = f"/v1/drivers/{here.driver.driver_id}"
        here.driver.patch(path, {"home_lat": -33.87, "home_lon": 151.21})
        waits = WaitingDriver(
            driver_id=UUID(here.driver.driver_id),
            org_id=here.driver.org_id,
            since=utcnow(),
            lat=NEW_YORK.lat,
            lon=NEW_YORK.lon,
            free_at=utcnow(),
        )
        with Session.begin() as session:
            session.add(waits)

        assert here.search().outcome == "home_out_of_reach"

        assert len(rows_of(WaitingDriver)) == 1

    def test_rings_no_driver_who_was_rung_often_enough(self, scene):
        scene.changes["RINGS_PER_DAY"] = 0
        scene.load()
        here = docked(scene)

        search = here.search()

        assert (search.outcome, offered(here.driver)) == ("nothing_found", [])
        assert len(search.ranked) == 1

    def test_stands_by_while_the_truck_moves(self, scene, run_jobs):
        """It drives to its door in the yard."""
        load_id = scene.load()
        here = docked(scene)
        say(here.driver, DRIVES)

        assert here.search().outcome == "stands_by"
        assert row_of(here.driver).reason == "moving"
        say(here.driver, 0.0)
        run_jobs(only="search.offer_next", **scene.changes)

        assert offered(here.driver) == [load_id]

    def test_leaves_its_offers_open_when_offers_are_swept(self, scene):
        """The sweep ends those of drivers who have a load."""
        load_id = scene.load()
        here = docked(scene)
        here.search()

        expire()

        assert offered(here.driver) == [load_id]

    def test_and_sweeps_them_when_the_driver_has_another_load(self, scene):
        scene.load()
        here = docked(scene)
        here.search()
        (offer,) = open_offers(here.driver)
        here.complete()
        plan(scene, here.driver, scene.load(pickup=CLEVELAND))
        with Session.begin() as session:
            # As if it had been locked at that moment.
            session.execute(text("update offers set status = 'sent', ended_at = null"))

        expire()

        assert offer_row(offer.id).status == "superseded"

    def test_offers_nothing_more_to_who_is_done_there(self, scene):
        """Before the search of the drop has run."""
        scene.changes["OFFERS_PER_DRIVER"] = 1
        scene.loads(2)
        here = docked(scene)
        search = here.search()
        (offer,) = open_offers(here.driver)
        decline(here.driver, offer.id)
        here.complete()

        with Session.begin() as session:
            going_on.offer_next(session, scene.rules, search_id=search.id, now=utcnow())

        assert offered(here.driver) == []
