"""ETags: which version is shown, and which one an edit is meant for."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, Response, request
from sqlalchemy.orm.exc import StaleDataError

from api.kernel.problems import answer_domain_error
from services.kernel.versions import Precondition, VersionMismatch

View = TypeVar("View", bound=Callable[..., Any])


def shows_version(view: View) -> View:
    """Send the ETag of the row that the view returns.

    Place it right above the view. The tag is the row's version, not a digest of the
    body: some callers see fewer fields of the row than others, but edit the same row.
    """

    @wraps(view)
    def tagged(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any view
        row = view(*args, **kwargs)
        return row, {"ETag": f'"{row.tag}"'}

    tagged.is_versioned = True  # type: ignore[attr-defined]
    return cast(View, tagged)


def edits(view: View) -> View:
    """Mark a view that changes a row only if the client has seen its current version.

    The view passes `precondition()` to its service.
    """
    view.promises = Precondition.refusals  # type: ignore[attr-defined]
    view.is_edit = True  # type: ignore[attr-defined]
    return view


def precondition() -> Precondition:
    """Return what the request says about the row that it edits.

    `If-Match: *` and weak tags name no version, so they match nothing.
    """
    given = request.headers.get("If-Match") is not None
    return Precondition(
        frozenset(request.if_match.as_set()) if given else None,
        is_new=request.if_none_match.star_tag,
    )


def register(app: Flask) -> None:
    """Answer 304 if the client has the version, 412 if another edit was faster."""

    @app.after_request
    def spare(response: Response) -> Response:
        tag, is_weak = response.get_etag()
        # A weak tag is of no row's version: `api.kernel.tags` compares it.
        if request.method in {"GET", "HEAD"} and tag and not is_weak:
            response.make_conditional(request)
        return response

    app.register_error_handler(StaleDataError, _answer_stale)


def _answer_stale(error: StaleDataError) -> Response:
    return answer_domain_error(
        VersionMismatch("Another edit was a moment faster: get it again.")
    )
