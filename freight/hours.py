"""Hours of service: how long a drive takes with the rests that the law requires.

Advisory: it plans with fresh clocks and knows no logbook. It never says that a
driver complies with the law.

Source: 49 CFR 395.3, property-carrying vehicles, United States.
"""

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]

HOUR_S = 3600.0

DRIVING_LIMIT_S = 11 * HOUR_S
"""No driving after 11 hours of it until 10 consecutive hours off. 395.3(a)(3)(i)."""

DAILY_REST_S = 10 * HOUR_S
"""Consecutive hours off duty that start a new shift. 395.3(a)(1)."""

BREAK_AFTER_S = 8 * HOUR_S
"""No driving after 8 hours of it without an interruption. 395.3(a)(3)(ii)."""

BREAK_S = 0.5 * HOUR_S
"""Shortest interruption that counts. 395.3(a)(3)(ii)."""

CYCLE_LIMIT_S = 70 * HOUR_S
"""Hours on duty in 8 days, for carriers that work every day. 395.3(b)(2)."""

RESTART_S = 34 * HOUR_S
"""Consecutive hours off duty that start a new cycle. 395.3(c)."""


CREW_CYCLE_S = 2 * CYCLE_LIMIT_S
"""Two drivers of one truck: each drives while the other one rests in the berth."""


def elapsed_s(driving_s: Seconds, *, is_crew: bool = False) -> Seconds:
    """Return how long `driving_s` of pure driving takes, rests included.

    Starts with fresh clocks and rests as late as allowed: a break after 8 hours of
    driving, ten hours off after 11, and 34 hours off after each 70. Nothing else is
    on duty, so neither the 14-hour window nor the 60/70-hour limit on other work
    is considered. Never decreases when `driving_s` grows.

    is_crew: two drivers share the truck. They change places instead of resting, and
        take 34 hours off after each 140 of driving.

    Source: closed form of the as-soon-as-possible schedule, n = ceil(D/11) - 1,
    D + 10 n + 0.5 (n + [D - 11 n > 8]); Goel & Kok, "Truck Driver Scheduling in the
    United States", Transportation Science 46 (2012), 317, for why as soon as
    possible is best when there are no time windows.
    """
    cycle_s = CREW_CYCLE_S if is_crew else CYCLE_LIMIT_S
    cycles = np.maximum(np.ceil(driving_s / cycle_s) - 1, 0.0)
    last_s = driving_s - cycles * cycle_s
    if is_crew:
        return np.asarray(driving_s + cycles * RESTART_S)
    whole_s = _within_cycle_s(np.array(CYCLE_LIMIT_S)) + RESTART_S
    return np.asarray(cycles * whole_s + _within_cycle_s(last_s))


def _within_cycle_s(driving_s: Seconds) -> Seconds:
    rests = np.maximum(np.ceil(driving_s / DRIVING_LIMIT_S) - 1, 0.0)
    has_last_break = driving_s - rests * DRIVING_LIMIT_S > BREAK_AFTER_S
    rests_s = DAILY_REST_S * rests + BREAK_S * (rests + has_last_break)
    return np.asarray(driving_s + rests_s)
