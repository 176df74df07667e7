"""A driver who found nothing is told what would help; their desk looks there without
ringing anybody, and offers the load with one act."""

import time
from typing import Any

from demo.client import PATIENCE_S, Unexpected
from demo.play import Play, order
from demo.road import accept, inbox, pick_up, search_of, see, utcnow
from demo.seeding import Trucker
from demo.words import count, dollars, miles
from places.cities import city

BUTTE = ("Butte", "MT")
HELENA = ("Helena", "MT")
SPOKANE = ("Spokane", "WA")
GOES_EMPTY_M = 40_000.0
HELPED = (
    "A driver who found nothing is told how much farther a load is, and it is there"
)
TAKEN = "A dispatcher looks without ringing anybody, and offers the load with one act"


def tell(play: Play) -> None:
    """Let a driver find nothing, their desk look farther, and the driver win that."""
    teller = play.teller
    teller.chapter("What if the truck went a little farther?")
    trucker = play.truck(0, "Noah Berg", city(*SPOKANE))
    own = f"/v1/drivers/{trucker.driver_id}"
    trucker.phone.patch(own, {"max_deadhead_m": GOES_EMPTY_M})
    posted = play.post(1, order("WHATIF-2", HELENA, SPOKANE, 1_450))
    haul = order("WHATIF-1", SPOKANE, BUTTE, 1_100, commodity="pump parts")
    found = search_of(play.deliver(trucker, 1, haul))["outcome"]
    waiting = trucker.phone.get(f"{own}/waiting")
    steps = [step for step in waiting["relaxations"] if step["kind"] == "deadhead"]
    if not steps:
        play.promises.check(HELPED, False, f"{found}: {waiting['relaxations']}")
        return
    (step,) = steps
    farther_m = step["change"]["value"]
    teller.say(
        f"{trucker.name}, home Spokane, has delivered in Butte and found nothing within"
        f" {miles(GOES_EMPTY_M)}. The app says what would help:"
        f" +{miles(farther_m)}: {count(step['load_count'], 'load')},"
        f" up to {dollars(step['best_cents'])} more than driving home empty."
    )
    asked_at = time.monotonic()
    radius_m = step["change"]["limit"] + farther_m
    record = _dry_run(trucker, {"radius_m": radius_m})
    took_s = time.monotonic() - asked_at
    ids = [each["candidate"]["load_id"] for each in record["ranked"]]
    is_there = posted.id in ids and len(ids) == step["load_count"]
    play.promises.check(HELPED, is_there, f"{found}, then {record['outcome']}: {ids}")
    is_quiet = not inbox(trucker)
    teller.say(
        f"The dispatcher tries it: the answer takes {took_s:.1f} s, and no phone rings."
    )
    _take(play, trucker, record["id"], posted.id, is_quiet=is_quiet)


def _dry_run(trucker: Trucker, body: dict[str, Any]) -> dict[str, Any]:
    """Return the filled record of a dry run. Raises: Unexpected if it stays pending."""
    desk = trucker.company.desk
    body = body | {"driver_id": trucker.driver_id, "is_dry_run": True}
    path = f"/v1/backhaul-searches/{desk.post('/v1/backhaul-searches', body)['id']}"
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        record: dict[str, Any] = desk.get(path)
        if record["outcome"] != "pending":
            return record
        time.sleep(0.05)
    raise Unexpected(f"{path} is pending for {PATIENCE_S:.0f} s")


def _take(
    play: Play, trucker: Trucker, search_id: str, load_id: str, *, is_quiet: bool
) -> None:
    act = {"search_id": search_id, "load_id": load_id}
    offered_at = utcnow().timestamp()
    offer = trucker.company.desk.post("/v1/offers", act)
    rung = play.phones.wait(trucker.phone.target, "offer", after=offered_at - 1)
    see(trucker, offer)
    answer = accept(trucker, offer, play.ledger)
    is_kept = is_quiet and rung is not None and answer.status == 200
    told = f"quiet: {is_quiet}, rung: {rung is not None}, {answer.status} {answer.code}"
    play.promises.check(TAKEN, is_kept, told)
    if answer.status == 200:
        pick_up(trucker, play.posted[load_id], play.ledger)
        play.teller.say(
            f"One act offers the load to {trucker.name}, who takes it:"
            f" {play.lane(load_id)}, {dollars(offer['score_cents'])} more than empty."
        )
