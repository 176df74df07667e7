"""What a push says: kinds, their data for the app, and their text for the person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from notifications.catalogue import language_of, load_catalogue

FORMAT_VERSION = "1"
"""`v` in the data: raised when a phone must read the data differently."""

LONGEST_TTL_S = 28 * 86_400
"""Source: FCM reference, AndroidConfig.ttl."""


class MessageKind(StrEnum):
    """What happened; the app decides by it which list to fetch again."""

    OFFER = "offer"
    OFFER_RENEWED = "offer_renewed"
    OFFER_WITHDRAWN = "offer_withdrawn"
    OFFER_LOST = "offer_lost"
    OFFER_UNDELIVERABLE = "offer_undeliverable"
    LOAD_ASSIGNED = "load_assigned"
    LOAD_UNASSIGNED = "load_unassigned"
    LOAD_REASSIGNED = "load_reassigned"
    LOAD_UNCOVERED = "load_uncovered"
    LOAD_HANDED_BACK = "load_handed_back"
    LOAD_INTERRUPTED = "load_interrupted"
    LOAD_ENDED = "load_ended"
    DELIVERED_UNCONFIRMED = "delivered_unconfirmed"
    DELIVERY_DENIED = "delivery_denied"
    PICKUP_CONFIRMED = "pickup_confirmed"
    LOADS_STAND_BY = "loads_stand_by"


OF_AN_OPEN_OFFER = frozenset({MessageKind.OFFER, MessageKind.OFFER_RENEWED})
"""What is worth sending only while the offer is open."""

SILENT = frozenset({MessageKind.OFFER_WITHDRAWN})

ABOUT_OFFERS = frozenset(
    {
        MessageKind.OFFER,
        MessageKind.OFFER_RENEWED,
        MessageKind.OFFER_WITHDRAWN,
        MessageKind.OFFER_LOST,
        MessageKind.OFFER_UNDELIVERABLE,
    }
)

ABOUT_DRIVERS = frozenset({MessageKind.LOADS_STAND_BY})

# A phone that was away gets only the newest message of each collapse key, and FCM
# keeps at most four keys a phone. Messages about loads have none: each is to be seen.
# A withdrawal has its own, so that it does not replace an offer that is still open.
_COLLAPSE_KEYS = {
    MessageKind.OFFER: "offer",
    # In place of another offer's push that waits: both say that there is an offer.
    MessageKind.OFFER_RENEWED: "offer",
    MessageKind.OFFER_WITHDRAWN: "offer_withdrawn",
    MessageKind.OFFER_LOST: "offer_lost",
}

_TEXTS = load_catalogue(set(MessageKind) - SILENT)


@dataclass(frozen=True)
class Message:
    """A push for one person, the same for all their phones.

    title, body: None iff `is_silent`.
    data: what the app reads; strings only.
    ttl_s: whole seconds until it is of no use; None if it does not expire.
    collapse_key: a newer message of this key replaces one not yet delivered.
    """

    kind: MessageKind
    subject_id: str
    expires_at: datetime | None
    title: str | None
    body: str | None
    data: Mapping[str, str]
    ttl_s: int | None
    collapse_key: str | None

    @property
    def is_silent(self) -> bool:
        """True if the app is woken and the person sees nothing."""
        return self.kind in SILENT


def compose(
    kind: MessageKind,
    locale: str | None,
    subject_id: str,
    expires_at: datetime | None,
    now: datetime,
) -> Message:
    """Return the message of this kind in the reader's language.

    It names its subject by id only: no place, person or rate leaves the server by
    push. Compose again for every attempt, since `ttl_s` counts from `now`. A message
    already expired has 0, which means "at once or not at all".

    locale: as the phone reports it ("es-MX"); unknown or None gives English.
    subject_id: the offer's id for kinds in ABOUT_OFFERS, the driver's for those in
        ABOUT_DRIVERS, else the load's.
    expires_at: aware, or None for a message that does not expire.

    Raises: ValueError for a naive time.
    """
    text = None if kind in SILENT else _TEXTS[kind][language_of(locale)]
    return Message(
        kind=kind,
        subject_id=subject_id,
        expires_at=expires_at,
        title=text.title if text else None,
        body=text.body if text else None,
        data=_data(kind, subject_id, expires_at),
        ttl_s=None if expires_at is None else _ttl_s(expires_at, now),
        collapse_key=_COLLAPSE_KEYS.get(kind),
    )


def _data(
    kind: MessageKind, subject_id: str, expires_at: datetime | None
) -> dict[str, str]:
    data = {
        "kind": kind.value,
        _subject(kind): subject_id,
        "v": FORMAT_VERSION,
    }
    if expires_at is not None:
        data["expires_at"] = _rfc3339(expires_at)
    return data


def _subject(kind: MessageKind) -> str:
    if kind in ABOUT_DRIVERS:
        return "driver_id"
    return "offer_id" if kind in ABOUT_OFFERS else "load_id"


def _ttl_s(expires_at: datetime, now: datetime) -> int:
    if now.tzinfo is None:
        raise ValueError("now must be aware")
    # Rounded down: a push delivered after its offer has ended is worse than none.
    left_s = int((expires_at - now).total_seconds())
    return min(max(left_s, 0), LONGEST_TTL_S)


def _rfc3339(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("expires_at must be aware")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
