"""What the server kept of the day, read over HTTP by members who may see it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from demo.client import PATIENCE_S, Person
from demo.phones import Push
from demo.play import Play

CARRIED = (
    *("booked", "at_pickup", "pickup_confirmed"),
    *("in_transit", "at_delivery", "delivered"),
)

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Evidence:
    """The records of all companies together.

    loads: those that a truck carries or carried, as their shippers see them.
    """

    searches: Rows
    offers: Rows
    assignments: Rows
    overrides: Rows
    loads: Rows
    pushes: list[Push]

    def search_of(self, stop_id: str) -> dict[str, Any] | None:
        """Return the search of a drop."""
        found = (row for row in self.searches if row["stop_id"] == stop_id)
        return next(found, None)


def gather(play: Play) -> Evidence:
    """Read everything, once the last push has arrived."""
    desks = [carrier.desk for carrier in play.carriers]
    offers = _settled_offers(desks)
    play.phones.look()
    return Evidence(
        searches=[row for desk in desks for row in desk.walk("/v1/backhaul-searches")],
        offers=offers,
        assignments=[row for desk in desks for row in desk.walk("/v1/assignments")],
        overrides=[row for desk in desks for row in desk.walk("/v1/overrides")],
        loads=[
            row
            for shipper in play.shippers
            for status in CARRIED
            for row in shipper.desk.walk(f"/v1/loads?status={status}")
        ],
        pushes=play.phones.pushes,
    )


def _settled_offers(desks: Sequence[Person]) -> Rows:
    """Return all offers, once no push for an open offer is still under way."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        offers = [row for desk in desks for row in desk.walk("/v1/offers")]
        if time.monotonic() > deadline or all(
            row["sent_at"] or row["ended_at"] or row["undeliverable_at"]
            for row in offers
        ):
            return offers
        time.sleep(0.2)
