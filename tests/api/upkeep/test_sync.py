"""GET /v1/sync: the phone ends up with the server's rows, whatever else changes."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.kernel import cursors
from services.kernel.events import Cause
from services.offers import ending
from tests.services.scene import (
    Scene,
    in_transaction,
    let_time_run_out,
    see_feed_settle,
)
from tests.world import CHICAGO, NEWARK, Answer, Caller, World, utcnow

Followed = dict[tuple[str, str], Any]


@dataclass
class Phone:
    """A phone that asks for changes and keeps the rows it is told."""

    caller: Caller
    followed: Followed = field(default_factory=dict)
    cursor: str = ""
    tag: str = ""
    told: list[tuple[str, str, bool]] = field(default_factory=list)

    def ask(self, limit: int = 200) -> bool:
        query = f"&cursor={self.cursor}" if self.cursor else ""
        answer = self.caller.get(
            f"/v1/sync?limit={limit}{query}", If_None_Match=self.tag
        )
        if answer.status == 304:
            return False
        assert answer.status == 200, answer.body
        for change in answer["changes"]:
            key = (change["kind"], change["id"])
            self.told.append((*key, change["deleted"]))
            if change["deleted"]:
                assert set(change) == {"kind", "id", "deleted"}
                self.followed.pop(key, None)
            else:
                assert change[change["kind"]]["id"] == change["id"]
                self.followed[key] = change[change["kind"]]
        self.cursor, self.tag = answer["cursor"], answer.headers["ETag"]
        return bool(answer["has_more"])

    def drain(self, limit: int = 200) -> "Phone":
        see_feed_settle()
        while self.ask(limit):
            pass
        return self

    def ids(self, kind: str) -> set[str]:
        return {id_ for its, id_ in self.followed if its == kind}


def fresh(caller: Caller) -> Followed:
    return Phone(caller).drain().followed


@pytest.fixture
def scene(committed: World) -> Scene:
    return Scene(committed)


def assigned(scene: Scene) -> tuple[Caller, str, str]:
    driver, load_id = scene.driver(), scene.load()
    return driver, str(load_id), str(scene.assigned(driver, load_id))


def unassign(scene: Scene, assignment_id: str) -> Answer:
    body = {"kind": "unassign", "reason": "safety"}
    return scene.carrier.post(f"/v1/assignments/{assignment_id}/override", body)


class TestAFullStart:
    @pytest.mark.parametrize("limit", [1, 2, 200])
    def test_is_all_that_is_alive_page_by_page(self, scene: Scene, limit: int) -> None:
        driver, load_id, assignment_id = assigned(scene)
        free = scene.driver()
        scene.loads(2)
        offer_ids = {str(offer_id) for offer_id in scene.offered(free)}
        scene.shipper.put(
            f"/v1/loads/{scene.load()}/cancellation", {"reason": "no freight"}
        )

        phone, desk = Phone(driver).drain(limit), Phone(scene.carrier).drain(limit)

        assert phone.ids("load") == {load_id}
        assert phone.ids("assignment") == {assignment_id}
        assert phone.ids("offer") == set()
        inbox = free.get("/v1/offers?is_open=true")["data"]
        assert offer_ids <= {offer["id"] for offer in inbox}
        other = Phone(free).drain(limit)
        assert (
            other.ids("offer") == {offer["id"] for offer in inbox} == desk.ids("offer")
        )
        assert other.ids("load") == {offer["load_id"] for offer in inbox}
        assert desk.ids("assignment") == {assignment_id}
        loads = scene.shipper.get("/v1/loads")["data"]
        alive = {load["id"] for load in loads if load["status"] != "cancelled"}
        assert Phone(scene.shipper).drain(limit).ids("load") == alive
        assert len(alive) == len(loads) - 1

    def test_shows_each_row_like_its_own_route(self, scene: Scene) -> None:
        driver, load_id, _ = assigned(scene)

        followed = fresh(driver)

        assert followed[("load", load_id)] == driver.get(f"/v1/loads/{load_id}").body

    def test_misses_nothing_that_changes_while_it_is_walked(self, scene: Scene) -> None:
        scene.loads(3)
        phone = Phone(scene.shipper)
        phone.ask(limit=1)
        late = scene.load()
        first = min(phone.ids("load"))
        scene.shipper.delete(f"/v1/loads/{first}/posting")

        phone.drain(limit=1).drain()

        assert phone.followed == fresh(scene.shipper)
        assert str(late) in phone.ids("load")
        assert phone.followed[("load", first)]["status"] == "withdrawn"


class TestWhatChanges:
    def test_is_empty_when_nothing_changed(self, scene: Scene) -> None:
        driver, _, _ = assigned(scene)
        phone = Phone(driver).drain()
        phone.told.clear()

        assert phone.drain().drain().told == []

    def test_a_load_of_another_company_reaches_the_assigned_driver(
        self, scene: Scene
    ) -> None:
        driver, stranger = scene.driver(), scene.driver()
        load_id = str(scene.load())
        phone, other = Phone(driver).drain(), Phone(stranger).drain()

        assignment_id = str(scene.assigned(driver, UUID(load_id)))

        assert phone.drain().ids("load") == {load_id}
        assert phone.ids("assignment") == {assignment_id}
        assert other.drain().told == []

    def test_the_shippers_and_the_desks_facts_reach_the_driver(
        self, scene: Scene
    ) -> None:
        driver, load_id, _ = assigned(scene)
        phone = Phone(driver).drain()
        stop_id = phone.followed[("load", load_id)]["stops"][0]["id"]

        scene.world.report(scene.carrier, stop_id, "arrival")
        scene.world.confirm(scene.shipper, stop_id)
        phone.drain()

        load = phone.followed[("load", load_id)]
        assert load["status"] == "pickup_confirmed"
        assert load["stops"][0]["confirmed_by"] == "Dock 4"

    def test_a_load_withdrawn_from_the_driver_leaves_a_tombstone(
        self, scene: Scene
    ) -> None:
        driver, load_id, assignment_id = assigned(scene)
        phone, desk = Phone(driver).drain(), Phone(scene.shipper).drain()
        phone.told.clear()

        assert unassign(scene, assignment_id).status == 201
        phone.drain()

        assert phone.followed == {}
        assert phone.told == [
            ("load", load_id, True),
            ("assignment", assignment_id, True),
        ]
        assert desk.drain().followed[("load", load_id)]["status"] == "posted"

    @pytest.mark.parametrize("end", ["decline", "expire", "withdraw", "taken"])
    def test_an_offer_that_ends_leaves_with_its_load(
        self, scene: Scene, end: str
    ) -> None:
        load_id = scene.load()
        driver, rival = scene.drivers(2)
        offer_id, other_id = scene.offered(driver, rival)
        phone = Phone(driver).drain()
        assert phone.ids("offer") == {str(offer_id)}
        assert phone.ids("load") == {str(load_id)}

        if end == "decline":
            driver.put(f"/v1/offers/{offer_id}/decline", {"reason": "price"})
        elif end == "expire":
            let_time_run_out(offer_id)
            in_transaction(lambda session: ending.expire(session, Cause(utcnow())))
        elif end == "withdraw":
            scene.shipper.delete(f"/v1/loads/{load_id}/posting")
        else:
            assert rival.put(f"/v1/offers/{other_id}/acceptance").status == 200
        phone.drain()

        assert phone.followed == fresh(driver) == {}
        assert ("offer", str(offer_id), True) in phone.told


def place_of(phone: Phone, **changes: Any) -> str:
    """Return the phone's cursor with another place, validly signed."""
    app = phone.caller.app
    keys = cursors.derived(app.extensions["keyring"].refresh)
    scope = f"{phone.caller.member_id} sync"
    names = ["xid", "event_id", "read_at", "roles", "kind", "last_id"]
    values = dict(zip(names, cursors.opened(keys, scope, phone.cursor), strict=True))
    values |= {name: change(values[name]) for name, change in changes.items()}
    return cursors.signed(keys, scope, list(values.values()))


