"""Posting a load, editing it, putting it on the market and withdrawing it."""

from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from freight.roles import Role
from models.kernel.events import Event
from models.people.organisations import OrganisationKind
from tests.services.scene import Scene
from tests.world import CHICAGO, CLEVELAND, NEW_YORK, World


def acts_of(session: OrmSession, load: dict[str, Any]) -> list[str]:
    kinds = session.scalars(
        select(Event.kind).where(Event.subject_id == load["id"]).order_by(Event.id)
    )
    return [kind.removeprefix("load.") for kind in kinds]


class TestPost:
    def test_both_ends_are_named_as_a_driver_reads_them(self, world: World) -> None:
        pickup = world.stop_body(
            "pickup", NEW_YORK, address={"city": "New York", "state": "NY"}
        )
        delivery = world.stop_body("delivery", CHICAGO, ends_h=96, facility="Dock 9")

        load = world.load(world.shipper(), stops=[pickup, delivery])

        assert load["pickup_place"] == "New York, NY"
        assert load["delivery_place"] == "Dock 9"

    def test_a_load_is_posted_with_its_stops_and_a_lease(self, world: World) -> None:
        load = world.load(world.shipper(), NEW_YORK, CHICAGO, load_number="PO 7")

        assert (load["status"], load["load_number"]) == ("posted", "PO 7")
        assert [stop["kind"] for stop in load["stops"]] == ["pickup", "delivery"]
        assert [stop["sequence"] for stop in load["stops"]] == [0, 1]
        assert load["lease_expires_at"] > load["posted_at"]
        assert load["distance_source"] == "estimated"

    def test_a_draft_is_on_no_market_until_it_is_posted(
        self, world: World, session: OrmSession
    ) -> None:
        shipper, carrier = world.shipper(), world.company()
        draft = world.load(shipper, is_draft=True)
        assert (draft["status"], draft["posted_at"]) == ("draft", None)
        assert carrier.get("/v1/loads/market")["data"] == []

        posted = shipper.put(f"/v1/loads/{draft['id']}/posting")

        assert posted["status"] == "posted"
        (seen,) = carrier.get("/v1/loads/market")["data"]
        assert seen["id"] == draft["id"]
        assert acts_of(session, draft) == ["draft", "post"]

    def test_the_same_id_twice_is_the_same_load(
        self, world: World, session: OrmSession
    ) -> None:
        shipper, load_id = world.shipper(), str(uuid7())
        first = world.load(shipper, id=load_id, price_cents=100)

        again = world.load(shipper, id=load_id, price_cents=999)

        assert again == first
        assert acts_of(session, first) == ["post"]
        assert len(shipper.get("/v1/loads")["data"]) == 1

    def test_another_companys_id_is_taken(self, world: World) -> None:
        load = world.load(world.shipper())

        answer = world.shipper().post("/v1/loads", world.load_body(id=load["id"]))

        assert (answer.status, answer.code) == (409, "id-taken")

    def test_a_load_number_is_unique_within_a_company(self, world: World) -> None:
        shipper = world.shipper()
        world.load(shipper, load_number="7")
        world.load(world.shipper(), load_number="7")

        answer = shipper.post("/v1/loads", world.load_body(load_number="7"))

        assert (answer.status, answer.code) == (409, "load-number-taken")
        assert len(shipper.get("/v1/loads")["data"]) == 1

    def test_a_closed_pickup_window_is_refused_and_kept_as_a_draft_only(
        self, world: World
    ) -> None:
        shipper = world.shipper()
        body = world.load_body(
            stops=[
                world.stop_body("pickup", NEW_YORK, -5, -1),
                world.stop_body("delivery", CHICAGO),
            ]
        )

        refused = shipper.post("/v1/loads", body)
        draft = world.load(shipper, **body | {"is_draft": True})

        assert (refused.status, refused.code) == (409, "pickup-window-closed")
        assert [load["id"] for load in shipper.get("/v1/loads")["data"]] == [
            draft["id"]
        ]

    @pytest.mark.parametrize("kind", OrganisationKind)
    def test_shippers_brokers_and_dispatchers_post(
        self, world: World, kind: OrganisationKind
    ) -> None:
        poster = world.company(kind)

        assert poster.post("/v1/loads", world.load_body()).status == 201

    def test_a_driver_may_not_post(self, world: World) -> None:
        driver = world.member(world.company(), Role.DRIVER)

        answer = driver.post("/v1/loads", world.load_body())

        assert (answer.status, answer.code) == (403, "missing-permission")


