"""A load with words that only its poster and its carrier may read."""

import json
from typing import Any

from geo.points import Point
from tests.world import Answer, Caller, World

PICKUP, DELIVERY = Point(40.735712, -74.172449), Point(41.878134, -87.629831)

SECRETS = (
    *("Hush Foods", "Bill Payer", "PO-SECRET", "LN-SECRET", "Customer Dock"),
    *("1 Hidden St", "60699", "Connie Tact", "+13125550142", "connie@example.com"),
    *("Gate code 4711", "40.735712", "-74.172449", "41.878134", "-87.629831"),
)
"""What only the poster, and the carrier from acceptance on, may read of a load."""


def secret_load(world: World, shipper: Caller) -> dict[str, Any]:
    kept = {
        "facility": "Customer Dock",
        "instructions": "Gate code 4711",
        "contact": {
            "name": "Connie Tact",
            "phone": "+13125550142",
            "email": "connie@example.com",
        },
    }
    stops = []
    for kind, at, city in (
        ("pickup", PICKUP, "Newark"),
        ("delivery", DELIVERY, "Gary"),
    ):
        address = {"street": "1 Hidden St", "city": city, "postal_code": "60699"}
        stops.append(world.stop_body(kind, at, ends_h=96, address=address, **kept))
    number = f"LN-SECRET-{next(world.numbers)}"
    return world.load(
        shipper,
        load_number=number,
        references=[{"qualifier": "PO", "value": "PO-SECRET"}],
        consignee="Hush Foods",
        bill_to="Bill Payer",
        price_cents=900_000,
        stops=stops,
    )


def secrets_in(answer: Answer) -> set[str]:
    said = json.dumps(answer.body)
    return {secret for secret in SECRETS if secret in said}
