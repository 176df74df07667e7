"""What speaks against a driver carrying a load now, and what a desk may overrule.

A search stops at the first rule that refuses; here every rule is asked, of a table of
one load.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from typing import Any, NamedTuple, Self

from freight.candidates import Candidate
from freight.columns import Loads
from freight.equipment import Equipment, can_stand_in
from freight.feasibility import Figure, Reason, Refusal
from freight.figures import Figures, trips_shown
from freight.lifecycles import LoadStatus
from freight.records import record_of
from freight.rules import FREIGHT, TIMES, WAYS, Rule
from freight.situation import Parameters, Situation
from freight.tables import Question, Table
from freight.trips import Trips, WayHome, way_home
from geo.areas import AreaReason
from geo.roads import EstimatedRoads, Roads


class Ground(StrEnum):
    """Why a driver should not carry a load. Values that `Reason` has mean the same."""

    POSITION_OLD = "position_old"
    NO_ROAD = "no_road"
    BEYOND_MAX_DEADHEAD = "beyond_max_deadhead"
    DETOUR_TOO_LONG = "detour_too_long"
    PICKUP_CLOSED_BEFORE_ARRIVAL = "pickup_closed_before_arrival"
    DELIVERY_CLOSED_BEFORE_ARRIVAL = "delivery_closed_before_arrival"
    HOME_TOO_LATE = "home_too_late"
    BELOW_MIN_PAY = "below_min_pay"
    OUTSIDE_OPERATING_AREA = "outside_operating_area"
    IN_NO_GO_AREA = "in_no_go_area"
    TOO_LONG = "too_long"
    TOO_HEAVY = "too_heavy"
    EQUIPMENT_STANDS_IN = "equipment_stands_in"
    EQUIPMENT_UNKNOWN = "equipment_unknown"

    EQUIPMENT_MISMATCH = "equipment_mismatch"
    POSTER_SUSPENDED = "poster_suspended"
    CARRIER_SUSPENDED = "carrier_suspended"
    NOT_ON_THE_MARKET = "not_on_the_market"
    LEASE_OVER = "lease_over"
    NOT_VISIBLE = "not_visible"
    DRIVER_GONE = "driver_gone"
    DRIVER_OFF_DUTY = "driver_off_duty"
    SLOT_TAKEN = "slot_taken"
    NO_TRUCK = "no_truck"
    TRUCK_CHANGED = "truck_changed"
    NO_HAZMAT_ENDORSEMENT = "no_hazmat_endorsement"
    TRUCK_NOT_PLACARDED = "truck_not_placarded"
    TEMPERATURE_NOT_HELD = "temperature_not_held"
    ABOVE_LEGAL_WEIGHT = "above_legal_weight"
    COUNTRY_NOT_ALLOWED = "country_not_allowed"
    CABOTAGE = "cabotage"


class Words(NamedTuple):
    """A JSON pointer to what a ground is about, its sentence, and whether the
    carrier's desk may overrule it."""

    pointer: str
    detail: str
    may_overrule: bool


def _desk(pointer: str, detail: str) -> Words:
    return Words(f"#/{pointer}", detail, may_overrule=True)


def _nobody(pointer: str, detail: str) -> Words:
    return Words(f"#/{pointer}", detail, may_overrule=False)


