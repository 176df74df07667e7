"""The benches of row security, limits and sign-ins in their quick form."""

import json
from uuid import UUID, uuid4

import psycopg
import pytest

from bench import __main__ as benches
from bench.bodies import BODIES
from bench.client import Refused
from bench.guesses import rank_test
from bench.overhead import FENCED, unfenced
from bench.rights import Leak, foreign, ids_in
from bench.tenants import operations_of
from cli import DOCUMENT
from tests.bench.quick import line_of, play
from tests.services.scene import Scene, open_offers


def quick(name, *more, named=None):
    line = line_of(play(name, *more), name)
    if named is None:
        named = f"{name}, seed 1" if "seed" in line["params"] else name
    assert benches.table_rows(line)[0].count(f"| {named} |") == 1
    return line


def bars(line):
    return {bar["name"]: bar for bar in line["bars"]}


@pytest.mark.bench
class TestRefresh:
    def test_no_phone_is_logged_out_and_every_theft_is_detected(self):
        line = quick("refresh")

        assert all(bar["met"] for bar in line["bars"]), line["bars"]
        assert line["figures"]["share_lost"] > 0.3
        assert line["figures"]["rotations"] == 200


@pytest.mark.bench
class TestTenants:
    def test_every_operation_is_requested_and_no_foreign_id_is_shown(self):
        line = quick("tenants")

        figures, found = line["figures"], bars(line)
        # So few guesses say nothing about the time of a refusal.
        for name in ("median_difference", "rank_test_p", "worst_route_p"):
            found.pop(name)
        assert all(bar["met"] for bar in found.values()), (found, figures)
        assert figures["operations_that_succeeded"] > figures["operations"] / 2
        assert figures["ids_judged"] > 200


class TestOverhead:
    @pytest.mark.bench
    def test_measures_with_and_without_row_security(self):
        line = quick("overhead")

        assert set(bars(line)) == {
            *("ratio_driver_offers", "ratio_dispatcher_offers", "ratio_accept")
        }
        for name in ("driver_offers", "dispatcher_offers", "accept"):
            assert line["figures"][name]["per_s_fenced"] > 0
            assert line["figures"][name]["per_s_open"] > 0

    def test_row_security_is_on_again_after_a_failure(self, database_url):
        with psycopg.connect(database_url, autocommit=True) as connection:
            before = connection.execute(FENCED).fetchall()
            with unfenced(connection):
                between = connection.execute(FENCED).fetchall()
            with pytest.raises(psycopg.errors.DivisionByZero), unfenced(connection):
                connection.execute("select 1 / 0")
            after = connection.execute(FENCED).fetchall()

        assert between == []
        assert after == before
        assert len(after) > 15


@pytest.mark.bench
class TestLimits:
    def test_only_the_caller_over_the_limit_is_refused(self):
        line = quick("limits")

        found = bars(line)
        # So few answers say nothing about the time of one.
        found.pop("others_p99_factor")
        assert all(bar["met"] for bar in found.values()), (found, line["figures"])
        assert line["figures"]["greedy_requests"] > line["figures"]["greedy_allowed"]


class TestRights:
    @pytest.fixture
    def street(self, committed):
        """A carrier whose driver is offered a load, another carrier, a shipper."""
        scene = Scene(committed)
        scene.loads(2)
        driver = scene.driver()
        scene.search(driver)
        offer = open_offers(driver)[0]
        return scene, driver, offer, Scene(committed)

    @pytest.fixture
    def tables(self, database_url):
        with psycopg.connect(database_url, autocommit=True) as connection:
            yield connection

    def test_an_offered_load_is_visible_to_the_carrier_and_the_shipper(
        self, street, tables
    ):
        scene, _, offer, other = street
        ids = {offer.load_id}

        assert foreign(tables, scene.carrier.org_id, ids) == []
        assert foreign(tables, scene.shipper.org_id, ids) == []
        assert foreign(tables, other.carrier.org_id, ids) == []

    def test_a_load_off_the_market_is_foreign_to_other_companies(self, street, tables):
        scene, driver, offer, other = street
        assert driver.put(f"/v1/offers/{offer.id}/acceptance").status == 200
        shipper = scene.shipper.org_id

        leak = Leak("loads", offer.load_id, shipper)
        stranger = other.carrier.org_id
        assert foreign(tables, stranger, {offer.load_id}) == [leak]
        assert foreign(tables, stranger, {offer.load_id}, of_a_search=True) == []
        assert foreign(tables, scene.carrier.org_id, {offer.load_id}) == []

    def test_every_other_row_is_visible_to_its_company_only(self, street, tables):
        scene, driver, offer, other = street
        ids = {offer.id, offer.search_id, UUID(driver.driver_id), driver.member_id}

        assert foreign(tables, scene.carrier.org_id, ids) == []
        for stranger in (scene.shipper, other.carrier):
            found = foreign(tables, stranger.org_id, ids)
            assert {leak.id for leak in found} == ids

    def test_a_companys_own_id_is_foreign_to_others_and_an_id_of_no_row_is_not(
        self, street, tables
    ):
        scene, _, _, other = street
        ids = {scene.carrier.org_id, uuid4()}

        (leak,) = foreign(tables, other.carrier.org_id, ids)
        assert leak.table == "organisations"

    def test_ids_in_cursors_are_found(self, street):
        scene, _, _, _ = street
        page = scene.shipper.get("/v1/loads?limit=1").body
        text = json.dumps({"page": page["page"]}).encode()

        assert ids_in(text) == {UUID(page["data"][0]["id"])}


class TestTheDocument:
    def test_every_body_belongs_to_an_operation(self):
        operations = {
            operation.name
            for operation in operations_of(json.loads(DOCUMENT.read_text()))
        }

        assert set(BODIES) - operations == set()

    def test_an_operation_missing_in_bodies_is_named(self):
        strange = {"paths": {"/v1/x": {"post": {"requestBody": {}}}}}

        with pytest.raises(Refused, match="POST /v1/x needs a body"):
            operations_of(strange)


class TestTheRankTest:
    def test_equal_samples_give_1_and_shifted_ones_almost_0(self):
        even = [float(value) for value in range(100)]

        assert rank_test(even, even) == 1.0
        assert rank_test(even, [value + 60 for value in even]) < 1e-6
        assert rank_test([1.0] * 30, [1.0] * 30) == 1.0

    def test_equals_the_published_value(self):
        """U = 5 of 5 and 5 values: z = (5 - 12.5) / sqrt(275 / 12) = -1.567."""
        one, other = [1.0, 2.0, 3.0, 4.0, 10.0], [5.0, 6.0, 7.0, 8.0, 9.0]

        assert rank_test(one, other) == pytest.approx(0.1172, abs=0.0001)
