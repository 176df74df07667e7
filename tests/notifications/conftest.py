"""A fake FCM and a gateway that talks to it over real HTTP."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count

import pytest

from demo.fcm import FakeFcm
from notifications.fcm import FcmGateway, close_fcm_app, make_fcm_app
from tests.waiting import LONGEST_S
from tests.world import utcnow

_numbers = count(1)

OpenGateway = Callable[..., AbstractContextManager[FcmGateway]]


@contextmanager
def open_gateway(fcm: FakeFcm, timeout_s: float = LONGEST_S) -> Iterator[FcmGateway]:
    app = make_fcm_app(
        fcm.service_account,
        fcm.project_id,
        fcm.url,
        timeout_s,
        clock=utcnow,
        name=f"push-{next(_numbers)}",
    )
    yield FcmGateway(app, utcnow)
    close_fcm_app(app)


@pytest.fixture(scope="session")
def fcm() -> Iterator[FakeFcm]:
    with FakeFcm() as running:
        yield running


@pytest.fixture(scope="session")
def gateway(fcm: FakeFcm) -> Iterator[FcmGateway]:
    """One gateway for all tests, as in a process; its access token is reused."""
    with open_gateway(fcm) as opened:
        yield opened


@pytest.fixture
def own_fcm() -> Iterator[FakeFcm]:
    """A fake FCM for a test that breaks the token endpoint or counts its requests."""
    with FakeFcm() as running:
        yield running


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses of this thread, s: a hidden retry sleeps before it asks again."""
    pauses: list[float] = []
    mine, sleep = threading.get_ident(), time.sleep

    def noted(seconds: float) -> None:
        if threading.get_ident() == mine:
            pauses.append(seconds)
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", noted)
    return pauses


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Make a push target of this test's own for a scenario."""
    return lambda scenario: f"{scenario}-{request.node.name[:40]}-{next(_numbers)}"
