"""POSTs that may be sent again: an Idempotency-Key and one transaction."""

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Response, g, make_response, request
from sqlalchemy.orm import Session as OrmSession

from api.kernel.auth import actor
from runtime.db import Session
from services.kernel import idempotency
from services.kernel.idempotency import Kept, KeyInUse, KeyMissing, KeyReused

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
FORM = re.compile(r"[ -~]{1,255}")

KEPT_HEADERS = ("Content-Type", "ETag", "Location")
"""Headers given again with the answer. Each request has its own trace id."""

View = TypeVar("View", bound=Callable[..., Any])


def once(view: View) -> View:
    """Let the view's effect happen once for each key; a repeat gets the first answer.

    Key, effect and answer commit in one transaction, the one of `transaction()`. A
    refused request leaves nothing behind, not even its key, and may be sent again.
    Place it below `requires` and `raises`, above every decorator that reads the body.
    """

    @wraps(view)
    def kept(*args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - any view
        key = _key()
        with Session.begin() as session:
            given = idempotency.claim(session, actor(), key, _fingerprint())
            if given is not None:
                return _again(given)
            g.transaction = session
            response = make_response(view(*args, **kwargs))
            idempotency.keep(session, actor(), key, _kept(response))
        return response

    kept.promises = (KeyMissing, KeyReused, KeyInUse)  # type: ignore[attr-defined]
    kept.is_once = True  # type: ignore[attr-defined]
    return cast(View, kept)


def transaction() -> OrmSession:
    """Return the transaction of a view marked `once`; the view must not end it."""
    session: OrmSession = g.transaction
    return session


def _key() -> str:
    key = request.headers.get(HEADER, "")
    if not FORM.fullmatch(key):
        raise KeyMissing(
            f"Send {HEADER}: 1 to 255 printable ASCII characters, new for each"
            " request and the same when it is sent again."
        )
    return key


def _fingerprint() -> bytes:
    """Return a hash of method, address and body, the same for equal requests."""
    target = f"{request.method} {request.full_path}\n".encode()
    return hashlib.sha256(target + request.get_data(cache=True)).digest()


def _kept(response: Response) -> Kept:
    headers = {
        name: response.headers[name]
        for name in KEPT_HEADERS
        if name in response.headers
    }
    return Kept(response.status_code, response.get_data(), headers)


def _again(given: Kept) -> Response:
    headers = dict(given.headers) | {REPLAYED: "true"}
    return Response(given.body, status=given.status, headers=headers)
