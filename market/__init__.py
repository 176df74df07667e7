"""A made-up freight market over real cities: loads, trucks and their first hauls."""

from market.cities import City, cities, city
from market.loads import MarketLoad, market, transit
from market.trucks import MarketTruck, fleet, headhaul

__all__ = [
    "City",
    "MarketLoad",
    "MarketTruck",
    "cities",
    "city",
    "fleet",
    "headhaul",
    "market",
    "transit",
]
