"""A stand-in for FCM: a real HTTP server with Google's log-in, checks and failures.

`demo.fcm.answers` says how a phone's target chooses what happens to a push to it.
"""

from demo.fcm.answers import (
    FAILURES,
    SUCCESSES,
    Malformed,
    Scenario,
    check_message,
    failure_of,
    scenario_of,
)
from demo.fcm.server import GOOGLE_TOKEN_URL, JWT_GRANT, FakeFcm, Received

__all__ = [
    "FAILURES",
    "GOOGLE_TOKEN_URL",
    "JWT_GRANT",
    "SUCCESSES",
    "FakeFcm",
    "Malformed",
    "Received",
    "Scenario",
    "check_message",
    "failure_of",
    "scenario_of",
]
