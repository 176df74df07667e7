"""Two drivers accept one load: exactly one wins, and the other is told at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from demo.client import PATIENCE_S, Answer, Unexpected
from demo.play import Play, order
from demo.road import accept, first_ring, inbox, pick_up
from demo.seeding import Trucker
from demo.words import dollars, pounds
from places.cities import city

HOUSTON = ("Houston", "TX")
DALLAS = ("Dallas", "TX")
FORT_WORTH = ("Fort Worth", "TX")
ONE_WINS = "Of two drivers who accept one load, exactly one wins"
OTHER_TOLD = "The other driver gets 410 offer-taken, with their next best offer"


def tell(play: Play) -> None:
    """Let drivers of two companies accept the same load at the same moment."""
    teller = play.teller
    teller.chapter("Two drivers, one load")
    hot = play.post(0, order("RACE-1", HOUSTON, DALLAS, 1_350, commodity="auto parts"))
    play.post(1, order("RACE-2", HOUSTON, FORT_WORTH, 1_050, commodity="canned food"))
    play.post(2, order("RACE-3", HOUSTON, DALLAS, 980, commodity="bottled water"))
    racers = [
        play.truck(0, "Marcus Booker", city(*DALLAS)),
        play.truck(1, "Carlos Torres", city(*FORT_WORTH)),
    ]
    for racer, commodity in zip(racers, ("clothing", "furniture"), strict=True):
        home = (racer.truck.home.name, racer.truck.home.state)
        number = f"SOUTH-{racer.truck.unit_number}"
        haul = order(number, home, HOUSTON, 900, commodity=commodity)
        first_ring(play.deliver(racer, 1, haul), play.phones)
    teller.say(
        f"{racers[0].name} ({racers[0].company.name}, home Dallas) and"
        f" {racers[1].name} ({racers[1].company.name}, home Fort Worth) have both"
        " delivered in Houston, and both phones rang."
    )
    answers = _accept_together(play, racers, hot.id)
    statuses = sorted(answer.status for answer in answers)
    play.promises.check(ONE_WINS, statuses == [200, 410], f"answers {statuses}")
    if statuses != [200, 410]:
        return
    first = 0 if answers[0].status == 200 else 1
    winner, loser = racers[first], racers[1 - first]
    teller.say(
        f"Both accept {play.lane(hot.id)} for {dollars(hot.load.price_cents)} at the"
        f" same moment. {winner.name} wins (200); {loser.name} is refused"
        f" ({answers[1 - first].status} {answers[1 - first].code})."
    )
    _second_choice(play, loser, answers[1 - first])
    pick_up(winner, hot, play.ledger, missing=2)
    _tell_difference(play, hot.id)


def _accept_together(play: Play, racers: list[Trucker], load_id: str) -> list[Answer]:
    starting = threading.Barrier(len(racers))

    def go(racer: Trucker) -> Answer:
        offers = [offer for offer in inbox(racer) if offer["load_id"] == load_id]
        starting.wait(timeout=PATIENCE_S)
        if not offers:
            raise Unexpected(f"{racer.name} was not offered the load of the race")
        return accept(racer, offers[0], play.ledger)

    with ThreadPoolExecutor(len(racers)) as pool:
        return list(pool.map(go, racers))


def _second_choice(play: Play, loser: Trucker, refusal: Answer) -> None:
    best: dict[str, Any] | None = refusal.body.get("next_offer")
    play.promises.check(
        OTHER_TOLD,
        refusal.code == "offer-taken" and best is not None,
        f"{refusal.code}, next offer: {best and best['id']}",
    )
    told = play.phones.wait(loser.phone.target, "offer_lost")
    play.promises.check(
        "The phone of the driver who lost is told that the offer is over", bool(told)
    )
    if best is None:
        return
    answer = accept(loser, best, play.ledger)
    if answer.status == 200:
        won = play.posted[best["load_id"]]
        play.teller.say(
            f"The refusal names the next best offer: {play.lane(won.id)} for"
            f" {dollars(best['load']['price_cents'])}. {loser.name} accepts it and"
            " wins."
        )
        pick_up(loser, won, play.ledger)


def _tell_difference(play: Play, load_id: str) -> None:
    posted = play.posted[load_id]
    desk = posted.shipper.desk
    kept = desk.get(f"/v1/loads/{load_id}")
    stop = kept["stops"][0]
    play.promises.check(
        "A difference at the dock is kept beside what was posted",
        (kept["pieces"], stop["confirmed_pieces"])
        == (posted.load.pieces, posted.load.pieces - 2),
        f"posted {kept['pieces']}, confirmed {stop['confirmed_pieces']}",
    )
    play.teller.say(
        f"At the dock two pieces are missing: {desk.name} confirms"
        f" {stop['confirmed_pieces']} of {kept['pieces']},"
        f" {pounds(stop['confirmed_weight_kg'])} of {pounds(kept['weight_kg'])}. Both"
        " figures are kept, and the truck departs."
    )
