"""What a load means for a driver, in one sentence for people."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from geo.distance import METRES_PER_MILE

A_WEEK = timedelta(days=6)
"""A weekday alone names a day that is nearer than this."""


def summary(
    *,
    price_cents: int,
    currency: str,
    empty_m: float,
    free_at: datetime,
    home_at: datetime,
    added_s: float,
    zone: str,
) -> str:
    """Return, for example: Pays $1,840, 62 empty miles, home Friday 17:40, 3 h later
    than empty.

    empty_m: with the load. zone: of the driver's clock (IANA).
    """
    dollars = f"{round(price_cents / 100):,}"
    paid = f"${dollars}" if currency == "USD" else f"{dollars} {currency}"
    miles = round(empty_m / METRES_PER_MILE)
    home = home_at.astimezone(ZoneInfo(zone))
    day = (
        f"{home:%A}"
        if home_at - free_at < A_WEEK
        else f"{home:%A} {home.day} {home:%B}"
    )
    return (
        f"Pays {paid}, {miles:,} empty {'mile' if miles == 1 else 'miles'},"
        f" home {day} {home:%H:%M}, {_later(added_s)}."
    )


def _later(added_s: float) -> str:
    hours = round(abs(added_s) / 3600)
    if not hours:
        return "no later than empty"
    days, rest = divmod(hours, 24)
    told = f"{hours} h" if hours < 48 else f"{days} d {rest} h"
    return f"{told} {'later' if added_s > 0 else 'earlier'} than empty"
