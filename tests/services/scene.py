"""Scenes: a carrier, a shipper and drivers at their drops, made without driving there;
and races whose order the test decides."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from threading import Event
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session as OrmSession

from freight.lifecycles import OPEN_OFFERS
from freight.roles import Role
from geo.points import Point
from models.fleet.positions import LastPosition
from models.loads.assignments import Assignment, AssignmentStatus
from models.offers.offers import Offer
from models.offers.pushes import Push
from models.people.organisations import OrganisationKind
from models.search.searches import BackhaulSearch
from runtime.db import Session
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.market.market import Market
from services.offers import ending
from services.people import sign_in
from services.people.tokens import read_access_token
from services.search.run import SearchRules, search_home
from services.search.waiting import begin_after_drop
from tests.waiting import LONGEST_S, wait_until
from tests.world import CHICAGO, NEW_YORK, NEWARK, ROADS, Answer, Caller, World, utcnow

Result = TypeVar("Result")


@dataclass
class Scene:
    """One carrier with drivers, one shipper with freight."""

    world: World
    changes: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def rows(self) -> World:
        """People are rows also where the `world` makes loads over HTTP."""
        return World(self.world.app, self.world.keys, self.world.settings)

    @cached_property
    def carrier(self) -> Caller:
        return self._desk(OrganisationKind.CARRIER, Role.DISPATCHER)

    @cached_property
    def shipper(self) -> Caller:
        return self._desk(OrganisationKind.SHIPPER, Role.SHIPPER)

    def _desk(self, kind: OrganisationKind, role: Role) -> Caller:
        person = self.rows.cast.person(self.rows.cast.organisation(kind), [role])
        self.rows.settle()
        return self.rows.calling(person)

    @cached_property
    def rules(self) -> SearchRules:
        settings = replace(self.world.settings, **self.changes)
        return SearchRules.of(settings, ROADS, Market(ROADS))

    def driver(self, *, home: Point = CHICAGO, phones: int = 1, **truck: Any) -> Caller:
        """Return an available driver with a truck and phones `ok-<n>-<driver_id>`."""
        caller = self.rows.driver(
            self.carrier, home=home, truck=truck, device=None, is_seen=False
        )
        seen_at = utcnow() - timedelta(minutes=10)
        self.rows.cast.seen(UUID(caller.driver_id), NEW_YORK, seen_at)
        self.rows.settle()
        for phone in range(phones):
            self.rows.phone(caller, f"ok-{phone}-{caller.driver_id}")
        return caller

    def drivers(self, number: int, **fields: Any) -> list[Caller]:
        return [self.driver(**fields) for _ in range(number)]

    def load(
        self, pickup: Point = NEWARK, delivery: Point = CHICAGO, **fields: Any
    ) -> UUID:
        made = self.world.load(self.shipper, pickup, delivery, **fields)
        return UUID(made["id"])

    def loads(self, number: int, **fields: Any) -> list[UUID]:
        """Post loads of different freight, the best paid first."""
        return [
            self.load(
                **{
                    "price_cents": 300_000 - 10_000 * n,
                    "weight_kg": round(15_000 * 0.94 ** (n + 1)),
                }
                | fields
            )
            for n in range(number)
        ]

    def drop(self, at: Point = NEW_YORK) -> UUID:
        """Return the delivery of a draft, which serves as the drop of a search."""
        made = self.world.load(self.shipper, CHICAGO, at, is_draft=True)
        return UUID(made["stops"][-1]["id"])

    def search(
        self, driver: Caller, *, at: Point = NEW_YORK, stop_id: UUID | None = None
    ) -> BackhaulSearch:
        """Do the search job's work for a drop of the driver; return the search.

        The driver's last position, if there is one, is at the drop.
        """
        stop_id = stop_id or self.drop(at)
        job = {
            "stop_id": stop_id,
            "driver_id": UUID(driver.driver_id),
            "now": utcnow(),
        }
        with Session.begin() as session:
            last_seen(session, driver, at)
            begin_after_drop(session, **job)
        with Session.begin() as session:
            made = search_home(session, self.rules, **job)
        assert made is not None
        return made

    def offered(self, *drivers: Caller) -> list[UUID]:
        """Search for each driver; return each one's best offer."""
        for driver in drivers:
            self.search(driver)
        return [open_offers(driver)[0].id for driver in drivers]

    def assigned(self, driver: Caller, load_id: UUID) -> UUID:
        """Let the dispatcher give the load to the driver; return the assignment."""
        made = self.world.assign(self.carrier, driver, {"id": str(load_id)})
        return UUID(made["id"])


def actor_of(caller: Caller) -> Actor:
    claims = read_access_token(
        caller.app.extensions["keyring"], caller.token, now=utcnow()
    )
    return sign_in.enter(claims, [])[0]


def last_seen(session: OrmSession, driver: Caller, place: Point, **values: Any) -> None:
    """Let the driver's last position, if there is one, be at the place.

    values: other columns of it.
    """
    session.execute(
        update(LastPosition)
        .where(LastPosition.driver_id == UUID(driver.driver_id))
        .values(lat=place.lat, lon=place.lon, **values)
    )


def rows_of(model: type[Any], *conditions: Any) -> list[Any]:
    with Session() as session:
        return list(session.scalars(select(model).where(*conditions)))


def open_offers(driver: Caller) -> list[Offer]:
    """Return the driver's open offers, best first."""
    with Session() as session:
        return list(
            session.scalars(
                select(Offer)
                .where(
                    Offer.driver_id == UUID(driver.driver_id),
                    Offer.status.in_(OPEN_OFFERS),
                )
                .order_by(Offer.score_cents.desc())
            )
        )


