"""Loads as a search judges them: all stops, the ways between them, their posters."""

from math import inf, isinf
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select, text
from uuid_utils.compat import uuid7

from freight.equipment import Equipment
from models.loads.loads import Load
from models.loads.stops import Stop
from runtime.db import Session
from services.judging.candidates import candidate, candidates, records_of
from services.loads.measuring import measure_batch
from tests.services.booking.desk import change, won
from tests.services.scene import Scene
from tests.world import CHICAGO, CLEVELAND, GARY, NEW_YORK, NEWARK, ROADS, World


def seen(load_id: UUID) -> Any:
    with Session() as session:
        found = candidate(session, load_id)
    assert found is not None
    return found


def measured() -> None:
    """Do the command that measures loads, for all of them."""
    with Session.begin() as session:
        measure_batch(session, ROADS, after=None, most=100)


def of_three(scene: Scene, **middle: Any) -> UUID:
    """Post a load from New York by Cleveland to Chicago."""
    body = scene.world.stop_body
    return scene.load(
        stops=[
            body("pickup", NEW_YORK, 1, 24),
            body("pickup", CLEVELAND, 2, 48, **middle),
            body("delivery", CHICAGO, 3, 96),
        ]
    )


class TestTheLoad:
    def test_is_as_it_was_posted(self, scene: Scene) -> None:
        load_id = scene.load(
            NEWARK,
            CHICAGO,
            equipment=["van", "reefer"],
            weight_kg=9_000,
            length_m=12.5,
            price_cents=123_456,
            currency="CAD",
            has_hazmat=True,
            temperature_min_c=-5.0,
            temperature_max_c=4.0,
        )

        found = seen(load_id)
        with Session() as session:
            row = session.get_one(Load, load_id)

        assert (found.load_id, found.pickup, found.delivery) == (
            *(load_id, NEWARK, CHICAGO),
        )
        assert found.equipment == {Equipment.VAN, Equipment.REEFER}
        assert (found.weight_kg, found.length_m) == (9_000, 12.5)
        assert (found.price_cents, found.currency) == (123_456, "CAD")
        assert found.has_hazmat is True
        assert (found.temperature_min_c, found.temperature_max_c) == (-5.0, 4.0)
        for name in ("pickup_from", "pickup_until", "delivery_from", "delivery_until"):
            assert getattr(found, name) == getattr(row, name)
        assert (found.loaded_m, found.stop_count) == (row.loaded_m, 2)

    @pytest.mark.parametrize(
        ("said", "taken"), [(None, True), (True, True), (False, False)]
    )
    def test_takes_reefers_unless_its_poster_says_that_it_does_not(
        self, scene: Scene, said: bool | None, taken: bool
    ) -> None:
        assert seen(scene.load(takes_reefers=said)).takes_reefers is taken

    def test_whose_stops_no_road_joins_is_without_end(self, scene: Scene) -> None:
        load_id = scene.load()
        change("loads", "distance_source = 'no_road'")

        assert isinf(seen(load_id).loaded_m)

    def test_is_seen_in_any_status(self, scene: Scene) -> None:
        booked, withdrawn = scene.load(), scene.load()
        change("loads", "status = 'booked'", f"id = '{booked}'")
        change("loads", "status = 'withdrawn'", f"id = '{withdrawn}'")

        with Session() as session:
            assert set(candidates(session, [booked, withdrawn])) == {booked, withdrawn}

    def test_that_nobody_posted_is_none(self, scene: Scene) -> None:
        with Session() as session:
            assert candidate(session, uuid7()) is None
            assert candidates(session, []) == {}

    def test_is_read_anew_whatever_the_session_knows_of_it(self, scene: Scene) -> None:
        load_id = scene.load(price_cents=250_000)

        with Session() as session:
            session.get_one(Load, load_id)
            session.execute(text("update loads set price_cents = 7"))
            session.execute(text("update stops set lat = 41 where sequence = 1"))
            found = candidate(session, load_id)

        assert found is not None
        assert found.price_cents == 7
        assert found.stops[1].point.lat == 41

    def test_many_take_as_many_statements_as_one(
        self, scene: Scene, session: Any
    ) -> None:
        some = [scene.load() for _ in range(5)]
        asked: list[str] = []
        engine = session.get_bind().engine

        def note(_connection: Any, _cursor: Any, statement: str, *_: object) -> None:
            asked.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        try:
            numbers = []
            # The first one of a transaction comes with the statements that open it.
            for load_ids in (some[:1], some[:1], some):
                asked.clear()
                assert len(candidates(session, load_ids)) == len(load_ids)
                numbers.append(len(asked))
        finally:
            event.remove(engine, "before_cursor_execute", note)

        assert numbers[1:] == [3, 3]


