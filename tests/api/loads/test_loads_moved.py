"""Cancelling a load, and every act of the poster in every status of the load."""

from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session as OrmSession

from freight.lifecycles import LOAD_MOVES, LoadAct, LoadStatus
from models.kernel.events import Event
from models.loads.loads import Load
from tests.api.loads.test_loads import acts_of
from tests.services.scene import Scene
from tests.world import CHICAGO, CLEVELAND, NEW_YORK, World, utcnow


def put_in(session: OrmSession, load: dict[str, Any], status: LoadStatus) -> None:
    session.execute(
        update(Load)
        .where(Load.id == load["id"])
        .values(
            status=status,
            interrupted_at=utcnow() if status is LoadStatus.INTERRUPTED else None,
        ),
        execution_options={"synchronize_session": False},
    )
    session.flush()


class TestCancel:
    def test_the_driver_is_told_and_free(
        self, world: World, session: OrmSession
    ) -> None:
        shipper, carrier = world.shipper(), world.company()
        driver = world.driver(carrier)
        load = world.load(shipper)
        world.assign(carrier, driver, load)
        assert driver.get("/v1/me")["driver"]["availability"] == "on_load"
        url = f"/v1/loads/{load['id']}/cancellation"

        answers = [shipper.put(url, {"reason": why}) for why in ("sold", "again")]

        assert [a["status"] for a in answers] == ["cancelled"] * 2
        assert [a["cancel_reason"] for a in answers] == ["sold"] * 2
        me = driver.get("/v1/me")
        assert (me["driver"]["availability"], me["assignments"]) == ("available", [])
        told = session.scalars(
            text("select kind from pushes where subject_id = :id order by id"),
            {"id": load["id"]},
        )
        assert list(told) == ["load_assigned", "load_unassigned"]
        assert acts_of(session, load) == ["post", "book", "cancel"]
        event = session.scalars(select(Event).where(Event.kind == "load.cancel")).one()
        assert (event.reason, event.edi_214) == ("sold", "CA")
        assert event.body == {"before": "booked", "after": "cancelled"}

    def test_open_offers_end(self, world: World) -> None:
        scene = Scene(world)
        load_id, driver = scene.load(), scene.driver(phones=0)
        scene.search(driver)

        scene.shipper.put(f"/v1/loads/{load_id}/cancellation", {"reason": "sold"})

        (offer,) = driver.get("/v1/offers")["data"]
        assert offer["status"] == "withdrawn"

    def test_is_refused_once_loaded_even_without_a_confirmation(
        self, world: World
    ) -> None:
        shipper, carrier = world.shipper(), world.company()
        driver, load = world.driver(carrier, device=None), world.load(shipper)
        world.assign(carrier, driver, load)
        url = f"/v1/loads/{load['id']}"
        for fact in ("arrival", "completion"):
            world.report(driver, load["stops"][0]["id"], fact)

        answer = shipper.put(f"{url}/cancellation", {"reason": "sold"})

        assert (answer.status, answer.code) == (409, "load-status")
        assert shipper.get(url)["status"] == "at_pickup"

    def test_is_refused_with_part_of_the_freight_on_the_truck(
        self, world: World
    ) -> None:
        """At the second pickup the load is at_pickup again, but cannot be cancelled."""
        shipper, carrier = world.shipper(), world.company()
        driver = world.driver(carrier, device=None)
        stops = [
            world.stop_body("pickup", NEW_YORK),
            world.stop_body("pickup", CLEVELAND, ends_h=72),
            world.stop_body("delivery", CHICAGO, ends_h=96),
        ]
        load = world.load(shipper, stops=stops)
        assignment = world.assign(carrier, driver, load)
        first, second, _ = (stop["id"] for stop in load["stops"])
        for fact in ("arrival", "completion"):
            world.report(driver, first, fact)
        world.confirm(shipper, first)
        world.report(driver, first, "departure")
        assert world.report(driver, second, "arrival").status == 200
        url = f"/v1/loads/{load['id']}"

        cancelled = shipper.put(f"{url}/cancellation", {"reason": "sold"})
        unassigned = carrier.post(
            f"/v1/assignments/{assignment['id']}/override",
            {"kind": "unassign", "reason": "error"},
        )

        for answer in (cancelled, unassigned):
            assert (answer.status, answer.code) == (409, "load-status")
        assert shipper.get(url)["status"] == "at_pickup"


class TestEveryActInEveryStatus:
    """Over HTTP an act does what the table says, or is 409 and writes nothing."""

    CALLS: dict[str, tuple[str, str, Any, tuple[LoadAct, ...]]] = {  # noqa: RUF012
        "edit": ("PATCH", "", {"price_cents": 1}, (LoadAct.EDIT,)),
        "post": ("PUT", "/posting", None, (LoadAct.POST, LoadAct.RENEW)),
        "withdraw": ("DELETE", "/posting", None, (LoadAct.WITHDRAW,)),
        "cancel": ("PUT", "/cancellation", {"reason": "x"}, (LoadAct.CANCEL,)),
    }
    REPEATS = {  # noqa: RUF012 - a table
        ("withdraw", LoadStatus.WITHDRAWN),
        ("cancel", LoadStatus.CANCELLED),
    }

    @pytest.mark.parametrize("call", CALLS)
    def test_is_done_or_refused_as_the_table_says(
        self, world: World, session: OrmSession, call: str
    ) -> None:
        method, path, body, acts = self.CALLS[call]
        shipper = world.shipper()
        for status in LoadStatus:
            load = world.load(shipper)
            put_in(session, load, status)
            before = shipper.get(f"/v1/loads/{load['id']}").body
            moves = [
                LOAD_MOVES[status, act] for act in acts if (status, act) in LOAD_MOVES
            ]

            answer = shipper.call(method, f"/v1/loads/{load['id']}{path}", body)

            if moves:
                assert answer.status == 200, (call, status, answer.body)
                assert answer["status"] == moves[0].after
                assert acts_of(session, load) == ["post", moves[0].act]
            elif (call, status) in self.REPEATS:
                assert answer.status == 200
                assert answer.body == before
                assert acts_of(session, load) == ["post"]
            else:
                assert (answer.status, answer.code) == (409, "load-status"), status
                assert answer["current_status"] == status
                assert shipper.get(f"/v1/loads/{load['id']}").body == before
                assert acts_of(session, load) == ["post"]