class TestACursor:
    @pytest.mark.parametrize(
        "change",
        [
            {"read_at": lambda at: at - timedelta(days=30, seconds=5).total_seconds()},
            {"roles": lambda _: "driver shipper"},
            {"xid": lambda xid: xid + 10**6},
        ],
        ids=["too old", "other roles", "of a restored server"],
    )
    def test_that_leads_nowhere_means_a_full_start(
        self, scene: Scene, change: dict[str, Callable[[Any], Any]]
    ) -> None:
        phone = Phone(scene.shipper).drain()

        answer = scene.shipper.get(f"/v1/sync?cursor={place_of(phone, **change)}")

        assert (answer.status, answer.code) == (410, "resync")

    def test_of_almost_thirty_days_is_good(self, scene: Scene) -> None:
        phone = Phone(scene.shipper).drain()
        load_id = scene.load()
        young = place_of(
            phone, read_at=lambda at: at - timedelta(days=29).total_seconds()
        )

        see_feed_settle()
        changes = scene.shipper.get(f"/v1/sync?cursor={young}")["changes"]

        assert [change["id"] for change in changes] == [str(load_id)]

    def test_belongs_to_one_member(self, scene: Scene) -> None:
        phone = Phone(scene.shipper).drain()
        page = Phone(scene.carrier)

        mine = phone.cursor
        assert scene.carrier.get(f"/v1/sync?cursor={mine}").code == "cursor-mismatch"
        edited = mine[:-1] + ("A" if mine[-1] != "A" else "B")
        assert scene.shipper.get(f"/v1/sync?cursor={edited}").code == "cursor-invalid"
        assert page.drain().cursor

    def test_may_be_used_again_after_a_lost_answer(self, scene: Scene) -> None:
        phone = Phone(scene.shipper).drain()
        scene.loads(3)

        lost = replace(phone, followed=dict(phone.followed), told=[])
        lost.drain()
        phone.drain()

        assert phone.followed == lost.followed == fresh(scene.shipper)


