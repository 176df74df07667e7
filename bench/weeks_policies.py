"""The searches that `bench.weeks` tries: the first one, the reference, the product."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from math import ceil, cos, floor, radians
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench import reference
from bench.product import (
    asked_from,
    asking_of,
    candidate_of,
    parameters_of,
    screened_near,
    trucks_of,
)
from bench.reference import OF_THE_TRUCK
from bench.reference_records import Load, Place, Situation, WayOf
from bench.reference_stages import max_deadhead_m
from bench.rig import ROOT, CannotSetUp
from freight.candidates import Candidate
from freight.columns import Loads, Stops, column_types, is_walked
from freight.ranking import rank
from freight.waiting import most_gain_cents, types_for
from geo.distance import haversine_m
from geo.points import Point
from geo.roads import Roads
from market import MarketTruck
from services.search.run import KEPT
from services.search.waiting import HOME_M

FIRST_COMMIT = "a15936f8809b4f7e0f3db0650ac39225518dfffc"
DEGREE_M = 111_000.0
FIRST_ROWS = 1_024


class ProductPolicy:
    """The best loads of the product's search, on columns that grow with the market.

    Loads have two stops without opening hours, as `bench.weeks_world` posts them.
    """

    def __init__(self, roads: Roads, *, has_all_triggers: bool = False) -> None:
        self._roads, self.has_all_triggers = roads, has_all_triggers
        self._new: list[Candidate] = []
        self._row_of: dict[str, int] = {}
        self._is_posted = np.zeros(FIRST_ROWS, "?")
        self._columns = {
            name: np.zeros(FIRST_ROWS, kind) for name, kind in column_types().items()
        }

    def post(self, load: Load) -> None:
        """Keep the load for the next search."""
        candidate = candidate_of(load, self._roads)
        assert not is_walked(candidate.route)
        self._row_of[load.id] = row = len(self._row_of)
        if row == len(self._is_posted):
            self._grow(2 * row)
        self._is_posted[row] = True
        self._new.append(candidate)

    def gone(self, load_id: str) -> None:
        """Drop the load."""
        self._is_posted[self._row_of[load_id]] = False

    def ranked(self, situation: Situation, truck: MarketTruck) -> Sequence[str]:
        """Return as many loads as the server keeps, best first."""
        self._read()
        rows = np.flatnonzero(self._is_posted)
        asked = asked_from(situation, self._roads)
        market = Loads(self._columns, Stops.of(()), rows)
        best = screened_near(market, asked).best(asked, KEPT)
        return [str(load_id) for load_id in best.loads.ids]

    def takers(self, load: Load, waiting: Sequence[Situation]) -> list[int]:
        """Return the trucks to which the load is worth it, as the server finds them: of
        those near, judge the ones that can gain anything (`freight.waiting`)."""
        candidate = candidate_of(load, self._roads)
        types = types_for(candidate)
        near = [
            place
            for place, each in enumerate(waiting)
            if each.truck.equipment in types
            and haversine_m(Point(*each.place), candidate.pickup)
            <= each.settings.max_deadhead_m
            and haversine_m(Point(*each.place), Point(*each.driver.home)) > HOME_M
        ]
        if not near:
            return []
        asking = [asking_of(waiting[place]) for place in near]
        parameters = parameters_of(waiting[near[0]].settings)
        trucks = trucks_of(asking, parameters, self._roads)
        loads = Loads.of([candidate], self._roads)
        most = most_gain_cents(loads, trucks, parameters, self._roads)
        gains: dict[int, int] = {}
        for row in np.flatnonzero(most > 0):
            found = rank([candidate], asked_from(waiting[near[row]], self._roads))
            if found and found[0].score_cents > 0:
                gains[near[row]] = found[0].score_cents
        return sorted(gains, key=lambda place: (-gains[place], place))

    def _read(self) -> None:
        """Write what was posted since the last search into the columns."""
        loads, end = Loads.of(self._new, self._roads), len(self._row_of)
        for name, column in self._columns.items():
            column[end - len(loads) : end] = loads.gathered(name)
        self._new = []

    def _grow(self, rows: int) -> None:
        more = np.zeros(rows - len(self._is_posted), "?")
        self._is_posted = np.concatenate((self._is_posted, more))
        self._columns = {
            name: np.resize(column, rows) for name, column in self._columns.items()
        }


class DropAlone:
    """Trucks are searched for at their drops, and never again."""

    has_all_triggers = False

    def takers(self, load: Load, waiting: Sequence[Situation]) -> Sequence[int]:
        """Return no truck."""
        return ()


class EmptyHome(DropAlone):
    """No search: every truck drives home empty at once, as many do today."""

    def post(self, load: Load) -> None:
        """Nothing to keep."""

    def gone(self, load_id: str) -> None:
        """Nothing to drop."""

    def ranked(self, situation: Situation, truck: MarketTruck) -> Sequence[str]:
        """Return no load."""
        return ()


class ReferencePolicy(DropAlone):
    """The best load of `bench.reference`."""

    def __init__(self, way: WayOf) -> None:
        self._way = way
        self._cells: dict[tuple[int, int], dict[str, Load]] = defaultdict(dict)
        self._cell_of: dict[str, tuple[int, int]] = {}

    def post(self, load: Load) -> None:
        """Keep the load by the square degree of its pickup."""
        lat, lon = load.stops[0].place
        self._cell_of[load.id] = cell = floor(lat), floor(lon)
        self._cells[cell][load.id] = load

    def gone(self, load_id: str) -> None:
        """Drop the load."""
        del self._cells[self._cell_of.pop(load_id)][load_id]

    def ranked(self, situation: Situation, truck: MarketTruck) -> Sequence[str]:
        """Return the load ranked first."""
        near = self._near(situation.place, max_deadhead_m(situation))
        # Loads that the truck cannot take are left out early: only the best counts.
        able = [
            load
            for load in near
            if not any(refuses(load, situation) for _, refuses in OF_THE_TRUCK)
        ]
        best = reference.search(situation, able, self._way).best
        return [each.load.id for each in best[:1]]

    def _near(self, place: Place, radius_m: float) -> Iterator[Load]:
        """Yield the loads in the square degrees that the circle may touch."""
        lat, lon = place
        north = ceil(radius_m / DEGREE_M)
        east = ceil(radius_m / DEGREE_M / cos(radians(abs(lat) + north)))
        cells = (
            (floor(lat) + up, floor(lon) + right)
            for up in range(-north, north + 1)
            for right in range(-east, east + 1)
        )
        return chain.from_iterable(self._cells.get(c, {}).values() for c in cells)


class FirstSearch(DropAlone):
    """The first search, in a process of its own that imports its own checkout.

    cost_cents_per_km: None is its own default, $2.26 a mile.
    """

    def __init__(
        self, process: "subprocess.Popen[str]", cost_cents_per_km: float | None
    ) -> None:
        self._process, self._cost_cents_per_km = process, cost_cents_per_km
        self._posted: list[dict[str, Any]] = []
        self._gone: list[str] = []

    def post(self, load: Load) -> None:
        """Tell of the load with the next question."""
        first, last = load.stops[0], load.stops[-1]
        self._posted.append(
            {
                "id": load.id,
                "pickup": first.place,
                "delivery": last.place,
                "pickup_from": first.window_from.timestamp(),
                "pickup_until": first.window_until.timestamp(),
                "delivery_from": last.window_from.timestamp(),
                "delivery_until": last.window_until.timestamp(),
                "price_cents": load.price_cents,
                "equipment": sorted(load.equipment),
                "weight_kg": load.weight_kg,
                "length_m": load.length_m,
                "has_hazmat": load.has_hazmat,
            }
        )

    def gone(self, load_id: str) -> None:
        """Tell that the load is gone with the next question."""
        self._gone.append(load_id)

    def ranked(self, situation: Situation, truck: MarketTruck) -> Sequence[str]:
        """Ask the other process for the load ranked first."""
        asked = {
            "place": situation.place,
            "home": situation.driver.home,
            "free_at": situation.free_at.timestamp(),
            "equipment": str(truck.equipment),
            "payload_kg": truck.payload_kg,
            "deck_length_m": truck.deck_length_m,
            "has_hazmat": truck.has_hazmat,
            "cost_cents_per_km": self._cost_cents_per_km,
        }
        said = {"post": self._posted, "gone": self._gone, "ask": asked}
        self._posted, self._gone = [], []
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(said), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise CannotSetUp("The process of the first search ended.")
        best: str | None = json.loads(answer)["load_id"]
        return [best] if best is not None else []


@contextmanager
def first_checkout() -> Iterator[Path]:
    """Yield a checkout of the first search, as a worktree of this repository.

    Raises: CannotSetUp where the repository does not have that commit.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "first"
        added = _git("worktree", "add", "--detach", str(path), FIRST_COMMIT)
        if added.returncode:
            raise CannotSetUp(f"No checkout of {FIRST_COMMIT[:7]}: {added.stderr}")
        try:
            yield path
        finally:
            _git("worktree", "remove", "--force", str(path))


@contextmanager
def first_search(
    checkout: Path, cost_cents_per_km: float | None = None
) -> Iterator[FirstSearch]:
    """Yield the first search, running from its checkout until the end."""
    script = Path(__file__).with_name("first_search.py")
    # -P: the folder of the script is not searched for modules.
    process = subprocess.Popen(
        [sys.executable, "-P", str(script)],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield FirstSearch(process, cost_cents_per_km)
    finally:
        process.kill()
        process.communicate()


def _git(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
