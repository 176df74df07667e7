"""A flat world for the tests of the reference: roads run north and east."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bench import reference
from bench.reference_records import (
    Driver,
    Load,
    Settings,
    Situation,
    Stop,
)

# A Wednesday.
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
H = 3600.0
DEGREE_M = 144_000.0
"""Along the axes; two hours at 20 m/s, and more than a degree by great circle."""

SETTINGS = Settings(
    road_mps=20.0,
    access_mps=10.0,
    dwell_s=1 * H,
    cost_cents_per_km=100.0,
    hour_cents=1_000,
)


def square(a, b):
    return (abs(a[0] - b[0]) + abs(a[1] - b[1])) * DEGREE_M, 0.0


def stop(kind, lon, opens_h=-24.0, closes_h=96.0, **more):
    return Stop(
        kind, (0.0, lon), NOON + opens_h * HOUR, NOON + closes_h * HOUR, "UTC", **more
    )


def load(number=1, *stops, price_cents=100_000, **more):
    stops = stops or (stop("pickup", 0.5), stop("delivery", 3.5))
    return Load(f"{number}", stops, price_cents, **more)


def situation(*, driver=None, settings=None, **more):
    driver = Driver((0.0, 4.0), **(driver or {}))
    settings = replace(SETTINGS, **(settings or {}))
    return Situation((0.0, 0.0), NOON, driver, settings=settings, **more)


def judged(load, *, way=square, **more):
    return reference.judge(load, situation(**more), way)


def why(load, **more):
    refused = judged(load, **more)
    assert isinstance(refused, reference.Refused), refused
    return refused.stage, refused.reason


def worth(load, **more):
    found = judged(load, **more)
    assert isinstance(found, reference.Worth), found
    return found


def hours(at):
    return (at - NOON.timestamp()) / H
