"""A process reads the roads at start; without their files it estimates and says so."""

from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from edges.roads import load_roads
from geo.roads.graph import DATA, HIGHWAYS, WATER


def gauge() -> float | None:
    return REGISTRY.get_sample_value("backhaul_roads_estimated")


def test_the_shipped_files_are_used() -> None:
    with capture_logs() as lines:
        made = load_roads(1)

    assert made.source == "highways"
    assert lines == []
    assert gauge() == 0


@pytest.mark.parametrize("fault", ["missing", "cut"])
def test_unusable_files_are_said_in_the_log(tmp_path: Path, fault: str) -> None:
    (tmp_path / WATER).write_bytes((DATA / WATER).read_bytes())
    if fault == "cut":
        (tmp_path / HIGHWAYS).write_bytes((DATA / HIGHWAYS).read_bytes()[:90_000])

    with capture_logs() as lines:
        made = load_roads(1, tmp_path)

    assert made.source == "estimated"
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("roads.estimated", "error")
    assert HIGHWAYS in line["reason"]
    assert gauge() == 1
    load_roads(1)
    assert gauge() == 0
