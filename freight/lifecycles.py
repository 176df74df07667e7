"""The life of a load, a stop and an offer: one table of allowed moves for each.

A move that is not in a table is refused. The codes are X12 AT7-01 (element 1650)
of the EDI 214 carrier status message.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from freight.roles import CARRYING, POSTERS, Role


class LoadStatus(StrEnum):
    """DRAFT -> POSTED <-> HELD -> BOOKED -> AT_PICKUP -> PICKUP_CONFIRMED ->
    IN_TRANSIT -> AT_DELIVERY -> DELIVERED; beside it WITHDRAWN, EXPIRED, INTERRUPTED,
    CANCELLED.

    HELD: the posting lease ran out. EXPIRED: the last pickup window closed.
    INTERRUPTED: freight is aboard, and no driver has the load.
    """

    DRAFT = "draft"
    POSTED = "posted"
    HELD = "held"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    BOOKED = "booked"
    AT_PICKUP = "at_pickup"
    PICKUP_CONFIRMED = "pickup_confirmed"
    IN_TRANSIT = "in_transit"
    AT_DELIVERY = "at_delivery"
    INTERRUPTED = "interrupted"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class StopStatus(StrEnum):
    """PENDING -> ARRIVED -> COMPLETED -> DEPARTED."""

    PENDING = "pending"
    ARRIVED = "arrived"
    COMPLETED = "completed"
    DEPARTED = "departed"


class OfferStatus(StrEnum):
    """CREATED -> SENT -> SEEN -> ACCEPTED | DECLINED | EXPIRED | WITHDRAWN |
    SUPERSEDED | LOST.

    CREATED and SENT may skip ahead: a phone that never got the push still answers.
    """

    CREATED = "created"
    SENT = "sent"
    SEEN = "seen"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    LOST = "lost"


class LoadAct(StrEnum):
    """What can happen to a load."""

    POST = "post"
    EDIT = "edit"
    CONSENT = "consent"
    RENEW = "renew"
    LAPSE = "lapse"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    BOOK = "book"
    UNBOOK = "unbook"
    REASSIGN = "reassign"
    RESTART = "restart"
    ARRIVE_PICKUP = "arrive_pickup"
    CONFIRM_PICKUP = "confirm_pickup"
    AMEND_PICKUP = "amend_pickup"
    DEPART_PICKUP = "depart_pickup"
    ARRIVE_DELIVERY = "arrive_delivery"
    UNLOAD = "unload"
    DEPART_DELIVERY = "depart_delivery"
    DELIVER = "deliver"
    INTERRUPT = "interrupt"
    DENY = "deny"
    TAKE_OVER = "take_over"
    RETURN = "return"
    CANCEL = "cancel"


class StopAct(StrEnum):
    """What can happen at a stop."""

    ARRIVE = "arrive"
    COMPLETE = "complete"
    DEPART = "depart"


class OfferAct(StrEnum):
    """What can happen to an offer. CREATE makes it, every other act moves it."""

    CREATE = "create"
    SEND = "send"
    SEE = "see"
    ACCEPT = "accept"
    DECLINE = "decline"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    SUPERSEDE = "supersede"
    LOSE = "lose"


Status = TypeVar("Status", bound=StrEnum)
Act = TypeVar("Act", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Transition(Generic[Status, Act]):
    """`act` moves `before` to `after`, if one of `roles` does it.

    edi_214: the status code sent to a partner; None where the standard has none.
    """

    before: Status
    act: Act
    after: Status
    roles: frozenset[Role]
    edi_214: str | None = None


Table = dict[tuple[Status, Act], Transition[Status, Act]]


def _table(rows: Iterable[Transition[Status, Act]]) -> Table[Status, Act]:
    return {(row.before, row.act): row for row in rows}


OPEN_OFFERS = (OfferStatus.CREATED, OfferStatus.SENT, OfferStatus.SEEN)
"""Open offers: until such an offer expires, its driver can accept it."""

RENEWABLE = (LoadStatus.POSTED, LoadStatus.HELD, LoadStatus.EXPIRED)
"""Posted now or earlier; renewing the posting puts the load on the market again."""

UNDERWAY = (
    LoadStatus.BOOKED,
    LoadStatus.AT_PICKUP,
    LoadStatus.PICKUP_CONFIRMED,
    LoadStatus.IN_TRANSIT,
    LoadStatus.AT_DELIVERY,
)
"""A driver has the load."""

UNFINISHED = (*UNDERWAY, LoadStatus.INTERRUPTED)
"""Booked and not delivered: a driver has the load, or its freight is on a truck."""

_POSTING = POSTERS | {Role.DISPATCHER}
_SYSTEM = frozenset({Role.SYSTEM})
_DISPATCHER = frozenset({Role.DISPATCHER})
_L = LoadStatus
_A = LoadAct


LoadMoves = Iterable[Transition[LoadStatus, LoadAct]]


def _moves(
    befores: Iterable[LoadStatus],
    act: LoadAct,
    after: LoadStatus | None,
    roles: frozenset[Role],
    edi_214: str | None = None,
) -> LoadMoves:
    """Yield the same move from each of `befores`; without `after` the status stays."""
    for before in befores:
        yield Transition(before, act, after or before, roles, edi_214)


def _load_moves() -> LoadMoves:
    # Also at a further pickup: `services/loads` asks whether freight is aboard.
    unmoved = (_L.BOOKED, _L.AT_PICKUP, _L.PICKUP_CONFIRMED)
    yield from _moves((_L.DRAFT, _L.WITHDRAWN), _A.POST, _L.POSTED, _POSTING)
    yield from _moves((_L.DRAFT, _L.WITHDRAWN, *RENEWABLE), _A.EDIT, None, _POSTING)
    # The poster lets the carrier post the freight again.
    yield from _moves(UNFINISHED, _A.CONSENT, None, _POSTING)
    yield from _moves(RENEWABLE, _A.RENEW, _L.POSTED, _POSTING)
    yield from _moves((_L.POSTED,), _A.LAPSE, _L.HELD, _SYSTEM)
    yield from _moves((_L.POSTED, _L.HELD), _A.EXPIRE, _L.EXPIRED, _SYSTEM)
    yield from _moves((_L.DRAFT, *RENEWABLE), _A.WITHDRAW, _L.WITHDRAWN, _POSTING)
    yield from _moves((_L.POSTED,), _A.BOOK, _L.BOOKED, CARRYING, "OO")
    yield from _moves(unmoved, _A.UNBOOK, _L.POSTED, CARRYING)
    yield from _moves(UNDERWAY, _A.REASSIGN, None, _DISPATCHER)
    # The truck that was reassigned to has not arrived; nothing is aboard.
    yield from _moves(unmoved[1:], _A.RESTART, _L.BOOKED, _DISPATCHER)
    yield from _moves(
        (_L.BOOKED, _L.IN_TRANSIT), _A.ARRIVE_PICKUP, _L.AT_PICKUP, CARRYING, "X3"
    )
    # Earlier releases let a confirmation move a load whose truck had not arrived.
    yield from _moves((_L.PICKUP_CONFIRMED,), _A.ARRIVE_PICKUP, None, CARRYING, "X3")
    # SYSTEM: the pickup was confirmed while the truck was still on its way there.
    yield from _moves(
        (_L.AT_PICKUP,),
        _A.CONFIRM_PICKUP,
        _L.PICKUP_CONFIRMED,
        _POSTING | _SYSTEM,
        "CP",
    )
    yield from _moves(
        (_L.BOOKED, _L.PICKUP_CONFIRMED, _L.IN_TRANSIT, _L.INTERRUPTED),
        _A.CONFIRM_PICKUP,
        None,
        _POSTING,
        "CP",
    )
    # Corrects a pickup that the truck is not at.
    yield from _moves(
        (_L.AT_PICKUP, _L.PICKUP_CONFIRMED, _L.IN_TRANSIT, _L.INTERRUPTED),
        _A.AMEND_PICKUP,
        None,
        _POSTING,
    )
    yield from _moves(
        (_L.PICKUP_CONFIRMED,), _A.DEPART_PICKUP, _L.IN_TRANSIT, CARRYING, "AF"
    )
    # A dispatcher releases the truck, with a reason.
    yield from _moves(
        (_L.AT_PICKUP,), _A.DEPART_PICKUP, _L.IN_TRANSIT, _DISPATCHER, "AF"
    )
    yield from _moves(
        (_L.IN_TRANSIT,), _A.ARRIVE_DELIVERY, _L.AT_DELIVERY, CARRYING, "X1"
    )
    yield from _moves((_L.AT_DELIVERY,), _A.UNLOAD, None, CARRYING, "D1")
    yield from _moves((_L.AT_DELIVERY,), _A.DELIVER, _L.DELIVERED, CARRYING, "D1")
    # More stops follow.
    yield from _moves(
        (_L.AT_DELIVERY,), _A.DEPART_DELIVERY, _L.IN_TRANSIT, CARRYING, "CD"
    )
    yield from _moves((_L.DELIVERED,), _A.DEPART_DELIVERY, None, CARRYING, "CD")
    yield from _interruptions()
    yield from _moves(
        (_L.DRAFT, _L.WITHDRAWN, *RENEWABLE, *unmoved),
        _A.CANCEL,
        _L.CANCELLED,
        POSTERS | _DISPATCHER,
        "CA",
    )


def _interruptions() -> LoadMoves:
    """Yield the ways out with freight aboard, and the ways on from there."""
    loaded = (_L.AT_PICKUP, _L.PICKUP_CONFIRMED, _L.IN_TRANSIT, _L.AT_DELIVERY)
    interrupted = (_L.INTERRUPTED,)
    yield from _moves(loaded, _A.INTERRUPT, _L.INTERRUPTED, CARRYING | POSTERS, "SD")
    # The poster, who confirmed no pickup, says that it was not delivered.
    yield from _moves((_L.DELIVERED,), _A.DENY, _L.INTERRUPTED, _POSTING)
    yield from _moves(interrupted, _A.TAKE_OVER, _L.IN_TRANSIT, _DISPATCHER)
    # The next driver leaves the stop where the freight came aboard, or went off.
    yield from _moves((_L.IN_TRANSIT,), _A.DEPART_PICKUP, None, CARRYING, "AF")
    yield from _moves((_L.IN_TRANSIT,), _A.DEPART_DELIVERY, None, CARRYING, "CD")
    yield from _moves(interrupted, _A.RETURN, _L.CANCELLED, _POSTING, "A3")
    yield from _moves(interrupted, _A.DELIVER, _L.DELIVERED, _POSTING, "D1")


def _offer_moves() -> Iterable[Transition[OfferStatus, OfferAct]]:
    ends = {
        OfferAct.ACCEPT: (OfferStatus.ACCEPTED, frozenset({Role.DRIVER})),
        OfferAct.DECLINE: (OfferStatus.DECLINED, frozenset({Role.DRIVER})),
        OfferAct.EXPIRE: (OfferStatus.EXPIRED, _SYSTEM),
        OfferAct.WITHDRAW: (OfferStatus.WITHDRAWN, _DISPATCHER | _SYSTEM),
        OfferAct.SUPERSEDE: (OfferStatus.SUPERSEDED, _SYSTEM),
        OfferAct.LOSE: (OfferStatus.LOST, _SYSTEM),
    }
    yield Transition(OfferStatus.CREATED, OfferAct.SEND, OfferStatus.SENT, _SYSTEM)
    # A driver's second phone may get the push after the first one, and even after the
    # driver saw the offer there.
    yield Transition(OfferStatus.SENT, OfferAct.SEND, OfferStatus.SENT, _SYSTEM)
    yield Transition(OfferStatus.SEEN, OfferAct.SEND, OfferStatus.SEEN, _SYSTEM)
    for before in OPEN_OFFERS:
        yield Transition(
            before, OfferAct.SEE, OfferStatus.SEEN, frozenset({Role.DRIVER})
        )
        for act, (after, roles) in ends.items():
            yield Transition(before, act, after, roles)


LOAD_MOVES: Table[LoadStatus, LoadAct] = _table(_load_moves())
STOP_MOVES: Table[StopStatus, StopAct] = _table(
    [
        Transition(StopStatus.PENDING, StopAct.ARRIVE, StopStatus.ARRIVED, CARRYING),
        Transition(
            StopStatus.ARRIVED, StopAct.COMPLETE, StopStatus.COMPLETED, CARRYING
        ),
        Transition(StopStatus.COMPLETED, StopAct.DEPART, StopStatus.DEPARTED, CARRYING),
    ]
)
OFFER_MOVES: Table[OfferStatus, OfferAct] = _table(_offer_moves())
