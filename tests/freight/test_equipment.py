"""A truck fits a load or not, and unknown equipment is no mismatch."""

import pytest

from freight.equipment import Equipment, Match, match

VAN, REEFER, FLATBED = Equipment.VAN, Equipment.REEFER, Equipment.FLATBED


class TestMatch:
    @pytest.mark.parametrize(
        ("accepted", "truck", "outcome"),
        [
            ({VAN}, VAN, Match.MATCH),
            ({VAN, FLATBED}, FLATBED, Match.MATCH),
            ({VAN, FLATBED}, REEFER, Match.MISMATCH),
            ({VAN}, None, Match.UNKNOWN),
            (set(), VAN, Match.UNKNOWN),
            (set(), None, Match.UNKNOWN),
            ({Equipment.OTHER}, Equipment.OTHER, Match.UNKNOWN),
            ({VAN}, Equipment.OTHER, Match.MISMATCH),
        ],
    )
    def test_table(self, accepted, truck, outcome):
        assert match(frozenset(accepted), truck) is outcome
