"""What each truck drives from its first drop until it is home, empty and as it did."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from demo.evidence import Evidence
from demo.play import Play
from demo.road import Drop, explanation
from demo.roads import roads
from freight.situation import Parameters, Situation
from freight.trips import way_home
from market import transit

WEEK_H = 168


@dataclass(frozen=True)
class Way:
    """A way of a truck.

    driven_m: all metres; empty_m: those without a load.
    hours: driving, stops, waits and rests. earned_cents: the price less what the driven
        kilometres cost.
    """

    driven_m: float
    empty_m: float
    hours: float
    earned_cents: float


@dataclass(frozen=True)
class WayHome:
    """The ways of one truck.

    haul: of the load that took it to the drop. today: empty home at once, as trucks do
    without the product. after: as it went home, with or without a load.
    """

    haul: Way
    today: Way
    after: Way

    @property
    def is_loaded(self) -> bool:
        return self.after.driven_m > self.after.empty_m


@dataclass(frozen=True)
class Sum:
    """The ways home of all trucks. week_cents: see `week_cents`."""

    driven_m: float
    empty_m: float
    hours_each: float
    week_cents: float

    @classmethod
    def of(cls, hauls: list[Way], ways: list[Way]) -> "Sum":
        """Return the sum of the ways home after these hauls."""
        return cls(
            driven_m=sum(way.driven_m for way in ways),
            empty_m=sum(way.empty_m for way in ways),
            hours_each=sum(way.hours for way in ways) / max(len(ways), 1),
            week_cents=week_cents([*hauls, *ways]),
        )


def week_cents(ways: list[Way]) -> float:
    """Return what a truck that always drives such ways earns in a week of 168 hours.

    All that is earned, divided by all hours: trucks with long ways count for more.
    """
    hours = sum(way.hours for way in ways)
    earned_cents = sum(way.earned_cents for way in ways)
    return earned_cents / hours * WEEK_H if hours else 0.0


def ways_home(play: Play, evidence: Evidence) -> Iterator[WayHome]:
    """Yield the ways of every truck that was searched for after its first haul."""
    for drop in play.ledger.drops:
        search = evidence.search_of(drop.stop_id) if drop.is_first_haul else None
        if search is not None:
            desk = drop.trucker.company.desk
            kept = desk.get(f"/v1/backhaul-searches/{search['id']}")
            if kept["situation"]:
                yield _way_home(play, evidence, drop, kept)


def _way_home(
    play: Play, evidence: Evidence, drop: Drop, search: dict[str, Any]
) -> WayHome:
    """Return the ways of one truck.

    Of a truck with a load, the server's own figures: those of the load's explanation,
    won or assigned by a dispatcher. A truck without a load drives straight home.
    """
    situation = Situation.from_record(search["situation"])
    parameters = Parameters.from_record(search["parameters"])
    empty = way_home(situation, parameters, roads())
    today = Way(
        driven_m=empty.distance_m,
        empty_m=empty.distance_m,
        hours=empty.elapsed_s / 3600,
        earned_cents=-_cost_cents(situation, empty_m=empty.distance_m),
    )
    after, carried = today, _load_after(evidence, drop)
    if carried is not None:
        figures = explanation(drop.trucker, search["id"], carried).get("figures")
        if figures:
            price_cents = play.posted[carried].load.price_cents
            after = _loaded(
                situation, figures, price_cents * (1 - parameters.fee_share)
            )
    return WayHome(_haul(play, drop, situation, parameters), today, after)


def _loaded(situation: Situation, figures: dict[str, Any], paid_cents: float) -> Way:
    empty_m, loaded_m = figures["empty_after_m"], figures["loaded_m"]
    taken = datetime.fromisoformat(figures["home_eta"]) - situation.free_at
    cost_cents = _cost_cents(situation, empty_m=empty_m, loaded_m=loaded_m)
    return Way(
        driven_m=empty_m + loaded_m,
        empty_m=empty_m,
        hours=taken / timedelta(hours=1),
        earned_cents=paid_cents - cost_cents,
    )


def _haul(play: Play, drop: Drop, situation: Situation, parameters: Parameters) -> Way:
    """Return the first haul: loading, the way with its rests, unloading."""
    posted = play.posted[drop.load_id]
    loaded_m = posted.body["loaded_m"]
    taken = transit(loaded_m) + timedelta(seconds=parameters.dwell_s)
    cost_cents = _cost_cents(situation, loaded_m=loaded_m)
    return Way(
        driven_m=loaded_m,
        empty_m=0.0,
        hours=taken / timedelta(hours=1),
        earned_cents=posted.load.price_cents - cost_cents,
    )


def _cost_cents(
    situation: Situation, *, empty_m: float = 0.0, loaded_m: float = 0.0
) -> float:
    """Return what driving costs; the hours are counted by themselves."""
    empty = empty_m / 1000 * situation.cost_empty_cents_per_km
    return empty + loaded_m / 1000 * situation.cost_loaded_cents_per_km


def _load_after(evidence: Evidence, drop: Drop) -> str | None:
    """Return the load with which the truck goes home from this drop."""
    for row in evidence.assignments:
        is_theirs = row["driver_id"] == drop.trucker.driver_id
        if (
            is_theirs
            and row["status"] != "cancelled"
            and row["load"]["id"] != drop.load_id
        ):
            load_id: str = row["load"]["id"]
            return load_id
    return None
