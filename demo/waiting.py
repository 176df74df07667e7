"""A driver who found nothing at their drop waits, and is rung when a load is posted."""

from demo.play import Play, order
from demo.road import accept, inbox, pick_up, search_of, see, utcnow
from demo.words import count, dollars
from places.cities import city

BILLINGS = ("Billings", "MT")
MINNEAPOLIS = ("Minneapolis", "MN")
GOES_EMPTY_M = 40_000.0
NAME = "A driver who found nothing at the drop is rung when a load is posted"


def tell(play: Play) -> None:
    """Let a driver find nothing, wait, be rung by a new load and win it."""
    teller = play.teller
    teller.chapter("A load that comes a moment later")
    trucker = play.truck(1, "Sofia Larsen", city(*MINNEAPOLIS))
    own = f"/v1/drivers/{trucker.driver_id}"
    trucker.phone.patch(own, {"max_deadhead_m": GOES_EMPTY_M})
    haul = order("NORTH-1", MINNEAPOLIS, BILLINGS, 1_900, commodity="machine parts")
    search = search_of(play.deliver(trucker, 1, haul))
    looked_at = count(search["counts"]["considered"], "load")
    teller.say(
        f"{trucker.name}, home Minneapolis, has delivered in Billings and goes 25 miles"
        f" empty at most. The search looks at {looked_at}:"
        f" {search['outcome'].replace('_', ' ')}. The driver waits."
    )
    posted_at = utcnow().timestamp()
    posted = play.post(2, order("NORTH-2", BILLINGS, MINNEAPOLIS, 1_650))
    rung = play.phones.wait(trucker.phone.target, "offer", after=posted_at)
    offers = [o for o in inbox(trucker) if o["load_id"] == posted.id]
    is_new = search["outcome"] == "nothing_found"
    found = f"{search['outcome']}, rung: {rung is not None}, {len(offers)} offers"
    play.promises.check(NAME, is_new and rung is not None and len(offers) == 1, found)
    if rung is None or not offers:
        return
    teller.say(
        f"A shipper posts a load from Billings to Minneapolis:"
        f" {trucker.name}'s phone rings {rung.at - posted_at:.1f} s later."
    )
    see(trucker, offers[0])
    answer = accept(trucker, offers[0], play.ledger)
    play.promises.check(NAME, answer.status == 200, answer.code)
    pick_up(trucker, posted, play.ledger)
    teller.say(
        f"{trucker.name} wins it for {dollars(posted.load.price_cents)} and does not"
        " drive 840 miles home empty."
    )
