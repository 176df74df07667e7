"""Random acts of drivers, dispatchers and the clock: the assignments in the database
equal those of a model of twenty lines, and no load has two drivers."""

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from uuid_utils.compat import uuid7

from models.offers.offers import DeclineReason, Offer
from runtime.db import Session
from runtime.errors import DomainError
from services.booking import answer
from services.booking.answer import OfferExpired, OfferTaken, OfferWithdrawn
from services.booking.objections import Objected
from services.fleet.drivers import DriverBusy
from services.kernel.events import Cause
from services.kernel.moves import OfferMoveRefused
from services.offers import ending
from tests.flows.acts import overriding
from tests.services import scene as staging
from tests.services.scene import Scene, actor_of, let_time_run_out
from tests.world import utcnow

DRIVERS, LOADS = 3, 3
OPEN = {"created", "late"}
some_driver = st.integers(0, DRIVERS - 1)
some_load = st.integers(0, LOADS - 1)
some_offer = st.integers(0, 50)

ONE_DROP_MANY_SEARCHES = text(
    "set local role backhaul_owner;"
    " alter table backhaul_searches drop constraint"
    " uq_backhaul_searches_stop_id_trigger"
)

REFUSAL = {
    "declined": OfferMoveRefused,
    "withdrawn": OfferWithdrawn,
    "superseded": OfferWithdrawn,
    "lost": OfferTaken,
    "expired": OfferExpired,
    "late": OfferExpired,
}


def refused(act):
    """Return the class of the refusal, or None if the act was done; if something speaks
    against it, the grounds that nobody may overrule."""
    try:
        staging.in_transaction(act)
    except Objected as error:
        found = error.extra["objections"]
        return [each["ground"] for each in found if not each["may_overrule"]]
    except DomainError as error:
        return type(error)
    return None


class Cast:
    """Drivers, loads and a desk, made once for all runs."""

    def __init__(self, world):
        scene = Scene(world, {"OFFERS_PER_DRIVER": LOADS})
        self.load_ids = scene.loads(LOADS)
        callers = scene.drivers(DRIVERS, phones=0)
        self.template = scene.search(callers[0])
        self.pattern = staging.open_offers(callers[0])[0]
        self.drivers = [actor_of(caller) for caller in callers]
        self.desk = actor_of(scene.carrier)
        staging.in_transaction(lambda session: session.query(Offer).delete())


