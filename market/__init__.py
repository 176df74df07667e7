"""A made-up freight market over real cities: loads, trucks and their first hauls."""

from market.loads import Habits, MarketLoad, market, transit
from market.trucks import MarketTruck, fleet, headhaul

__all__ = [
    "Habits",
    "MarketLoad",
    "MarketTruck",
    "fleet",
    "headhaul",
    "market",
    "transit",
]