class TestStops:
    def test_are_all_there_in_order(self, scene: Scene) -> None:
        load_id = of_three(scene)

        stops = seen(load_id).stops
        with Session() as session:
            rows = session.scalars(
                select(Stop).where(Stop.load_id == load_id).order_by(Stop.sequence)
            ).all()

        assert [stop.point for stop in stops] == [NEW_YORK, CLEVELAND, CHICAGO]
        assert [stop.is_pickup for stop in stops] == [True, True, False]
        for stop, row in zip(stops, rows, strict=True):
            assert (stop.window_from, stop.window_until) == (
                *(row.window_from, row.window_until),
            )

    def test_say_where_they_are(self, scene: Scene) -> None:
        stops = seen(of_three(scene)).stops

        assert [(stop.country, stop.state) for stop in stops] == [
            *(("US", "NY"), ("US", "OH"), ("US", "IL")),
        ]
        assert [stop.is_urban for stop in stops] == [True, False, True]

    def test_are_open_in_the_hours_of_their_docks(self, scene: Scene) -> None:
        hours = [{"days": ["mon", "wed"], "from": "08:00", "until": "16:00"}]
        load_id = of_three(scene, opening_hours=hours)

        first, middle, last = seen(load_id).stops

        assert (first.opening, last.opening) == ((), ())
        assert len(middle.opening) % 2 == 0
        for opens, closes in zip(
            middle.opening[::2], middle.opening[1::2], strict=True
        ):
            assert 0 < closes - opens <= 8 * 3600
            assert middle.window_from.timestamp() - 1 <= opens
            assert closes <= middle.window_until.timestamp() + 1


class TestLegs:
    def test_are_the_ways_between_the_stops(self, scene: Scene) -> None:
        load_id = of_three(scene)
        measured()

        first, *others = seen(load_id).stops

        assert (first.leg_m, first.leg_access_m) == (0.0, 0.0)
        assert [stop.leg_m for stop in others] == [
            pytest.approx(ROADS.distance_m(a, b))
            for a, b in ((NEW_YORK, CLEVELAND), (CLEVELAND, CHICAGO))
        ]
        change("stops", "leg_access_m = 5_000", "sequence = 2")
        assert [stop.leg_access_m for stop in seen(load_id).stops] == [0.0, 0.0, 5_000]

    def test_never_measured_are_equal_parts_of_the_way(self, scene: Scene) -> None:
        load_id = of_three(scene)
        change("stops", "road_version = null, leg_m = null", "true")

        found = seen(load_id)

        assert [stop.leg_m for stop in found.stops] == [
            *(0.0, found.loaded_m / 2, found.loaded_m / 2),
        ]

    def test_without_a_road_have_no_end(self, scene: Scene) -> None:
        load_id = of_three(scene)
        measured()
        change("stops", "leg_m = null, leg_access_m = null", "sequence = 1")

        legs = [(stop.leg_m, stop.leg_access_m) for stop in seen(load_id).stops]

        assert legs[:2] == [(0.0, 0.0), (inf, 0.0)]
        assert legs[2][0] == pytest.approx(ROADS.distance_m(CLEVELAND, CHICAGO))


class TestRecordsOfPosters:
    def test_count_the_loads_that_others_booked(self, scene: Scene) -> None:
        kept, cancelled = scene.loads(2)
        for load_id in (kept, cancelled):
            scene.assigned(scene.driver(), load_id)
        reason = {"reason": "customer"}
        path = f"/v1/loads/{cancelled}/cancellation"
        answer = scene.shipper.put(path, reason)
        assert answer.status == 200, answer.body

        found = seen(scene.load(GARY, CLEVELAND))

        assert (found.cancelled, found.booked) == (1, 2)

    def test_hold_nothing_against_the_poster_that_the_carrier_ended(
        self, scene: Scene
    ) -> None:
        load_id = scene.load()
        path = f"/v1/assignments/{scene.assigned(scene.driver(), load_id)}/override"
        answer = scene.carrier.post(path, {"kind": "unassign", "reason": "weather"})
        assert answer.status == 201, answer.body
        path = f"/v1/loads/{load_id}/cancellation"
        assert scene.shipper.put(path, {"reason": "customer"}).status == 200

        found = seen(scene.load(GARY, CLEVELAND))

        assert (found.cancelled, found.booked) == (0, 1)

    def test_count_no_load_that_the_poster_carries_itself(self, scene: Scene) -> None:
        own = scene.world.load(scene.carrier, NEWARK, CHICAGO)
        scene.assigned(scene.driver(), UUID(own["id"]))

        found = seen(UUID(scene.world.load(scene.carrier, GARY, CLEVELAND)["id"]))

        assert found.booked == 0

    def test_count_a_load_once_that_another_driver_took_on(self, scene: Scene) -> None:
        driver, other = scene.drivers(2)
        path = f"/v1/assignments/{scene.assigned(driver, scene.load())}/override"
        body = {"kind": "reassign", "reason": "weather", "driver_id": other.driver_id}
        answer = scene.carrier.post(path, body)
        assert answer.status == 201, answer.body

        assert seen(scene.load(GARY, CLEVELAND)).booked == 1

    def test_are_of_the_last_half_year(self, scene: Scene) -> None:
        for _ in range(2):
            scene.assigned(scene.driver(), scene.load())
        one = "id = (select min(id::text)::uuid from assignments)"
        change("assignments", "created_at = now() - interval '181 days'", one)

        assert seen(scene.load(GARY, CLEVELAND)).booked == 1

    def test_leave_out_a_poster_of_whose_loads_none_was_booked(
        self, scene: Scene
    ) -> None:
        load_id = scene.load()

        with Session() as session:
            assert records_of(session, [scene.shipper.org_id]) == {}
        assert (seen(load_id).cancelled, seen(load_id).booked) == (0, 0)

    def test_are_of_the_loads_own_poster(self, scene: Scene, world: World) -> None:
        other = Scene(world)
        mine, theirs = scene.load(), other.load()
        won(scene, scene.driver())

        with Session() as session:
            found = candidates(session, [mine, theirs])

        booked = {load_id: each.booked for load_id, each in found.items()}
        assert sorted(booked.values()) == [0, 1]
