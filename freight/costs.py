"""What a kilometre costs and burns when a truck's own figures are not known.

These are stated defaults, not facts about a truck. An answer that uses one says so,
and a truck's own figure replaces it.
"""

from geo.distance import METRES_PER_MILE

_KM_PER_MILE = METRES_PER_MILE / 1000

COST_CENTS_PER_KM = 226 / _KM_PER_MILE
"""Marginal cost of operating a truck, US cents per km, driver's wage included.

Used for empty and for loaded kilometres alike: the survey does not separate them.

Source: ATRI, "An Analysis of the Operational Costs of Trucking: 2025 Update",
figures for 2024: $2.260 per mile.
"""

NON_FUEL_COST_CENTS_PER_KM = 177.9 / _KM_PER_MILE
"""The part of COST_CENTS_PER_KM that is not fuel, US cents per km.

Source: as above: $1.779 per mile.
"""

COST_CENTS_PER_HOUR = 9089
"""The same cost by the hour, US cents. An alternative to the kilometre, never
an addition to it. Source: as above: $90.89 per hour.
"""

COST_CURRENCY = "USD"
"""ISO 4217 code in which the costs above are given."""

MILES_PER_GALLON = 6.5
"""Fuel economy of a tractor with trailer, miles per US gallon of diesel.

Source: average of the fleets in ATRI's survey as quoted in Heavy Duty Trucking,
"9 Ways Innovative Fleets Save Fuel" (2021). The 2024 survey has 6.91.
"""

DIESEL_CO2_KG_PER_GALLON = 10.180
"""Carbon dioxide from the tailpipe per US gallon of diesel burnt, kg.

Source: US EPA, EPA-420-F-11-041 (2011), after 40 CFR 600.113.
"""
