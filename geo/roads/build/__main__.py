"""`python -m geo.roads.build [folder]`: makes both files of the roads, and names them.

Same input, same arrays: `tests/geo/roads/test_build.py` compares them.
"""

import sys
from pathlib import Path

from geo.roads.build.highways import highway_arrays
from geo.roads.build.water import water_arrays
from geo.roads.build.writing import write
from geo.roads.graph import DATA, HIGHWAYS, WATER


def main(folder: Path) -> None:
    """Write the files into `folder`."""
    for name, arrays in ((HIGHWAYS, highway_arrays()), (WATER, water_arrays())):
        version = write(folder / name, arrays)
        sys.stdout.write(f"{folder / name}: version {version}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