def offer_row(offer_id: UUID) -> Offer:
    (found,) = rows_of(Offer, Offer.id == offer_id)
    return found


def active(*, load_id: UUID | None = None) -> list[Assignment]:
    conditions = [Assignment.status == AssignmentStatus.ACTIVE]
    if load_id is not None:
        conditions.append(Assignment.load_id == load_id)
    return rows_of(Assignment, *conditions)


def pushes_to(caller: Caller) -> list[str]:
    """Return the kinds of all that is owed to the person's phones, oldest first."""
    with Session() as session:
        return list(
            session.scalars(
                text(
                    "select pushes.kind from pushes join devices"
                    " on devices.id = pushes.device_id"
                    " where devices.member_id = :member_id order by pushes.id"
                ),
                {"member_id": caller.member_id},
            )
        )


def let_time_run_out(*offer_ids: UUID, by: str = "1 second") -> None:
    """Put the offers' expiry into the past of the database's clock."""
    with Session.begin() as session:
        session.execute(
            update(Offer)
            .where(Offer.id.in_(offer_ids))
            .values(expires_at=func.now() - text(f"interval '{by}'"))
        )


def decline(driver: Caller, offer_id: UUID, reason: str = "price") -> Answer:
    answer = driver.put(f"/v1/offers/{offer_id}/decline", {"reason": reason})
    assert answer.status == 200, answer.body
    return answer


def expire() -> int:
    """Do the sweep of offers whose time is over; return how many it ended."""
    with Session.begin() as session:
        return ending.expire(session, Cause(utcnow()))


def let_waits_pass() -> None:
    """Make every push and job that waits due now."""
    with Session.begin() as session:
        session.execute(update(Push).values(next_attempt_at=None))
        session.execute(text("update procrastinate_jobs set scheduled_at = null"))


def queued(task_name: str) -> list[Any]:
    with Session() as session:
        return list(
            session.execute(
                text(
                    "select id, args, queueing_lock, scheduled_at, attempts"
                    " from procrastinate_jobs where status = 'todo'"
                    " and task_name = :name order by id"
                ),
                {"name": task_name},
            )
        )


def waiting_push(kind: str = "offer") -> Push:
    (push,) = rows_of(Push, Push.kind == kind, Push.status == "queued")
    return push


def in_transaction(act: Callable[[OrmSession], Result]) -> Result:
    with Session.begin() as session:
        return act(session)


@contextmanager
def waiting(
    first: Callable[[OrmSession], object], second: Callable[[OrmSession], Result]
) -> Iterator[tuple[OrmSession, Future[Result]]]:
    """Leave `first` uncommitted while `second` waits for it.

    Yields the session of `first`, where the block goes on, and the future of `second`.
    """
    with ThreadPoolExecutor(1) as pool, Session.begin() as session:
        first(session)
        session.flush()
        answer = pool.submit(in_transaction, second)
        see_it_wait(answer)
        yield session, answer


def see_it_wait(answer: Future[Any]) -> None:
    """Return when the other transaction waits for a lock; fail if it ends instead."""

    def has_begun_to_wait() -> bool:
        done, _ = wait([answer], timeout=0.02)
        assert not done, f"It did not wait: {answer.exception() or answer.result()}"
        return is_any_waiting()

    wait_until(has_begun_to_wait, "the other transaction to wait or end")


def see_it_end(answer: Future[Any], mine: int) -> None:
    """Return when the other transaction has ended; fail if it waits for ours.

    mine: the process of the database that does our transaction.
    """
    waits_for_us = text(
        "select exists (select from pg_stat_activity"
        " where datname = current_database() and :mine = any(pg_blocking_pids(pid)))"
    )
    while not answer.done():
        with Session() as session:
            # As in `is_any_waiting`.
            session.execute(text("set local role none"))
            assert not session.scalar(waits_for_us, {"mine": mine}), "It waits."
        wait([answer], timeout=0.02)


def is_any_waiting() -> bool:
    """Say whether a transaction in this database waits for a lock."""
    waits = text(
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and wait_event_type = 'Lock'"
    )
    with Session() as session:
        # The login's own role: the worker's role is not shown others' waits.
        session.execute(text("set local role none"))
        return bool(session.scalar(waits))


def see_feed_settle() -> None:
    """Return when every event can be read.

    The feed waits for the oldest writer of the whole server, which may be another
    database's.
    """
    waits = text(
        "select exists (select from events"
        " where xid >= pg_snapshot_xmin(pg_current_snapshot()))"
    )

    def has_settled() -> bool:
        with Session() as session:
            return not session.scalar(waits)

    wait_until(has_settled, "the end of every older writer")


def after(
    first: Callable[[OrmSession], object], second: Callable[[OrmSession], Result]
) -> Result:
    """Do `second` while `first` is done but not committed; show that it waits."""
    with waiting(first, second) as (_, answer):
        pass
    return answer.result(timeout=LONGEST_S)


def beside(
    first: Callable[[OrmSession], object], second: Callable[[OrmSession], Result]
) -> Result:
    """Do `second` while `first` is done but not committed; it must not wait."""
    with ThreadPoolExecutor(1) as pool, Session.begin() as session:
        first(session)
        session.flush()
        mine = session.scalars(select(func.pg_backend_pid())).one()
        answer = pool.submit(in_transaction, second)
        see_it_end(answer, mine)
        return answer.result()


def at_once(*acts: Callable[[], Result]) -> list[Result | Exception]:
    """Do all acts at the same moment; return what each returned or raised."""
    start = Event()

    def run(act: Callable[[], Result]) -> Result | Exception:
        start.wait()
        try:
            return act()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        answers = [pool.submit(run, act) for act in acts]
        start.set()
        return [answer.result(timeout=LONGEST_S) for answer in answers]
