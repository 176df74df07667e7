"""The roads of this process: read once, at start."""

from pathlib import Path

from geo.roads import EstimatedRoads, Highways, Roads, RoadsUnusable
from geo.roads.graph import DATA
from runtime.memory import give_back
from runtime.telemetry import ROADS_ESTIMATED, log

WEB_CACHE_MB = 4
"""What a web process keeps: it measures postings and draws routes, a pair at a time."""


def load_roads(cache_mb: int, folder: Path = DATA) -> Roads:
    """Return the roads over the graph of the highways.

    cache_mb: memory for the searches that are kept. folder: where the files are.

    If its files cannot be used, says so in the log and returns an estimate: distances
    are then off by 5 % on average, and go over any water.
    """
    ROADS_ESTIMATED.set(0)
    try:
        roads = Highways.read(folder, cache_mb=cache_mb)
    except RoadsUnusable as error:
        log().error("roads.estimated", reason=str(error))
        ROADS_ESTIMATED.set(1)
        return EstimatedRoads()
    # Reading them takes 20 MB more than keeping them.
    give_back()
    return roads
