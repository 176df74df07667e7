"""The whole market is read anew where what was read before is worth nothing."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from local import server
from runtime import migrating
from runtime.config import Settings
from runtime.db import DatabaseRole, Hand, Session, make_engine
from services.market import changes
from services.market import market as module
from services.market.market import Market
from tests.services.market.market_room import change, reloading, seen
from tests.services.scene import Scene
from tests.waiting import wait_until
from tests.world import World


@pytest.fixture
def scene(committed: World) -> Scene:
    return Scene(committed)


@contextmanager
def on(url: str) -> Iterator[None]:
    """Let sessions work on this database, with our schema, as a worker."""
    settings = Settings(DATABASE_URL=url)
    login, worker = make_engine(settings), make_engine(settings, DatabaseRole.WORKER)
    migrating.upgrade(login)
    Session.configure(bind=worker, info={"acting": Hand.SERVER})
    yield
    Session.configure(bind=None)
    login.dispose()
    worker.dispose()


class TestReload:
    def test_the_start_reads_all(self, scene: Scene, market: Market) -> None:
        load_id = scene.load()

        with reloading("start"):
            assert seen(market) == {load_id}

    @pytest.mark.parametrize(
        ("fact", "why"),
        [
            ({"server": "another start"}, "server"),
            ({"schema": "0001_queue"}, "schema"),
            ({"tables": "1 2 3 4"}, "tables"),
            ({"horizon": 2**62}, "horizon"),
            ({"ends_at": 2**62}, "horizon"),
            ({"read_at": 0.0}, "behind"),
        ],
    )
    def test_another_server_schema_or_time_reads_all(
        self, scene: Scene, market: Market, fact, why: str
    ) -> None:
        load_id = scene.load()
        market.refresh()
        assert market._place is not None
        market._place = replace(market._place, **fact)

        with reloading(why):
            assert seen(market) == {load_id}
        rows = len(market.refresh().loads["company"])

        assert rows == 1

    def test_more_changes_than_are_worth_applying_one_by_one_read_all(
        self, scene: Scene, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "APPLIED_UP_TO", 2)
        market.refresh()
        two = set(scene.loads(2))
        assert seen(market) == two

        three = set(scene.loads(3))
        with reloading("many"):
            assert seen(market) == two | three

    def test_truncated_tables_read_all(
        self, scene: Scene, market: Market, superuser
    ) -> None:
        scene.load()
        market.refresh()

        with superuser.begin() as connection:
            connection.execute(text("truncate loads cascade"))

        with reloading("tables"):
            assert seen(market) == set()

    def test_rows_of_a_dump_are_brought_back_from_the_future(
        self, scene: Scene, market: Market, superuser, invoke
    ) -> None:
        load_ids = scene.loads(3)
        market.refresh()
        _restore(superuser)
        assert len(market.refresh().loads["company"]) == 6

        result = invoke("migrate")

        assert result.exit_code == 0, result.output
        assert not _in_the_future(superuser)
        market.refresh()
        assert len(market.refresh().loads["company"]) == 9
        assert seen(market) == set(load_ids)

    def test_they_are_brought_back_some_at_a_time(
        self, scene: Scene, superuser
    ) -> None:
        scene.loads(3)
        _restore(superuser)

        done = []
        for _ in range(3):
            with Session.begin() as session:
                done.append(changes.bring_changes_back(session, most=2))

        assert done == [2, 1, 0]

    def test_no_more_of_them_however_the_statement_is_planned(
        self, scene: Scene, superuser
    ) -> None:
        scene.loads(5)
        _restore(superuser)

        with Session.begin() as session:
            # What is left is a loop over the loads, which a plan for few may be.
            for way in ["hashjoin", "mergejoin", "hashagg", "sort", "material"]:
                session.execute(text(f"set local enable_{way} = off"))
            assert changes.bring_changes_back(session, most=2) == 2


def _restore(superuser) -> None:
    """Write the loads as `pg_restore` does: with a dump's ids, before the triggers."""
    for statement in (
        "alter table loads disable trigger note_update",
        "update loads set changed_xid = '4000000000000000'",
        "alter table loads enable always trigger note_update",
        "insert into load_tombstones (load_id, xid) values"
        " (gen_random_uuid(), '4000000000000000')",
    ):
        with superuser.begin() as connection:
            connection.execute(text(statement))


def _in_the_future(superuser) -> int:
    with superuser.begin() as connection:
        return connection.scalar(
            text(
                "select (select count(*) from loads where changed_xid >= '40000000000')"
                " + (select count(*) from load_tombstones where xid >= '40000000000')"
            )
        )


class TestServer:
    @pytest.mark.process
    def test_a_crash_that_is_no_new_start_reads_all(
        self, tmp_path: Path, market: Market
    ) -> None:
        """The server may give the ids of its last transactions again."""
        with server(tmp_path / "postgres") as url, on(url):
            market.refresh()
            with Session() as session:
                started = text("select pg_postmaster_start_time()")
                before = session.scalar(started)
                pid = session.scalar(text("select pg_backend_pid()"))
                os.kill(int(pid or 0), signal.SIGKILL)
                with pytest.raises(DBAPIError):
                    session.execute(started)

            with reloading("server"):
                wait_until(lambda: _answers(market), "the server's recovery")
            with Session() as session:
                assert session.scalar(started) == before


def _answers(market: Market) -> bool:
    try:
        market.refresh()
    except DBAPIError:
        return False
    return True


class TestTombstones:
    def test_a_reader_reads_all_long_before_they_are_pruned(self) -> None:
        kept_s = changes.TOMBSTONES_KEPT.total_seconds()
        place = changes.Place(1, 1, (), "server", "schema", "tables", read_at=0.0)

        assert place.reason_to_reload(replace(place, read_at=0.6 * kept_s)) == "behind"
        assert place.reason_to_reload(replace(place, read_at=60.0)) is None

    def test_old_ones_are_pruned(self, scene: Scene, run_jobs) -> None:
        first, second = scene.loads(2)
        change("delete from loads")
        change(
            "update load_tombstones set deleted_at = now() - interval '25 hours'"
            " where load_id = :id",
            id=first,
        )

        with Session.begin() as session:
            gone = changes.prune_tombstones(session)

        assert gone == 1
        with Session() as session:
            left = session.scalars(text("select load_id from load_tombstones")).all()
        assert left == [second]
