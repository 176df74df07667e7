"""What map and clock refuse: a pickup across a lake, a middle stop that closes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from demo.client import Unexpected
from demo.play import DAY, Play, order
from demo.road import (
    accept,
    explanation,
    first_ring,
    inbox,
    must,
    pick_up,
    search_of,
    see,
    utcnow,
)
from demo.seeding import Middle, Posted, Trucker
from demo.words import clock, dollars, miles
from geo.distance import haversine_m
from geo.points import Point
from market import MarketLoad
from places.cities import city

MILWAUKEE = ("Milwaukee", "WI")
MUSKEGON = ("Muskegon", "MI")
GRAND_RAPIDS = ("Grand Rapids", "MI")
GARY = ("Gary", "IN")
CHICAGO = ("Chicago", "IL")
NEW_YORK = ("New York", "NY")
NEWARK = ("Newark", "NJ")
CLEVELAND = ("Cleveland", "OH")

MID_LAKE_LON, SHORE_LAT = -87.0, 41.75
"""At this longitude, all north of this latitude is Lake Michigan (up to 45.9)."""

CLEVELAND_CLOSES_AFTER = timedelta(hours=8)
"""Too early for a truck that has still to be loaded. Not so early that the posting is
odd: two drivers who set out now would be there in time."""


def tell(play: Play) -> None:
    """Let a lake and a middle stop refuse a load each, and offer what can be had."""
    play.teller.chapter("A lake, and a stop in the middle")
    _go_round_the_lake(play)
    _stop_in_the_middle(play)


def _go_round_the_lake(play: Play) -> None:
    across = play.post(
        0, order("LAKE-1", MUSKEGON, GRAND_RAPIDS, 600, commodity="furniture")
    )
    round_it = play.post(
        1, order("LAKE-2", GARY, GRAND_RAPIDS, 950, commodity="auto parts")
    )
    haul = order("LAKE-3", GRAND_RAPIDS, MILWAUKEE, 900, commodity="clothing")
    trucker, search = _drop(play, "Nadia Kowalski", 2, haul)
    play.teller.say(
        f"{trucker.name}, home Grand Rapids, has delivered in Milwaukee: home is"
        f" across Lake Michigan, {miles(_by_air_m(MILWAUKEE, GRAND_RAPIDS))} away by"
        f" air."
    )
    answer = explanation(trucker, search["id"], across.id)
    found = (answer["verdict"], answer["reason"])
    play.promises.check(
        "A pickup across a lake is refused by its way on the road",
        found == ("excluded", "beyond_max_deadhead"),
        ": ".join(found),
    )
    figure = answer.get("figure") or {"value": 0, "limit": 0}
    play.teller.say(
        f"Why not {play.lane(across.id)}, {miles(_by_air_m(MILWAUKEE, MUSKEGON))} from"
        f" the drop by air? The server answers: {_words(answer)}. The pickup is"
        f" {miles(figure['value'])} away by road, and the driver goes at most"
        f" {miles(figure['limit'])} empty."
    )
    offer = _offered(play, trucker, round_it)
    route = trucker.phone.get(f"/v1/offers/{offer['id']}/route")
    _tell_route(play, route)
    _win(play, trucker, offer, round_it)


def _tell_route(play: Play, route: dict[str, Any]) -> None:
    legs = [leg["properties"] for leg in route["features"]]
    line = [
        Point(lat, lon)
        for leg in route["features"]
        for lon, lat in leg["geometry"]["coordinates"]
    ]
    passes_at = list(_latitudes_at(MID_LAKE_LON, line))
    play.promises.check(
        "The route of an offer goes around the lake",
        bool(passes_at) and max(passes_at) < SHORE_LAT,
        f"it passes {MID_LAKE_LON} at {passes_at}",
    )
    told = ", ".join(
        f"{miles(leg['metres'])} from {_end(leg['begins_at'])} to"
        f" {_end(leg['ends_at'])}"
        for leg in legs
    )
    drop, south = line[0], min(point.lat for point in line)
    play.teller.say(
        f"Its route goes round the lake: {told},"
        f" {miles(sum(leg['metres'] for leg in legs))} in all. It turns at"
        f" {south:.2f} degrees north,"
        f" {miles(haversine_m(drop, Point(south, drop.lon)))} south of the drop."
        f" {route['attribution']}."
    )


def _stop_in_the_middle(play: Play) -> None:
    now, middle = utcnow(), city(*CLEVELAND)
    closes_at = now + CLEVELAND_CLOSES_AFTER
    early = play.post(
        0,
        order("MIDDLE-1", NEWARK, GARY, 2_900),
        Middle(middle, (now, closes_at)),
    )
    open_longer = play.post(
        2,
        order("MIDDLE-2", NEWARK, GARY, 2_850, commodity="canned food"),
        Middle(middle, (now, now + 3 * DAY)),
    )
    haul = order("MIDDLE-3", CHICAGO, NEW_YORK, 2_100, commodity="clothing")
    trucker, search = _drop(play, "Tomas Rivera", 1, haul)
    answer = explanation(trucker, search["id"], early.id)
    found = (answer["verdict"], answer["reason"], answer.get("stop"))
    play.promises.check(
        "A load is refused at a middle stop that closes before the truck comes",
        found == ("excluded", "delivery_closed_before_arrival", 2),
        f"{found}",
    )
    figure = answer.get("figure") or {}
    arrival, closing = (
        clock(datetime.fromisoformat(figure[side]), middle.zone) if figure else "?"
        for side in ("value", "limit")
    )
    play.teller.say(
        f"{trucker.name}, home Chicago, has delivered in New York. Why not"
        f" {play.lane(early.id)} with a stop in Cleveland, for"
        f" {dollars(early.load.price_cents)}? The server answers: {_words(answer)}, at"
        f" stop {answer.get('stop')}. The truck would be in Cleveland on {arrival}, and"
        f" the dock closes on {closing}."
    )
    offer = _offered(play, trucker, open_longer)
    _win(play, trucker, offer, open_longer)


def _drop(
    play: Play, name: str, carrier: int, haul: MarketLoad
) -> tuple[Trucker, dict[str, Any]]:
    """Play a first haul; return its driver and the search after the drop."""
    trucker = play.truck(carrier, name, haul.origin)
    dropped = play.deliver(trucker, 1, haul)
    first_ring(dropped, play.phones)
    return trucker, search_of(dropped)


def _offered(play: Play, trucker: Trucker, posted: Posted) -> dict[str, Any]:
    offers = [offer for offer in inbox(trucker) if offer["load_id"] == posted.id]
    if not offers:
        raise Unexpected(f"{trucker.name} was not offered {play.lane(posted.id)}")
    see(trucker, offers[0])
    stops = " with a stop in Cleveland" if len(posted.body["stops"]) > 2 else ""
    play.teller.say(
        f"{trucker.name} is offered {play.lane(posted.id)}{stops}:"
        f' "{offers[0]["figures"]["summary"]}"'
    )
    return offers[0]


def _win(play: Play, trucker: Trucker, offer: dict[str, Any], posted: Posted) -> None:
    must(accept(trucker, offer, play.ledger))
    pick_up(trucker, posted, play.ledger)


def _words(answer: dict[str, Any]) -> str:
    words: str = answer["reason"].replace("_", " ")
    return words


def _end(place: str) -> str:
    return place if place == "home" else f"the {place}"


def _by_air_m(start: tuple[str, str], end: tuple[str, str]) -> float:
    return haversine_m(city(*start).point, city(*end).point)


def _latitudes_at(lon: float, line: list[Point]) -> Iterator[float]:
    """Yield where the line crosses a meridian."""
    for a, b in pairwise(line):
        if (a.lon < lon) != (b.lon < lon):
            yield a.lat + (b.lat - a.lat) * (lon - a.lon) / (b.lon - a.lon)