class TestARandomDay:
    @pytest.mark.parametrize("seed", range(6))
    def test_the_phones_have_what_the_server_says(
        self, scene: Scene, seed: int
    ) -> None:
        rng = random.Random(seed)
        drivers = scene.drivers(2)
        people = [*drivers, scene.carrier, scene.shipper]
        phones = [Phone(caller).drain() for caller in people]

        for _ in range(25):
            rng.choice(ACTS)(scene, rng, drivers)
            for phone in phones:
                if rng.random() < 0.4:
                    phone.ask(limit=rng.choice([1, 3, 200]))

        for phone in phones:
            phone.drain(limit=rng.choice([1, 200]))
            assert phone.followed == fresh(phone.caller)
        assert any(phone.followed for phone in phones)


def _post(scene: Scene, rng: random.Random, drivers: list[Caller]) -> None:
    scene.load(NEWARK, CHICAGO, price_cents=rng.randint(200_000, 300_000))


def _edit(scene: Scene, rng: random.Random, drivers: list[Caller]) -> None:
    if loads := scene.shipper.get("/v1/loads?status=posted")["data"]:
        path = f"/v1/loads/{rng.choice(loads)['id']}"
        scene.shipper.patch(path, {"price_cents": rng.randint(200_000, 300_000)})


def _withdraw(scene: Scene, rng: random.Random, drivers: list[Caller]) -> None:
    if loads := scene.shipper.get("/v1/loads")["data"]:
        scene.shipper.delete(f"/v1/loads/{rng.choice(loads)['id']}/posting")


def _cancel(scene: Scene, rng: random.Random, drivers: list[Caller]) -> None:
    if loads := scene.shipper.get("/v1/loads")["data"]:
        path = f"/v1/loads/{rng.choice(loads)['id']}/cancellation"
        scene.shipper.put(path, {"reason": "x"})


def _search(scene: Scene, rng: random.Random, drivers: list[Caller]) -> None:
    scene.search(rng.choice(drivers))


def _answer(scene: Scene, rng: random.Random, drivers: list[Caller]) -> None:
    driver = rng.choice(drivers)
    if offers := driver.get("/v1/offers?is_open=true")["data"]:
        path = f"/v1/offers/{rng.choice(offers)['id']}"
        say: list[tuple[str, Any]] = [
            ("seen", None),
            ("acceptance", None),
            ("decline", {"reason": "price"}),
        ]
        fact, body = rng.choice(say)
        driver.put(f"{path}/{fact}", body)


def _drive(scene: Scene, rng: random.Random, drivers: list[Caller]) -> None:
    driver = rng.choice(drivers)
    for assignment in driver.get("/v1/me")["assignments"]:
        stops = assignment["load"]["stops"]
        for stop in stops:
            if stop["status"] != "departed":
                for fact in ("arrival", "completion"):
                    scene.world.report(driver, stop["id"], fact)
                if stop["kind"] == "pickup":
                    scene.world.confirm(scene.shipper, stop["id"])
                scene.world.report(driver, stop["id"], "departure")
                return


def _override(scene: Scene, rng: random.Random, drivers: list[Caller]) -> None:
    active = scene.carrier.get("/v1/assignments?status=active")["data"]
    if active:
        assignment = rng.choice(active)
        path = f"/v1/assignments/{assignment['id']}/override"
        other = next(d for d in drivers if d.driver_id != assignment["driver_id"])
        kind: dict[str, Any] = rng.choice(
            [{"kind": "unassign"}, {"kind": "reassign", "driver_id": other.driver_id}]
        )
        scene.carrier.post(path, kind | {"reason": "safety"})


ACTS = [_post, _post, _edit, _withdraw, _cancel]
ACTS += [_search, _search, _answer, _answer, _drive, _drive, _override]
