"""The JSON of a push as it reaches FCM."""

import json
from datetime import timedelta

import pytest

from demo.fcm import check_message
from models.people.targets import TargetKind
from notifications.catalogue import LANGUAGES
from notifications.fcm import fcm_message
from notifications.messages import MessageKind
from tests.notifications.samples import NOON, OFFER_ID, make_message


def wire(message, target_kind=TargetKind.FID) -> dict:
    return json.loads(str(fcm_message(target_kind, "phone", message)))


def test_an_offer_is_addressed_by_installation_id() -> None:
    sent = wire(make_message())

    assert sent["fid"] == "phone"
    assert "token" not in sent


def test_an_offer_is_addressed_by_registration_token_without_a_warning() -> None:
    sent = wire(make_message(), TargetKind.TOKEN)

    assert sent["token"] == "phone"
    assert "fid" not in sent


def test_an_offer_wakes_android_at_once_and_until_it_expires() -> None:
    assert wire(make_message())["android"] == {
        "priority": "high",
        "ttl": "600s",
        "collapse_key": "offer",
        "bandwidth_constrained_ok": True,
        "restricted_satellite_ok": True,
        "notification": {
            "tag": OFFER_ID,
            "visibility": "PRIVATE",
            "default_sound": True,
        },
    }


def test_an_offer_wakes_ios_at_once_and_until_it_expires() -> None:
    expires_at = NOON + timedelta(minutes=10)

    assert wire(make_message())["apns"] == {
        "headers": {
            "apns-priority": "10",
            "apns-push-type": "alert",
            "apns-expiration": str(int(expires_at.timestamp())),
            "apns-collapse-id": OFFER_ID,
        },
        "payload": {"aps": {"sound": "default"}},
    }


def test_a_withdrawal_is_silent_on_android() -> None:
    sent = wire(make_message(MessageKind.OFFER_WITHDRAWN))

    assert "notification" not in sent
    assert "notification" not in sent["android"]
    assert sent["android"]["priority"] == "normal"


def test_a_withdrawal_is_silent_on_ios() -> None:
    apns = wire(make_message(MessageKind.OFFER_WITHDRAWN))["apns"]

    assert apns["headers"]["apns-push-type"] == "background"
    assert apns["headers"]["apns-priority"] == "5"
    assert apns["payload"] == {"aps": {"content-available": 1}}


def test_news_that_does_not_age_has_no_expiry() -> None:
    sent = wire(make_message(MessageKind.LOAD_ASSIGNED, expires_at=None))

    assert "ttl" not in sent["android"]
    assert "apns-expiration" not in sent["apns"]["headers"]


@pytest.mark.parametrize("kind", list(MessageKind))
@pytest.mark.parametrize("locale", LANGUAGES)
def test_every_message_is_one_fcm_takes(kind, locale) -> None:
    sent = wire(make_message(kind, locale=locale))

    assert check_message(sent) == ("fid", "phone")


@pytest.mark.parametrize("kind", list(MessageKind))
@pytest.mark.parametrize("locale", LANGUAGES)
def test_every_message_is_far_below_4096_bytes(kind, locale) -> None:
    sent = wire(make_message(kind, locale=locale))

    assert len(json.dumps(sent, ensure_ascii=False).encode()) < 1200
