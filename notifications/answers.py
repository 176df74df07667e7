"""Answers of servers that are not ours: no redirects, limited size and time."""

from time import monotonic
from typing import Any

from requests import PreparedRequest, RequestException, Response
from requests.adapters import HTTPAdapter

from notifications.gateway import TryLater

MOST_ANSWER_BYTES = 64 * 1024
"""The answer to a push, or with a token, has one or two thousand."""

_STEP_BYTES = 16
"""Small, so that a server that sends a byte now and then runs into the time limit."""


class OneAnswer(HTTPAdapter):
    """Follows no redirect, and limits the size and time of an answer.

    A redirect would carry the push, or the assertion for a token, to another host. An
    answer may have MOST_ANSWER_BYTES and take as long as the request's read timeout.

    Raises: TryLater.
    """

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
        if 300 <= response.status_code < 400:
            response.close()
            raise TryLater(f"{response.status_code}: a redirect is not followed")
        within_s = timeout[1] if isinstance(timeout, tuple) else timeout
        response._content = _body(response, within_s)
        return response


def _body(response: Response, within_s: float) -> bytes:
    """Return the body; if it is a refusal and was cut short, what arrived of it."""
    until, body = monotonic() + within_s, bytearray()
    try:
        for part in response.iter_content(_STEP_BYTES):
            body += part
            if len(body) > MOST_ANSWER_BYTES or monotonic() > until:
                response.close()
                raise TryLater(
                    f"{response.status_code}: the answer is too long or slow"
                )
    except RequestException:
        if response.status_code < 400:
            raise
    return bytes(body)
