"""Opening hours of a stop, cut to its window."""

from freight.opening import LONGEST_WINDOW, Hours, spans
from models.loads.stops import Stop
from runtime.errors import Invalid


def settle(stop: Stop, pointer: str) -> None:
    """Set when the stop is open within its window, from its opening hours.

    pointer: of the hours in the request (RFC 6901).

    Raises: Invalid if the window is too long for hours, or the stop never opens in it.
    """
    if stop.opening_hours is None:
        stop.opening_spans = None
        return
    if stop.window_until - stop.window_from > LONGEST_WINDOW:
        raise Invalid(
            pointer,
            "With opening hours, the window is at most"
            f" {LONGEST_WINDOW.days} days long.",
        )
    hours = [Hours.from_record(each) for each in stop.opening_hours]
    found = spans(hours, stop.zone, stop.window_from, stop.window_until)
    if not found:
        raise Invalid(
            pointer, "The stop never opens within its window: change the hours or it."
        )
    stop.opening_spans = found
