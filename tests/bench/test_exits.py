"""The walk over all states in its quick form, and how it finds a dead end."""

from dataclasses import replace

import pytest

from bench import __main__ as benches
from bench.exits import dead_ends, parties
from bench.ways import State
from tests.bench.quick import line_of, play

POSTED = State("posted", ("pending",), None, (), ("available",), False, False)
BOOKED = replace(POSTED, load="booked", driver=0, availabilities=("on_load",))
OFF = replace(POSTED, availabilities=("off_duty",))
CANCELLED = replace(POSTED, load="cancelled")


@pytest.mark.bench
def test_every_party_gets_out_of_every_reachable_state_by_its_own_acts():
    line = line_of(play("exits"), "exits")

    assert benches.table_rows(line)[0].count("| exits |") == 1
    assert all(bar["met"] for bar in line["bars"]), line
    assert line["figures"]["states"] > 200
    assert set(line["figures"]["dead_ends_by_party"]) == {
        *("driver 0", "desk", "poster", "platform")
    }


class TestDeadEnds:
    def test_a_chain_of_own_acts_is_a_way_out(self):
        moves = {
            BOOKED: {("driver 0", "hand back"): POSTED},
            POSTED: {("driver 0", "off duty"): OFF},
            OFF: {},
        }

        assert dead_ends(moves, "driver 0", parties(1)["driver 0"]) == []

    def test_an_act_of_another_party_is_none(self):
        moves = {
            BOOKED: {("poster", "cancel"): CANCELLED},
            CANCELLED: {("driver 0", "off duty"): OFF},
            OFF: {},
        }

        assert dead_ends(moves, "driver 0", parties(1)["driver 0"]) == [BOOKED]
        assert dead_ends(moves, "poster", parties(1)["poster"]) == [OFF]

    def test_a_carriers_word_alone_does_not_end_it_for_the_poster(self):
        delivered = replace(POSTED, load="delivered", is_carried_out=True)
        confirmed = replace(delivered, stops=("departed+", "completed"))
        is_free = parties(1)["poster"]

        assert (is_free(delivered), is_free(confirmed)) == (False, True)
        assert dead_ends({delivered: {}, confirmed: {}}, "poster", is_free) == [
            delivered
        ]
        out = {delivered: {("poster", "interrupt"): CANCELLED}, CANCELLED: {}}
        assert dead_ends(out, "poster", is_free) == []

    def test_a_locked_out_company_has_nothing_left_to_do(self):
        is_free = parties(1)
        locked = replace(POSTED, is_carrier_suspended=True, is_poster_suspended=True)

        assert all(free(locked) for free in is_free.values())
        carried = replace(locked, load="booked", driver=0)
        assert [who for who, free in is_free.items() if not free(carried)] == [
            *("driver 0", "desk", "poster")
        ]
