"""The market in memory has what was committed before it was asked, and nothing else."""

from itertools import pairwise

import pytest
from sqlalchemy import text

from runtime.db import Session
from services.market import rows
from services.market.market import Market
from tests.services.market.market_room import (
    cell,
    change,
    ids,
    seen,
    stops_of,
    walked,
)
from tests.services.scene import Scene
from tests.world import CHICAGO, CLEVELAND, NEW_YORK, ROADS, World, utcnow


@pytest.fixture
def scene(committed: World) -> Scene:
    return Scene(committed)


class TestRefresh:
    def test_a_market_of_no_loads(self, committed: World, market: Market) -> None:
        listed = market.refresh()

        assert len(listed) == 0
        assert ids(listed) == set()
        assert seen(market) == set()

    def test_a_posted_load_is_seen(self, scene: Scene, market: Market) -> None:
        assert seen(market) == set()

        load_id = scene.load()

        assert seen(market) == {load_id}

    def test_an_edited_load_is_seen_as_it_is_now(
        self, scene: Scene, market: Market
    ) -> None:
        load_id = scene.load()
        other = scene.load(price_cents=1)
        market.refresh()

        change("update loads set price_cents = 7 where id = :id", id=load_id)
        listed = market.refresh()

        assert cell(listed, load_id, "price_cents") == 7
        assert cell(listed, other, "price_cents") == 1
        assert len(listed) == 2

    def test_a_withdrawn_load_is_gone(self, scene: Scene, market: Market) -> None:
        load_id, other = scene.loads(2)
        market.refresh()

        answer = scene.shipper.put(f"/v1/loads/{load_id}/cancellation", {"reason": "x"})
        assert answer.status == 200, answer.body

        assert seen(market) == {other}

    def test_a_booked_load_is_gone_and_comes_back(
        self, scene: Scene, market: Market
    ) -> None:
        load_id = scene.load()
        assert seen(market) == {load_id}

        change("update loads set status = 'booked' where id = :id", id=load_id)
        booked = seen(market)
        change("update loads set status = 'posted' where id = :id", id=load_id)

        assert booked == set()
        assert seen(market) == {load_id}

    def test_a_load_to_be_confirmed_is_not_there(
        self, scene: Scene, market: Market
    ) -> None:
        load_id = scene.load(is_unconfirmed=True)
        before = len(market.refresh())

        change("update loads set is_unconfirmed = false where id = :id", id=load_id)

        assert before == 0
        assert seen(market) == {load_id}

    def test_a_deleted_load_is_gone(self, scene: Scene, market: Market) -> None:
        load_id, other = scene.loads(2)
        market.refresh()

        change("delete from loads where id = :id", id=load_id)

        assert seen(market) == {other}

    def test_a_load_that_left_the_market_before_it_was_deleted_is_gone(
        self, scene: Scene, market: Market
    ) -> None:
        load_id = scene.load()
        market.refresh()

        change("update loads set status = 'draft' where id = :id", id=load_id)
        change("delete from loads where id = :id", id=load_id)

        assert seen(market) == set()

    def test_a_moved_stop_is_seen(self, scene: Scene, market: Market) -> None:
        load_id = walked(scene, NEW_YORK, CLEVELAND, CHICAGO)
        before = market.refresh()

        change(
            "update stops set lat = 35, lon = -80 where load_id = :id and lat = :lat",
            id=load_id,
            lat=CLEVELAND.lat,
        )
        listed = market.refresh()

        assert stops_of(listed, load_id)[1] == (35, -80)
        assert stops_of(before, load_id)[1] == (CLEVELAND.lat, CLEVELAND.lon)

    @pytest.mark.parametrize("replica", [False, True], ids=["here", "as a replica"])
    def test_added_and_removed_stops_touch_their_load(
        self, scene: Scene, market: Market, superuser, replica: bool
    ) -> None:
        load_id = walked(scene, NEW_YORK, CLEVELAND, CHICAGO)
        market.refresh()

        with superuser.begin() as connection:
            if replica:
                connection.execute(text("set local session_replication_role = replica"))
            connection.execute(
                text("delete from stops where load_id = :id and lat = :lat"),
                {"id": load_id, "lat": CLEVELAND.lat},
            )

        assert len(stops_of(market.refresh(), load_id)) == 2

    def test_reports_of_a_load_underway_do_not_touch_it(self, scene: Scene) -> None:
        load_id = scene.load()
        asked = text("select changed_xid::text from loads where id = :id")
        change("update loads set status = 'booked' where id = :id", id=load_id)
        with Session() as session:
            before = session.scalar(asked, {"id": load_id})

        change("update loads set version = version + 1 where id = :id", id=load_id)
        change("update stops set instructions = 'x' where load_id = :id", id=load_id)

        with Session() as session:
            assert session.scalar(asked, {"id": load_id}) == before

    def test_a_suspended_company_is_not_seen_until_it_is_reinstated(
        self, scene: Scene, market: Market
    ) -> None:
        load_id = scene.load()
        market.refresh()
        of = "where id = :id"

        change(
            f"update organisations set suspended_at = now() {of}",
            id=scene.shipper.org_id,
        )
        during = seen(market)
        change(
            f"update organisations set suspended_at = null {of}",
            id=scene.shipper.org_id,
        )

        assert during == set()
        assert seen(market) == {load_id}

    def test_time_takes_a_load_off(self, scene: Scene, market: Market) -> None:
        load_id = scene.load()
        listed = market.refresh()

        (lease_ends_at,) = listed.loads["listed_until"]
        before, after = (
            utcnow().fromtimestamp(lease_ends_at + s, utcnow().tzinfo)
            for s in (-0.001, 0.001)
        )

        assert ids(listed, now=before) == {load_id}
        assert ids(listed, now=after) == set()

    def test_what_a_search_holds_never_changes(
        self, scene: Scene, market: Market
    ) -> None:
        kept, edited, withdrawn = scene.loads(3)
        held = market.refresh()
        before = cell(held, edited, "price_cents")

        change("update loads set price_cents = 1 where id = :id", id=edited)
        change("update loads set status = 'booked' where id = :id", id=withdrawn)
        added = scene.load()
        new = market.refresh()
        market._rows.rebuild()

        assert ids(held) == {kept, edited, withdrawn}
        assert cell(held, edited, "price_cents") == before
        assert ids(new) == {kept, edited, added}
        with pytest.raises(ValueError, match="read-only"):
            held.loads["price_cents"][0] = 0

    def test_two_workers_see_the_same(self, scene: Scene) -> None:
        one, two = Market(ROADS), Market(ROADS)
        first = scene.load()
        assert seen(one) == {first}
        second = scene.load()
        assert seen(two) == {first, second}

        change("update loads set status = 'booked' where id = :id", id=first)

        assert seen(one) == seen(two) == {second}

    def test_more_changes_than_there_is_room_for(
        self, scene: Scene, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each change takes a row, until the columns are written anew."""
        monkeypatch.setattr(rows, "LEAST_SPARE", 10)
        many = set(scene.loads(3))
        three = walked(scene, NEW_YORK, CLEVELAND, CHICAGO)
        market.refresh()

        kept = []
        for number in range(12):
            change("update loads set price_cents = :n", n=number)
            listed = market.refresh()
            kept.append(len(listed.loads["company"]))
            assert ids(listed) == {*many, three}
            assert cell(listed, three, "price_cents") == number
            assert stops_of(listed, three)[1] == (CLEVELAND.lat, CLEVELAND.lon)

        assert max(kept) <= 4 + 4 + 10
        assert any(later < before for before, later in pairwise(kept))
        assert market.refresh().stops.first[-1] <= 3 * max(kept)
