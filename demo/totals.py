"""The day in figures: drops, offers, empty miles, CO2, latencies."""

import json
from dataclasses import asdict, dataclass
from statistics import quantiles

from demo.audit import confirmed_pickups
from demo.evidence import Evidence
from demo.play import ROADS, Play
from demo.road import Drop
from demo.words import count, miles, pounds
from freight.emissions import METHOD, co2_kg
from geo.points import Point


@dataclass(frozen=True)
class Percentiles:
    """Milliseconds."""

    p50: float
    p95: float


@dataclass(frozen=True)
class Totals:
    """The totals of the day.

    empty_before_m: every truck drives home empty from its first drop.
    empty_after_m: those that go home with a load count only the way to its pickup
        and from its delivery.
    completion_to_push_ms: from the moment when the driver's phone has the answer to the
        completed drop, until the first offer's push is at the provider.
    """

    drops: int
    drops_far_from_home: int
    offers: int
    accepted: int
    declined: int
    too_late: int
    overridden: int
    pickups_confirmed: int
    loaded_home: int
    positions: int
    empty_before_m: float
    empty_after_m: float
    completion_to_push_ms: Percentiles

    @property
    def co2_avoided_kg(self) -> float:
        return co2_kg(self.empty_before_m - self.empty_after_m)

    def to_json(self, outcome: str) -> str:
        """Return the figures on one line, lengths in kilometres."""
        return json.dumps(
            {
                "demo": outcome,
                "drops": self.drops,
                "offers": self.offers,
                "accepted": self.accepted,
                "overridden": self.overridden,
                "pickups_confirmed": self.pickups_confirmed,
                "empty_km_before": round(self.empty_before_m / 1000, 1),
                "empty_km_after": round(self.empty_after_m / 1000, 1),
                "completion_to_push_ms": asdict(self.completion_to_push_ms),
                "drops_far_from_home": self.drops_far_from_home,
                "loaded_home": self.loaded_home,
                "declined": self.declined,
                "too_late": self.too_late,
                "positions": self.positions,
                "co2_avoided_kg": round(self.co2_avoided_kg, 1),
                "co2_method": METHOD,
            }
        )

    def lines(self) -> list[str]:
        """Return the figures in words."""
        saved_m = self.empty_before_m - self.empty_after_m
        share = saved_m / self.empty_before_m if self.empty_before_m else 0.0
        return [
            f"{count(self.drops, 'drop')}, {self.drops_far_from_home} of them far from"
            f" home; {count(self.offers, 'offer')} made, {self.accepted} accepted,"
            f" {self.declined} declined, {self.too_late} answered too late",
            f"{count(self.overridden, 'override')} by dispatchers,"
            f" {count(self.pickups_confirmed, 'pickup')} confirmed by shippers,"
            f" {count(self.positions, 'position')} kept",
            f"{self.loaded_home} of {self.drops_far_from_home} trucks go home loaded",
            f"{miles(self.empty_before_m)} empty before, {miles(self.empty_after_m)}"
            f" after: {share:.0%} less (estimated road miles)",
            f"{pounds(self.co2_avoided_kg)} of CO2 avoided ({METHOD})",
            "from a completed drop to the first push:"
            f" p50 {self.completion_to_push_ms.p50:.0f} ms,"
            f" p95 {self.completion_to_push_ms.p95:.0f} ms",
        ]


def add_up(play: Play, evidence: Evidence) -> Totals:
    """Return the totals of the day."""
    first_hauls = [drop for drop in play.ledger.drops if drop.is_first_haul]
    empty = [_empty_m(play, evidence, drop) for drop in first_hauls]
    statuses = [offer["status"] for offer in evidence.offers]
    return Totals(
        drops=len(play.ledger.drops),
        drops_far_from_home=len(first_hauls),
        offers=len(evidence.offers),
        accepted=statuses.count("accepted"),
        declined=statuses.count("declined"),
        too_late=len(play.ledger.too_late),
        overridden=len(evidence.overrides),
        pickups_confirmed=confirmed_pickups(evidence),
        positions=play.ledger.fixes_kept,
        loaded_home=sum(is_loaded for _, _, is_loaded in empty),
        empty_before_m=sum(before_m for before_m, _, _ in empty),
        empty_after_m=sum(after_m for _, after_m, _ in empty),
        completion_to_push_ms=_latencies(play, evidence),
    )


def _empty_m(play: Play, evidence: Evidence, drop: Drop) -> tuple[float, float, bool]:
    """Return the empty metres without and with the market, and whether it has a load.

    Of a truck with a load, the server's own figures: those of the load's explanation,
    won or assigned by a dispatcher. A truck without a load drives straight home.
    """
    search = evidence.search_of(drop.stop_id)
    if search is None:
        return 0.0, 0.0, False
    desk = drop.trucker.company.desk
    carried = _load_after(evidence, drop)
    if carried is not None:
        path = f"/v1/backhaul-searches/{search['id']}/explanation?load_id={carried}"
        figures = desk.get(path).get("figures")
        if figures:
            return figures["empty_before_m"], figures["empty_after_m"], True
    situation = desk.get(f"/v1/backhaul-searches/{search['id']}")["situation"]
    home_m = ROADS.distance_m(Point(**situation["drop"]), Point(**situation["home"]))
    return home_m, home_m, False


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


def _latencies(play: Play, evidence: Evidence) -> Percentiles:
    search_of = {row["id"]: row["search_id"] for row in evidence.offers}
    first_at: dict[str, float] = {}
    for push in evidence.pushes:
        if push.kind == "offer" and (search_id := search_of.get(push.subject_id)):
            first_at[search_id] = min(push.at, first_at.get(search_id, push.at))
    taken_ms = []
    for drop in play.ledger.drops:
        search = evidence.search_of(drop.stop_id)
        if search is not None and search["id"] in first_at:
            taken_ms.append((first_at[search["id"]] - drop.at) * 1000)
    if len(taken_ms) < 2:
        return Percentiles(*(taken_ms * 2)) if taken_ms else Percentiles(0.0, 0.0)
    cuts = quantiles(taken_ms, n=20, method="inclusive")
    return Percentiles(p50=round(cuts[9], 1), p95=round(cuts[18], 1))
