"""The founding case: a truck from Chicago delivers in New York and goes home loaded."""

from typing import Any

from demo.play import Play, order
from demo.road import (
    Drop,
    accept,
    confirm,
    decline,
    drive,
    drop,
    explanation,
    first_ring,
    inbox,
    must,
    report,
    search_of,
    see,
    utcnow,
)
from demo.seeding import Posted, Trucker
from demo.words import count, dollars, miles, pounds
from freight.equipment import Equipment
from geo.distance import METRES_PER_MILE, haversine_m
from geo.points import Point
from places.cities import city

CHICAGO = ("Chicago", "IL")
NEW_YORK = ("New York", "NY")
NEWARK = ("Newark", "NJ")
NEAR_HOME_M = 75 * METRES_PER_MILE

TERMS = {
    "price": "the load pays",
    "fee": "fee",
    "deadhead_cost": "empty to the pickup",
    "loaded_cost": "driving it loaded",
    "home_deadhead_cost": "empty from the delivery home",
    "baseline_saved": "saved: the empty drive home",
    "duty_hours_cost": "home later: the price of these hours",
    "cancellation_risk": "the poster sometimes cancels",
}


def tell(play: Play) -> None:
    """Play the founding case from the drop to the won load's delivery."""
    teller = play.teller
    teller.chapter("A truck from Chicago delivers in New York")
    reefer = _post_ways_home(play)
    trucker = play.truck(0, "Earl Washington", city(*CHICAGO))
    dropped = play.deliver(
        trucker,
        0,
        order("EAST-1", CHICAGO, NEW_YORK, 2_150, commodity="furniture"),
        repeats=2,
    )
    teller.say(
        f"{trucker.name}, truck {trucker.truck.unit_number}, home Chicago, has"
        " delivered in New York. The signal is bad: the phone reports the drop three"
        " times."
    )
    push = first_ring(dropped, play.phones)
    name = "The founding case: the phone rings after the drop"
    play.promises.check(name, push is not None)
    if push is not None:
        ms = (push.at - dropped.at) * 1000
        teller.say(f'The phone rings {ms:.0f} ms later: "{push.title}: {push.body}"')
    search = search_of(dropped)
    _tell_search(play, search)
    offers = inbox(trucker)
    chosen = _choose(play, trucker, offers)
    if chosen is None:
        return
    _tell_terms(play, chosen)
    _tell_why_not(play, trucker, search["id"], reefer)
    won = must(accept(trucker, chosen, play.ledger))
    again = must(accept(trucker, chosen, play.ledger))
    play.promises.check(
        "A driver who repeats an acceptance gets the same answer",
        won["id"] == again["id"],
    )
    teller.say(
        f"{trucker.name} wants to end near home, accepts"
        f" {play.lane(chosen['load_id'])}, load"
        f" {won['load']['load_number']}, and wins it."
    )
    _carry_home(play, trucker, play.posted[won["load"]["id"]], chosen)


def _post_ways_home(play: Play) -> Posted:
    """Post freight for the way home, and one load that a van cannot take."""
    play.post(0, order("HOME-1", NEWARK, ("Gary", "IN"), 2_450))
    play.post(
        2, order("HOME-2", ("Elizabeth", "NJ"), CHICAGO, 2_300, commodity="clothing")
    )
    return play.post(
        1,
        order(
            "COLD-1",
            NEWARK,
            CHICAGO,
            3_100,
            equipment=Equipment.REEFER,
            commodity="ice cream",
            temperature_c=(-29.0, -23.0),
        ),
    )


def _tell_search(play: Play, search: dict[str, Any]) -> None:
    counts = search["counts"]
    excluded: dict[str, int] = {}
    for stage in counts["stages"]:
        excluded |= stage["excluded"]
    most = sorted(excluded.items(), key=lambda reason: -reason[1])[:3]
    reasons = ", ".join(f"{reason.replace('_', ' ')} ({n:,})" for reason, n in most)
    play.teller.say(
        f"The search looked at {count(counts['considered'], 'load')} within"
        f" {miles(search['radius_m'])} in {search['timings']['search_ms']:.0f} ms:"
        f" {counts['ranked']} are worth taking. Most frequent reasons against the"
        f" others: {reasons}."
    )


