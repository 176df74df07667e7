"""The carbon dioxide that a load saves by filling an empty way home.

The load's own kilometres are not avoided: without this truck, another truck would have
hauled it. What that other truck would have driven empty is not known: it is a share
that the caller gives and should name.
"""

from freight.costs import DIESEL_CO2_KG_PER_GALLON, MILES_PER_GALLON
from geo.distance import METRES_PER_MILE

METHOD = "epa_tailpipe_co2_v2"
"""Name of the formula and factor below. A change of either gets a new name. v1 had
10.180 kg a gallon, of EPA-420-F-11-041 (2011)."""

STRICT = 0.0
"""The other truck would have driven no empty kilometre: what is saved for certain."""

USUAL_EMPTY_SHARE = 0.167
"""The other truck would have driven as trucks do: so much of all its kilometres empty.

Source: ATRI, "An Analysis of the Operational Costs of Trucking: 2025 Update", empty
miles in the United States in 2024.
"""


def co2_kg(distance_m: float, miles_per_gallon: float = MILES_PER_GALLON) -> float:
    """Return the carbon dioxide from the tailpipe over `distance_m`, kg.

    miles_per_gallon: of the truck if known; US gallons.

    Other gases, and making the fuel, are left out. Source of the factor:
    DIESEL_CO2_KG_PER_GALLON.
    """
    gallons = distance_m / METRES_PER_MILE / miles_per_gallon
    return gallons * DIESEL_CO2_KG_PER_GALLON


def avoided_m(
    *,
    empty_before_m: float,
    empty_after_m: float,
    loaded_m: float,
    other_empty_share: float,
) -> float:
    """Return the metres that all trucks together drive less.

    empty_before_m, empty_after_m: of this truck, without and with the load.
    other_empty_share: of all kilometres of the truck that would have hauled the load,
        0 to below 1; STRICT or USUAL_EMPTY_SHARE.

    The result is below 0 if more is driven.

    Source: E0 + L (1 + q) - (d(A,P) + L + d(D,B)), where q = e / (1 - e) is what the
    other truck drives empty for each loaded metre.
    """
    other_empty_m = loaded_m * other_empty_share / (1 - other_empty_share)
    return empty_before_m + other_empty_m - empty_after_m
