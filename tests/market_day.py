"""The product's main calls in one short day, over any kind of `Caller`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.people.organisations import OrganisationKind
from tests.world import CHICAGO, NEWARK, Caller, World


@dataclass(frozen=True)
class Day:
    """The people and rows of the day; `loser` carries the load that `winner` won."""

    carrier: Caller
    shipper: Caller
    stranger: Caller
    winner: Caller
    loser: Caller
    freight: dict[str, Any]
    won_offer: str
    lost_offer: str
    override: dict[str, Any]


def play(world: World, see_searched: Callable[[], None]) -> Day:
    """Post a load, let two drivers drop and accept it, and reassign it to the loser.

    see_searched: returns when the waiting jobs are done.
    """
    carrier, shipper = world.company(), world.shipper()
    freight = world.load(shipper, NEWARK, CHICAGO)
    drivers = [world.dropped(carrier=carrier) for _ in range(2)]
    see_searched()
    winner, loser = drivers
    won, lost = (the_offer(driver, freight["id"]) for driver in drivers)

    accepted = winner.put(f"/v1/offers/{won}/acceptance")
    assert accepted.status == 200, accepted.body
    late = loser.put(f"/v1/offers/{lost}/acceptance")
    assert (late.status, late.code) == (410, "offer-taken")

    (assigned,) = winner.get("/v1/me")["assignments"]
    body = {"kind": "reassign", "reason": "safety", "driver_id": loser.driver_id}
    moved = carrier.post(f"/v1/assignments/{assigned['id']}/override", body)
    assert moved.status == 201, moved.body
    (carried,) = loser.get("/v1/me")["assignments"]
    assert carried["load"]["id"] == freight["id"]
    pickup = freight["stops"][0]["id"]
    for answer in (
        world.report(loser, pickup, "arrival"),
        world.report(loser, pickup, "completion"),
        world.confirm(shipper, pickup),
        world.report(loser, pickup, "departure"),
    ):
        assert answer.status == 200, answer.body
    stranger = world.company(OrganisationKind.CARRIER)
    return Day(
        *(carrier, shipper, stranger, winner, loser),
        *(freight, won, lost, moved.body),
    )


def the_offer(driver: Caller, load_id: str) -> str:
    """Return the id of the driver's open offer of this load."""
    found = driver.get("/v1/offers?is_open=true")["data"]
    (offer_id,) = [offer["id"] for offer in found if offer["load_id"] == load_id]
    return str(offer_id)
