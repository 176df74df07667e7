"""Which loads a search keeps, and in which order."""

import pytest
from sqlalchemy import text

from services.search import run
from services.search.run import KEPT, SPARE
from tests.services.scene import Scene, open_offers
from tests.services.search.drops import edit, hours_away, ids_of, miles_away
from tests.world import CHICAGO, NEW_YORK, NEWARK


class TestTheOrder:
    """The driver says what comes first."""

    @pytest.fixture
    def three(self, scene):
        """The dearest one, which leaves late; a quick one; and one with little empty
        driving, which waits the longest."""
        body = scene.world.stop_body
        later, latest = (
            [body("pickup", place, hours, 96), body("delivery", CHICAGO, 0, 160)]
            for place, hours in ((NEWARK, 30), (NEW_YORK, 60))
        )
        return {
            "dear": scene.load(stops=later, price_cents=900_000),
            "quick": scene.load(pickup=miles_away(40), price_cents=300_000),
            "green": scene.load(stops=latest, price_cents=500_000),
        }

    @pytest.mark.parametrize(
        ("rank_by", "order"),
        [
            ("gain", ["dear", "green", "quick"]),
            ("home_time", ["quick", "dear", "green"]),
            ("co2", ["green", "dear", "quick"]),
        ],
    )
    def test_is_by_what_the_driver_wants_first(self, scene, three, rank_by, order):
        driver = scene.driver()
        edit(driver, scene, rank_by=rank_by)

        search = scene.search(driver)

        assert ids_of(search) == [three[name] for name in order]
        assert search.situation["rank_by"] == rank_by
        assert [
            o.load_id for o in sorted(open_offers(driver), key=lambda o: o.rank)
        ] == [three[name] for name in order]

    def test_by_gain_an_hour_a_quick_load_comes_before_a_dear_one_that_waits(
        self, scene, three
    ):
        driver = scene.driver()
        edit(driver, scene, rank_by="gain_per_hour")

        search = scene.search(driver)
        found = search.ranked

        rates = [record["score_cents"] / hours_away(record, search) for record in found]
        assert len(rates) == len(three)
        assert rates == sorted(rates, reverse=True)

    def test_of_equal_loads_the_one_with_the_smaller_id_is_first(self, scene):
        same = sorted(scene.load() for _ in range(7))

        assert ids_of(scene.search(scene.driver())) == same


class TestMeanwhile:
    """What happens between the market's columns and the reading of the best loads."""

    @pytest.fixture
    def meanwhile(self, monkeypatch):
        """Let something happen after the columns were screened."""
        honest = run.candidates

        def happens(act):
            def slow(session, load_ids, **of_market):
                monkeypatch.undo()
                act(session)
                return honest(session, load_ids, **of_market)

            monkeypatch.setattr(run, "candidates", slow)

        return happens

    @pytest.mark.parametrize(
        "change",
        [
            "price_cents = 1",
            "weight_kg = 30000",
            "equipment = '{flatbed}'",
            "pickup_lat = 10, pickup_lon = 10",
        ],
    )
    def test_a_load_edited_for_the_worse_is_judged_as_it_is_now(
        self, scene, meanwhile, change
    ):
        scene.load()
        driver = scene.driver()
        meanwhile(lambda session: session.execute(text(f"update loads set {change}")))

        search = scene.search(driver)

        assert (search.outcome, search.ranked) == ("nothing_found", [])
        assert open_offers(driver) == []

    def test_a_load_edited_for_the_better_is_kept_with_its_figures_of_now(
        self, scene, meanwhile
    ):
        scene.load(price_cents=250_000)
        driver = scene.driver()
        meanwhile(
            lambda session: session.execute(
                text("update loads set price_cents = 300000")
            )
        )

        (kept,) = scene.search(driver).ranked

        assert kept["candidate"]["price_cents"] == 300_000
        assert kept["terms"][0]["value"] == 300_000

    def test_a_load_taken_is_not_offered(self, committed, meanwhile):
        scene = Scene(committed)
        first, second = scene.loads(2)
        driver, other = scene.drivers(2)
        meanwhile(lambda session: scene.assigned(other, first))

        search = scene.search(driver)

        assert search.outcome == "offered"
        assert [offer.load_id for offer in open_offers(driver)] == [second]

    def test_spare_loads_take_the_place_of_those_that_are_worth_nothing_now(
        self, scene, meanwhile
    ):
        loads = [scene.load(price_cents=300_000 - 100 * n) for n in range(KEPT + SPARE)]
        driver = scene.driver()
        worst = text("update loads set price_cents = 1 where id = any(:ids)")
        meanwhile(lambda session: session.execute(worst, {"ids": loads[:SPARE]}))

        assert ids_of(scene.search(driver)) == loads[SPARE:]
