"""The bench of slow connections and of one company's flood, in its quick form."""

import pytest

from tests.bench.quick import line_of, play

TOLD_BY_THE_FULL_FORM = {"flood_p99_factor"}
"""So few answers say nothing about the time of one in a hundred."""


@pytest.mark.bench
def test_honest_clients_are_answered_beside_slow_connections() -> None:
    line = line_of(play("slow"), "slow")

    missed = {bar["name"] for bar in line["bars"] if not bar["met"]}
    assert missed <= TOLD_BY_THE_FULL_FORM, line
    figures = line["figures"]
    for kind, number in line["params"]["slow"].items():
        assert figures["attack"][kind] > number / 2
    assert figures["healthz_requests"] > 10
    assert figures["offers_requests"] > 10
    assert figures["flood"]["200"] > 10
