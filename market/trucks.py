"""Made-up trucks with their drivers, whose homes are where people live."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random

from freight.equipment import Equipment
from geo.points import Point
from market.cargo import TRAILERS, Urn
from market.lanes import draw_lane
from market.loads import MarketLoad, make_load
from places.cities import City, cities, distances_m, positions, scattered

# Our own assumption, no statistics behind it.
FAR_FROM_HOME_M = 400_000.0

# First names, then last names that go with them.
_NAMES = (
    "James Robert Linda Michael Patricia William Karen Thomas Susan Earl Wayne",
    "Miller Johnson Davis Wilson Anderson Taylor Moore Harris Clark Lewis Walker",
    "José María Luis Carlos Guadalupe Juan Rosa Miguel Javier Ana Héctor",
    "García Hernández Martínez López González Ramírez Torres Flores Rivera Muñoz",
    "Gurpreet Harjit Manpreet Jaspreet Balwinder Sukhdeep Amandeep Kulwinder",
    "Singh Gill Sidhu Dhillon Sandhu Grewal Brar Dhaliwal Bains Virk",
    "Oleksandr Iryna Dmytro Piotr Agnieszka Tomasz Vasile Elena Milan Jovana",
    "Kovalenko Shevchenko Bondarenko Nowak Mazur Wójcik Popescu Petrović Jurić",
    "Abdi Fatima Mohamed Amina Yusuf Hodan Ahmed Omar Samira Ibrahim",
    "Hassan Warsame Farah Ali Osman Mohamud Abdullahi Haddad Mansour Khalil",
    "Minh Linh Wei Xin Jin Hana Thanh Jun Mei Arnel",
    "Nguyen Tran Chen Wang Park Kim Pham Liu Santos Reyes",
    "Denise Marcus Andre Tamika Darnell Keisha Curtis Yolanda Reggie Monique",
    "Washington Robinson Coleman Brooks Jefferson Banks Hayes Gaines Booker Tate",
)


@dataclass(frozen=True, slots=True)
class MarketTruck:
    """A truck, its trailer and its driver; `home_point` lies in or near `home`."""

    unit_number: str
    driver_name: str
    home: City
    home_point: Point
    equipment: Equipment
    payload_kg: int
    deck_length_m: float
    has_hazmat: bool

    def can_take(self, load: MarketLoad) -> bool:
        """Say whether trailer, weight, length and endorsement allow `load`."""
        return (
            self.equipment in load.equipment
            and load.weight_kg <= self.payload_kg
            and load.length_m <= self.deck_length_m
            and (self.has_hazmat or not load.has_hazmat)
        )


def fleet(n: int, *, seed: int) -> Iterator[MarketTruck]:
    """Yield `n` trucks, at home where people live. Same arguments, same trucks.

    A longer fleet begins with the trucks of a shorter one.
    """
    random = Random(f"fleet {seed}")
    homes = Urn({at: place.population for at, place in enumerate(cities())})
    for count in range(n):
        home, trailer = homes.draw(random), TRAILERS.draw(random)
        people = 2 * random.randrange(len(_NAMES) // 2)
        names = [random.choice(row.split()) for row in _NAMES[people : people + 2]]
        yield MarketTruck(
            unit_number=str(1001 + count),
            driver_name=" ".join(names),
            home=cities()[home],
            home_point=scattered(random, home),
            equipment=random.choice(sorted(trailer.equipment.draw(random))),
            payload_kg=random.randrange(19_600, 22_001, 100),
            deck_length_m=trailer.deck_length_m,
            has_hazmat=random.random() < 0.3,
        )


def headhaul(truck: MarketTruck, seed: int, now: datetime) -> MarketLoad:
    """Return a load that takes `truck` from its home city to one far away.

    Lengths follow the market's, without those below FAR_FROM_HOME_M (great-circle).
    The truck can take it. The same arguments give the same load.

    truck: one of `fleet`; for other equipment this market has no freight.
    now: aware.
    """
    random = Random(f"headhaul {seed} {truck.unit_number}")
    home = positions()[truck.home.name, truck.home.state]
    lane = draw_lane(random, home)
    while distances_m()[lane] < FAR_FROM_HOME_M:
        lane = draw_lane(random, home)
    reference = f"H-{truck.unit_number}-{now:%m%d}"
    load = make_load(random, reference=reference, lane=lane, now=now)
    while not truck.can_take(load):
        load = make_load(random, reference=reference, lane=lane, now=now)
    return load
