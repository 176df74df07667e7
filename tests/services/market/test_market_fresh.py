"""No change is lost to the market in memory: beside slow writers, other threads, a
restart, a restore. What it cannot know of, it reads anew."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import pytest
from psycopg import Error
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from freight.columns import T0_S
from runtime.db import Session
from services.market import changes
from services.market import market as module
from services.market.columns import Column, WrongWidth, layout_for
from services.market.market import Market
from tests.services.market.market_room import (
    cell,
    change,
    ids,
    reloading,
    seen,
    writing,
)
from tests.services.scene import Scene
from tests.waiting import LONGEST_S, wait_until
from tests.world import ROADS, World

PRICE = "update loads set price_cents = :price where id = :id"

TODAY = layout_for(ROADS)


@pytest.fixture
def scene(committed: World) -> Scene:
    return Scene(committed)


class TestWriters:
    def test_a_change_that_commits_late_is_not_lost(
        self, scene: Scene, market: Market
    ) -> None:
        """It began before a refresh, and younger ones commit before it."""
        early, late = scene.loads(2)
        market.refresh()

        with writing(PRICE, price=7, id=late):
            change(PRICE, price=8, id=early)
            between = market.refresh()
            change(PRICE, price=9, id=early)
            market.refresh()
        after = market.refresh()

        assert cell(between, early, "price_cents") == 8
        assert cell(between, late, "price_cents") != 7
        assert cell(after, early, "price_cents") == 9
        assert cell(after, late, "price_cents") == 7

    def test_a_deletion_that_commits_late_is_not_lost(
        self, scene: Scene, market: Market
    ) -> None:
        first, second = scene.loads(2)
        market.refresh()

        with writing("delete from loads where id = :id", id=first):
            change(PRICE, price=8, id=second)
            assert seen(market) == {first, second}

        assert seen(market) == {second}

    def test_a_change_that_is_rolled_back_is_not_seen(
        self, scene: Scene, market: Market
    ) -> None:
        load_id = scene.load(price_cents=5)
        market.refresh()

        with Session() as session:
            session.execute(text(PRICE), {"price": 7, "id": load_id})
            market.refresh()

        assert cell(market.refresh(), load_id, "price_cents") == 5

    def test_the_whole_market_is_read_from_one_snapshot_with_its_place(
        self, scene: Scene, market: Market
    ) -> None:
        load_id = scene.load()

        with writing(PRICE, price=7, id=load_id):
            first = market.refresh()

        assert cell(first, load_id, "price_cents") != 7
        assert cell(market.refresh(), load_id, "price_cents") == 7

    def test_a_writer_that_stays_open_lets_nothing_be_read_twice(
        self, scene: Scene, market: Market
    ) -> None:
        load_ids = scene.loads(3)
        with writing("select pg_current_xact_id()"):
            market.refresh()
            change("update loads set price_cents = 3")
            after_change = len(market.refresh().loads["company"])
            again = len(market.refresh().loads["company"])
            change(PRICE, price=4, id=load_ids[0])
            last = market.refresh()

        assert again == after_change == 6
        assert len(last.loads["company"]) == 7
        assert cell(last, load_ids[0], "price_cents") == 4
        assert cell(last, load_ids[1], "price_cents") == 3

    def test_a_savepoint_of_a_writer_is_not_lost(
        self, scene: Scene, market: Market
    ) -> None:
        load_id = scene.load()
        market.refresh()

        with Session.begin() as session:
            session.execute(text("select pg_current_xact_id()"))
            with session.begin_nested():
                session.execute(text(PRICE), {"price": 7, "id": load_id})
            market.refresh()

        assert cell(market.refresh(), load_id, "price_cents") == 7

    def test_within_a_transaction_that_writes_it_sees_what_that_wrote(
        self, world: World, market: Market, superuser: Engine
    ) -> None:
        """The suite's transaction: its snapshot does not name itself as open, and
        another one that began later has ended."""
        scene = Scene(world)
        one = scene.load()
        with superuser.begin() as connection:
            connection.execute(text("select pg_current_xact_id()"))
        assert seen(market) == {one}

        two = scene.load()
        assert seen(market) == {one, two}
        change(PRICE, price=7, id=one)

        assert cell(market.refresh(), one, "price_cents") == 7


class TestThreads:
    def test_those_that_wait_share_the_one_reading_that_began_after_they_asked(
        self, scene: Scene, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        load_id = scene.load()
        market.refresh()
        began, go = Event(), Event()
        readings = []

        def slow(connection, before):
            found = real(connection, before)
            readings.append(found)
            if len(readings) == 1:
                began.set()
                assert go.wait(LONGEST_S)
            return found

        real = changes.news
        monkeypatch.setattr(changes, "news", slow)
        with ThreadPoolExecutor(6) as pool:
            first = pool.submit(market.refresh)
            assert began.wait(LONGEST_S)
            # The first one's snapshot does not see this.
            change(PRICE, price=7, id=load_id)
            others = [pool.submit(market.refresh) for _ in range(5)]
            wait_until(lambda: pool._work_queue.empty(), "all threads to ask")
            go.set()
            old, *new = (asked.result(LONGEST_S) for asked in (first, *others))

        assert cell(old, load_id, "price_cents") != 7
        assert {int(cell(each, load_id, "price_cents")) for each in new} == {7}
        # One for all five, or one more if a thread asked after that had begun.
        assert len(readings) in {2, 3}

    def test_while_a_search_has_it_no_other_reads_it(
        self, scene: Scene, market: Market
    ) -> None:
        load_id = scene.load()

        with ThreadPoolExecutor(1) as pool, market.lend():
            other = pool.submit(market.refresh)
            wait_until(lambda: pool._work_queue.empty(), "the other thread to ask")
            change(PRICE, price=7, id=load_id)
            assert not other.done()

        assert cell(other.result(LONGEST_S), load_id, "price_cents") == 7

    def test_a_half_applied_change_is_never_seen(
        self, scene: Scene, market: Market
    ) -> None:
        """One transaction moves the same price from load to load."""
        load_ids = scene.loads(4)
        change("update loads set price_cents = 0")
        change(PRICE, price=1, id=load_ids[0])
        market.refresh()
        done = Event()

        def keep_moving() -> None:
            for number in range(60):
                change(
                    "update loads set price_cents = (id = :id)::int",
                    id=load_ids[number % 4],
                )
            done.set()

        def sums() -> set[tuple[int, int]]:
            found = set()
            while not done.is_set():
                listed = market.refresh()
                rows = listed._is_there
                price = listed.loads["price_cents"][rows]
                found.add((len(price), int(price.sum())))
            return found

        with ThreadPoolExecutor(3) as pool:
            mover = pool.submit(keep_moving)
            readers = [pool.submit(sums) for _ in range(2)]
            mover.result(LONGEST_S)
            found = set().union(*(reader.result(LONGEST_S) for reader in readers))

        assert found == {(4, 1)}


class TestFailures:
    def test_a_refresh_that_fails_half_way_is_followed_by_a_whole_reading(
        self, scene: Scene, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        load_id = scene.load()
        market.refresh()
        change(PRICE, price=7, id=load_id)

        def broken(reader):
            raise Error("gone")

        with monkeypatch.context() as patch:
            patch.setattr(module.Reader, "loads", broken)
            with pytest.raises(DBAPIError):
                market.refresh()
        with reloading("unfinished"):
            listed = market.refresh()

        assert cell(listed, load_id, "price_cents") == 7

    def test_a_refresh_that_finds_no_database_loses_nothing(
        self, scene: Scene, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = scene.load()
        market.refresh()
        second = scene.load()

        def gone(connection, before):
            raise Error("gone")

        with monkeypatch.context() as patch:
            patch.setattr(changes, "news", gone)
            with pytest.raises(DBAPIError):
                market.refresh()
        before = len(market._rows.loads["company"])

        assert seen(market) == {first, second}
        assert len(market._rows.loads["company"]) == before + 1

    def test_a_column_that_is_null_is_named(self, scene: Scene) -> None:
        scene.load()
        odd = Column("consignee", "case when false then 1 end", "f8")
        layout = replace(TODAY, loads=(*TODAY.loads, odd))

        with pytest.raises(WrongWidth, match="consignee"):
            Market(ROADS, layout).refresh()


class TestBookings:
    def test_counts_bookings_by_others_and_those_the_poster_cancelled(
        self, scene: Scene, market: Market
    ) -> None:
        driver, other = scene.drivers(2)
        kept, cancelled, posted = scene.loads(3)
        scene.assigned(driver, kept)
        scene.assigned(other, cancelled)
        answer = scene.shipper.put(
            f"/v1/loads/{cancelled}/cancellation", {"reason": "x"}
        )
        assert answer.status == 200, answer.body

        listed = market.refresh()

        assert ids(listed) == {posted}
        assert listed.loads["booked"][:].tolist() == [2]
        assert listed.loads["cancelled"][:].tolist() == [1]


class TestLayout:
    def test_a_column_more_is_a_line_more(self, scene: Scene) -> None:
        load_id = scene.load()
        pieces = Column("pieces", "coalesce(pieces, 0)", "i2")

        listed = Market(ROADS, replace(TODAY, loads=(*TODAY.loads, pieces))).refresh()

        assert cell(listed, load_id, "pieces") == 20

    def test_opening_spans_of_stops(self, scene: Scene) -> None:
        """Two for a pickup, with an end that is missing; none for a delivery."""
        spans = (
            "case stops.kind when 'pickup' then array[1800000000, 1800000600,"
            " 1800086400, 1800087000, 7]::bigint[] else '{}' end"
        )
        market = Market(ROADS, replace(TODAY, is_walked="true", spans=spans))
        load_ids = scene.loads(2)
        change(PRICE, price=7, id=load_ids[1])
        market.refresh()
        change(PRICE, price=8, id=load_ids[0])

        listed = market.refresh()

        extra = cell(listed, load_ids[0], "extra")
        stop = listed.stops.first[extra]
        first = listed.stops.spans_first
        opened = slice(first[stop], first[stop + 1])
        at = 1_800_000_000 - T0_S
        assert listed.stops.span_from[opened].tolist() == [at, at + 86_400]
        assert listed.stops.span_until[opened].tolist() == [at + 600, at + 87_000]
        assert first[stop + 2] == first[stop + 1]
        assert len(listed.stops.first) == 4
        assert first[-1] == 6


class TestReadings:
    def test_rows_age_and_bytes(self, scene: Scene, market: Market) -> None:
        before = {reading.name: reading.values[""] for reading in market.readings()}
        scene.loads(2)
        market.refresh()

        after = {reading.name: reading.values[""] for reading in market.readings()}

        assert before["backhaul_market_rows"] == 0
        assert before["backhaul_market_age_seconds"] == float("inf")
        assert after["backhaul_market_rows"] == 2
        assert 0 <= after["backhaul_market_age_seconds"] < LONGEST_S
        assert after["backhaul_market_bytes"] > 100
