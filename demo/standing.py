"""A load that stands by while the truck moves, and is offered when it stops."""

from demo.play import Play, order
from demo.road import accept, inbox, pick_up, say_speed, search_of, see, utcnow
from demo.words import dollars
from places.cities import city

BOISE = ("Boise", "ID")
SPOKANE = ("Spokane", "WA")
GOES_EMPTY_M = 40_000.0
ON_THE_ROAD_MPS = 27.0
NAME = "A driver is not rung while the truck moves, and is when it stops"


def tell(play: Play) -> None:
    """Let a load come for a driver on the road: it stands by until they stop."""
    teller = play.teller
    teller.chapter("A load that stands by")
    trucker = play.truck(1, "Ingrid Sandoval", city(*SPOKANE))
    own = f"/v1/drivers/{trucker.driver_id}"
    trucker.phone.patch(own, {"max_deadhead_m": GOES_EMPTY_M})
    haul = order("ROAD-1", SPOKANE, BOISE, 1_300, commodity="apples")
    search_of(play.deliver(trucker, 1, haul))
    say_speed(trucker, city(*BOISE).point, ON_THE_ROAD_MPS, play.ledger)
    posted_at = utcnow().timestamp()
    posted = play.post(2, order("ROAD-2", BOISE, SPOKANE, 1_450))
    desk = trucker.company.desk
    told = play.phones.wait(desk.target, "loads_stand_by", after=posted_at)
    too_early = inbox(trucker)
    teller.say(
        f"{trucker.name}, home Spokane, has delivered in Boise, found nothing and"
        " drives on. A load to Spokane is posted. The phone stays silent at 60 mph;"
        f" that of {desk.name}, the dispatcher, rings"
        + (f': "{told.title}"' if told else " not.")
    )
    stopped_at = utcnow().timestamp()
    say_speed(trucker, city(*BOISE).point, 0.0, play.ledger)
    rung = play.phones.wait(trucker.phone.target, "offer", after=stopped_at)
    offers = [o for o in inbox(trucker) if o["load_id"] == posted.id]
    found = f"told: {told is not None}, before {too_early}, rung: {rung is not None}"
    is_kept = told is not None and not too_early and rung is not None
    play.promises.check(NAME, is_kept and len(offers) == 1, found)
    if rung is None or not offers:
        return
    see(trucker, offers[0])
    answer = accept(trucker, offers[0], play.ledger)
    play.promises.check(NAME, answer.status == 200, answer.code)
    pick_up(trucker, posted, play.ledger)
    teller.say(
        f"The truck stops, and the phone rings {rung.at - stopped_at:.1f} s later:"
        f" {trucker.name} wins the load for {dollars(posted.load.price_cents)}."
    )