def _choose(
    play: Play, trucker: Trucker, offers: list[dict[str, Any]]
) -> dict[str, Any] | None:
    """Print the offers in the inbox; return the best one that ends near home."""
    home = trucker.truck.home_point
    near = []
    play.teller.say(
        f"{trucker.name} opens the app: {count(len(offers), 'offer')}, best first."
    )
    for offer in offers:
        see(trucker, offer)
        load = offer["load"]
        end = Point(load["delivery_lat"], load["delivery_lon"])
        play.teller.add(
            f"{offer['rank']}. {play.lane(load['id'])}, {load['commodity']},"
            f" {pounds(load['weight_kg'])}: gain {dollars(offer['score_cents'])}."
            f" {offer['figures']['summary']}"
        )
        if haversine_m(end, home) <= NEAR_HOME_M:
            near.append(offer)
    play.promises.check(
        "The founding case: freight to Chicago or near it is offered", bool(near)
    )
    return near[0] if near else None


def _tell_terms(play: Play, offer: dict[str, Any]) -> None:
    play.teller.say(f"Why {play.lane(offer['load_id'])}, against driving home empty:")
    for term in offer["terms"]:
        if term["value"]:
            label = TERMS.get(term["name"], term["name"])
            play.teller.add(f"{dollars(term['value']):>9}  {label}")
    play.teller.add(f"{dollars(offer['score_cents']):>9}  gain")


def _tell_why_not(
    play: Play, trucker: Trucker, search_id: str, refused: Posted
) -> None:
    """Ask why a load was not offered, as a dispatcher would."""
    answer = explanation(trucker, search_id, refused.id)
    figure = answer.get("figure") or {}
    play.promises.check(
        "The server says why a load was not offered",
        (answer["verdict"], answer["reason"]) == ("excluded", "equipment_mismatch"),
        f"{answer['verdict']}: {answer['reason']}",
    )
    load = refused.load
    play.teller.say(
        f"Why not {play.lane(refused.id)}, {load.commodity} for"
        f" {dollars(load.price_cents)}? The server answers:"
        f" {answer['reason'].replace('_', ' ')}. The load needs a"
        f" {figure.get('value')} and the truck pulls a {figure.get('limit')}."
    )


def _carry_home(
    play: Play, trucker: Trucker, posted: Posted, offer: dict[str, Any]
) -> None:
    """Pick up, wait for the shipper's confirmation, deliver, be home."""
    pickup = posted.body["stops"][0]
    must(report(trucker, pickup, "arrival"))
    must(report(trucker, pickup, "completion"))
    early = report(trucker, pickup, "departure")
    play.promises.check(
        "No truck departs before the shipper has confirmed the pickup",
        (early.status, early.code) == (409, "pickup-not-confirmed"),
        f"{early.status} {early.code}",
    )
    play.teller.say(
        f"{trucker.name} wants to leave the dock and is told: pickup not confirmed."
    )
    kept = confirm(posted.shipper, posted.body, play.ledger)
    play.teller.say(
        f"{kept['confirmed_by']}, {posted.shipper.name}, confirms"
        f" {kept['confirmed_pieces']} pieces,"
        f" {pounds(kept['confirmed_weight_kg'])}, seal {kept['seal_number']},"
        f" bill of lading {kept['bol_number']}. The truck departs."
    )
    left_at = utcnow()
    must(report(trucker, pickup, "departure", left_at))
    load = posted.load
    drive(trucker, load.pickup, load.delivery, play.ledger, left_at=left_at)
    home = drop(trucker, posted, play.ledger, is_first_haul=False)
    _go_off_duty(play, trucker, home)
    figures = offer["figures"]
    play.teller.say(
        f"The load is delivered in {load.destination.name}. The way home has"
        f" {miles(figures['empty_after_m'])} empty instead of"
        f" {miles(figures['empty_before_m'])}."
    )
    play.promises.check(
        "The founding case: the load is won, carried and delivered",
        trucker.phone.get("/v1/me")["assignments"] == []
        and trucker.company.desk.get(f"/v1/loads/{posted.id}")["status"] == "delivered",
    )


def _go_off_duty(play: Play, trucker: Trucker, home: Drop) -> None:
    search_of(home)
    for offer in inbox(trucker):
        decline(trucker, offer, "done_for_today", play.ledger)
    trucker.phone.patch(
        f"/v1/drivers/{trucker.driver_id}", {"availability": "off_duty"}
    )