class Market(RuleBasedStateMachine):
    """The model: each offer's (driver, load, status), and the driver of each load."""

    def __init__(self, cast, engine):
        super().__init__()
        self.cast = cast
        self.connection = engine.connect()
        self.outer = self.connection.begin()
        Session.configure(
            bind=self.connection, join_transaction_mode="create_savepoint"
        )
        with Session.begin() as session:
            # A drop may have only one search; here one drop serves all searches.
            session.execute(ONE_DROP_MANY_SEARCHES)
        self.offers = {}
        self.driver_of = {}

    def teardown(self):
        self.outer.rollback()
        self.connection.close()

    def pick(self, number):
        ids = list(self.offers)
        return ids[number % len(ids)] if ids else None

    def book(self, driver, load):
        self.driver_of[load] = driver
        for offer_id, (whose, which, status) in self.offers.items():
            if status in OPEN and which == load:
                self.offers[offer_id] = (whose, which, "lost")
            elif status in OPEN and whose == driver:
                self.offers[offer_id] = (whose, which, "superseded")

    def mark(self, offer_id, status):
        self.offers[offer_id] = (*self.offers[offer_id][:2], status)

    def decide(self, kind, assignment_id=None, **ids):
        act = overriding(self.cast.desk, kind, assignment_id, **ids)
        return refused(act)

    def assignment_of(self, load):
        (found,) = staging.active(load_id=self.cast.load_ids[load])
        return found.id

    @rule(driver=some_driver, load=some_load)
    def send(self, driver, load):
        held = (driver, load) in {
            (d, n) for d, n, status in self.offers.values() if status in OPEN
        }
        if load in self.driver_of or driver in self.driver_of.values() or held:
            return
        columns = Offer.__table__.columns.keys()
        values = {name: getattr(self.cast.pattern, name) for name in columns}
        values |= {
            "id": uuid7(),
            "driver_id": self.cast.drivers[driver].driver_id,
            "load_id": self.cast.load_ids[load],
            "search_id": self.search_id(),
        }
        with Session.begin() as session:
            session.add(Offer(**values))
        self.offers[values["id"]] = (driver, load, "created")

    def search_id(self):
        """Return a new search, because a search offers a load once."""
        template = self.cast.template
        names = type(template).__table__.columns.keys()
        values = {name: getattr(template, name) for name in names}
        copy = type(template)(**values | {"id": uuid7()})
        with Session.begin() as session:
            session.add(copy)
        return copy.id

    @rule(number=some_offer)
    def let_it_run_late(self, number):
        offer_id = self.pick(number)
        if offer_id is not None and self.offers[offer_id][2] == "created":
            let_time_run_out(offer_id)
            self.mark(offer_id, "late")

    @rule()
    def expire(self):
        with Session.begin() as session:
            ended = ending.expire(session, Cause(utcnow()))
        late = [o for o, (_, _, status) in self.offers.items() if status == "late"]
        assert ended == len(late)
        for offer_id in late:
            self.mark(offer_id, "expired")

    @rule(number=some_offer)
    def withdraw(self, number):
        offer_id = self.pick(number)
        if offer_id is None:
            return
        was_open = self.offers[offer_id][2] in OPEN
        refusal = self.decide("withdraw_offer", offer_id=offer_id)
        assert refusal == (None if was_open else OfferMoveRefused)
        if was_open:
            self.mark(offer_id, "withdrawn")

    @rule(number=some_offer)
    def decline(self, number):
        offer_id = self.pick(number)
        if offer_id is None:
            return
        driver, _, status = self.offers[offer_id]
        refusal = refused(
            lambda session: answer.decline(
                session,
                self.cast.drivers[driver],
                offer_id,
                reason=DeclineReason.PRICE,
                note=None,
                now=utcnow(),
            )
        )
        may = status in OPEN | {"declined"}
        assert refusal == (None if may else OfferMoveRefused)
        if may:
            self.mark(offer_id, "declined")

    @rule(number=some_offer)
    def accept(self, number):
        offer_id = self.pick(number)
        if offer_id is None:
            return
        driver, load, status = self.offers[offer_id]
        actor = self.cast.drivers[driver]
        refusal = refused(
            lambda session: answer.accept(session, actor, offer_id, now=utcnow())
        )
        assert refusal == REFUSAL.get(status)
        if status == "created":
            self.mark(offer_id, "accepted")
            self.book(driver, load)

    @rule(load=some_load, driver=some_driver)
    def reassign(self, load, driver):
        if load not in self.driver_of:
            return
        has_it = self.driver_of[load] == driver
        is_busy = driver in self.driver_of.values()
        refusal = self.decide(
            "reassign",
            self.assignment_of(load),
            driver_id=self.cast.drivers[driver].driver_id,
        )
        busy = DriverBusy if has_it else ["slot_taken"]
        assert refusal == (busy if is_busy else None)
        if not is_busy:
            self.book(driver, load)

    @rule(load=some_load)
    def unassign(self, load):
        if load in self.driver_of:
            assert self.decide("unassign", self.assignment_of(load)) is None
            del self.driver_of[load]

    @rule(load=some_load, driver=some_driver)
    def force_assign(self, load, driver):
        is_taken = load in self.driver_of
        is_busy = driver in self.driver_of.values()
        refusal = self.decide(
            "force_assign",
            load_id=self.cast.load_ids[load],
            driver_id=self.cast.drivers[driver].driver_id,
        )
        grounds = ["not_on_the_market"] * is_taken + ["slot_taken"] * is_busy
        assert refusal == (grounds or None)
        if not is_taken and not is_busy:
            self.book(driver, load)

    @invariant()
    def the_database_says_the_same(self):
        numbers = {load_id: n for n, load_id in enumerate(self.cast.load_ids)}
        drivers = {driver.driver_id: n for n, driver in enumerate(self.cast.drivers)}
        carried = [(numbers[a.load_id], drivers[a.driver_id]) for a in staging.active()]
        assert sorted(carried) == sorted(self.driver_of.items())
        kept = {offer.id: offer.status for offer in staging.rows_of(Offer)}
        assert kept == {
            offer_id: "created" if status == "late" else status
            for offer_id, (_, _, status) in self.offers.items()
        }


def test_no_order_of_events_gives_a_load_two_drivers(committed, engine):
    cast = Cast(committed)

    run_state_machine_as_test(
        lambda: Market(cast, engine),
        settings=hypothesis_settings(
            max_examples=12, stateful_step_count=30, deadline=None, database=None
        ),
    )
    Session.configure(bind=engine, join_transaction_mode="conditional_savepoint")
