from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from freight.lifecycles import LOAD_MOVES, LoadAct, LoadStatus
from freight.roles import Role
from models.events import Event
from models.loads import Load
from models.organisations import OrganisationKind
from tests.services.stage import Stage
from tests.world import CHICAGO, CLEVELAND, NEW_YORK, Caller, World, iso, utcnow


def acts_of(session: OrmSession, load: dict[str, Any]) -> list[str]:
    kinds = session.scalars(
        select(Event.kind).where(Event.subject_id == load["id"]).order_by(Event.id)
    )
    return [kind.removeprefix("load.") for kind in kinds]


def put_in(session: OrmSession, load: dict[str, Any], status: LoadStatus) -> None:
    session.execute(
        update(Load).where(Load.id == load["id"]).values(status=status),
        execution_options={"synchronize_session": False},
    )
    session.flush()


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

    def test_a_number_is_a_companys_own(self, world: World) -> None:
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
        assert [it["id"] for it in shipper.get("/v1/loads")["data"]] == [draft["id"]]

    @pytest.mark.parametrize("kind", OrganisationKind)
    def test_shippers_brokers_and_dispatchers_post(
        self, world: World, kind: OrganisationKind
    ) -> None:
        poster = world.company(kind)

        assert poster.post("/v1/loads", world.load_body()).status == 201

    def test_a_driver_does_not(self, world: World) -> None:
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
        stage = Stage(world)
        load_id, driver = stage.load(), stage.driver()
        stage.search(driver)
        (offer,) = driver.get("/v1/offers?is_open=true")["data"]

        stage.shipper.patch(f"/v1/loads/{load_id}", {"price_cents": 1})

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

    def test_a_part_of_a_stop_is_refused_whole(self, world: World) -> None:
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
        load = world.load(shipper)

        answer = shipper.patch(f"/v1/loads/{load['id']}", {"load_number": "7"})

        assert (answer.status, answer.code) == (409, "load-number-taken")
        assert shipper.get(f"/v1/loads/{load['id']}").body == load


