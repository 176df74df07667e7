"""The fuzz bench in its quick form, and which findings miss which bar."""

import pytest

from bench import __main__ as benches
from bench.fuzz import IGNORED_AUTH, SERVER_ERRORS, UNDOCUMENTED, Played
from tests.bench.quick import line_of, play


@pytest.fixture(scope="module")
def quick():
    return play("fuzz")


@pytest.mark.bench
class TestTheFuzzing:
    def test_finds_nothing(self, quick):
        assert quick.returncode == 0, quick.stderr

    def test_prints_one_line_of_the_agreed_form(self, quick):
        line = line_of(quick, "fuzz")

        assert [bar["name"] for bar in line["bars"]] == [
            *("cases", "server_errors", "undocumented_answers", "ignored_auth"),
            "other_findings",
        ]
        assert benches.table_rows(line)[0].count("| fuzz, seed 1 | cases |") == 1
        by_role = line["figures"]["cases_by_role"]
        assert min(by_role.values()) > 0
        assert set(by_role) == {"driver", "dispatcher", "leaver"}


class TestTheBars:
    @pytest.mark.parametrize(
        ("kind", "bar"),
        [
            *((kind, "server_errors") for kind in sorted(SERVER_ERRORS)),
            *((kind, "undocumented_answers") for kind in sorted(UNDOCUMENTED)),
            *((kind, "ignored_auth") for kind in sorted(IGNORED_AUTH)),
            ("AcceptedNegativeData", "other_findings"),
            ("Error", "other_findings"),
        ],
    )
    def test_each_kind_of_finding_misses_its_bar(self, kind, bar):
        played = Played()
        played.cases["driver"] = 10
        played.findings[kind] = 1

        missed = [bar.name for bar in played.bars(10) if not bar.met]

        assert missed == [bar]

    def test_too_few_cases_miss_their_bar(self):
        assert [bar.name for bar in Played().bars(1) if not bar.met] == ["cases"]
