"""What every scene can use, and the trucks and loads made for a scene."""

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from demo.phones import Phones
from demo.promises import Promises
from demo.rig import Rig
from demo.road import Drop, Ledger, drive, drop, pick_up, utcnow
from demo.roads import roads
from demo.seeding import (
    Company,
    Middle,
    Posted,
    Trucker,
    dispatch,
    due_now,
    hire_trucker,
    post,
)
from demo.telling import Teller
from demo.words import place
from freight.equipment import Equipment
from market import MarketLoad, MarketTruck, transit
from places.cities import City, city

DAY = timedelta(days=1)


@dataclass
class Play:
    """The rig, the cast and the market; `posted` is every load by its id."""

    rig: Rig
    phones: Phones
    teller: Teller
    carriers: list[Company]
    shippers: list[Company]
    ledger: Ledger = field(default_factory=Ledger)
    promises: Promises = field(default_factory=Promises)
    posted: dict[str, Posted] = field(default_factory=dict)
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def truck(
        self,
        carrier: int,
        driver_name: str,
        home: City,
        *,
        target: str = "",
    ) -> Trucker:
        """Hire a driver with a dry van."""
        truck = MarketTruck(
            unit_number=str(100 + next(self.numbers)),
            driver_name=driver_name,
            home=home,
            home_point=home.point,
            equipment=Equipment.VAN,
            payload_kg=20_400,
            deck_length_m=16.15,
            has_hazmat=False,
        )
        return hire_trucker(self.carriers[carrier], truck, target=target)

    def post(self, shipper: int, load: MarketLoad, *middle: Middle) -> Posted:
        """Put a load on the market."""
        posted = post(self.shippers[shipper], load, *middle)
        self.posted[posted.id] = posted
        return posted

    def deliver(
        self, trucker: Trucker, shipper: int, load: MarketLoad, *, repeats: int = 0
    ) -> Drop:
        """Play a first haul from its pickup to its drop; see `road.drop`."""
        now = utcnow()
        posted = self.dispatch(trucker, shipper, due_now(load, now))
        left_at = now - transit(load.loaded_m)
        pick_up(trucker, posted, self.ledger, at=left_at)
        drive(trucker, load.pickup, load.delivery, self.ledger, left_at=left_at)
        return drop(trucker, posted, self.ledger, repeats=repeats)

    def dispatch(self, trucker: Trucker, shipper: int, load: MarketLoad) -> Posted:
        """Post a load and assign it to the trucker, as their dispatcher does."""
        posted = dispatch(trucker, self.shippers[shipper], load)
        self.posted[posted.id] = posted
        return posted

    def lane(self, load_id: str) -> str:
        """Return where the load goes from and to, such as Newark, NJ -> Gary, IN."""
        load = self.posted[load_id].load
        return f"{place(load.origin)} -> {place(load.destination)}"


def order(
    reference: str,
    origin: tuple[str, str],
    destination: tuple[str, str],
    price_dollars: int,
    *,
    equipment: Equipment = Equipment.VAN,
    commodity: str = "paper towels",
    temperature_c: tuple[float, float] | None = None,
) -> MarketLoad:
    """Return a load made for a scene, to be picked up today or tomorrow."""
    start, end, now = city(*origin), city(*destination), utcnow()
    loaded_m = roads().distance_m(start.point, end.point)
    loaded_at = now.replace(minute=0, second=0, microsecond=0)
    return MarketLoad(
        reference=reference,
        origin=start,
        destination=end,
        pickup=start.point,
        delivery=end.point,
        loaded_m=round(loaded_m),
        equipment=frozenset({equipment}),
        commodity=commodity,
        weight_kg=8_400,
        length_m=16.0,
        pieces=24,
        has_hazmat=False,
        temperature_c=temperature_c,
        price_cents=price_dollars * 100,
        pickup_from=loaded_at,
        pickup_until=loaded_at + 2 * DAY,
        delivery_from=loaded_at + transit(loaded_m),
        delivery_until=loaded_at + transit(loaded_m) + 4 * DAY,
    )
