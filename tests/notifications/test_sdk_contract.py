"""What we rely on in firebase-admin, so that an upgrade that changes it fails here."""

import pytest
import requests
from firebase_admin import messaging

from demo.fcm import FakeFcm
from models.people.targets import TargetKind
from notifications.fcm import make_fcm_app
from notifications.gateway import TryLater
from tests.notifications.conftest import open_gateway
from tests.notifications.samples import make_message
from tests.world import utcnow


def test_the_three_private_names_exist(fcm: FakeFcm) -> None:
    with open_gateway(fcm) as gateway:
        service = messaging._get_messaging_service(gateway._app)

        assert service._fcm_url == f"{fcm.url}/v1/projects/stand-in/messages:send"
        assert callable(service._client.session.mount)


def test_an_app_has_one_service(fcm: FakeFcm) -> None:
    with open_gateway(fcm) as gateway:
        first = messaging._get_messaging_service(gateway._app)

        assert messaging._get_messaging_service(gateway._app) is first


def test_one_503_makes_exactly_one_request_and_no_hidden_sleep(
    fcm, gateway, target, slept
) -> None:
    gateway.send(TargetKind.FID, target("ok"), make_message())
    phone = target("unavail")

    with pytest.raises(TryLater):
        gateway.send(TargetKind.FID, phone, make_message())

    assert slept == []
    assert len(fcm.requests_for(phone)) == 1


def test_a_429_with_retry_after_is_not_waited_for(fcm, gateway, target, slept) -> None:
    gateway.send(TargetKind.FID, target("ok"), make_message())
    phone = target("quota-3")

    with pytest.raises(TryLater):
        gateway.send(TargetKind.FID, phone, make_message())

    assert slept == []
    assert len(fcm.requests_for(phone)) == 1


def test_a_second_app_of_the_same_name_is_refused(fcm) -> None:
    with (
        open_gateway(fcm) as gateway,
        pytest.raises(ValueError, match="already exists"),
    ):
        make_fcm_app(
            fcm.service_account,
            "stand-in",
            fcm.url,
            clock=utcnow,
            name=gateway._app.name,
        )


def test_making_the_app_does_not_touch_the_network(own_fcm) -> None:
    with open_gateway(own_fcm):
        assert own_fcm.token_requests == 0


def test_sending_contacts_no_other_host(own_fcm, monkeypatch) -> None:
    # Given a service account's credentials directly, google-auth looks up "regional
    # access boundaries" at iamcredentials.googleapis.com from a thread of its own.
    asked: list[str] = []
    really_send = requests.Session.send

    def send(session, request, **options):
        asked.append(request.url)
        return really_send(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", send)

    with open_gateway(own_fcm) as gateway:
        gateway.send(TargetKind.FID, "ok-1", make_message())

    assert asked == [
        f"{own_fcm.url}/token",
        f"{own_fcm.url}/v1/projects/stand-in/messages:send",
    ]
