import csv
from pathlib import Path

import pytest

from geo.roads import Highways

BARRIERS = Path(__file__).with_name("barriers.csv")


@pytest.fixture(scope="package")
def roads() -> Highways:
    return Highways.read(cache_mb=16)


def barriers() -> list[dict[str, str]]:
    with BARRIERS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
