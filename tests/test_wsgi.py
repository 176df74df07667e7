"""Whose a request is, before it has a thread."""

from datetime import timedelta
from uuid import uuid4

from api.kernel.clock import now
from services.people.tokens import Claims, Keyring, access_token
from wsgi import company_of


def test_a_valid_token_names_its_company(keys: Keyring) -> None:
    claims = Claims(uuid4(), uuid4(), uuid4())
    token = access_token(keys, claims, now=now())

    assert company_of(keys, f"Bearer {token}") == claims.org_id
    assert company_of(keys, f"bearer  {token} ") == claims.org_id


def test_without_a_valid_token_a_request_is_of_no_company(keys: Keyring) -> None:
    claims = Claims(uuid4(), uuid4(), uuid4())
    old = access_token(keys, claims, now=now() - timedelta(days=1))
    good = access_token(keys, claims, now=now())

    for header in (
        *(None, "", "Bearer", "Bearer ", "Bearer x", f"Basic {good}", good),
        *(f"Bearer {old}", f"Bearer {good[:-4]}AAAA"),
    ):
        assert company_of(keys, header) is None
