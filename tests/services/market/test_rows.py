"""The rows of the market are found by their ids."""

from uuid import UUID

import numpy as np

from services.market.rows import Array, Index, halves


def keys(ids: list[UUID]) -> Array:
    return np.frombuffer(b"".join(each.bytes for each in ids), "V16")


def test_ids_with_the_same_lower_half_are_told_apart() -> None:
    ids = [UUID(int=high << 64 | low) for low in (5, 7) for high in (1, 2, 3)]
    index = Index(*halves(keys(ids)))
    asked = [ids[5], UUID(int=4 << 64 | 5), ids[1], UUID(int=7), ids[0]]

    which, rows = index.find(keys(asked))

    found = dict(zip(which.tolist(), rows.tolist(), strict=True))
    assert found == {0: 5, 2: 1, 4: 0}