class TestPosting:
    def test_withdrawn_it_leaves_the_market_and_comes_back(
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
        stage = Stage(world)
        load_id, driver = stage.load(), stage.driver(phones=0)
        stage.search(driver)

        stage.shipper.put(f"/v1/loads/{load_id}/cancellation", {"reason": "sold"})

        (offer,) = driver.get("/v1/offers")["data"]
        assert offer["status"] == "withdrawn"

    def test_not_when_it_is_loaded_though_nobody_confirmed_it(
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

    def test_not_with_part_of_the_freight_on_the_truck(self, world: World) -> None:
        """At the second pickup the load is at_pickup again, and still not free."""
        shipper, carrier = world.shipper(), world.company()
        driver = world.driver(carrier, device=None)
        stops = [
            world.stop_body("pickup", NEW_YORK),
            world.stop_body("pickup", CLEVELAND),
            world.stop_body("delivery", CHICAGO),
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
    """Over HTTP what the table says: done, or 409 and nothing is written."""

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
    def test_of_the_poster(self, world: World, session: OrmSession, call: str) -> None:
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


class TestList:
    def walk(self, caller: Caller, path: str, limit: int = 3) -> list[list[str]]:
        pages, cursor = [], ""
        while True:
            answer = caller.get(f"{path}limit={limit}{cursor}")
            pages.append([row["id"] for row in answer["data"]])
            next_cursor = answer["page"]["next_cursor"]
            if next_cursor is None:
                return pages
            cursor = f"&cursor={next_cursor}"

    def test_newest_first_page_by_page(self, world: World) -> None:
        shipper = world.shipper()
        ids = [world.load(shipper)["id"] for _ in range(6)]

        assert self.walk(shipper, "/v1/loads?") == [ids[:2:-1], ids[2::-1]]

    def test_what_stays_appears_once_whatever_comes_and_goes(
        self, world: World, session: OrmSession
    ) -> None:
        shipper = world.shipper()
        ids = [world.load(shipper)["id"] for _ in range(6)]

        seen, cursor = [], ""
        for step in range(9):
            answer = shipper.get(f"/v1/loads?limit=1{cursor}")
            seen += [row["id"] for row in answer["data"]]
            cursor = f"&cursor={answer['page']['next_cursor']}"
            world.load(shipper)
            if step == 2:
                session.execute(
                    text("delete from loads where id = any(:ids)"),
                    {"ids": [ids[3], ids[1]]},
                )
            if answer["page"]["next_cursor"] is None:
                break

        assert seen == [ids[5], ids[4], ids[3], ids[2], ids[0]]

    def test_by_status(self, world: World) -> None:
        shipper = world.shipper()
        draft, _ = world.load(shipper, is_draft=True), world.load(shipper)

        answer = shipper.get("/v1/loads?status=draft")

        assert [row["id"] for row in answer["data"]] == [draft["id"]]
        assert shipper.get("/v1/loads?status=booked")["data"] == []

    @pytest.mark.parametrize(
        ("query", "pointer"),
        [
            ("status=lost", "#/status"),
            ("status=%00", "#/status"),
            ("limit=0", "#/limit"),
            ("limit=201", "#/limit"),
            ("limit=many", "#/limit"),
            (f"limit={'9' * 5000}", "#/limit"),
            (f"cursor={'x' * 501}", "#/cursor"),
        ],
    )
    def test_a_bad_question_is_a_problem(
        self, world: World, query: str, pointer: str
    ) -> None:
        answer = world.shipper().get(f"/v1/loads?{query}")

        assert (answer.status, answer.code) == (422, "invalid-request")
        assert answer["errors"][0]["pointer"] == pointer


class TestWhoSees:
    def test_a_private_load_is_its_companys_own(self, world: World) -> None:
        fleet = world.company(OrganisationKind.PRIVATE_FLEET)
        load = world.load(fleet, visibility="private")
        rival, own = Stage(world), Stage(world)
        own.carrier = fleet
        searched = [(stage, stage.driver(phones=0)) for stage in (rival, own)]

        counts = [
            stage.search(driver).counts["considered"] for stage, driver in searched
        ]

        assert counts == [0, 1]
        offers = [driver.get("/v1/offers")["data"] for _, driver in searched]
        assert [[o["load_id"] for o in its] for its in offers] == [[], [load["id"]]]
        assert rival.carrier.get("/v1/loads/market")["data"] == []
        answer = rival.carrier.post(
            "/v1/assignments",
            {"load_id": load["id"], "driver_id": searched[0][1].driver_id},
        )
        assert (answer.status, answer.code) == (404, "not-found")

    def test_the_market_names_nobody(self, world: World) -> None:
        world.load(
            world.shipper(),
            consignee="Secret & Sons",
            stops=[
                world.stop_body("pickup", NEW_YORK, contact={"phone": "555"}),
                world.stop_body("delivery", CHICAGO),
            ],
        )

        (seen,) = world.company().get("/v1/loads/market")["data"]

        assert not {"consignee", "bill_to", "stops", "references"} & set(seen)

    @pytest.mark.parametrize("stranger", ["shipper", "company"])
    def test_a_stranger_finds_nothing_on_any_route(
        self, world: World, stranger: str
    ) -> None:
        load = world.load(world.shipper())
        caller: Caller = getattr(world, stranger)()
        url, stop = f"/v1/loads/{load['id']}", load["stops"][0]["id"]
        now = iso(utcnow())
        calls = [
            caller.get(url),
            caller.patch(url, {"price_cents": 1}),
            caller.put(f"{url}/posting"),
            caller.delete(f"{url}/posting"),
            caller.put(f"{url}/cancellation", {"reason": "x"}),
        ]
        if stranger == "shipper":
            calls.append(world.confirm(caller, stop))
        else:
            facts = ("arrival", "completion", "departure")
            calls += [world.report(caller, stop, f, occurred_at=now) for f in facts]

        assert [(a.status, a.code) for a in calls] == [(404, "not-found")] * len(calls)
        assert caller.get("/v1/loads")["data"] == []

    def test_the_carrier_sees_it_from_the_day_it_carries_it(self, world: World) -> None:
        carrier, load = world.company(), world.load(world.shipper())
        driver, colleague = world.driver(carrier), world.driver(carrier)

        world.assign(carrier, driver, load)

        url = f"/v1/loads/{load['id']}"
        assert [c.get(url).status for c in (carrier, driver)] == [200, 200]
        assert colleague.get(url).status == 404

    def test_a_driver_who_also_ships_sees_both(self, world: World) -> None:
        fleet = world.company(OrganisationKind.PRIVATE_FLEET)
        load, own = world.load(world.shipper()), world.load(fleet)
        both = world.member(fleet, Role.DRIVER, Role.SHIPPER)
        driver = replace(both, driver_id=both.get("/v1/me")["driver"]["id"])
        truck = {"truck_id": world.truck(fleet)}
        fleet.patch(f"/v1/drivers/{driver.driver_id}", truck)
        world.assign(fleet, driver, load)

        seen = {row["id"] for row in driver.get("/v1/loads")["data"]}

        assert seen == {load["id"], own["id"]}


def test_times_are_utc_with_a_z(world: World) -> None:
    body = world.load_body()
    body["stops"][0]["window_until"] = "2040-01-02T03:04:05.678+05:30"
    body["stops"][1]["window_until"] = "2040-01-09T00:00:00Z"

    load = world.load(world.shipper(), **body)

    assert load["pickup_until"] == "2040-01-01T21:34:05.678Z"
    lease = datetime.fromisoformat(load["lease_expires_at"])
    assert lease - utcnow() > timedelta(hours=1)


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
