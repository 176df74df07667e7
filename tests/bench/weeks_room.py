"""One truck in the weeks of `bench.weeks`, and searches that take what a test names."""

from datetime import timedelta

from bench.mishaps import Mishaps
from bench.product import way_of
from bench.reference_records import Load, Stop
from bench.weeks_market import START, Posted, Size
from bench.weeks_world import ROADS, Costs, World

SIZE = Size(trucks=1, loads_a_day=0, warm_up_days=0, weeks=2)
way = way_of(ROADS)
COSTS = Costs(km_cents=100.0, hour_cents=2_000)
LONG = timedelta(days=30)


class Choosing:
    """Takes the loads named, each at the first search at which it is posted.

    has_all_triggers: trucks on the way home take any load that is posted then.
    """

    def __init__(self, *wanted, has_all_triggers=False):
        self.wanted, self.posted, self.asked = list(wanted), set(), []
        self.has_all_triggers, self.woken = has_all_triggers, []

    def takers(self, load, waiting):
        self.woken += waiting[:1]
        return range(len(waiting))

    def post(self, load):
        self.posted.add(load.id)

    def gone(self, load_id):
        self.posted.remove(load_id)

    def ranked(self, situation, truck):
        self.asked.append(situation)
        if self.wanted and self.wanted[0] in self.posted:
            return [self.wanted.pop(0)]
        return []


def played(policy, *loads, size=SIZE, mishaps=None):
    market = [Posted(START.timestamp(), load) for load in loads]
    return World(size, policy, COSTS, way, mishaps).play(market, seed=1)


def load(drop, number=1, *, pickup_h=1_000.0, delivery_h=1_000.0, to=None):
    """A load from the truck's drop; its windows end so many hours after the drop."""
    ends = (
        ("pickup", drop.place, pickup_h),
        ("delivery", to or drop.driver.home, delivery_h),
    )
    stops = [
        Stop(kind, place, START - LONG, drop.free_at + timedelta(hours=hours))
        for kind, place, hours in ends
    ]
    return Load(f"{number}", tuple(stops), price_cents=123_400)


class Listing(Choosing):
    """Ranks the loads named at the first search, and none later."""

    def __init__(self, listed, *, has_all_triggers=False):
        super().__init__(has_all_triggers=has_all_triggers)
        self.listed = listed

    def ranked(self, situation, truck):
        self.asked.append(situation)
        listed, self.listed = self.listed, []
        return listed


class Known(Mishaps):
    """Mishaps of the loads named."""

    def __init__(self, *, declined=(), lost=()):
        super().__init__(seed=0)
        object.__setattr__(self, "loads", (declined, lost))

    def is_declined(self, load_id, truck):
        return load_id in self.loads[0]

    def is_lost(self, load_id):
        return load_id in self.loads[1]


def first_drop():
    """Return the first situation in which the truck is searched for."""
    policy = Choosing()
    played(policy)
    return policy.asked[0]
