"""Refresh tokens of phones with a key and without: late, repeated, shuffled, copied."""

from typing import Any
from uuid import UUID

import jwt
import pytest

from market.phone_keys import PhoneKey
from models.people.organisations import RefreshFamily
from runtime.db import Session
from services.people.proofs import LONGEST_PROOF, MOST_USED_PROOFS
from tests.api.people.phones import (
    REFRESH,
    SESSIONS,
    events_of,
    let_time_pass,
    me,
    refresh,
    said,
    send,
    sign_in,
)
from tests.world import Caller, utcnow

DAY_S = 86_400


@pytest.fixture
def token(driver: Caller, phone: str, key: PhoneKey) -> str:
    """The first refresh token of a sign-in on the phone, which proved its key."""
    signed_in = sign_in(driver, phone, key)
    assert signed_in.status == 201
    return str(signed_in["refresh_token"])


class TestAPhoneWithAKey:
    @pytest.mark.parametrize("later", ["1 second", "2 hours", "29 days"])
    def test_gets_a_lost_answer_again_at_any_time(
        self, driver: Caller, phone: str, key: PhoneKey, token: str, later: str
    ) -> None:
        lost = refresh(driver, token, phone, key)

        let_time_pass(later)
        again = refresh(driver, token, phone, key)

        assert (lost.status, again.status) == (200, 200)
        assert again["refresh_token"] == lost["refresh_token"]
        assert refresh(driver, again["refresh_token"], phone, key).status == 200

    def test_is_not_signed_out_by_a_request_that_comes_late(
        self, driver: Caller, phone: str, key: PhoneKey, token: str
    ) -> None:
        delayed = key.proof("POST", REFRESH, token=token)
        second = refresh(driver, token, phone, key)["refresh_token"]
        third = refresh(driver, second, phone, key)["refresh_token"]

        late = send(driver, token, phone, delayed)

        assert said(late) == (401, "refresh-token-superseded")
        assert refresh(driver, third, phone, key).status == 200
        assert events_of(driver.member_id) == []

    @pytest.mark.parametrize("off_s", [-DAY_S, DAY_S, None, -50 * 365 * DAY_S])
    def test_may_have_a_wrong_clock(
        self, driver: Caller, phone: str, key: PhoneKey, token: str, off_s: int | None
    ) -> None:
        at = None if off_s is None else int(utcnow().timestamp()) + off_s

        assert refresh(driver, token, phone, key, iat=at).status == 200
        assert sign_in(driver, phone, key, iat=at).status == 201

    @pytest.mark.parametrize("others", [None, PhoneKey()], ids=["none", "own"])
    def test_is_not_copied_with_its_token(
        self,
        driver: Caller,
        phone: str,
        key: PhoneKey,
        token: str,
        others: PhoneKey | None,
    ) -> None:
        """A thief who takes turns with the phone is found at their first turn."""
        second = refresh(driver, token, phone, key)

        stolen = refresh(driver, second["refresh_token"], phone, others)

        assert said(stolen) == (401, "refresh-key-mismatch")
        assert me(driver, second).status == 401
        owner = refresh(driver, second["refresh_token"], phone, key)
        assert said(owner) == (401, "unauthenticated")
        assert events_of(driver.member_id) == ["session.key_mismatch"]

    def test_uses_a_proof_once(
        self, driver: Caller, phone: str, key: PhoneKey, token: str
    ) -> None:
        """A copy of a request gives its thief nothing, before and after its answer
        was used, and ends nothing: the network may have sent it twice."""
        copied = key.proof("POST", REFRESH, token=token)
        second = send(driver, token, phone, copied)["refresh_token"]

        replayed = [send(driver, token, phone, copied)]
        assert refresh(driver, token, phone, key).status == 200
        replayed.append(send(driver, token, phone, copied))
        third = refresh(driver, second, phone, key)["refresh_token"]
        replayed.append(send(driver, token, phone, copied))

        assert [said(answer) for answer in replayed] == [
            (400, "proof-invalid"),
            (400, "proof-invalid"),
            (401, "refresh-token-superseded"),
        ]
        assert refresh(driver, third, phone, key).status == 200

    def test_proves_it_for_the_token_that_it_sends(
        self, driver: Caller, phone: str, key: PhoneKey, token: str
    ) -> None:
        second = refresh(driver, token, phone, key)["refresh_token"]
        old = key.proof("POST", REFRESH, token=token)

        assert said(send(driver, second, phone, old)) == (400, "proof-invalid")
        without = refresh(driver, second, phone, key, ath=None)
        assert said(without) == (400, "proof-invalid")
        assert refresh(driver, second, phone, key).status == 200

    def test_has_many_proofs_remembered(
        self, driver: Caller, phone: str, key: PhoneKey, token: str
    ) -> None:
        copied = key.proof("POST", REFRESH, token=token)
        send(driver, token, phone, copied)

        def used() -> list[str]:
            with Session() as session:
                family = session.get_one(RefreshFamily, UUID(token.split(".")[0]))
                return family.used_proofs

        (first,) = used()
        with Session.begin() as session:
            family = session.get_one(RefreshFamily, UUID(token.split(".")[0]))
            others = [str(number) for number in range(MOST_USED_PROOFS - 1)]
            family.used_proofs = [first, *others]
        assert send(driver, token, phone, copied).code == "proof-invalid"

        assert refresh(driver, token, phone, key).status == 200

        assert len(used()) == MOST_USED_PROOFS
        assert first not in used()

    def test_signs_its_member_in_by_a_browser_too(
        self, driver: Caller, key: PhoneKey
    ) -> None:
        first = sign_in(driver, None, key)["refresh_token"]

        assert refresh(driver, first, None, key).status == 200
        assert refresh(driver, first).code == "refresh-key-mismatch"


