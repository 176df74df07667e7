"""What every phone received, as the fake FCM recorded it."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from demo.client import PATIENCE_S, Caller, Unexpected

POLL_S = 0.05


@dataclass(frozen=True)
class Push:
    """A message on a phone.

    at: seconds since the epoch when it came in at the fake FCM, before its answer.
    subject_id: the offer's id or the load's, as `kind` says.
    """

    at: float
    target: str
    kind: str
    subject_id: str
    title: str
    body: str
    data: dict[str, str]


class Phones:
    """Polls the fake FCM; a thread may wait for a push to arrive."""

    def __init__(self, fcm_url: str) -> None:
        self._fcm = Caller(fcm_url)
        self._pushes: list[Push] = []
        self._number = 0
        self._looking = threading.Lock()
        self._news = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="phones", daemon=True)

    def __enter__(self) -> "Phones":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopping.set()
        self._thread.join()

    @property
    def pushes(self) -> list[Push]:
        """All that arrived, oldest first."""
        with self._news:
            return list(self._pushes)

    def wait(
        self,
        target: str,
        kind: str,
        *,
        subject_id: str | None = None,
        after: float = 0.0,
        timeout_s: float = PATIENCE_S,
    ) -> Push | None:
        """Return the first push of this kind to this phone, None if none comes.

        after: seconds since the epoch; older ones do not count.
        """

        def matches(push: Push) -> bool:
            return (
                (push.target, push.kind) == (target, kind)
                and push.at >= after
                and subject_id in (None, push.subject_id)
            )

        return self.wait_for(matches, timeout_s)

    def wait_for(
        self, matches: Callable[[Push], bool], timeout_s: float = PATIENCE_S
    ) -> Push | None:
        """Return the first push for which `matches` is true, None if none comes."""
        with self._news:
            self._news.wait_for(lambda: any(map(matches, self._pushes)), timeout_s)
            return next(filter(matches, self._pushes), None)

    def look(self) -> None:
        """Read what has arrived until now. Raises: Unexpected."""
        with self._looking:
            page = self._fcm.get(f"/received?since={self._number}")
            self._number = page["next"]
            if page["items"]:
                with self._news:
                    self._pushes += map(_push, page["items"])
                    self._news.notify_all()

    def _watch(self) -> None:
        while not self._stopping.wait(POLL_S):
            with suppress(Unexpected):  # FCM is busy, or is being stopped
                self.look()


def _push(item: dict[str, Any]) -> Push:
    data: dict[str, str] = item["message"]["data"]
    text = item["message"].get("notification") or {}
    return Push(
        at=item["at"],
        target=item["target"],
        kind=data["kind"],
        subject_id=next(
            (
                data[name]
                for name in ("offer_id", "load_id", "driver_id")
                if name in data
            ),
            "",
        ),
        title=text.get("title", ""),
        body=text.get("body", ""),
        data=data,
    )
