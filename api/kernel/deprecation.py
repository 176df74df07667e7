"""Deprecated operations: marked in the document and in every answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from flask import Flask, Response
from werkzeug.http import http_date

from api.kernel.routes import current_view

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Deprecation:
    """Since when an operation should not be used, and when it ends.

    about: address of a page with the reason and what to do. successor: what to call
    instead.
    Source: RFC 9745 (Deprecation), RFC 8594 (Sunset), RFC 5829 (successor-version).
    """

    since: datetime
    sunset: datetime
    about: str
    successor: str

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.sunset.tzinfo is None:
            raise ValueError("A deprecation's times need a zone.")
        if self.sunset < self.since:
            raise ValueError("A sunset is never earlier than the deprecation.")

    def headers(self) -> dict[str, str]:
        return {
            "Deprecation": f"@{int(self.since.timestamp())}",
            "Sunset": http_date(self.sunset),
            "Link": f'<{self.about}>; rel="deprecation"; type="text/html",'
            f' <{self.about}>; rel="sunset"; type="text/html",'
            f' <{self.successor}>; rel="successor-version"',
        }


def deprecated(
    since: datetime, *, sunset: datetime, about: str, successor: str
) -> Callable[[View], View]:
    """Mark a view as deprecated: its answers and the document say so.

    The outermost decorator.

    Raises: ValueError for a sunset earlier than `since`.
    """
    notice = Deprecation(since, sunset, about, successor)

    def mark(view: View) -> View:
        view.deprecation = notice  # type: ignore[attr-defined]
        return view

    return mark


def register(app: Flask) -> None:
    """Mark every answer of a deprecated operation, refusals included."""

    @app.after_request
    def warn(response: Response) -> Response:
        notice: Deprecation | None = getattr(current_view(), "deprecation", None)
        for name, value in notice.headers().items() if notice else ():
            response.headers.add(name, value)
        return response
