"""Distances by road: over a graph of the highways, or an estimate that needs no map."""

from geo.roads.estimated import CIRCUITY, EstimatedRoads, road_m
from geo.roads.graph import RoadsUnusable
from geo.roads.highways import Highways
from geo.roads.lines import simplified
from geo.roads.places import Places, Roads, Way, Ways

__all__ = [
    "CIRCUITY",
    "EstimatedRoads",
    "Highways",
    "Places",
    "Roads",
    "RoadsUnusable",
    "Way",
    "Ways",
    "road_m",
    "simplified",
]
