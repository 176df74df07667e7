"""Where the worker's pushes go: to Google, or to the console."""

import json
from datetime import UTC, datetime

from notifications.console import ConsoleGateway
from notifications.fcm import FcmGateway, make_fcm_app
from notifications.gateway import Gateway
from runtime.config import Push, Settings
from runtime.errors import CannotStart
from runtime.telemetry import log

DEFAULT_FCM_URL = "https://fcm.googleapis.com"


def make_gateway(settings: Settings) -> Gateway:
    """Return the gateway that pushes go to.

    Raises: CannotStart without credentials, unless PUSH=console.
    """
    if settings.PUSH is Push.CONSOLE:
        return ConsoleGateway(lambda line: log().info("push.console", line=line))
    if not settings.FCM_SERVICE_ACCOUNT:
        raise CannotStart(
            "No push credentials: set FCM_SERVICE_ACCOUNT (or"
            " FCM_SERVICE_ACCOUNT_FILE) to a Firebase service account, or PUSH=console"
            " to print pushes instead."
        )
    try:
        account = json.loads(settings.FCM_SERVICE_ACCOUNT)
        app = make_fcm_app(
            account,
            account["project_id"],
            settings.FCM_BASE_URL or DEFAULT_FCM_URL,
            float(settings.PUSH_TIMEOUT_S),
            clock=_utcnow,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CannotStart(
            f"FCM_SERVICE_ACCOUNT is not a Firebase service account ({error})."
        ) from None
    return FcmGateway(app, _utcnow)


def _utcnow() -> datetime:
    return datetime.now(UTC)
