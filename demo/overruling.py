"""A dispatcher overrules a driver's choice and gives a reason."""

from typing import Any

from demo.client import Unexpected
from demo.play import Play, order
from demo.road import accept, first_ring, inbox, must, pick_up, report
from demo.seeding import Posted, Trucker
from demo.words import dollars
from places.cities import city

ATLANTA = ("Atlanta", "GA")
MARIETTA = ("Marietta", "GA")
NASHVILLE = ("Nashville", "TN")
TOLD = "An override tells both drivers and the shipper"
KEPT = "An override records what was before and after"


def tell(play: Play) -> None:
    """Reassign a won load, and give the driver who lost it another one."""
    teller = play.teller
    teller.chapter("A dispatcher overrules a driver's choice")
    wanted = play.post(0, order("OVER-1", ATLANTA, NASHVILLE, 990, commodity="paint"))
    other = play.post(2, order("OVER-2", MARIETTA, NASHVILLE, 760))
    luis = play.truck(1, "Luis Flores", city(*NASHVILLE))
    denise = play.truck(1, "Denise Hayes", city("Murfreesboro", "TN"))
    for trucker in (luis, denise):
        home = (trucker.truck.home.name, trucker.truck.home.state)
        number = f"PEACH-{trucker.truck.unit_number}"
        haul = order(number, home, ATLANTA, 700, commodity="furniture")
        first_ring(play.deliver(trucker, 1, haul), play.phones)
    offers = [offer for offer in inbox(luis) if offer["load_id"] == wanted.id]
    if not offers:
        raise Unexpected(f"{luis.name} was not offered {play.lane(wanted.id)}")
    won = must(accept(luis, offers[0], play.ledger))
    teller.say(
        f"{luis.name}, home Nashville, accepts {play.lane(wanted.id)} for"
        f" {dollars(wanted.load.price_cents)}."
    )
    _reassign(play, won["id"], wanted, luis, denise)
    _force_assign(play, other, luis)
    pick_up(denise, wanted, play.ledger)
    pick_up(luis, other, play.ledger)


def _reassign(
    play: Play, assignment_id: str, load: Posted, old: Trucker, new: Trucker
) -> None:
    dispatcher = old.company.desk
    note = f"The dock asks for {new.name}, who has the gate pass."
    made = dispatcher.post(
        f"/v1/assignments/{assignment_id}/override",
        {
            "kind": "reassign",
            "reason": "customer_request",
            "note": note,
            "driver_id": new.driver_id,
        },
    )
    play.teller.say(
        f"{dispatcher.name}, dispatcher, takes the load from {old.name} and gives it to"
        f" {new.name}. Reason on file: {made['reason'].replace('_', ' ')},"
        f' "{made["note"]}"'
    )
    _check_kept(play, made, old.driver_id, new.driver_id)
    rung = [
        (person.name, play.phones.wait(person.target, kind, subject_id=load.id))
        for person, kind in (
            (old.phone, "load_unassigned"),
            (new.phone, "load_assigned"),
            (load.shipper.desk, "load_reassigned"),
        )
    ]
    play.promises.check_all(
        TOLD, [f"{name} was not told" for name, push in rung if not push]
    )
    for name, push in rung:
        if push is not None:
            play.teller.add(f'{name}\'s phone: "{push.title}"')
    late = report(old, load.body["stops"][0], "arrival")
    play.promises.check(
        "A driver who was taken off a load cannot report for it",
        (late.status, late.code) == (409, "assignment-ended"),
        f"{late.status} {late.code}",
    )


def _check_kept(play: Play, made: dict[str, Any], old_id: str, new_id: str) -> None:
    change = (made["before"]["driver_id"], made["after"]["driver_id"])
    play.promises.check(KEPT, change == (old_id, new_id), f"kept {change}")
    is_told = len(made["notified"]) == 2 and made["after"]["poster_told"]
    play.promises.check(TOLD, is_told, f"{made['notified']}")


def _force_assign(play: Play, load: Posted, trucker: Trucker) -> None:
    dispatcher = trucker.company.desk
    made = dispatcher.post(
        "/v1/overrides",
        {
            "kind": "force_assign",
            "reason": "other",
            "note": "In place of the reassigned load.",
            "load_id": load.id,
            "driver_id": trucker.driver_id,
        },
    )
    told = play.phones.wait(trucker.phone.target, "load_assigned", subject_id=load.id)
    play.promises.check(TOLD, told is not None, f"{trucker.name} was not told")
    play.teller.say(
        f"{dispatcher.name} gives {trucker.name} another load, {play.lane(load.id)}"
        f' for {dollars(load.load.price_cents)}: "{made["note"]}"'
    )
