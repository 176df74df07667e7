"""The OAuth access token for FCM: one for all threads, one request to renew it."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Lock
from typing import Any

import requests
from google.auth.credentials import Credentials
from google.auth.transport import Response
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from notifications.answers import OneAnswer
from notifications.gateway import (
    ProviderMisconfigured,
    PushError,
    TryLater,
    parse_retry_after_s,
)

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
"""The only right the token carries. Source: FCM, "Authorize send requests"."""

# Source: RFC 6749, section 5.2. The key is revoked or the account disabled.
_REFUSALS = frozenset({"invalid_grant", "invalid_client", "unauthorized_client"})


Clock = Callable[[], datetime]


class SharedToken(Credentials):
    """A service account's access token, renewed once however many threads ask for it.

    The library's own service account credentials, used directly, sleep up to 3 s
    between hidden retries, let every thread fetch a token of its own, and look up
    "regional access boundaries" on another host in a background thread. This class
    uses them only to sign the assertion and to read the answer.
    """

    def __init__(
        self,
        account: Mapping[str, Any],
        timeout_s: tuple[float, float],
        clock: Clock,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._account = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            dict(account), scopes=[SCOPE]
        )
        self._timeout_s = timeout_s
        self._clock = clock
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, OneAnswer(max_retries=0))
        self._request = Request(self._session)
        self._renewing = Lock()
        self._renewals = 0
        self._failure: PushError | None = None

    def refresh(self, request: object) -> None:
        """Fetch a new token, or take the outcome of a thread that is fetching one.

        Waiting threads share a failure too: if the token endpoint hangs, they wait for
        one timeout together, not for one after the other.

        request: ignored; the renewal has its own connection and timeout.

        Raises: TryLater; ProviderMisconfigured if the account's key is refused.
        """
        renewals_seen = self._renewals
        with self._renewing:
            if self._renewals == renewals_seen:
                self._failure = self._renew()
                self._renewals += 1
            failure = self._failure
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Close the connections to the token endpoint."""
        self._session.close()

    def _renew(self) -> PushError | None:
        try:
            self._account.refresh(self._ask)
        except PushError as error:
            return error
        except Exception as error:
            # No answer, or a 200 the library cannot read (HTML, no token in it).
            return TryLater(f"no access token: {error!r:.200}")
        self.token = self._account.token
        self.expiry = self._account.expiry
        return None

    def _ask(
        self, url: str, method: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        """Ask once. Raises for any answer but 200, before the library would retry."""
        response: Response = self._request(
            url, method, body, headers, timeout=self._timeout_s
        )
        if response.status == 200:
            return response
        reason = f"token endpoint: {response.status}"
        oauth_code = _oauth_code(response.data)
        if oauth_code in _REFUSALS:
            raise ProviderMisconfigured(f"{reason} {oauth_code}")
        raise TryLater(
            reason,
            retry_after_s=parse_retry_after_s(
                response.headers.get("Retry-After"),
                response.headers.get("Date"),
                self._clock(),
            ),
            is_quota=response.status == 429,
        )


def _oauth_code(body: bytes) -> str | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    code = answer.get("error") if isinstance(answer, dict) else None
    return code if isinstance(code, str) else None
