"""How often the answers that phones wait for go to the database and back."""

from collections.abc import Callable, Iterator

import pytest

from bench.tapping import tapping
from runtime.config import Settings
from runtime.db import DatabaseRole, Hand, Session, make_engine
from tests.callers import Answer
from tests.services.scene import Scene, see_feed_settle
from tests.world import World

Trips = Callable[[Callable[[], Answer]], tuple[Answer, int]]
MOST_OF_A_LIST = 5
TO_NOTE_THE_OPENING = 3
MOST_OF_A_POLL = 3
MOST_OF_A_WINNER = 16
MOST_OF_A_LOSER = 8


@pytest.fixture
def scene(committed: World) -> Scene:
    return Scene(committed)


@pytest.fixture
def trips(committed: World, login_url: str) -> Iterator[Trips]:
    """A function that makes a request as web does, and counts its round trips."""
    with tapping(login_url) as (address, tap):
        engine = make_engine(Settings(DATABASE_URL=address), DatabaseRole.APP)
        before = dict(Session.kw)

        def counted(call: Callable[[], Answer]) -> tuple[Answer, int]:
            with engine.connect():
                tap.forget()
            Session.configure(bind=engine, info={"acting": Hand.NOBODY})
            try:
                answer = call()
            finally:
                Session.configure(**before)
            return answer, sum(asked.round_trips for asked in tap.seen.values())

        yield counted
        engine.dispose()


def test_a_list_of_offers(scene: Scene, trips: Trips) -> None:
    scene.loads(3)
    driver = scene.driver()
    scene.search(driver)

    for caller, most in (
        (driver, MOST_OF_A_LIST + TO_NOTE_THE_OPENING),
        (scene.carrier, MOST_OF_A_LIST),
    ):
        answer, number = trips(lambda who=caller: who.get("/v1/offers"))  # type: ignore[misc]

        assert len(answer["data"]) == 3
        assert number <= most


@pytest.mark.parametrize("path", ["/v1/offers?is_open=true", "/v1/me", "/v1/sync"])
def test_a_poll_that_is_spared(scene: Scene, trips: Trips, path: str) -> None:
    scene.loads(3)
    driver = scene.driver()
    scene.search(driver)
    see_feed_settle()
    tag = driver.get(path).headers["ETag"]

    answer, number = trips(lambda: driver.get(path, If_None_Match=tag))

    assert answer.status == 304
    assert number <= MOST_OF_A_POLL


def test_an_acceptance_that_wins_and_one_that_loses(scene: Scene, trips: Trips) -> None:
    """With phones to tell, and another offer of the winner and of the loser to end or
    to show."""
    scene.loads(2)
    winner, loser = scene.driver(), scene.driver(phones=2)
    mine, theirs = scene.offered(winner, loser)

    won, of_the_winner = trips(lambda: winner.put(f"/v1/offers/{mine}/acceptance"))
    lost, of_the_loser = trips(lambda: loser.put(f"/v1/offers/{theirs}/acceptance"))

    assert (won.status, lost.code) == (200, "offer-taken")
    assert lost["next_offer"] is not None
    assert of_the_winner <= MOST_OF_A_WINNER
    assert of_the_loser <= MOST_OF_A_LOSER