WORDS: dict[Ground, Words] = {
    Ground.POSITION_OLD: _desk(
        "driver/position", "The driver sent no position lately."
    ),
    Ground.NO_ROAD: _desk(
        "load/stops", "No road that we know leads to the stops and home."
    ),
    Ground.BEYOND_MAX_DEADHEAD: _desk(
        "driver/max_deadhead_m", "The pickup is farther than the driver drives empty."
    ),
    Ground.DETOUR_TOO_LONG: _desk("load", "The detour home is too long."),
    Ground.PICKUP_CLOSED_BEFORE_ARRIVAL: _desk(
        "load/pickup_until", "The pickup closes before the driver can be there."
    ),
    Ground.DELIVERY_CLOSED_BEFORE_ARRIVAL: _desk(
        "load/delivery_until", "The delivery closes before the driver can be there."
    ),
    Ground.HOME_TOO_LATE: _desk(
        "driver/home_by_at", "The driver would be home later than they want."
    ),
    Ground.BELOW_MIN_PAY: _desk(
        "driver/min_pay_cents_per_km", "The load pays less than the driver asks for."
    ),
    Ground.OUTSIDE_OPERATING_AREA: _desk(
        "load", "A stop is outside the driver's operating areas."
    ),
    Ground.IN_NO_GO_AREA: _desk("load", "A stop is in a no-go area of the driver."),
    Ground.TOO_LONG: _desk(
        "truck/deck_length_m", "The freight is longer than the truck's deck."
    ),
    Ground.TOO_HEAVY: _desk(
        "truck/payload_kg", "The freight is heavier than the truck's payload on file."
    ),
    Ground.EQUIPMENT_STANDS_IN: _desk(
        "truck/equipment",
        "The load asks for another type of truck, which this one can stand in for.",
    ),
    Ground.EQUIPMENT_UNKNOWN: _desk(
        "truck/equipment", "It is not known whether this type of truck fits the load."
    ),
    Ground.EQUIPMENT_MISMATCH: _nobody(
        "truck/equipment", "This type of truck cannot carry the load."
    ),
    Ground.POSTER_SUSPENDED: _nobody("poster", "The load's poster is suspended."),
    Ground.CARRIER_SUSPENDED: _nobody("carrier", "The driver's company is suspended."),
    Ground.NOT_ON_THE_MARKET: _nobody("load/status", "The load is not on the market."),
    Ground.LEASE_OVER: _nobody(
        "load/lease_expires_at", "The posting has run out; its poster may renew it."
    ),
    Ground.NOT_VISIBLE: _nobody(
        "load/visibility", "The load is for its poster's own trucks only."
    ),
    Ground.DRIVER_GONE: _nobody(
        "driver", "The driver is no longer a member of the company."
    ),
    Ground.DRIVER_OFF_DUTY: _nobody(
        "driver/availability",
        "The driver is off duty. They have to say first that they are available.",
    ),
    Ground.SLOT_TAKEN: _nobody(
        "truck", "The driver or their truck has another load at that time."
    ),
    Ground.NO_TRUCK: _nobody("driver/truck_id", "The driver has no truck."),
    Ground.TRUCK_CHANGED: _nobody(
        "driver/truck_id", "The driver's truck was changed at this moment: try again."
    ),
    Ground.NO_HAZMAT_ENDORSEMENT: _nobody(
        "driver/has_hazmat_endorsement",
        "The load is dangerous goods and the driver has no endorsement for them.",
    ),
    Ground.TRUCK_NOT_PLACARDED: _nobody(
        "truck/is_hazmat_allowed",
        "The load is dangerous goods and the truck may not carry them.",
    ),
    Ground.TEMPERATURE_NOT_HELD: _nobody(
        "truck/equipment", "The truck has no unit that holds the load's temperature."
    ),
    Ground.ABOVE_LEGAL_WEIGHT: _nobody(
        "load/weight_kg", "With this freight the truck is above the legal weight."
    ),
    Ground.COUNTRY_NOT_ALLOWED: _nobody(
        "load/stops",
        "A stop is in a country where the driver or the carrier may not go.",
    ),
    Ground.CABOTAGE: _nobody(
        "load/stops",
        "The load stays in one country, and the carrier or the driver is of another.",
    ),
}
"""The table of what the carrier's desk may overrule, and what cannot be overruled.

Source of `cabotage`: 19 CFR 123.14(c) for trucks, 8 CFR 214.2(b)(4)(i)(E) for drivers;
Canada and Mexico have rules of the same kind.
"""


class Objection(NamedTuple):
    """One thing that speaks against it. `figure`: what was compared, if anything."""

    ground: Ground
    figure: Figure | None = None

    @property
    def may_overrule(self) -> bool:
        """Whether the carrier's desk may overrule it."""
        return WORDS[self.ground].may_overrule

    def to_record(self) -> dict[str, Any]:
        """Return the objection as JSON values, with its pointer and its sentence."""
        pointer, detail, may_overrule = WORDS[self.ground]
        return {
            "ground": self.ground.value,
            "pointer": pointer,
            "detail": detail,
            "may_overrule": may_overrule,
            "figure": None if self.figure is None else record_of(self.figure),
        }


@dataclass(frozen=True, slots=True)
class Moment:
    """What is true now of the driver, the truck, the load and both companies.

    status: of the load; posted if this driver has just been booked for it.
    is_listed: the load is posted or just booked, its figures are usual or confirmed,
        and its last pickup window is open.
    is_visible: the driver's company may see the load.
    is_located: the driver sent a position lately, or none is needed.
    is_cabotage: the load is domestic in a country that is not the carrier's or not the
        driver's.
    area: why the drawn areas forbid a stop of the load.
    """

    has_endorsement: bool
    is_placarded: bool
    is_driver_gone: bool = False
    is_off_duty: bool = False
    is_poster_suspended: bool = False
    is_carrier_suspended: bool = False
    status: LoadStatus = LoadStatus.POSTED
    is_listed: bool = True
    is_lease_over: bool = False
    is_visible: bool = True
    is_slot_taken: bool = False
    is_truck_changed: bool = False
    is_cabotage: bool = False
    is_located: bool = True
    area: AreaReason | None = None


