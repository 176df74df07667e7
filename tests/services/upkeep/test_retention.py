"""Ended rows are deleted after their time; open and recent rows and facts stay."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from models.offers.offers import Offer
from models.offers.pushes import Push
from models.people.credentials import Invitation, PasswordReset
from models.people.organisations import RefreshFamily
from models.search.searches import BackhaulSearch
from runtime.config import Settings
from runtime.db import Session
from services.upkeep import retention
from services.upkeep.retention import Retention
from tests.services.scene import Scene, rows_of
from tests.world import DENVER, utcnow

KEPT = Retention()
DAY = timedelta(days=1)
LONG_AGO = KEPT.credentials + DAY

CHOSEN_AGAIN = ("hashjoin", "mergejoin", "hashagg", "material", "sort")
"""Without these the planner joins so that a subquery runs once for each row."""


@pytest.fixture
def scene(world):
    return Scene(world)


def id_from(age):
    """Return an id as a row of that age would have."""
    made = int((utcnow() - age).timestamp() * 1000)
    return f"{made:012x}"[:8] + "-" + f"{made:012x}"[8:] + str(uuid7())[13:]


def put(table, age, **columns):
    """Write a row of that age; return its id."""
    row = {"id": id_from(age)} | columns
    names, holders = ", ".join(row), ", ".join(f":{name}" for name in row)
    with Session.begin() as session:
        session.execute(text(f"insert into {table} ({names}) values ({holders})"), row)
    return row["id"]


def ago(age):
    return utcnow() - age


def forget(prune, kept=KEPT, **options):
    with Session.begin() as session:
        return prune(session, kept, now=utcnow(), **options)


def ids(model):
    return {str(row.id) for row in rows_of(model)}


class TestCredentials:
    @pytest.mark.parametrize(
        ("times", "stays"),
        [
            ({"expires_at": ago(LONG_AGO)}, False),
            ({"expires_at": ago(KEPT.credentials - DAY)}, True),
            ({"expires_at": ago(-DAY)}, True),
            ({"expires_at": ago(-DAY), "withdrawn_at": ago(LONG_AGO)}, False),
            ({"expires_at": ago(-DAY), "withdrawn_at": ago(DAY)}, True),
        ],
    )
    def test_of_an_invitation_are_kept_for_their_time(self, scene, times, stays):
        boss = scene.carrier
        put(
            *("invitations", 2 * LONG_AGO),
            **{"org_id": boss.org_id, "invited_by": boss.member_id, "name": "x"},
            **{"email": "x@example.com", "roles": ["driver"], "locale": "en"},
            **{"token_hash": "x"} | times,
        )

        assert forget(retention.prune_credentials) == (0 if stays else 1)
        assert (ids(Invitation) != set()) == stays

    @pytest.mark.parametrize(
        ("times", "stays"),
        [
            ({"expires_at": ago(LONG_AGO)}, False),
            ({"expires_at": ago(DAY)}, True),
            ({"expires_at": ago(-DAY), "used_at": ago(LONG_AGO)}, False),
        ],
    )
    def test_of_a_reset_are_kept_for_their_time(self, scene, times, stays):
        boss = scene.carrier
        put(
            *("password_resets", 2 * LONG_AGO),
            **{"org_id": boss.org_id, "member_id": boss.member_id, "token_hash": "x"},
            **times,
        )

        assert forget(retention.prune_credentials) == (0 if stays else 1)
        assert (ids(PasswordReset) != set()) == stays

    @pytest.mark.parametrize(
        ("times", "stays"),
        [
            ({}, True),
            ({"revoked_at": ago(LONG_AGO)}, False),
            ({"revoked_at": ago(DAY)}, True),
            ({"expires_at": ago(LONG_AGO)}, False),
            # Not refreshed any more: it ended when its idle time was over.
            ({"last_used_at": ago(KEPT.idle + LONG_AGO)}, False),
            ({"last_used_at": ago(KEPT.idle + DAY)}, True),
        ],
    )
    def test_of_a_sign_in_are_kept_for_their_time(self, scene, times, stays):
        boss = scene.carrier
        family = put(
            *("refresh_families", 3 * LONG_AGO),
            **{"org_id": boss.org_id, "member_id": boss.member_id, "seed": "s"},
            **{"generation": 0, "last_used_at": ago(DAY), "expires_at": ago(-DAY)}
            | times,
        )

        assert forget(retention.prune_credentials) == (0 if stays else 1)
        assert (family in ids(RefreshFamily)) == stays

    def test_signed_in_people_stay_signed_in(self, scene):
        boss = scene.carrier

        forget(retention.prune_credentials)

        assert boss.get("/v1/me").status == 200


class TestPushes:
    def age(self, push, age, **columns):
        changes = {"id": id_from(age)} | columns
        words = ", ".join(f"{name} = :{name}" for name in changes)
        with Session.begin() as session:
            session.execute(
                text(f"update pushes set {words} where id = :old"),
                changes | {"old": push.id},
            )

    @pytest.mark.parametrize(
        ("columns", "stays"),
        [
            ({"status": "accepted", "ended_at": ago(LONG_AGO)}, False),
            ({"status": "failed", "ended_at": ago(LONG_AGO)}, False),
            ({"status": "accepted", "ended_at": ago(DAY)}, True),
            # Still owed, however old.
            ({"status": "queued", "ended_at": None}, True),
        ],
    )
    def test_that_ended_long_ago_are_forgotten(self, scene, columns, stays):
        scene.load()
        scene.offered(scene.driver())
        (push,) = rows_of(Push)
        self.age(push, 2 * LONG_AGO, **columns)

        assert forget(retention.prune_pushes) == (0 if stays else 1)
        assert (rows_of(Push) != []) == stays

    @pytest.mark.parametrize("without", [(), CHOSEN_AGAIN])
    def test_come_in_batches_oldest_first(self, scene, session, without):
        for choice in without:
            session.execute(text(f"set local enable_{choice} = off"))
        scene.load()
        scene.offered(scene.driver(phones=3))
        pushes = rows_of(Push)
        # The oldest is written first, so a plan that reads the rows meets it first.
        for days, push in enumerate(pushes):
            over = {"status": "accepted", "ended_at": ago(LONG_AGO)}
            self.age(push, 2 * LONG_AGO - days * DAY, **over)
        oldest = min(ids(Push))

        assert forget(retention.prune_pushes, most=1) == 1
        assert len(ids(Push)) == 2
        assert oldest not in ids(Push)


class TestSearches:
    AGE = KEPT.searches + DAY

    def make_old(self, search):
        with Session.begin() as session:
            session.execute(
                text("update backhaul_searches set searched_at = :at where id = :id"),
                {"at": ago(self.AGE), "id": search.id},
            )

    def test_without_offers_are_forgotten_and_those_with_offers_stay(self, scene):
        scene.load()
        offering = scene.search(scene.driver())
        in_vain = scene.search(scene.driver(), at=DENVER)
        aged = {}
        for search in (offering, in_vain):
            self.make_old(search)
            aged[search] = id_from(self.AGE)
            with Session.begin() as session:
                # One statement, because the offer's foreign key is checked at its end.
                session.execute(
                    text(
                        "with it as (update offers set search_id = :new"
                        " where search_id = :old)"
                        " update backhaul_searches set id = :new where id = :old"
                    ),
                    {"new": aged[search], "old": search.id},
                )

        assert forget(retention.prune_searches) == 1
        assert ids(BackhaulSearch) == {aged[offering]}
        assert rows_of(Offer) != []

    def test_young_ones_stay(self, scene):
        scene.search(scene.driver(), at=DENVER)

        assert forget(retention.prune_searches) == 0

    def test_a_forgotten_drop_is_not_searched_again_by_a_repeated_report(
        self, world, run_jobs
    ):
        driver = world.dropped()
        run_jobs()
        with Session.begin() as session:
            session.execute(
                text("update backhaul_searches set id = :id, searched_at = :at"),
                {"id": id_from(self.AGE), "at": ago(self.AGE)},
            )
        assert forget(retention.prune_searches) == 1
        (stop_id,) = [
            str(row)
            for row in rows_by(
                "select id from stops where kind = 'delivery' and completed_at"
                " is not null"
            )
        ]

        again = world.report(driver, stop_id, "completion")

        assert again.status == 200
        assert "search.run" not in run_jobs()


def rows_by(query):
    with Session() as session:
        return list(session.scalars(text(query)))


def test_the_settings_say_how_long():
    settings = Settings(
        KEEP_CREDENTIALS_DAYS=1,
        KEEP_PUSHES_DAYS=2,
        KEEP_SEARCHES_DAYS=3,
        REFRESH_IDLE_S=60,
    )

    assert Retention.of(settings) == Retention(
        DAY, 2 * DAY, 3 * DAY, timedelta(minutes=1)
    )
    assert Retention.of(Settings()) == KEPT
