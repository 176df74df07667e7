"""API3: after a give-back nothing of the load changes for its former carrier, though
the next carrier drives it and its poster edits it."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.owasp.secret_loads import secret_load, secrets_in
from tests.services.scene import Scene, open_offers, see_feed_settle
from tests.trips import FACTS
from tests.world import DALLAS, HOUSTON, Answer, Caller, World


@dataclass
class Former:
    """A driver and a desk that won a load by an offer and no longer have it."""

    world: World
    scene: Scene
    driver: Caller
    load: dict[str, Any]
    assignment_id: str
    offer_id: str
    search_id: str
    excluded_by: str
    """A search of a colleague, whose truck cannot carry the load."""

    @property
    def shipper(self) -> Caller:
        return self.scene.shipper

    def callers(self) -> dict[str, Caller]:
        return {"driver": self.driver, "desk": self.scene.carrier}

    def answers(self) -> dict[str, Any]:
        """Return status, body and tag of each answer that could tell of the load."""
        see_feed_settle()
        return {
            f"{who} {name}": (answer.status, _still(answer.body), _tag(answer))
            for who, caller in self.callers().items()
            for name, answer in self._asked(caller).items()
        }

    def _asked(self, caller: Caller) -> dict[str, Answer]:
        load = f"/v1/loads/{self.load['id']}"
        assignment = f"/v1/assignments/{self.assignment_id}"
        search = f"/v1/backhaul-searches/{self.search_id}"
        paths = (
            *("/v1/me", "/v1/fleet", "/v1/sync", "/v1/flags", "/v1/loads"),
            *("/v1/assignments", assignment, "/v1/overrides"),
            *(load, f"{load}/endings", f"{load}/carrier-record"),
            *("/v1/offers", f"/v1/offers/{self.offer_id}"),
            *("/v1/backhaul-searches", search),
        )
        asked = {path: caller.get(path) for path in paths}
        for stop in self.load["stops"]:
            for fact in FACTS:
                path = f"/v1/stops/{stop['id']}/{fact}"
                asked[path] = self.world.report(caller, stop["id"], fact)
        back = {"reason": "breakdown"}
        asked["hand-back"] = caller.put(f"{assignment}/hand-back", back)
        asked["accept"] = caller.put(f"/v1/offers/{self.offer_id}/acceptance")
        for kind in ("take_over", "reassign", "unassign", "abandon"):
            decision = {"kind": kind, "reason": "safety"}
            decision["driver_id"] = self.driver.driver_id
            asked[kind] = caller.post(f"{assignment}/override", decision)
        return asked

    def explained(self) -> dict[str, Any]:
        """Return what the desk is told of the search that did not keep the load."""
        path = f"/v1/backhaul-searches/{self.excluded_by}/explanation"
        answer = self.scene.carrier.get(f"{path}?load_id={self.load['id']}")
        assert answer.status == 200, answer.body
        return dict(answer.body)

    def hears(self, since: dict[str, str]) -> dict[str, list[Any]]:
        """Return what the phone and the desk are told since these cursors."""
        see_feed_settle()
        found = {
            who: caller.get(f"/v1/sync?cursor={since[who]}")["changes"]
            for who, caller in self.callers().items()
        }
        return {who: changes for who, changes in found.items() if changes}

    def cursors(self) -> dict[str, str]:
        see_feed_settle()
        callers = self.callers().items()
        return {who: caller.get("/v1/sync")["cursor"] for who, caller in callers}


def _still(body: Any) -> Any:
    """Return the body without what is new in each answer."""
    if not isinstance(body, dict):
        return body
    moves = {"server_time", "cursor", "trace_id", "instance"}
    return {name: value for name, value in body.items() if name not in moves}


def _tag(answer: Answer) -> str | None:
    # The tag of a sync is its newest cursor.
    tag = answer.headers.get("ETag")
    return None if "changes" in (answer.body or {}) else tag


@pytest.fixture
def former(committed: World) -> Former:
    # Sync tells only of what is committed.
    world, scene = committed, Scene(committed)
    driver = scene.driver()
    load = secret_load(world, scene.shipper)
    search = scene.search(driver)
    excluded_by = scene.search(scene.driver(equipment="flatbed"))
    (offer,) = open_offers(driver)
    won = driver.put(f"/v1/offers/{offer.id}/acceptance")
    assert won.status == 200, won.body
    path = f"/v1/assignments/{won['id']}/hand-back"
    assert driver.put(path, {"reason": "breakdown"}).status == 200
    # The first look at the inbox since the offer came is noted.
    assert driver.get("/v1/offers").status == 200
    ids = (str(won["id"]), str(offer.id), str(search.id), str(excluded_by.id))
    return Former(world, scene, driver, load, *ids)


def changed(former: Former, before: dict[str, Any]) -> dict[str, Any]:
    now = former.answers()
    return {name: now[name] for name in now if now[name] != before[name]}


def edited(former: Former, **fields: Any) -> dict[str, Any]:
    """Return the load, edited by its poster: other freight on another lane."""
    stops = former.world.load_body(HOUSTON, DALLAS)["stops"]
    body = {"commodity": "Gold", "price_cents": 111_100, "stops": stops} | fields
    made = former.shipper.patch(f"/v1/loads/{former.load['id']}", body)
    assert made.status == 200, made.body
    return made.body


def test_nothing_of_the_next_carriers_trip_is_seen(former: Former) -> None:
    before, cursors = former.answers(), former.cursors()
    explained = former.explained()
    world, other = former.world, Scene(former.world)
    driver = other.driver()

    def check(when: str) -> None:
        assert former.hears(cursors) == {}, when
        assert former.explained() == explained, when
        if when in {"booked", "arrival at the pickup", "completion at the delivery"}:
            assert changed(former, before) == {}, when

    world.assign(other.carrier, driver, former.load)
    check("booked")
    for stop in former.load["stops"]:
        for fact in FACTS:
            if (fact, stop["kind"]) == ("departure", "pickup"):
                assert world.confirm(former.shipper, stop["id"]).status == 200
                check("confirmed")
            assert world.report(driver, stop["id"], fact).status == 200
            check(f"{fact} at the {stop['kind']}")

    path = f"/v1/loads/{former.load['id']}"
    assert former.shipper.get(path)["status"] == "delivered"


@pytest.mark.parametrize("fields", [{}, {"visibility": "private"}])
def test_nothing_of_a_later_edit_is_seen(
    former: Former, fields: dict[str, Any]
) -> None:
    before, cursors = former.answers(), former.cursors()

    edited(former, **fields)

    assert changed(former, before) == {}
    assert former.hears(cursors) == {}


@pytest.mark.parametrize("fields", [{}, {"visibility": "private"}])
@pytest.mark.parametrize("then", ["on the market", "withdrawn"])
def test_an_explanation_says_that_it_was_edited_and_not_what(
    former: Former, fields: dict[str, Any], then: str
) -> None:
    assert former.explained()["reason"] == "equipment_mismatch"
    path = f"/v1/loads/{former.load['id']}/posting"
    if then == "withdrawn":
        assert former.shipper.delete(path).status == 200

    edited(former, equipment=["flatbed"], **fields)

    assert former.explained() == {
        "search_id": former.excluded_by,
        "load_id": former.load["id"],
        "has_changed": True,
        "verdict": "not_known",
        "reason": "edited_since",
    }


@pytest.mark.parametrize("end", ["withdrawn", "cancelled"])
def test_nothing_of_its_end_is_seen(former: Former, end: str) -> None:
    before, cursors = former.answers(), former.cursors()
    explained = former.explained()
    path = f"/v1/loads/{former.load['id']}"

    done = {
        "withdrawn": lambda: former.shipper.delete(f"{path}/posting"),
        "cancelled": lambda: former.shipper.put(
            f"{path}/cancellation", {"reason": "sold"}
        ),
    }[end]()

    assert done.status == 200
    assert former.explained() == explained
    assert changed(former, before) == {}
    assert former.hears(cursors) == {}


def test_the_load_is_shown_as_the_market_saw_it_then(former: Former) -> None:
    (listed,) = former.world.company().get("/v1/loads/market")["data"]
    edited(former)

    for caller in former.callers().values():
        answer = caller.get(f"/v1/assignments/{former.assignment_id}")
        shown = answer["load"]
        assert secrets_in(answer) == set()
        assert (shown["form"], shown["status"]) == ("market", "posted")
        assert shown["pickup_place"] == "Newark"
        assert (shown["pickup_lat"], shown["pickup_lon"]) == (40.74, -74.17)
        assert [stop["address"] for stop in shown["stops"]] == [
            {"city": "Newark", "state": None, "country": "US"},
            {"city": "Gary", "state": None, "country": "US"},
        ]
        assert {**shown, **listed} == shown


def test_a_carrier_that_still_has_the_load_reads_it_as_it_is(former: Former) -> None:
    path = f"/v1/assignments/{former.assignment_id}"
    again = former.world.driver(former.scene.carrier, device=None)
    former.world.assign(former.scene.carrier, again, former.load)

    by_desk, by_driver = former.scene.carrier.get(path), former.driver.get(path)

    assert (by_desk["load"]["form"], by_desk["load"]["status"]) == ("full", "booked")
    assert (by_driver["load"]["form"], by_driver["load"]["status"]) == (
        "market",
        "posted",
    )


@pytest.mark.parametrize("end", ["return", "delivery", "take_over"])
def test_a_carrier_with_interrupted_freight_hears_of_its_end(
    committed: World, end: str
) -> None:
    world, scene = committed, Scene(committed)
    driver, other = scene.drivers(2)
    load = world.load(scene.shipper)
    made = world.assign(scene.carrier, driver, load)
    for fact in ("arrival", "completion"):
        assert world.report(driver, load["stops"][0]["id"], fact).status == 200
    path = f"/v1/assignments/{made['id']}"
    assert driver.put(f"{path}/hand-back", {"reason": "breakdown"}).status == 200
    see_feed_settle()
    cursor = driver.get("/v1/sync")["cursor"]

    if end == "take_over":
        decision = {"kind": end, "reason": "safety", "driver_id": other.driver_id}
        assert scene.carrier.post(f"{path}/override", decision).status == 201
    else:
        assert scene.shipper.put(f"/v1/loads/{load['id']}/{end}", {}).status == 200

    see_feed_settle()
    heard = driver.get(f"/v1/sync?cursor={cursor}")["changes"]
    assert {"kind": "load", "id": load["id"], "deleted": True} in heard
