"""The carbon dioxide that a load saves by filling an empty way home.

Only empty kilometres are counted. Loaded kilometres are not avoided: without this
truck, another truck would have hauled the load.
"""

from dataclasses import dataclass
from typing import Any

from freight.costs import DIESEL_CO2_KG_PER_GALLON, MILES_PER_GALLON
from freight.records import record_of
from geo.distance import METRES_PER_MILE

METHOD = "epa_tailpipe_co2_v1"
"""Name of the formula below. A change of formula or factor gets a new name."""


@dataclass(frozen=True, slots=True)
class AvoidedEmissions:
    """What was avoided and all that is needed to compute it again.

    Both amounts are negative where the load makes the truck drive more empty
    kilometres than going straight home; they are shown, not hidden.
    """

    avoided_empty_m: float
    avoided_co2_kg: float
    miles_per_gallon: float
    factor_kg_per_gallon: float = DIESEL_CO2_KG_PER_GALLON
    method: str = METHOD
    scope: str = "tank_to_wheel"
    kind: str = "avoided_empty_miles"

    def to_record(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return record_of(self)


def avoided_empty_m(
    baseline_m: float, *, deadhead_m: float, home_deadhead_m: float
) -> float:
    """Return the empty metres saved against driving home empty; may be negative."""
    return baseline_m - (deadhead_m + home_deadhead_m)


def co2_kg(distance_m: float, miles_per_gallon: float = MILES_PER_GALLON) -> float:
    """Return the carbon dioxide from the tailpipe over `distance_m`, kg.

    miles_per_gallon: of the empty truck if known; US gallons.

    Source: US EPA, EPA-420-F-11-041 (2011), after 40 CFR 600.113: 10.180 kg of CO2 per
    gallon of diesel. Other gases, and making the fuel, are left out.
    """
    gallons = distance_m / METRES_PER_MILE / miles_per_gallon
    return gallons * DIESEL_CO2_KG_PER_GALLON


def avoided_emissions(
    baseline_m: float,
    *,
    deadhead_m: float,
    home_deadhead_m: float,
    miles_per_gallon: float = MILES_PER_GALLON,
) -> AvoidedEmissions:
    """Return the empty metres and the carbon dioxide saved, and by what method."""
    saved_m = avoided_empty_m(
        baseline_m, deadhead_m=deadhead_m, home_deadhead_m=home_deadhead_m
    )
    return AvoidedEmissions(
        saved_m, co2_kg(saved_m, miles_per_gallon), miles_per_gallon
    )
