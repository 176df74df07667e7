"""The access token is fetched once and without hidden retries; failures are ours."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from models.people.targets import TargetKind
from notifications.gateway import ProviderMisconfigured, PushError, TryLater
from tests.notifications.conftest import open_gateway
from tests.notifications.samples import make_message
from tests.waiting import LONGEST_S

WAIT_S = 1.5
"""So long the gateway waits for a token endpoint that hangs."""


def outcome(gateway, phone: str) -> PushError | str:
    try:
        return gateway.send(TargetKind.FID, phone, make_message())
    except PushError as error:
        return error


@pytest.mark.parametrize("mode", ["down", "html", "reset"])
def test_a_broken_token_endpoint_means_try_later_after_one_request(
    own_fcm, mode, slept
) -> None:
    own_fcm.token_mode = mode
    with open_gateway(own_fcm) as gateway:
        error = outcome(gateway, "ok-1")

        assert type(error) is TryLater
        assert own_fcm.token_requests == 1
        assert slept == []
        assert own_fcm.received == []


def test_its_retry_after_is_passed_on(own_fcm) -> None:
    own_fcm.token_mode = "down"
    with open_gateway(own_fcm) as gateway:
        assert outcome(gateway, "ok-1").retry_after_s == 7.0


def test_a_refused_key_is_a_misconfiguration(own_fcm) -> None:
    own_fcm.token_mode = "refused"
    with open_gateway(own_fcm) as gateway:
        assert type(outcome(gateway, "ok-1")) is ProviderMisconfigured


def test_a_key_the_server_does_not_know_is_refused(fcm, own_fcm) -> None:
    own_fcm._public_key = fcm._public_key
    with open_gateway(own_fcm) as gateway:
        assert type(outcome(gateway, "ok-1")) is ProviderMisconfigured


def test_pushes_go_out_once_the_endpoint_is_back(own_fcm) -> None:
    own_fcm.token_mode = "down"
    with open_gateway(own_fcm) as gateway:
        outcome(gateway, "ok-1")
        own_fcm.token_mode = "ok"

        assert isinstance(outcome(gateway, "ok-1"), str)


def test_threads_that_start_together_fetch_one_token(own_fcm) -> None:
    own_fcm.token_mode, own_fcm.token_delay_s = "slow", 0.3
    with open_gateway(own_fcm) as gateway, ThreadPoolExecutor(16) as pool:
        names = list(pool.map(lambda n: outcome(gateway, f"ok-{n}"), range(16)))

    assert own_fcm.token_requests == 1
    assert len({name for name in names if isinstance(name, str)}) == 16


def test_threads_that_wait_for_a_hanging_endpoint_wait_once(own_fcm) -> None:
    own_fcm.token_mode, own_fcm.token_delay_s = "slow", LONGEST_S
    with (
        open_gateway(own_fcm, timeout_s=WAIT_S) as gateway,
        ThreadPoolExecutor(8) as pool,
    ):
        errors = list(pool.map(lambda n: outcome(gateway, f"ok-{n}"), range(8)))

    assert {type(error) for error in errors} == {TryLater}
    # A thread waits only for a request, so one request is one wait.
    assert own_fcm.token_requests == 1
