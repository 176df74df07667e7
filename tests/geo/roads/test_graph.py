"""A file of roads that cannot be used says why."""

import numpy as np
import pytest

from geo.roads import Highways, RoadsUnusable
from geo.roads.build.writing import write
from geo.roads.graph import (
    DATA,
    FORMAT,
    HIGHWAY_COLUMNS,
    HIGHWAYS,
    WATER,
    WATER_COLUMNS,
    read_graph,
    read_water,
    version_of,
)


def arrays(name=HIGHWAYS, columns=HIGHWAY_COLUMNS):
    with np.load(DATA / name) as file:
        return {column: file[column] for column in columns}


def fails(path, words, read=read_graph):
    with pytest.raises(RoadsUnusable, match=words):
        read(path)


def test_the_shipped_files_are_read():
    assert len(read_graph().lat) > 100_000
    assert read_water().version != read_graph().version


def test_a_missing_file(tmp_path):
    fails(tmp_path / HIGHWAYS, "na_highways.npz: the file is missing")


def test_a_folder_in_its_place(tmp_path):
    fails(tmp_path, "cannot be read")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_file_cut_anywhere(tmp_path, share):
    whole = (DATA / HIGHWAYS).read_bytes()
    path = tmp_path / HIGHWAYS
    path.write_bytes(whole[: int(len(whole) * share)])

    fails(path, "cut or damaged|cannot be read|not a file")


def test_a_damaged_byte(tmp_path):
    whole = bytearray((DATA / HIGHWAYS).read_bytes())
    whole[len(whole) // 2] ^= 255
    path = tmp_path / HIGHWAYS
    path.write_bytes(whole)

    fails(path, "cut or damaged|not those of its version")


def test_a_foreign_file(tmp_path):
    path = tmp_path / HIGHWAYS
    np.savez(path, lat=np.zeros(3))
    fails(path, "not a file of roads")
    np.save(tmp_path / "array.npy", np.zeros(3))
    fails(tmp_path / "array.npy", "not a file of roads")
    path.write_text("lat,lon\n")
    fails(path, "cannot be read|cut or damaged")


def test_a_file_of_another_format(tmp_path):
    path = tmp_path / HIGHWAYS
    np.savez(path, format=np.array(FORMAT + 1), version=np.array("x"))

    fails(path, "has format 2; this release reads 1")


def test_a_file_without_one_of_its_arrays(tmp_path):
    given = arrays()
    del given["metres"]
    write(tmp_path / HIGHWAYS, given)

    fails(tmp_path / HIGHWAYS, "metres")


def test_an_array_of_another_type(tmp_path):
    write(tmp_path / HIGHWAYS, arrays() | {"u": np.zeros(3)})

    fails(tmp_path / HIGHWAYS, "the array u is of another type")


def test_other_arrays_than_those_of_its_version(tmp_path):
    given, version = arrays(), version_of(arrays())
    given["metres"] = given["metres"] + np.uint16(1)
    np.savez(tmp_path / HIGHWAYS, format=FORMAT, version=np.array(version), **given)

    fails(tmp_path / HIGHWAYS, "not those of its version")


@pytest.mark.parametrize(
    "change",
    [
        {"v": np.zeros(143_000, "<i4")},
        {"lon": np.zeros(3, "<i4")},
        {"lat": np.zeros(0, "<i4")},
        {"island": np.zeros((2, 2), "<i4")},
    ],
    ids=["v", "lon", "lat", "island"],
)
def test_arrays_that_do_not_fit_each_other(tmp_path, change):
    write(tmp_path / HIGHWAYS, arrays() | change)

    fails(tmp_path / HIGHWAYS, "do not fit each other")


@pytest.mark.parametrize("shape", [(8, 8), (7, 9), (0, 0), (8,)])
def test_water_of_another_shape(tmp_path, shape):
    given = arrays(WATER, WATER_COLUMNS) | {"shape": np.array(shape, "<i4")}
    write(tmp_path / WATER, given)

    fails(tmp_path / WATER, "do not fit each other", read_water)


def test_highways_without_their_water(tmp_path):
    write(tmp_path / HIGHWAYS, arrays())

    with pytest.raises(RoadsUnusable, match=r"na_water.npz: the file is missing"):
        Highways.read(tmp_path, cache_mb=1)
