"""What a kilometre costs and burns when a truck's own figures are not known.

These are stated defaults, not facts about a truck. An answer that uses one says so,
and a truck's own figure replaces it.
"""

from geo.distance import METRES_PER_MILE

_KM_PER_MILE = METRES_PER_MILE / 1000

COST_CENTS_PER_KM = 156 / _KM_PER_MILE
"""What a driven kilometre costs, US cents: fuel, wear, tyres, pay by the mile.

Used for empty and for loaded kilometres alike: the survey does not separate them. What
is paid also for a parked truck is left out, or parking would look free and driving
dear.

Source: ATRI, "An Analysis of the Operational Costs of Trucking: 2025 Update", figures
for 2024: $2.260 a mile in all, less truck and trailer payments ($0.390) and benefits
($0.197). Less insurance and permits, about $0.11, which is a guess: the survey of 2023
has 9.9 cents for insurance, that of 2024 calls it a record without the figure.
"""

HOUR_CENTS = 1_400
"""What an hour of truck and driver is worth, US cents.

Our choice. The best price of an hour is what a truck contributes in a week divided by
its 168 hours: in simulated weeks $8 to $10 at 156 cents a mile, $20 at 76 cents. Below
$13 a load may cost a night for a few dollars; $20 refused so much freight at 156 cents
that a thin market paid half.
"""

CENTS_PER_KM = (10, 1_000)
CENTS_PER_HOUR = (0, 20_000)
"""The least and the most that a company may say. Less or more is mostly a slip: dollars
for cents, or a mile for a kilometre of another currency. $0.16 to $16 a mile: no truck
drives for nothing."""

COST_CURRENCY = "USD"
"""ISO 4217 code in which the costs above are given."""

MILES_PER_GALLON = 6.5
"""Fuel economy of a tractor with trailer, miles per US gallon of diesel.

Source: average of the fleets in ATRI's survey as quoted in Heavy Duty Trucking,
"9 Ways Innovative Fleets Save Fuel" (2021). The 2024 survey has 6.91.
"""

DIESEL_CO2_KG_PER_GALLON = 10.21
"""Carbon dioxide from the tailpipe per US gallon of diesel burnt, kg.

Source: US EPA, GHG Emission Factors Hub (2025), Table 2, the factor of company reports.
EPA-420-F-11-041 (2011) has 10.180, for the labels of cars.
"""