@dataclass(frozen=True, slots=True)
class Journey:
    """The way to the pickup and home again. The trip is timed, unless no road leads
    there; `is_for_the_way_home` asks its detour."""

    trips: Trips
    baseline: WayHome
    parameters: Parameters
    is_for_the_way_home: bool

    @classmethod
    def planned(
        cls,
        candidate: Candidate,
        situation: Situation,
        parameters: Parameters,
        roads: Roads,
        *,
        is_for_the_way_home: bool,
    ) -> Self:
        """Return the way as a search would plan it."""
        loads = Loads.of([candidate], roads)
        trips = Trips.to(loads, situation, roads, inf)
        if trips.has_road[0]:
            trips = trips.timed(loads, situation, parameters)
        baseline = way_home(situation, parameters, roads)
        return cls(trips, baseline, parameters, is_for_the_way_home)

    @classmethod
    def shown(
        cls, candidate: Candidate, figures: Figures, parameters: Parameters
    ) -> Self:
        """Return the way by the figures that a driver was shown in an offer."""
        trip_m = figures.deadhead_m + candidate.loaded_m + figures.home_deadhead_m
        # So long that the detour is the one that was shown.
        baseline = WayHome(trip_m - figures.detour_m, 0.0)
        return cls(trips_shown(candidate, figures), baseline, parameters, True)


def objections(
    candidate: Candidate,
    situation: Situation | None,
    moment: Moment,
    journey: Journey | None = None,
) -> tuple[Objection, ...]:
    """Return all that speaks against carrying the load; empty if nothing does.

    situation: None if the driver has no truck; then nothing is asked about the way.
    journey: None asks nothing about the way, as where the freight is aboard already.
    """
    if situation is None:
        return (*_of_moment(moment), Objection(Ground.NO_TRUCK))
    return (
        *_of_moment(moment),
        *_of_truck(candidate, situation, moment),
        *(_of_journey(candidate, situation, journey) if journey is not None else ()),
    )


def _of_moment(moment: Moment) -> Iterator[Objection]:
    if not moment.is_listed:
        is_posted = moment.status is LoadStatus.POSTED
        figure = Figure(moment.status, LoadStatus.POSTED, "load_status")
        yield Objection(Ground.NOT_ON_THE_MARKET, None if is_posted else figure)
    asked = (
        (moment.is_poster_suspended, Ground.POSTER_SUSPENDED),
        (moment.is_carrier_suspended, Ground.CARRIER_SUSPENDED),
        (moment.is_lease_over, Ground.LEASE_OVER),
        (not moment.is_visible, Ground.NOT_VISIBLE),
        (moment.is_driver_gone, Ground.DRIVER_GONE),
        (moment.is_off_duty, Ground.DRIVER_OFF_DUTY),
        (moment.is_slot_taken, Ground.SLOT_TAKEN),
        (moment.is_truck_changed, Ground.TRUCK_CHANGED),
        (moment.is_cabotage, Ground.CABOTAGE),
        (not moment.is_located, Ground.POSITION_OLD),
    )
    for is_so, ground in asked:
        if is_so:
            yield Objection(ground)
    if moment.area is not None:
        yield Objection(Ground(moment.area.value))


def _of_truck(
    candidate: Candidate, situation: Situation, moment: Moment
) -> Iterator[Objection]:
    for refusal in _refusals(FREIGHT, candidate, situation):
        match refusal.reason:
            case Reason.CURRENCY_DIFFERS | Reason.CABOTAGE:
                continue  # The desk knows the price; `moment` has the cabotage.
            case Reason.EQUIPMENT_UNKNOWN | Reason.EQUIPMENT_MISMATCH:
                if can_stand_in(situation.equipment, candidate.equipment):
                    yield Objection(Ground.EQUIPMENT_STANDS_IN, refusal.figure)
                elif situation.equipment is Equipment.OTHER:
                    yield Objection(Ground.EQUIPMENT_UNKNOWN, refusal.figure)
                else:
                    yield _objection(refusal)
            case Reason.HAZMAT_NOT_ALLOWED:
                if not moment.has_endorsement:
                    yield Objection(Ground.NO_HAZMAT_ENDORSEMENT)
                if not moment.is_placarded:
                    yield Objection(Ground.TRUCK_NOT_PLACARDED)
            case _:
                yield _objection(refusal)


def _of_journey(
    candidate: Candidate, situation: Situation, journey: Journey
) -> Iterator[Objection]:
    rules = (*WAYS, *TIMES) if journey.trips.has_road[0] else WAYS[:1]
    for refusal in _refusals(rules, candidate, situation, journey):
        is_detour = refusal.reason is Reason.DETOUR_TOO_LONG
        if journey.is_for_the_way_home or not is_detour:
            yield _objection(refusal)


def _refusals(
    rules: Sequence[Rule],
    candidate: Candidate,
    situation: Situation,
    journey: Journey | None = None,
) -> Iterator[Refusal]:
    """Yield why these rules refuse the load, each asked by itself."""
    trips = journey.trips if journey is not None else None
    table = Table(Loads.of([candidate], EstimatedRoads()), trips=trips)
    parameters = Parameters() if journey is None else journey.parameters
    # A desk knows how far it sends a driver who named no limit.
    asked = Question(
        situation,
        replace(parameters, max_deadhead_m=inf),
        WayHome(0.0, 0.0) if journey is None else journey.baseline,
    )
    for rule in rules:
        if rule.refuses(table, asked)[0]:
            yield rule.refusal(table, asked)


def _objection(refused: Refusal) -> Objection:
    return Objection(Ground(refused.reason.value), refused.figure)
