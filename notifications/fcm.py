"""Firebase Cloud Messaging: the app of this process and the gateway on top of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import firebase_admin
from firebase_admin import messaging
from firebase_admin.exceptions import FirebaseError
from requests import PreparedRequest, Response

from models.people.targets import TargetKind
from notifications.answers import OneAnswer
from notifications.fcm_answers import error_from, is_apns_refusal
from notifications.fcm_token import Clock, SharedToken
from notifications.gateway import PayloadRefused, PushError, TryLater
from notifications.messages import Message

FCM_URL = "https://fcm.googleapis.com"

CONNECT_TIMEOUT_S = 3.05
"""A little above 3, the first TCP retransmission. Source: Requests, "Timeouts"."""

CONNECTIONS_KEPT = 32


def make_fcm_app(
    service_account: Mapping[str, Any],
    project_id: str,
    base_url: str = FCM_URL,
    timeout_s: float = 10.0,
    *,
    clock: Clock,
    name: str = "push",
) -> firebase_admin.App:
    """Make the one Firebase app of this process, ready to send from any thread.

    Call it once, at process start: an app made lazily by worker threads is made
    twice, and one of them fails. Does not touch the network.

    service_account: the JSON key as Google gives it; its `token_uri` is used.
    base_url: the address of FCM without a path; another one in tests and staging.
    timeout_s: for the answer to one request; Google asks for 10 s or more.
    clock: tells the time where an answer has no Date.

    Raises: ValueError for a malformed key or a second app of this name.
    """
    timeouts_s = (min(CONNECT_TIMEOUT_S, timeout_s), timeout_s)
    base_url = base_url.rstrip("/")
    app = firebase_admin.initialize_app(
        SharedToken(service_account, timeouts_s, clock),
        {"projectId": project_id, "httpTimeout": timeouts_s},
        name=name,
    )
    # The SDK offers no public way to choose the address or to stop its retries. These
    # three private names are all we use of it; test_sdk_contract.py guards them.
    service = messaging._get_messaging_service(app)
    service._fcm_url = f"{base_url}/v1/projects/{project_id}/messages:send"
    service._client.session.mount(
        f"{base_url}/",
        _OneAttempt(clock, max_retries=0, pool_maxsize=CONNECTIONS_KEPT),
    )
    return app


def close_fcm_app(app: firebase_admin.App) -> None:
    """Close the app's connections; nothing can be sent with it any more."""
    messaging._get_messaging_service(app)._client.session.close()
    app.credential.get_credential().close()
    firebase_admin.delete_app(app)


class FcmGateway:
    """Sends by FCM HTTP v1, one request for one phone, from any number of threads."""

    def __init__(self, app: firebase_admin.App, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    def send(self, target_kind: TargetKind, target: str, message: Message) -> str:
        """Send once; see Gateway.send.

        One request, except when our access token was revoked: then it is renewed and
        the request is made again, at most twice.
        """
        outgoing = fcm_message(target_kind, target, message)
        try:
            str(outgoing)
        except ValueError as error:
            raise PayloadRefused(f"not sent: {error}") from error
        try:
            return str(messaging.send(outgoing, app=self._app))
        except PushError:
            raise
        except FirebaseError as error:
            if error.http_response is None:
                raise TryLater(f"no answer: {error!s:.200}") from error
            raise error_from(error.http_response, self._clock()) from error
        except Exception as error:
            # The SDK fails on a 200 that it does not expect (a list, no "name").
            raise TryLater(f"unreadable answer: {error!r:.200}") from error


def fcm_message(
    target_kind: TargetKind, target: str, message: Message
) -> messaging.Message:
    """Return `message` in FCM's terms, for Android and iOS alike.

    Source: FCM reference, Message; Apple, "Sending notification requests to APNs".
    """
    outgoing = messaging.Message(
        data=dict(message.data),
        notification=None
        if message.is_silent
        else messaging.Notification(title=message.title, body=message.body),
        android=_android(message),
        apns=_apns(message),
    )
    # Set as attributes: the constructor warns that `token` is deprecated, but phones
    # whose app has no installation id yet are reached no other way, and silencing the
    # warning (warnings.catch_warnings) is not safe among threads.
    if target_kind is TargetKind.FID:
        outgoing.fid = target
    else:
        outgoing.token = target
    return outgoing


class _OneAttempt(OneAnswer):
    """One request per send: raises our errors before the SDK retries or parses.

    A 401 is passed on to the google-auth library, which renews the access token, unless
    it is about the project's APNs key: there, renewing would only repeat the request.
    """

    def __init__(self, clock: Clock, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self._clock = clock

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,  # noqa: ANN401  # as in HTTPAdapter, also the next three
        verify: Any = True,  # noqa: ANN401
        cert: Any = None,  # noqa: ANN401
        proxies: Any = None,  # noqa: ANN401
    ) -> Response:
        response = super().send(request, stream, timeout, verify, cert, proxies)
        is_refusal = response.status_code >= 400 and response.status_code != 401
        if is_refusal or is_apns_refusal(response):
            raise error_from(response, self._clock())
        return response


def _android(message: Message) -> messaging.AndroidConfig:
    return messaging.AndroidConfig(
        priority="normal" if message.is_silent else "high",
        ttl=None if message.ttl_s is None else timedelta(seconds=message.ttl_s),
        collapse_key=message.collapse_key,
        # Loads are offered in dead zones too, and a message is well under 1 KiB.
        bandwidth_constrained_ok=True,
        restricted_satellite_ok=True,
        notification=None
        if message.is_silent
        else messaging.AndroidNotification(
            # A later notification about the same offer replaces the one on the screen.
            tag=message.subject_id,
            visibility="private",
            default_sound=True,
        ),
    )


def _apns(message: Message) -> messaging.APNSConfig:
    headers = {
        "apns-push-type": "background" if message.is_silent else "alert",
        "apns-priority": "5" if message.is_silent else "10",
        "apns-collapse-id": message.subject_id,
    }
    if message.expires_at is not None:
        headers["apns-expiration"] = str(int(message.expires_at.timestamp()))
    aps = (
        messaging.Aps(content_available=True)
        if message.is_silent
        else messaging.Aps(sound="default")
    )
    return messaging.APNSConfig(headers=headers, payload=messaging.APNSPayload(aps))
