"""Writes arrays into a file whose bytes depend on nothing but them."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.roads.graph import FORMAT, version_of

EPOCH = (1980, 1, 1, 0, 0, 0)


def write(path: Path, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Write the arrays with their format and version; return the version."""
    version = version_of(arrays)
    marked = {**arrays, "format": np.array(FORMAT, "<i4"), "version": np.array(version)}
    with zipfile.ZipFile(path, "w") as file:
        for name in sorted(marked):
            body = io.BytesIO()
            np.lib.format.write_array(
                body, marked[name], version=(1, 0), allow_pickle=False
            )
            entry = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr, entry.create_system = 0o644 << 16, 3
            file.writestr(entry, body.getvalue(), compresslevel=9)
    return version
