"""PUBLIC has no right on what is ours; a login without a role of ours does nothing."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Engine, make_url, text

from tests.tenants.rights import OF_PUBLIC
from tests.world import World


@pytest.mark.parametrize("kind", OF_PUBLIC)
def test_public_has_no_right(engine: Engine, kind: str) -> None:
    with engine.connect() as connection:
        assert connection.scalars(text(OF_PUBLIC[kind])).all() == []


@pytest.mark.parametrize("owner", ["backhaul_owner", "backhaul_worker"])
def test_public_gets_no_right_on_later_functions(database_url: str, owner: str) -> None:
    """As a later revision makes them."""
    with psycopg.connect(database_url) as connection:
        connection.execute("grant create on schema public to backhaul_worker")
        connection.execute(f"set local role {owner}")
        connection.execute("create function later() returns int return 1")
        public = connection.execute(OF_PUBLIC["function"]).fetchall()
        connection.rollback()

    assert public == []


def test_no_role_of_ours_has_a_right_on_a_database_by_itself(engine: Engine) -> None:
    """A database of the same server that goes back to nothing would take it away."""
    query = text(
        "select grantee::regrole::text from pg_database, aclexplode(datacl)"
        " where datname = current_database() and grantee::regrole::text like 'back%'"
    )
    with engine.connect() as connection:
        found = set(connection.scalars(query))

    assert "backhaul_logins" in found
    assert not found & {"backhaul_app", "backhaul_worker", "backhaul_owner"}


CALLED = {
    "backhaul_app": {
        *("act_for", "app_loads", "app_org", "app_visible", "enter", "take_limits"),
        *("enter_by_family", "enter_by_invitation", "enter_by_login"),
        *("enter_by_reset", "is_suspended", "suspended_organisations", "live_devices"),
        *("live_devices_of", "settle_driver", "release_target"),
        *("oldest_transaction_s", "procrastinate_defer_jobs_v1"),
        *("give_backs_of", "has_load_underway", "way_of", "free_slot"),
        *("note_duplicates", "is_cabotage", "live_devices_at_desk"),
        # An explanation counts a poster's bookings as a search did.
        "bookings_of",
    },
    "backhaul_worker": {
        *("act_for", "enter", "take_limits", "chain_audit"),
        *("make_position_partitions", "oldest_transaction_s"),
        *("app_loads", "app_org", "free_slot", "is_cabotage"),
    },
}
"""The functions that each role may execute, beside its own and the queue's."""


@pytest.mark.parametrize("role", CALLED)
def test_each_role_may_execute_what_it_calls_and_no_more(
    engine: Engine, role: str
) -> None:
    query = text(
        "select proname, proname like 'procrastinate\\_%' from pg_proc"
        " where pronamespace = 'public'::regnamespace"
        " and has_function_privilege(:role, oid, 'execute')"
        " and proowner <> to_regrole(:role)"
    )
    with engine.connect() as connection:
        found = connection.execute(query, {"role": role}).all()
    is_worker = role == "backhaul_worker"

    assert {name for name, is_queue in found if not (is_queue and is_worker)} == (
        CALLED[role]
    )


@pytest.fixture
def ordinary(database_url: str, login_url: str) -> Iterator[str]:
    """The URL of a new login that has no role and no right."""
    login = f"dba_{uuid4().hex[:8]}"
    url = make_url(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"create role {login} login password '{url.password or ''}'")
    yield url.set(username=login).render_as_string(hide_password=False)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"drop owned by {login}")
        connection.execute(f"drop role {login}")


FORGERY = """
create temp table forged (id uuid);
create constraint trigger forge after insert on forged
    deferrable initially deferred for each row execute function public.audit_row();
"""
"""What an ordinary login could do while PUBLIC might execute `audit_row`: a trigger on
a table of its own wrote entries in any company's name."""

REFUSED = {
    "forge an entry": FORGERY,
    "write an entry": "insert into audit_unchained (org_id) values (gen_random_uuid())",
    "hold a chain": "select from audit_heads for update",
    "lock the chains": "lock table audit_heads in access exclusive mode",
    "chain": "select chain_audit(1)",
    "become the app": "set role backhaul_app",
    "act for a company": "select act_for('backhaul_app', '', '')",
    "enter": "select enter_by_login('a@example.com')",
    "queue a job": "insert into procrastinate_jobs (task_name) values ('x')",
    "make a table": "create table public.mine (n int)",
}


def test_an_ordinary_login_cannot_connect(ordinary: str) -> None:
    with pytest.raises(
        psycopg.OperationalError, match="permission denied for database"
    ):
        psycopg.connect(ordinary)


@pytest.mark.parametrize("act", REFUSED)
def test_an_ordinary_login_that_could_connect_can_do_nothing(
    ordinary: str, database_url: str, committed: World, act: str
) -> None:
    """As if an operator had granted it CONNECT, TEMP and the use of the schema."""
    committed.company()
    login, name = make_url(ordinary).username, make_url(ordinary).database
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"grant connect, temporary on database {name} to {login}")
        connection.execute(f"grant usage on schema public to {login}")

    with psycopg.connect(ordinary) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(REFUSED[act])  # type: ignore[arg-type]
