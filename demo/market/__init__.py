"""A made-up freight market over real cities: loads, trucks and their first hauls."""

from demo.market.cities import City, cities, city
from demo.market.loads import MarketLoad, market, transit
from demo.market.trucks import MarketTruck, fleet, headhaul

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