class TestAProof:
    @pytest.mark.parametrize(
        "claims",
        [
            {"htm": "GET"},
            {"htu": f"https://api.example.com{SESSIONS}"},
            {"htu": "http://[broken"},
            {"htu": None},
            {"htm": None},
            {"jti": None},
            {"jti": 5},
            {"jti": "\ud800"},
            {"ath": "x"},
            {"ath": 5},
            {"pad": "x" * LONGEST_PROOF},
        ],
        ids=str,
    )
    def test_of_another_request_is_refused_and_ends_nothing(
        self,
        driver: Caller,
        phone: str,
        key: PhoneKey,
        token: str,
        claims: dict[str, Any],
    ) -> None:
        answer = refresh(driver, token, phone, key, **claims)

        assert said(answer) == (400, "proof-invalid")
        assert refresh(driver, token, phone, key).status == 200

    def test_may_be_as_long_as_it_says(
        self, driver: Caller, phone: str, key: PhoneKey, token: str
    ) -> None:
        short = key.proof("POST", REFRESH, token=token, pad="", jti="1" * 32)
        # Three bytes are four characters. The last ones do not fill three.
        room = (LONGEST_PROOF - len(short)) // 4 * 3
        sizes = range(room - 6, room + 7)

        lengths = {}
        for size in sizes:
            proof = key.proof("POST", REFRESH, token=token, pad="x" * size)
            lengths[len(proof)] = send(driver, token, phone, proof).status

        fitting = {length for length in lengths if length <= LONGEST_PROOF}
        assert {LONGEST_PROOF} <= fitting < set(lengths)
        assert {lengths[length] for length in fitting} == {200}
        assert {lengths[length] for length in set(lengths) - fitting} == {400}

    @pytest.mark.parametrize(
        "forged", ["nonsense", "a.b.c", "\xe9", "other", "typ", "d"]
    )
    def test_that_is_forged_is_refused(
        self, driver: Caller, phone: str, key: PhoneKey, token: str, forged: str
    ) -> None:
        proof = forge(forged, key, token)

        answer = send(driver, token, phone, proof)

        assert said(answer) == (400, "proof-invalid")
        assert refresh(driver, token, phone, key).status == 200

    def test_of_one_key_has_one_thumbprint(
        self, driver: Caller, phone: str, key: PhoneKey, token: str
    ) -> None:
        """Also written with padding, or with more members."""

        class Written(PhoneKey):
            @property
            def jwk(self) -> dict[str, Any]:
                plain = super().jwk
                return plain | {"x": plain["x"] + "=", "kid": "1", "use": "sig"}

        answer = refresh(driver, token, phone, Written(key.private))

        assert answer.status == 200


def forge(kind: str, key: PhoneKey, token: str) -> str:
    """Return a proof that names the phone's key and was not made with it, or a broken
    one."""

    class Claiming(PhoneKey):
        @property
        def jwk(self) -> dict[str, Any]:
            return key.jwk

    proof = key.proof("POST", REFRESH, token=token)
    match kind:
        case "other":
            return Claiming().proof("POST", REFRESH, token=token)
        case "typ":
            return with_header(key, token, typ="JWT")
        case "d":
            return with_header(key, token, jwk=key.jwk | {"d": key.jwk["x"]})
    return kind if kind != "a.b.c" else f"a{proof[1:]}"


def with_header(key: PhoneKey, token: str, **header: Any) -> str:
    claims = jwt.decode(
        key.proof("POST", REFRESH, token=token), options={"verify_signature": False}
    )
    made = {"typ": "dpop+jwt", "jwk": key.jwk} | header
    return jwt.encode(claims, key.private, "ES256", headers=made)


class TestWithoutAKey:
    @pytest.mark.parametrize(
        ("later", "expected"),
        [("59 seconds", (200, "")), ("61 seconds", (401, "refresh-token-reused"))],
    )
    def test_a_lost_answer_is_given_again_for_a_minute(
        self, driver: Caller, later: str, expected: tuple[int, str]
    ) -> None:
        first = sign_in(driver)["refresh_token"]
        assert refresh(driver, first).status == 200

        let_time_pass(later)

        assert said(refresh(driver, first)) == expected

    def test_a_repeat_does_not_prolong_the_minute(self, driver: Caller) -> None:
        first = sign_in(driver)["refresh_token"]
        second = refresh(driver, first)

        for expected in (200, 200, 401):
            assert refresh(driver, first).status == expected
            let_time_pass("35 seconds")

        assert refresh(driver, second["refresh_token"]).status == 401
        assert events_of(driver.member_id) == ["session.token_reused"]

    def test_the_first_use_may_be_at_any_time(self, driver: Caller) -> None:
        first = sign_in(driver)["refresh_token"]

        let_time_pass("5 days")

        assert refresh(driver, first).status == 200

    def test_a_proof_changes_nothing(self, driver: Caller) -> None:
        """Otherwise a thief could bind the sign-in to a key of their own."""
        first = sign_in(driver)["refresh_token"]

        second = refresh(driver, first, None, PhoneKey())

        assert refresh(driver, second["refresh_token"]).status == 200
