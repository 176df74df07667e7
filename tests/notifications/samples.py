"""Push messages for tests."""

from datetime import UTC, datetime, timedelta

from notifications.messages import Message, MessageKind, compose

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
OFFER_ID = "0195a0b2-7c1e-7f3a-9b1d-2f6a8c4e0d11"


def make_message(
    kind: MessageKind = MessageKind.OFFER,
    *,
    locale: str | None = "en",
    expires_at: datetime | None = NOON + timedelta(minutes=10),
) -> Message:
    return compose(kind, locale, OFFER_ID, expires_at, NOON)
