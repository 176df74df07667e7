"""The rules are asked in one order, and the first that refuses gives the reason."""

from freight.equipment import Equipment
from freight.feasibility import Stage
from freight.preferences import PreferenceKind
from freight.ranking import Ranked
from geo.areas import AreaReason
from geo.points import Point

from .world import (
    EVERYWHERE,
    HOME,
    HOUR,
    NOON,
    Everywhere,
    SquareRoads,
    hard,
    judged,
    load_of,
    make_stop,
)

ISLAND = Point(2.0, 4.0)


class Faulty:
    """A load and a truck with a fault for each stage, which are mended one by one."""

    def __init__(self):
        self.pickup = {"country": "US", "is_urban": True, "window_until": NOON}
        self.delivery = {"window_until": NOON}
        self.load = {
            "loaded_m": 320_000.0,
            "currency": "CAD",
            "equipment": frozenset({Equipment.REEFER}),
            "weight_kg": 2,
            "length_m": 2.0,
            "has_hazmat": True,
            "temperature_max_c": 4.0,
            "price_cents": 0,
        }
        self.truck = {
            "payload_kg": 1,
            "deck_length_m": 1.0,
            "max_deadhead_m": 1.0,
            "home_by_at": NOON,
            "min_pay_cents_per_km": 1.0,
            "countries": frozenset({"CA"}),
            "home": ISLAND,
            **hard(PreferenceKind.NO_CITIES),
        }
        self.rules = {"max_detour_m": 1.0}
        self.area = Everywhere(AreaReason.IN_NO_GO_AREA)

    def judged(self):
        stops = make_stop(0.5, "pickup", **self.pickup), make_stop(3.5, **self.delivery)
        load, roads = load_of(*stops, **self.load), SquareRoads(shore=1.0)
        return judged(load, self.truck, self.rules, self.area, roads)

    def mend(self, stage):
        later = NOON + 48 * HOUR
        match stage:
            case Stage.AREA:
                self.area = EVERYWHERE
            case Stage.ROAD:
                self.truck["home"] = HOME
            case Stage.PICKUP_WINDOW:
                self.pickup["window_until"] = later
            case Stage.DELIVERY_WINDOW:
                self.delivery["window_until"] = later
            case _:
                part, name = FAULTS[stage]
                getattr(self, part).pop(name)


FAULTS = {
    Stage.CURRENCY: ("load", "currency"),
    Stage.EQUIPMENT: ("load", "equipment"),
    Stage.WEIGHT: ("load", "weight_kg"),
    Stage.LENGTH: ("load", "length_m"),
    Stage.HAZMAT: ("load", "has_hazmat"),
    Stage.TEMPERATURE: ("load", "temperature_max_c"),
    Stage.COUNTRY: ("truck", "countries"),
    Stage.DEADHEAD: ("truck", "max_deadhead_m"),
    Stage.DETOUR: ("rules", "max_detour_m"),
    Stage.HOME_BY: ("truck", "home_by_at"),
    Stage.PAY: ("truck", "min_pay_cents_per_km"),
    Stage.WISHES: ("truck", "preferences"),
    Stage.GAIN: ("load", "price_cents"),
}


def test_mended_one_by_one_the_reasons_come_in_the_order_of_the_stages():
    faulty, found = Faulty(), []

    for stage in Stage:
        found.append(faulty.judged().stage)
        faulty.mend(stage)

    assert found == list(Stage)
    assert isinstance(faulty.judged(), Ranked)
