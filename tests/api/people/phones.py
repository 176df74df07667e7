"""Signing in and refreshing on a phone, with or without its key, and what is kept."""

from typing import Any

from sqlalchemy import text
from uuid_utils.compat import uuid7

from market.phone_keys import PhoneKey
from runtime.db import Session
from tests.world import PASSWORD, Answer, Caller

SESSIONS = "/v1/sessions"
REFRESH = "/v1/sessions/refresh"


def new_id() -> str:
    return str(uuid7())


def body_of(caller: Caller, device_id: str | None = None) -> dict[str, Any]:
    """Return the body of the caller's sign-in."""
    with Session() as session:
        email = session.execute(
            text("select email from members where id = :id"), {"id": caller.member_id}
        ).scalar()
    body = {"login": email, "password": PASSWORD}
    return body | ({"device_id": device_id} if device_id else {})


def nonce_for(caller: Caller, key: PhoneKey) -> str:
    """Return the nonce that the server wants in a sign-in's proof."""
    refused = Caller(caller.app, "").post(
        SESSIONS, {"login": "x", "password": "x"}, DPoP=key.proof("POST", SESSIONS)
    )
    assert (refused.status, refused.code) == (400, "proof-nonce-needed")
    return refused.headers["DPoP-Nonce"]


def sign_in(
    caller: Caller,
    device_id: str | None = None,
    key: PhoneKey | None = None,
    **said: object,
) -> Answer:
    """Sign the caller in again, with a proof if there is a key.

    said: claims of the proof that differ.
    """
    headers = {}
    if key:
        said.setdefault("nonce", nonce_for(caller, key))
        headers["DPoP"] = key.proof("POST", SESSIONS, **said)
    return Caller(caller.app, "").post(SESSIONS, body_of(caller, device_id), **headers)


def refresh(
    caller: Caller,
    token: str,
    device_id: str | None = None,
    key: PhoneKey | None = None,
    **said: object,
) -> Answer:
    """Send the refresh token, with a new proof if there is a key."""
    proof = key.proof("POST", REFRESH, **({"token": token} | said)) if key else ""
    return send(caller, token, device_id, proof)


def send(
    caller: Caller, token: str, device_id: str | None = None, proof: str = ""
) -> Answer:
    """Send the refresh token with this proof, also one that was used before."""
    body = {"refresh_token": token, "device_id": device_id}
    if device_id is None:
        del body["device_id"]
    return Caller(caller.app, "").post(REFRESH, body, DPoP=proof)


def said(answer: Answer) -> tuple[int, str]:
    """Return the status, and the problem's code if there is one."""
    return answer.status, answer.code if answer.status >= 400 else ""


def me(caller: Caller, tokens: Answer) -> Answer:
    return Caller(caller.app, tokens["access_token"]).get("/v1/me")


def state(caller: Caller, device_id: str) -> str:
    """Return the enrolment of this device."""
    listed = caller.get("/v1/devices")["data"]
    return str(
        next(device["enrolment"] for device in listed if device["id"] == device_id)
    )


def events_of(member_id: Any) -> list[str]:
    """Return the kinds of the member's events, oldest first."""
    with Session() as session:
        found = session.execute(
            text("select kind, org_id from events where subject_id = :id order by id"),
            {"id": member_id},
        ).all()
    assert all(row.org_id for row in found)
    return [row.kind for row in found]


def let_time_pass(time: str) -> None:
    """Move the last uses of all sign-ins back, as if `time` had passed since."""
    with Session.begin() as session:
        session.execute(
            text(
                "update refresh_families"
                " set last_used_at = last_used_at - cast(:time as interval)"
            ),
            {"time": time},
        )
