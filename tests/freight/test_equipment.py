"""Foreign codes lead to our types, and unknown is never a mismatch."""

import csv

import pytest

from freight.equipment import (
    VOCABULARIES_CSV,
    Equipment,
    Match,
    UnknownEquipment,
    equipment_from,
    match,
)

VAN, REEFER, FLATBED = Equipment.VAN, Equipment.REEFER, Equipment.FLATBED


def lines():
    with VOCABULARIES_CSV.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class TestVocabularies:
    @pytest.mark.parametrize(
        ("vocabulary", "code", "types"),
        [
            ("loadsmart", "DRV", {VAN}),
            ("loadsmart", "OTH", {Equipment.OTHER}),
            ("directfreight", "F+T", {FLATBED}),
            ("directfreight", "RGN", {Equipment.REMOVABLE_GOOSENECK}),
            ("dat", "VF", {VAN, FLATBED}),
            ("dat", "VR", {VAN, REEFER}),
            ("dat", "FSD", {FLATBED, Equipment.STEP_DECK}),
            ("x12", "CZ", {REEFER}),
            ("x12", "40", {Equipment.CONTAINER}),
            ("dat", " vf ", {VAN, FLATBED}),
        ],
    )
    def test_a_code_means_a_set_of_our_types(self, vocabulary, code, types):
        assert equipment_from(vocabulary, code) == types

    @pytest.mark.parametrize(
        ("vocabulary", "code"), [("dat", "ZZ"), ("nobody", "V"), ("dat", "")]
    )
    def test_an_unknown_code_is_an_error_that_names_it(self, vocabulary, code):
        with pytest.raises(UnknownEquipment, match=f"{vocabulary} .*{code!r}"):
            equipment_from(vocabulary, code)

    def test_every_line_can_be_looked_up(self):
        for line in lines():
            assert equipment_from(line["vocabulary"], line["code"])

    def test_no_code_is_listed_twice(self):
        keys = [(line["vocabulary"], line["code"]) for line in lines()]
        assert len(keys) == len(set(keys))

    def test_every_line_says_how_its_code_is_known(self):
        assert {line["mark"] for line in lines()} == {"V", "G"}

    def test_every_type_of_ours_has_a_code_somewhere(self):
        named = {name for line in lines() for name in line["canonical"].split("|")}
        assert named == set(Equipment)


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
