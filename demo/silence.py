"""A phone that gets no push: its driver still finds the offers in the inbox."""

from demo.play import Play, order
from demo.road import accept, decline, inbox, pick_up, search_of, see
from demo.words import count, dollars
from places.cities import city

SALT_LAKE_CITY = ("Salt Lake City", "UT")
PROVO = ("Provo", "UT")
DENVER = ("Denver", "CO")
NAME = "A phone that gets no push still sees, accepts and carries a load"


def tell(play: Play) -> None:
    """Let a driver whose push target is dead find and win a load without a push."""
    teller = play.teller
    teller.chapter("A phone that gets no push")
    play.post(1, order("DEAF-1", SALT_LAKE_CITY, DENVER, 1_450))
    play.post(2, order("DEAF-2", PROVO, DENVER, 1_300, commodity="canned food"))
    trucker = play.truck(2, "Gurpreet Gill", city(*DENVER), target="unreg-gurpreet")
    haul = order("WEST-1", DENVER, SALT_LAKE_CITY, 1_100, commodity="clothing")
    dropped = play.deliver(trucker, 1, haul)
    search_of(dropped)
    desk = trucker.company.desk
    told = play.phones.wait(desk.target, "offer_undeliverable")
    play.promises.check(
        "When no phone of a driver can be reached, the dispatcher is told",
        told is not None,
    )
    devices = trucker.phone.get("/v1/devices")["data"]
    play.promises.check(
        "A dead push target is not tried again",
        all(device["dead_at"] for device in devices),
        f"{devices}",
    )
    teller.say(
        f"{trucker.name}, home Denver, has delivered in Salt Lake City. The driver has"
        " reinstalled the app, and FCM does not know the phone any more. The phone of"
        f" {desk.name}, the dispatcher, rings instead"
        + (f': "{told.title}"' if told else ".")
    )
    offers = inbox(trucker)
    for offer in offers:
        see(trucker, offer)
    teller.say(
        f"{trucker.name} opens the app at the dock anyway:"
        f" {count(len(offers), 'offer')}, best first. The driver declines the first,"
        " which costs nothing, and accepts the second."
    )
    play.promises.check(NAME, len(offers) > 1, f"{len(offers)} offers")
    if len(offers) < 2:
        return
    decline(trucker, offers[0], "facility", play.ledger)
    answer = accept(trucker, offers[1], play.ledger)
    play.promises.check(NAME, answer.status == 200, answer.code)
    won = play.posted[offers[1]["load_id"]]
    pick_up(trucker, won, play.ledger)
    teller.say(
        f"{trucker.name} wins {play.lane(won.id)} for"
        f" {dollars(won.load.price_cents)}, picks it up and is on the way home."
    )
