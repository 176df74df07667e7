"""An acceptance ends all other offers of the load, in a fixed number of statements."""

from collections import Counter
from uuid import UUID

import pytest
from sqlalchemy import text

from bench.tapping import tapping
from models.kernel.events import Event
from models.offers.offers import Offer
from models.offers.pushes import Push
from runtime.config import Settings
from runtime.db import DatabaseRole, Session, Tenant, acting, make_engine
from tests.flows.acts import accepting
from tests.services.scene import Scene, active, queued, rows_of
from tests.world import Caller, World


def lost_to(caller: Caller) -> list[Push]:
    mine = text(
        "device_id in (select id from devices where member_id = :member_id)"
    ).bindparams(member_id=caller.member_id)
    return rows_of(Push, Push.kind == "offer_lost", mine)


class TestEverybodyElse:
    def test_each_phone_is_told_of_its_own_drivers_offer_and_of_no_other(
        self, world: World
    ) -> None:
        scene = Scene(world)
        scene.load()
        winner = scene.driver()
        losers = [scene.driver(phones=number) for number in (1, 2, 0)]
        mine, *others = scene.offered(winner, *losers)

        assert winner.put(f"/v1/offers/{mine}/acceptance").status == 200

        heard = [Counter(push.subject_id for push in lost_to(each)) for each in losers]
        assert heard == [{others[0]: 1}, {others[1]: 2}, {}]
        jobs = {each for job in queued("push.send") for each in job.args["push_ids"]}
        owed = {str(push.id) for each in losers for push in lost_to(each)}
        assert owed <= jobs
        assert len(owed) == 3

    def test_each_ended_offer_has_an_event_a_time_and_a_job_for_the_next_offer(
        self, world: World
    ) -> None:
        scene = Scene(world)
        scene.load()
        winner, *losers = scene.drivers(4)
        mine, *others = scene.offered(winner, *losers)
        assert losers[0].put(f"/v1/offers/{others[0]}/seen").status == 200

        assert winner.put(f"/v1/offers/{mine}/acceptance").status == 200

        ended = rows_of(Offer, Offer.id.in_(others))
        assert {offer.status for offer in ended} == {"lost"}
        assert all(offer.ended_at is not None for offer in ended)
        events = rows_of(Event, Event.kind == "offer.lose")
        assert {(event.subject_id, event.body["before"]) for event in events} == {
            (others[0], "seen"),
            (others[1], "created"),
            (others[2], "created"),
        }
        assert Counter(
            job.args["search_id"] for job in queued("search.offer_next")
        ) == {str(offer.search_id): 1 for offer in ended}


class TestThePrice:
    @pytest.fixture
    def scene(self, committed: World) -> Scene:
        return Scene(committed)

    def test_the_number_of_statements_does_not_depend_on_the_number_of_losers(
        self, scene: Scene, login_url: str
    ) -> None:
        few = _asked_to_win(scene, login_url, losers=1)
        many = _asked_to_win(scene, login_url, losers=4)

        assert few == many
        assert len(active()) == 2


def _asked_to_win(scene: Scene, url: str, *, losers: int) -> dict[str, int]:
    """Return the round trips by statement of an acceptance on its own connection."""
    scene.load()
    winner, *others = scene.drivers(losers + 1)
    mine, *_ = scene.offered(winner, *others)
    whom = Tenant(winner.org_id, UUID(str(winner.member_id)))
    with tapping(url) as (address, tap):
        engine = make_engine(Settings(DATABASE_URL=address), DatabaseRole.APP)
        with engine.connect():
            tap.forget()
        with acting(whom), Session(bind=engine) as session, session.begin():
            accepting(winner, mine)(session)
        engine.dispose()
        return {name: asked.round_trips for name, asked in tap.seen.items()}
