"""Lists: paged by a cursor that only the server can make."""

import random
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from runtime.db import Session
from services.kernel import cursors
from services.kernel.cursors import CursorInvalid
from tests.services.scene import Scene
from tests.world import Answer, Caller, World

ROWS, WRITERS = 2_000, 8
LISTS = ("trucks", "drivers", "members", "areas", "fleet", "loads", "offers")
INSERT = text(
    "insert into trucks (id, org_id, unit_number, equipment, is_hazmat_allowed)"
    " select id, :org, id, 'van', false from unnest(cast(:ids as uuid[])) as id"
)


def keep_trucks(caller: Caller, ids: list[UUID]) -> None:
    with Session.begin() as session:
        session.execute(INSERT, {"org": caller.org_id, "ids": ids})


def walk(caller: Caller, path: str) -> Iterator[str]:
    joint = "&" if "?" in path else "?"
    step = path
    while True:
        page = caller.get(step)
        assert page.status == 200, page.body
        yield from (row["id"] for row in page["data"])
        if (cursor := page["page"]["next_cursor"]) is None:
            return
        step = f"{path}{joint}cursor={cursor}"


@contextmanager
def writing(caller: Caller, old: list[UUID]) -> Iterator[list[int]]:
    """Insert trucks and delete those of `old` in many threads meanwhile.

    Yields the number of rounds that each thread has done.
    """
    is_over = threading.Event()
    done = [0] * WRITERS

    def write(number: int) -> None:
        mine, rng = old[number::WRITERS], random.Random(number)
        while not is_over.is_set():
            keep_trucks(caller, [uuid4() for _ in range(rng.randint(1, 5))])
            with Session.begin() as session:
                session.execute(
                    text("delete from trucks where id = :id"),
                    {"id": mine.pop() if mine else uuid4()},
                )
            done[number] += 1

    threads = [threading.Thread(target=write, args=[n]) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


class TestAWalk:
    def test_shows_every_row_that_stays_once_while_others_come_and_go(
        self, committed: World
    ) -> None:
        boss = committed.company()
        ids = [uuid4() for _ in range(ROWS)]
        keep_trucks(boss, ids)
        leaving, staying = ids[: ROWS // 4], ids[ROWS // 4 :]

        with writing(boss, leaving) as done:
            seen = list(walk(boss, "/v1/trucks?limit=50"))

        assert min(done) > 0
        assert len(seen) == len(set(seen))
        assert {str(truck_id) for truck_id in staying} <= set(seen)

    def test_may_change_its_page_size(self, world: World) -> None:
        boss = world.company()
        ids = [uuid4() for _ in range(6)]
        keep_trucks(boss, ids)
        first = boss.get("/v1/trucks?limit=2")

        rest = boss.get(f"/v1/trucks?limit=9&cursor={first['page']['next_cursor']}")

        shown = [row["id"] for row in first["data"] + rest["data"]]
        assert shown == sorted(map(str, ids), reverse=True)

    def test_keeps_its_filters(self, world: World) -> None:
        shipper = world.shipper()
        for _ in range(3):
            world.load(shipper, is_draft=True)
        world.load(shipper)

        assert len(list(walk(shipper, "/v1/loads?status=draft&limit=1"))) == 3


@pytest.fixture
def boss(world: World) -> Caller:
    boss = world.company()
    keep_trucks(boss, [uuid4() for _ in range(3)])
    return boss


@pytest.fixture
def cursor(boss: Caller) -> str:
    cursor: str = boss.get("/v1/trucks?limit=1")["page"]["next_cursor"]
    return cursor


def told(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.code


class TestACursor:
    @pytest.mark.parametrize("noun", LISTS)
    @pytest.mark.parametrize("text", ["7", "x" * 60, "%00", "%F0%9F", "é", "==", "a b"])
    def test_made_up_by_the_client_is_refused(
        self, boss: Caller, noun: str, text: str
    ) -> None:
        answer = boss.get(f"/v1/{noun}?cursor={text}")

        assert told(answer) == (400, "cursor-invalid")

    def test_has_the_form_that_the_document_says(
        self, world: World, boss: Caller, cursor: str
    ) -> None:
        scene = Scene(world)
        shortest = cursors.signed([b"key"], "s", [])
        given = [cursor, shortest, boss.get("/v1/sync")["cursor"]]
        scene.loads(2)
        given.append(scene.shipper.get("/v1/sync?limit=1")["cursor"])
        paths = boss.get("/openapi.json")["paths"]
        schemas = [
            parameter["schema"]
            for item in paths.values()
            for parameter in item.get("get", {}).get("parameters", [])
            if parameter["name"] == "cursor"
        ]

        assert len(schemas) > len(LISTS)
        for schema in schemas:
            for one in given:
                assert re.search(schema["pattern"], one)
                assert schema["minLength"] <= len(one) <= schema["maxLength"]
        assert len(shortest) == schemas[0]["minLength"]

    def test_edited_anywhere_is_refused(self, boss: Caller, cursor: str) -> None:
        for place, letter in enumerate(cursor):
            other = "A" if letter != "A" else "B"
            edited = cursor[:place] + other + cursor[place + 1 :]
            answer = boss.get(f"/v1/trucks?cursor={edited}")
            assert told(answer) == (400, "cursor-invalid"), place
        for edited in (cursor[:-1], cursor + "A", cursor + "=", cursor[1:]):
            answer = boss.get(f"/v1/trucks?cursor={edited}")
            assert told(answer) == (400, "cursor-invalid")

    def test_works_only_for_its_own_list_filters_and_company(
        self, world: World, boss: Caller, cursor: str
    ) -> None:
        shipper = world.shipper()
        for _ in range(2):
            world.load(shipper)
        draft = shipper.get("/v1/loads?limit=1")["page"]["next_cursor"]
        stranger = world.company()

        assert boss.get(f"/v1/trucks?cursor={cursor}").status == 200
        for answer in (
            boss.get(f"/v1/drivers?cursor={cursor}"),
            stranger.get(f"/v1/trucks?cursor={cursor}"),
            shipper.get(f"/v1/loads?status=draft&cursor={draft}"),
        ):
            assert told(answer) == (400, "cursor-mismatch")

    def test_stays_valid_after_one_change_of_the_key(self) -> None:
        before, after, later = (
            cursors.derived(secrets)
            for secrets in ((b"a" * 32,), (b"b" * 32, b"a" * 32), (b"c" * 32,))
        )
        cursor = cursors.signed(before, "s", ["x"])

        assert cursors.opened(after, "s", cursor) == ["x"]
        assert cursors.signed(after, "s", ["x"]) != cursor
        with pytest.raises(CursorInvalid):
            cursors.opened(later, "s", cursor)

    def test_of_an_older_form_is_refused(
        self, boss: Caller, cursor: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cursors, "FORM", cursors.FORM + 1)

        assert told(boss.get(f"/v1/trucks?cursor={cursor}")) == (400, "cursor-invalid")

    def test_is_signed_by_a_key_of_its_own(self, world: World, cursor: str) -> None:
        other = replace(world.keys, refresh=(b"x" * 32,))

        assert cursors.derived(other.refresh) != cursors.derived(world.keys.refresh)
        assert not set(world.keys.refresh) & set(cursors.derived(world.keys.refresh))
