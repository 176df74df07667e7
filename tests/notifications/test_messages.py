"""Messages are composed with texts by locale, data by kind, and a TTL from now on."""

from datetime import datetime, timedelta

import pytest

from notifications.messages import ABOUT_DRIVERS, ABOUT_OFFERS, MessageKind, compose
from tests.notifications.samples import NOON, OFFER_ID, make_message


@pytest.mark.parametrize("kind", list(MessageKind))
def test_the_data_names_the_kind_and_the_subject_and_nothing_else(kind) -> None:
    subject = "offer_id" if kind in ABOUT_OFFERS else "load_id"
    if kind in ABOUT_DRIVERS:
        subject = "driver_id"

    assert make_message(kind).data == {
        "kind": kind.value,
        subject: OFFER_ID,
        "v": "1",
        "expires_at": "2026-03-02T12:10:00.000Z",
    }


def test_data_without_expiry_has_no_expires_at() -> None:
    message = make_message(MessageKind.LOAD_UNASSIGNED, expires_at=None)

    assert message.data == {"kind": "load_unassigned", "load_id": OFFER_ID, "v": "1"}


@pytest.mark.parametrize("kind", list(MessageKind))
def test_a_message_has_text_unless_it_is_silent(kind) -> None:
    message = make_message(kind)

    assert (message.title is None) == message.is_silent
    assert (message.body is None) == message.is_silent


def test_only_a_withdrawal_is_silent() -> None:
    silent = [kind for kind in MessageKind if make_message(kind).is_silent]

    assert silent == [MessageKind.OFFER_WITHDRAWN]


def test_a_mexican_driver_reads_spanish() -> None:
    assert make_message(locale="es-MX").title == "Nueva carga para tu regreso"


@pytest.mark.parametrize(
    ("left", "ttl_s"),
    [
        (timedelta(seconds=90), 90),
        (timedelta(seconds=90, milliseconds=999), 90),
        (timedelta(0), 0),
        (timedelta(seconds=-5), 0),
        (timedelta(days=60), 28 * 86_400),
    ],
)
def test_the_ttl_never_outlives_the_offer_nor_the_providers_limit(left, ttl_s) -> None:
    assert make_message(expires_at=NOON + left).ttl_s == ttl_s


def test_news_that_does_not_age_has_no_ttl() -> None:
    assert make_message(expires_at=None).ttl_s is None


def test_a_naive_time_is_refused() -> None:
    naive = datetime(2026, 3, 2, 12, 10)  # noqa: DTZ001  # the mistake under test

    with pytest.raises(ValueError, match="expires_at must be aware"):
        compose(MessageKind.OFFER, "en", OFFER_ID, naive, NOON)
    with pytest.raises(ValueError, match="now must be aware"):
        compose(MessageKind.OFFER, "en", OFFER_ID, NOON, naive)


def test_a_withdrawal_does_not_replace_an_undelivered_offer() -> None:
    offer, withdrawal = make_message(), make_message(MessageKind.OFFER_WITHDRAWN)

    assert offer.collapse_key == "offer"
    assert withdrawal.collapse_key != offer.collapse_key


def test_a_phone_never_needs_more_than_four_collapse_keys() -> None:
    keys = {make_message(kind).collapse_key for kind in MessageKind} - {None}

    assert len(keys) <= 4
