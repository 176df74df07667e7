"""Loads that stand by in quiet hours, for a driver who does not answer, and what a
driver's settings say."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from models.fleet.drivers import Availability, Driver
from models.offers.offers import Offer
from models.people.organisations import Member
from models.search.searches import BackhaulSearch
from models.search.standing import StandingBy
from runtime.db import Session
from services.fleet import ringing
from services.search import going_on, offer
from tests.services import scene as staging
from tests.services.scene import (
    Scene,
    decline,
    expire,
    let_time_run_out,
    let_waits_pass,
    open_offers,
    pushes_to,
    queued,
    rows_of,
)
from tests.services.search.standing_scene import desk, moving, row_of, say
from tests.services.search.test_waiting import change, post
from tests.world import Caller, utcnow

HOUR = timedelta(hours=1)


def around(hours: int = 1) -> dict[str, str]:
    """Return quiet hours that it is now, and for so many hours."""
    now = utcnow()
    begin, end = now - HOUR, now + hours * HOUR
    return {"from": f"{begin:%H:%M}", "until": f"{end:%H:%M}", "zone": "UTC"}


def set_up(driver: Caller, **fields: object) -> None:
    path = f"/v1/drivers/{driver.driver_id}"
    tag = driver.get(path).headers["ETag"]
    answer = driver.patch(path, fields, headers={"If-Match": tag})
    assert answer.status == 200, answer.body


def ring(scene: Scene, driver: Caller, rounds: int) -> BackhaulSearch:
    """Let rounds of one offer each expire unseen; return their search."""
    scene.changes["OFFERS_PER_DRIVER"] = 1
    search = scene.search(driver)
    for number in range(rounds):
        if number:
            go_on(scene, search)
        (made,) = open_offers(driver)
        let_time_run_out(made.id)
        expire()
    return search


def go_on(scene: Scene, search: BackhaulSearch) -> None:
    with Session.begin() as session:
        going_on.offer_next(session, scene.rules, search_id=search.id, now=utcnow())


class TestQuietHours:
    def test_get_no_offer_and_open_at_their_end(self, scene, run_jobs):
        load_id = scene.load()
        dispatcher, driver = desk(scene), scene.driver()
        set_up(driver, quiet_hours=around())

        search = scene.search(driver)

        assert (search.outcome, open_offers(driver)) == ("stands_by", [])
        assert pushes_to(dispatcher) == ["loads_stand_by"]
        row = row_of(driver)
        end = (utcnow() + HOUR).replace(second=0, microsecond=0)
        assert (row.reason, row.load_ids) == ("quiet_hours", [load_id])
        assert end - timedelta(minutes=1) <= row.opens_at <= end
        (job,) = queued("search.offer_next")
        assert job.scheduled_at == row.opens_at
        change(Driver, driver.driver_id, quiet_hours=None)
        let_waits_pass()
        run_jobs(only="search.offer_next", **scene.changes)
        assert [o.load_id for o in open_offers(driver)] == [load_id]

    def test_ring_at_other_times(self, scene):
        scene.load()
        driver = scene.driver()
        now = utcnow()
        later = {"from": f"{now + 2 * HOUR:%H:%M}", "until": f"{now + 3 * HOUR:%H:%M}"}
        set_up(driver, quiet_hours=later | {"zone": "UTC"})

        scene.search(driver)

        assert len(open_offers(driver)) == 1

    def test_are_by_the_clock_of_their_home_without_a_zone(self, scene):
        driver = scene.driver()
        set_up(driver, quiet_hours={"from": "22:00", "until": "06:00"})
        (row,) = rows_of(Driver, Driver.id == UUID(driver.driver_id))
        night = utcnow().replace(month=1, day=15, hour=5, minute=0)

        assert ringing.quiet_until(row, night).hour == 12
        row.home_lat = row.home_lon = None
        assert ringing.quiet_until(row, night) is None

    def test_outlast_the_stop_of_the_truck(self, scene, run_jobs):
        scene.load()
        dispatcher, driver = desk(scene), moving(scene)
        scene.search(driver)
        set_up(driver, quiet_hours=around())
        say(driver, 0.0)

        run_jobs(only="search.offer_next", **scene.changes)

        assert row_of(driver).reason == "quiet_hours"
        assert open_offers(driver) == []
        assert pushes_to(dispatcher) == ["loads_stand_by"]

    def test_that_are_taken_back_open_at_once(self, scene, run_jobs):
        scene.load()
        driver = scene.driver()
        set_up(driver, quiet_hours=around())
        scene.search(driver)

        set_up(driver, quiet_hours=None)
        run_jobs(only="search.offer_next", **scene.changes)

        assert len(open_offers(driver)) == 1

    def test_that_are_taken_back_while_a_search_decides(self, committed, run_jobs):
        scene = Scene(committed)
        scene.load()
        driver = scene.driver()
        set_up(driver, quiet_hours=around())
        search = scene.search(driver)
        with Session.begin() as session:
            session.delete(session.get_one(StandingBy, UUID(driver.driver_id)))

        def decide(session):
            again = session.get_one(BackhaulSearch, search.id)
            offer.extend(session, again, scene.rules.offers, scene.rules.roads)

        with staging.waiting(decide, lambda _: set_up(driver, quiet_hours=None)):
            pass
        run_jobs(only="search.offer_next", **scene.changes)

        assert len(open_offers(driver)) == 1


class TestWhileMoving:
    def rings(self, scene: Scene, driver: Caller) -> bool:
        scene.search(driver)
        return len(open_offers(driver)) == 1

    def test_hands_free_rings(self, scene):
        scene.load()
        driver = moving(scene)
        set_up(driver, rings_while_moving="hands_free")

        assert self.rings(scene, driver)

    def test_hands_free_is_quiet_in_quiet_hours(self, scene):
        scene.load()
        driver = moving(scene)
        set_up(driver, rings_while_moving="hands_free", quiet_hours=around())

        assert not self.rings(scene, driver)

    @pytest.mark.parametrize(
        ("mate", "rings"),
        [
            *(("is there", True), ("is off duty", False), ("has left", False)),
            ("is on another truck", False),
        ],
    )
    def test_a_co_driver_is_rung_while_they_are_on_the_truck(self, scene, mate, rings):
        scene.load()
        driver, other = moving(scene), scene.driver()
        (own,) = rows_of(Driver, Driver.id == UUID(driver.driver_id))
        set_up(driver, rings_while_moving="co_driver")
        if mate != "is on another truck":
            change(Driver, other.driver_id, truck_id=own.truck_id)
        if mate == "is off duty":
            change(Driver, other.driver_id, availability=Availability.OFF_DUTY)
        if mate == "has left":
            change(Member, other.member_id, deactivated_at=utcnow())

        assert self.rings(scene, driver) is rings

    def test_a_co_driver_is_not_rung_unless_the_driver_says_so(self, scene):
        scene.load()
        driver, other = moving(scene), scene.driver()
        (own,) = rows_of(Driver, Driver.id == UUID(driver.driver_id))
        change(Driver, other.driver_id, truck_id=own.truck_id)

        assert not self.rings(scene, driver)

    def test_is_looked_at_again_when_the_driver_changes_it(self, scene, run_jobs):
        scene.load()
        driver = moving(scene)
        scene.search(driver)

        set_up(driver, rings_while_moving="hands_free")
        run_jobs(only="search.offer_next", **scene.changes)

        assert len(open_offers(driver)) == 1


class TestADriverWhoDoesNotAnswer:
    def test_is_left_alone_after_two_rounds(self, scene):
        *_, third = scene.loads(3)
        dispatcher, driver = desk(scene), scene.driver()
        search = ring(scene, driver, 2)

        go_on(scene, search)

        row = row_of(driver)
        assert open_offers(driver) == []
        assert (row.reason, row.load_ids, row.opens_at) == ("unanswered", [third], None)
        assert pushes_to(dispatcher) == ["loads_stand_by"]
        (kept,) = rows_of(BackhaulSearch, BackhaulSearch.id == search.id)
        assert kept.outcome == "offered"

    def test_is_rung_a_second_time(self, scene):
        scene.loads(2)
        driver = scene.driver()
        search = ring(scene, driver, 1)

        go_on(scene, search)

        assert len(open_offers(driver)) == 1

    @pytest.mark.parametrize("how", ["reads the list", "reads the open ones"])
    def test_is_offered_what_stands_by_when_they_open_the_app(
        self, scene, run_jobs, how
    ):
        *_, third = scene.loads(3)
        driver = scene.driver()
        go_on(scene, ring(scene, driver, 2))

        driver.get("/v1/offers" + ("?is_open=true" if "open" in how else ""))
        driver.get("/v1/offers")
        assert len(queued("search.offer_next")) >= 1
        run_jobs(only="search.offer_next", **scene.changes)

        assert [o.load_id for o in open_offers(driver)] == [third]
        assert row_of(driver) is None

    @pytest.mark.parametrize("who", ["in the background", "the desk"])
    def test_has_not_opened_the_app_when_another_asks(self, scene, who):
        scene.loads(3)
        driver = scene.driver()
        go_on(scene, ring(scene, driver, 2))

        if who == "the desk":
            scene.carrier.get("/v1/offers")
        else:
            driver.get("/v1/offers", If_None_Match='"an-older-one"')

        assert row_of(driver).asked_at is None
        (row,) = rows_of(Driver, Driver.id == UUID(driver.driver_id))
        assert row.app_opened_at is None

    def test_is_not_looked_at_when_their_settings_change(self, scene):
        scene.loads(3)
        driver = scene.driver()
        go_on(scene, ring(scene, driver, 2))

        set_up(driver, rings_while_moving="hands_free")

        assert (row_of(driver).reason, row_of(driver).asked_at) == ("unanswered", None)

    def test_who_opened_the_app_between_the_rounds_is_rung(self, scene):
        scene.loads(3)
        driver = scene.driver()
        search = ring(scene, driver, 1)
        driver.get("/v1/offers")
        go_on(scene, search)
        let_time_run_out(*[o.id for o in open_offers(driver)])
        expire()

        go_on(scene, search)

        assert len(open_offers(driver)) == 1

    @pytest.mark.parametrize("answer", ["seen", "declined"])
    @pytest.mark.parametrize("which", [0, 1])
    def test_an_answer_to_either_round_is_enough(self, scene, answer, which):
        scene.loads(3)
        driver = scene.driver()
        search = ring(scene, driver, 2)
        rounds = sorted(rows_of(Offer), key=lambda o: o.created_at)
        what = {"seen": "seen_at", "declined": "responded_at"}[answer]
        change(Offer, rounds[which].id, **{what: utcnow()})

        go_on(scene, search)

        assert len(open_offers(driver)) == 1

    @pytest.mark.parametrize("how", ["seen", "declined"])
    def test_an_answer_opens_what_stands_by(self, scene, run_jobs, how):
        scene.loads(2)
        driver = scene.driver()
        scene.changes |= {"OFFERS_PER_DRIVER": 2, "RING_EVERY_S": 0}
        scene.search(driver)
        (first, _) = open_offers(driver)
        with Session.begin() as session:
            session.execute(
                update(Offer)
                .where(Offer.id == first.id)
                .values(created_at=first.created_at - timedelta(minutes=9))
            )
        came = post(scene, price_cents=500_000, weight_kg=9_000)
        run_jobs(only="search.wake", **scene.changes)
        run_jobs(only="search.woken", **scene.changes)
        assert row_of(driver).load_ids == [came]

        if how == "seen":
            assert driver.put(f"/v1/offers/{first.id}/seen").status == 200
        else:
            decline(driver, first.id)
        run_jobs(only="search.offer_next", **scene.changes)

        assert came in {o.load_id for o in open_offers(driver)}

    @pytest.mark.parametrize("status", ["lost", "withdrawn"])
    def test_a_round_that_others_won_is_not_counted(self, scene, status):
        scene.loads(3)
        driver = scene.driver()
        search = ring(scene, driver, 2)
        newest = max(rows_of(Offer), key=lambda o: o.created_at)
        change(Offer, newest.id, status=status)

        go_on(scene, search)

        assert len(open_offers(driver)) == 1

    def test_who_opens_the_app_while_a_search_decides(self, committed, run_jobs):
        scene = Scene(committed)
        scene.loads(3)
        driver = scene.driver()
        search = ring(scene, driver, 2)

        def decide(session):
            job = {"search_id": search.id, "now": utcnow()}
            going_on.offer_next(session, scene.rules, **job)

        with staging.waiting(decide, lambda _: driver.get("/v1/offers")):
            pass

        assert row_of(driver).asked_at is not None
        run_jobs(only="search.offer_next", **scene.changes)
        assert len(open_offers(driver)) == 1

    def test_the_app_is_noted_once_for_a_round(self, scene):
        scene.load()
        driver = scene.driver()
        driver.get("/v1/offers")
        (row,) = rows_of(Driver, Driver.id == UUID(driver.driver_id))
        assert row.app_opened_at is None
        scene.search(driver)

        driver.get("/v1/offers")
        (first,) = rows_of(Driver, Driver.id == UUID(driver.driver_id))
        driver.get("/v1/offers")
        (second,) = rows_of(Driver, Driver.id == UUID(driver.driver_id))

        assert first.app_opened_at is not None
        assert second.app_opened_at == first.app_opened_at
        assert second.version == row.version
