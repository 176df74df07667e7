"""Answers of servers that are not ours: none leads elsewhere, none has no end."""

from time import monotonic
from typing import Any

from requests import PreparedRequest, RequestException, Response
from requests.adapters import HTTPAdapter

from notifications.gateway import TryLater

MOST_ANSWER_BYTES = 64 * 1024
"""A push's answer and a token's have one or two thousand."""

_STEP_BYTES = 16
"""Read in such small steps, a server that sends a byte now and then is noticed."""


class OneAnswer(HTTPAdapter):
    """Follows no redirect: it would carry the push, or the assertion for a token, to
    another host. Reads so many bytes, for so long as the answer may take, and no more.

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
            raise TryLater(f"{response.status_code}: it sends us elsewhere")
        within_s = timeout[1] if isinstance(timeout, tuple) else timeout
        response._content = _body(response, within_s)
        return response


def _body(response: Response, within_s: float) -> bytes:
    """Return the body; what came of one that was cut short, if it is a refusal."""
    until, body = monotonic() + within_s, bytearray()
    try:
        for part in response.iter_content(_STEP_BYTES):
            body += part
            if len(body) > MOST_ANSWER_BYTES or monotonic() > until:
                response.close()
                raise TryLater(f"{response.status_code}: an answer without an end")
    except RequestException:
        if response.status_code < 400:
            raise
    return bytes(body)
