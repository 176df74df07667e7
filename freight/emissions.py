"""The carbon dioxide that a load saves by filling an empty way home.

Only empty kilometres are counted. Loaded kilometres are not avoided: without this
truck, another truck would have hauled the load.
"""

from freight.costs import DIESEL_CO2_KG_PER_GALLON, MILES_PER_GALLON
from geo.distance import METRES_PER_MILE

METHOD = "epa_tailpipe_co2_v1"
"""Name of the formula below. A change of formula or factor gets a new name."""


def co2_kg(distance_m: float, miles_per_gallon: float = MILES_PER_GALLON) -> float:
    """Return the carbon dioxide from the tailpipe over `distance_m`, kg.

    miles_per_gallon: of the empty truck if known; US gallons.

    Source: US EPA, EPA-420-F-11-041 (2011), after 40 CFR 600.113: 10.180 kg of CO2 per
    gallon of diesel. Other gases, and making the fuel, are left out.
    """
    gallons = distance_m / METRES_PER_MILE / miles_per_gallon
    return gallons * DIESEL_CO2_KG_PER_GALLON
