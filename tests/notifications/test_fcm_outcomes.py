"""What the gateway returns or raises for every answer of FCM, over real HTTP."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from demo.fcm import FakeFcm
from models.people.targets import TargetKind
from notifications.fcm import FcmGateway
from notifications.gateway import (
    PayloadRefused,
    ProviderMisconfigured,
    PushError,
    TargetGone,
    TryLater,
    WrongProject,
)
from tests.notifications.conftest import open_gateway
from tests.notifications.samples import make_message
from tests.waiting import wait_until


def refused(gateway: FcmGateway, phone: str) -> PushError:
    with pytest.raises(PushError) as caught:
        gateway.send(TargetKind.FID, phone, make_message())
    return caught.value


class TestAccepted:
    def test_the_providers_message_name_comes_back(self, gateway, target) -> None:
        name = gateway.send(TargetKind.FID, target("ok"), make_message())

        assert name.startswith("projects/stand-in/messages/")

    @pytest.mark.parametrize("kind", list(TargetKind))
    def test_both_kinds_of_target_reach_their_phone(
        self, fcm, gateway, target, kind
    ) -> None:
        phone = target("ok")

        gateway.send(kind, phone, make_message())

        [received] = fcm.received_by(phone)
        assert received.target_kind == kind

    def test_a_revoked_access_token_is_renewed_and_the_push_goes_out(
        self, own_fcm
    ) -> None:
        with open_gateway(own_fcm) as gateway:
            gateway.send(TargetKind.FID, "ok-1", make_message())

            gateway.send(TargetKind.FID, "revoked-1", make_message())

            assert len(own_fcm.received_by("revoked-1")) == 1
            assert own_fcm.token_requests == 2


class TestThePhone:
    @pytest.mark.parametrize("scenario", ["unreg", "badtok"])
    def test_is_dead_when_fcm_says_unregistered(
        self, fcm, gateway, target, scenario
    ) -> None:
        phone = target(scenario)

        error = refused(gateway, phone)

        assert type(error) is TargetGone
        assert error.reason.startswith(("404 UNREGISTERED", "400 INVALID_ARGUMENT"))
        assert len(fcm.requests_for(phone)) == 1

    def test_of_another_project_has_its_own_error(self, gateway, target) -> None:
        assert type(refused(gateway, target("mismatch"))) is WrongProject

    def test_is_not_dead_after_a_malformed_message(self, gateway, target) -> None:
        assert type(refused(gateway, target("payload"))) is PayloadRefused


class TestTheProject:
    def test_with_a_bad_apns_key_costs_one_request(self, fcm, gateway, target) -> None:
        phone = target("apns")

        assert type(refused(gateway, phone)) is ProviderMisconfigured
        assert len(fcm.requests_for(phone)) == 1

    def test_without_the_right_role_is_misconfigured(self, gateway, target) -> None:
        assert type(refused(gateway, target("denied"))) is ProviderMisconfigured

    def test_that_refuses_fresh_tokens_is_misconfigured(
        self, fcm, gateway, target
    ) -> None:
        phone = target("revoked9")

        assert type(refused(gateway, phone)) is ProviderMisconfigured
        assert len(fcm.requests_for(phone)) == 3

    def test_that_does_not_exist_does_not_mark_the_phone_as_dead(self, own_fcm) -> None:
        with open_gateway(own_fcm) as gateway:
            own_fcm.project_id = "another"

            assert type(refused(gateway, "ok-1")) is ProviderMisconfigured


class TestQuota:
    def test_retry_after_in_seconds_is_read(self, gateway, target) -> None:
        error = refused(gateway, target("quota-37"))

        assert isinstance(error, TryLater)
        assert (error.is_quota, error.retry_after_s) == (True, 37.0)

    def test_retry_after_as_a_date_is_read(self, gateway, target) -> None:
        error = refused(gateway, target("quotadate-90"))

        assert isinstance(error, TryLater)
        assert error.is_quota
        assert 90.0 <= error.retry_after_s <= 92.0

    def test_a_missing_retry_after_is_none(self, gateway, target) -> None:
        error = refused(gateway, target("quota"))

        assert isinstance(error, TryLater)
        assert (error.is_quota, error.retry_after_s) == (True, None)


class TestLater:
    @pytest.mark.parametrize(
        "scenario", ["unavail", "internal", "reset", "html", "oddhtml", "odd", "cut"]
    )
    def test_a_failure_for_now_is_one_request_and_try_later(
        self, fcm, gateway, target, scenario
    ) -> None:
        phone = target(scenario)

        error = refused(gateway, phone)

        assert type(error) is TryLater
        assert not error.is_quota
        assert len(fcm.requests_for(phone)) == 1

    def test_retry_after_of_a_503_is_read(self, gateway, target) -> None:
        assert refused(gateway, target("unavail-12")).retry_after_s == 12.0

    def test_retry_after_is_read_beside_an_unreadable_body(
        self, gateway, target
    ) -> None:
        assert refused(gateway, target("odd-40")).retry_after_s == 40.0

    def test_a_push_with_a_cut_200_is_tried_later_though_it_arrived(
        self, fcm, gateway, target
    ) -> None:
        phone = target("cutok")

        assert type(refused(gateway, phone)) is TryLater
        assert len(fcm.received_by(phone)) == 1

    def test_a_slow_answer_is_given_up_after_the_timeout(self, own_fcm) -> None:
        with open_gateway(own_fcm, timeout_s=0.3) as impatient:
            impatient.send(TargetKind.FID, "ok-slow", make_message())
            started = time.monotonic()

            error = refused(impatient, "slow-600-given-up")
            took_s = time.monotonic() - started
        # The fake FCM writes a request down when it has answered.
        own_fcm.hurry()
        wait_until(lambda: own_fcm.requests_for("slow-600-given-up"), "the request")

        assert type(error) is TryLater
        assert 0.3 <= took_s < 600
        assert len(own_fcm.requests_for("slow-600-given-up")) == 1

    def test_a_refused_connection_means_try_later(self) -> None:
        gone = FakeFcm().start()
        gone.stop()

        with open_gateway(gone) as gateway:
            assert type(refused(gateway, "ok-1")) is TryLater

    def test_the_gateway_works_again_after_any_failure(
        self, fcm, gateway, target
    ) -> None:
        for scenario in ("reset", "cut", "odd", "html", "unavail", "apns"):
            refused(gateway, target(scenario))
            phone = target("ok")

            gateway.send(TargetKind.FID, phone, make_message())

            assert len(fcm.received_by(phone)) == 1

    def test_two_failures_then_success_are_three_requests(
        self, fcm, gateway, target
    ) -> None:
        phone = target("unavail2")
        refused(gateway, phone)
        refused(gateway, phone)

        gateway.send(TargetKind.FID, phone, make_message())

        assert [r.status for r in fcm.requests_for(phone)] == [503, 503, 200]


def test_an_empty_target_is_refused_before_any_request(fcm, gateway) -> None:
    before = len(fcm.requests)

    assert type(refused(gateway, "")) is PayloadRefused
    assert len(fcm.requests) == before


def test_sixteen_threads_share_a_gateway_and_no_push_is_lost(own_fcm) -> None:
    phones = [f"ok-{number}" for number in range(200)]
    kinds = [TargetKind.FID, TargetKind.TOKEN]

    with open_gateway(own_fcm) as gateway, ThreadPoolExecutor(16) as pool:
        names = list(
            pool.map(
                lambda n: gateway.send(kinds[n % 2], phones[n], make_message()),
                range(200),
            )
        )

    assert len(set(names)) == 200
    assert sorted(r.target for r in own_fcm.received) == sorted(phones)