class TestEdit:
    def test_only_what_is_given_changes(self, world: World) -> None:
        shipper = world.shipper()
        load = world.load(shipper, commodity="paper", visibility="private")

        edited = shipper.patch(f"/v1/loads/{load['id']}", {"price_cents": 7})

        changed = {k for k in load if edited[k] != load[k]}
        assert edited.status == 200
        assert edited["price_cents"] == 7
        assert changed - {"updated_at"} == {"price_cents", "version"}

    def test_the_stops_change_as_a_whole_and_the_ends_with_them(
        self, world: World
    ) -> None:
        shipper = world.shipper()
        load = world.load(shipper, NEW_YORK, CHICAGO)
        stops = [
            world.stop_body("pickup", CLEVELAND),
            world.stop_body("pickup", NEW_YORK),
            world.stop_body("delivery", CHICAGO),
        ]

        edited = shipper.patch(f"/v1/loads/{load['id']}", {"stops": stops})

        assert [stop["lat"] for stop in edited["stops"]] == [s["lat"] for s in stops]
        assert edited["stop_count"] == 3
        assert edited["pickup_lat"] == CLEVELAND.lat
        assert edited["loaded_m"] > load["loaded_m"]

    def test_open_offers_are_superseded_and_the_phone_told(
        self, world: World, session: OrmSession
    ) -> None:
        scene = Scene(world)
        load_id, driver = scene.load(), scene.driver()
        scene.search(driver)
        (offer,) = driver.get("/v1/offers?is_open=true")["data"]

        scene.shipper.patch(f"/v1/loads/{load_id}", {"price_cents": 1})

        assert driver.get(f"/v1/offers/{offer['id']}")["status"] == "superseded"
        owed = session.scalars(
            text("select kind from pushes where subject_id = :id"), {"id": offer["id"]}
        )
        assert set(owed) == {"offer", "offer_withdrawn"}

    def test_a_withdrawn_load_gets_new_windows_and_is_posted_again(
        self, world: World
    ) -> None:
        shipper = world.shipper()
        load = world.load(shipper)
        url = f"/v1/loads/{load['id']}"
        shipper.delete(f"{url}/posting")
        stops = [
            world.stop_body("pickup", NEW_YORK, 24, 48),
            world.stop_body("delivery", CHICAGO, 48, 96),
        ]

        assert shipper.patch(url, {"stops": stops}).status == 200
        assert shipper.put(f"{url}/posting")["status"] == "posted"

    def test_an_incomplete_stop_is_refused_and_changes_nothing(
        self, world: World
    ) -> None:
        shipper = world.shipper()
        load = world.load(shipper)
        half = [{"kind": "pickup"}, world.stop_body("delivery", CHICAGO)]

        answer = shipper.patch(f"/v1/loads/{load['id']}", {"stops": half})

        assert answer.status == 422
        assert {error["pointer"] for error in answer["errors"]} == {
            f"#/stops/0/{name}"
            for name in ("lat", "lon", "window_from", "window_until", "zone")
        }
        assert shipper.get(f"/v1/loads/{load['id']}").body == load

    def test_a_number_in_use_is_refused(self, world: World) -> None:
        shipper = world.shipper()
        world.load(shipper, load_number="7")
        load = world.load(shipper, weight_kg=9_000)

        answer = shipper.patch(f"/v1/loads/{load['id']}", {"load_number": "7"})

        assert (answer.status, answer.code) == (409, "load-number-taken")
        assert shipper.get(f"/v1/loads/{load['id']}").body == load


class TestPosting:
    def test_a_withdrawn_load_leaves_the_market_and_comes_back(
        self, world: World, session: OrmSession
    ) -> None:
        shipper, carrier = world.shipper(), world.company()
        load = world.load(shipper)
        url = f"/v1/loads/{load['id']}/posting"

        withdrawn = [shipper.delete(url)["status"] for _ in range(2)]
        gone = carrier.get("/v1/loads/market")["data"]
        back = shipper.put(url)

        assert (withdrawn, gone) == (["withdrawn"] * 2, [])
        assert (back["status"], back["posted_at"]) == ("posted", load["posted_at"])
        assert len(carrier.get("/v1/loads/market")["data"]) == 1
        assert acts_of(session, load) == ["post", "withdraw", "post"]

    def test_renewing_prolongs_the_lease(
        self, world: World, session: OrmSession
    ) -> None:
        shipper = world.shipper()
        load = world.load(shipper)
        session.execute(
            text("update loads set lease_expires_at = now() + interval '1 minute'")
        )

        renewed = shipper.put(f"/v1/loads/{load['id']}/posting")

        assert renewed["lease_expires_at"] >= load["lease_expires_at"]
        assert acts_of(session, load) == ["post", "renew"]


def test_an_edit_to_a_number_in_use_with_new_stops_is_refused(world: World) -> None:
    shipper = world.shipper()
    world.load(shipper, load_number="A-1")
    load = world.load(shipper, load_number="A-2")

    refused = shipper.patch(
        f"/v1/loads/{load['id']}",
        {"load_number": "A-1", "stops": world.load_body()["stops"]},
    )

    assert (refused.status, refused.code) == (409, "load-number-taken")
    assert len(shipper.get(f"/v1/loads/{load['id']}")["stops"]) == 2
