"""The day in figures: drops, offers, ways home, money, CO2, latencies."""

import json
from dataclasses import asdict, dataclass
from statistics import quantiles

from demo.audit import confirmed_pickups
from demo.evidence import Evidence
from demo.play import Play
from demo.ways_home import WEEK_H, Sum, ways_home
from demo.words import count, dollars, miles, pounds
from freight.costs import COST_CENTS_PER_KM
from freight.emissions import METHOD, STRICT, USUAL_EMPTY_SHARE, avoided_m, co2_kg
from geo.distance import METRES_PER_MILE


@dataclass(frozen=True)
class Percentiles:
    """Milliseconds."""

    p50: float
    p95: float


@dataclass(frozen=True)
class Totals:
    """The totals of the day.

    today: every truck drives home empty at once, from its first drop. after: as the
        trucks went home.
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
    today: Sum
    after: Sum
    completion_to_push_ms: Percentiles

    def co2_avoided_kg(self, other_empty_share: float) -> float:
        """Return the CO2 that all trucks together avoid, at least 0.

        other_empty_share: see `freight.emissions.avoided_m`.
        """
        fewer_m = avoided_m(
            empty_before_m=self.today.empty_m,
            empty_after_m=self.after.empty_m,
            loaded_m=self.after.driven_m - self.after.empty_m,
            other_empty_share=other_empty_share,
        )
        return max(co2_kg(fewer_m), 0.0)

    def to_json(self, outcome: str) -> str:
        """Return the figures on one line, lengths in kilometres."""
        figures = {
            "demo": outcome,
            "drops": self.drops,
            "offers": self.offers,
            "accepted": self.accepted,
            "overridden": self.overridden,
            "pickups_confirmed": self.pickups_confirmed,
            "completion_to_push_ms": asdict(self.completion_to_push_ms),
            "drops_far_from_home": self.drops_far_from_home,
            "loaded_home": self.loaded_home,
            "declined": self.declined,
            "too_late": self.too_late,
            "positions": self.positions,
            "co2_avoided_strict_kg": round(self.co2_avoided_kg(STRICT), 1),
            "co2_avoided_conservative_kg": round(
                self.co2_avoided_kg(USUAL_EMPTY_SHARE), 1
            ),
            "co2_method": METHOD,
        }
        for name, ways in (("before", self.today), ("after", self.after)):
            figures |= {
                f"driven_km_{name}": round(ways.driven_m / 1000, 1),
                f"empty_km_{name}": round(ways.empty_m / 1000, 1),
                f"hours_until_home_{name}": round(ways.hours_each, 1),
                f"dollars_a_week_{name}": round(ways.week_cents / 100),
            }
        return json.dumps(figures)

    def lines(self) -> list[str]:
        """Return the figures in words."""
        return [
            f"{count(self.drops, 'drop')}, {self.drops_far_from_home} of them far from"
            f" home; {count(self.offers, 'offer')} made, {self.accepted} accepted,"
            f" {self.declined} declined, {self.too_late} answered too late",
            f"{count(self.overridden, 'override')} by dispatchers,"
            f" {count(self.pickups_confirmed, 'pickup')} confirmed by shippers,"
            f" {count(self.positions, 'position')} kept",
            f"{self.loaded_home} of {self.drops_far_from_home} trucks go home loaded",
            *self._compared(),
            *self._co2(),
            "from a completed drop to the first push:"
            f" p50 {self.completion_to_push_ms.p50:.0f} ms,"
            f" p95 {self.completion_to_push_ms.p95:.0f} ms",
        ]

    def _compared(self) -> list[str]:
        today, after = self.today, self.after
        fewer_m = today.empty_m - after.empty_m
        share = fewer_m / today.empty_m if today.empty_m else 0.0
        rows = (
            ("from the drop until home", "empty at once", "with Backhaul"),
            ("miles driven", miles(today.driven_m), miles(after.driven_m)),
            ("of these empty", miles(today.empty_m), miles(after.empty_m)),
            ("hours a truck", f"{today.hours_each:.1f} h", f"{after.hours_each:.1f} h"),
            (
                "dollars a week and truck",
                dollars(today.week_cents),
                dollars(after.week_cents),
            ),
        )
        mile_cents = COST_CENTS_PER_KM * METRES_PER_MILE / 1000
        return [
            *(f"{name:<26}{before:>14}{now:>16}" for name, before, now in rows),
            "Empty at once is what trucks do today."
            f" {share:.0%} fewer miles are empty.",
            f"A week: the prices of the first haul and of the way home, less"
            f" ${mile_cents / 100:.2f} a mile, by the hours of both, times"
            f" {WEEK_H} h: a truck that sets out again as soon as it is home.",
        ]

    def _co2(self) -> list[str]:
        strict, usual = map(self.co2_avoided_kg, (STRICT, USUAL_EMPTY_SHARE))
        return [
            f"CO2 avoided, strict: {pounds(strict)}, if the trucks that would have"
            " hauled these loads had driven no empty mile",
            f"CO2 avoided, conservative: {pounds(usual)}, if they had driven"
            f" {USUAL_EMPTY_SHARE:.1%} of their miles empty as trucks in the US do"
            f" ({METHOD})",
        ]


def add_up(play: Play, evidence: Evidence) -> Totals:
    """Return the totals of the day."""
    ways = list(ways_home(play, evidence))
    hauls = [way.haul for way in ways]
    statuses = [offer["status"] for offer in evidence.offers]
    return Totals(
        drops=len(play.ledger.drops),
        drops_far_from_home=sum(drop.is_first_haul for drop in play.ledger.drops),
        offers=len(evidence.offers),
        accepted=statuses.count("accepted"),
        declined=statuses.count("declined"),
        too_late=len(play.ledger.too_late),
        overridden=len(evidence.overrides),
        pickups_confirmed=confirmed_pickups(evidence),
        positions=play.ledger.fixes_kept,
        loaded_home=sum(way.is_loaded for way in ways),
        today=Sum.of(hauls, [way.today for way in ways]),
        after=Sum.of(hauls, [way.after for way in ways]),
        completion_to_push_ms=_latencies(play, evidence),
    )


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
