"""The audit log: who did what to which row, chained and signed; tampering is found."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError
from uuid_utils.compat import uuid7

from edges.start import audit_key as audit_key_of
from models.upkeep.audit import AuditEntry, AuditHead
from runtime.config import Settings
from runtime.db import Hand, Session, Tenant, acting
from services.upkeep import audit
from services.upkeep.audit import AuditKey, to_record
from tests.over_http import HttpWorld
from tests.world import Caller, World, utcnow


@pytest.fixture
def kind_of_world() -> type[World]:
    """What was done over the API is in the log; rows that a test writes are not."""
    return HttpWorld


@pytest.fixture
def key(settings: Settings) -> AuditKey:
    return audit_key_of(settings)


@pytest.fixture
def desk(committed: World) -> Caller:
    """A dispatcher who has made and edited a truck."""
    desk = committed.company()
    truck_id = committed.truck(desk)
    committed.driver(desk, device=None)
    body = {"unit_number": "T-900", "equipment": "reefer"}
    desk.put(f"/v1/trucks/{truck_id}", body)
    return desk


def chain() -> int:
    with acting(Hand.SERVER), Session.begin() as session:
        return audit.chain(session)


def entries(org_id: Any) -> list[AuditEntry]:
    """Return the company's chain, with all its entries in it."""
    chain()
    with Session() as session:
        query = select(AuditEntry).where(AuditEntry.org_id == org_id)
        return list(session.scalars(query.order_by(AuditEntry.seq)))


def findings(key: AuditKey, elsewhere: Any = ()) -> audit.Findings:
    chain()
    with Session() as session:
        return audit.verify(session, key, elsewhere)


def sign(key: AuditKey) -> list[dict[str, Any]]:
    chain()
    with Session.begin() as session:
        audit.sign_heads(session, key, now=utcnow())
        return [to_record(head) for head in audit.signed_heads(session)]


@pytest.fixture
def forge(superuser: Engine) -> Iterator[Any]:
    """Do what only an intruder with full control of the database can do."""

    def run(*statements: str) -> None:
        chain()
        with superuser.begin() as connection:
            connection.execute(text("set local session_replication_role = replica"))
            for statement in statements:
                connection.execute(text(statement))

    return run


class TestWriting:
    def test_names_who_did_what_to_which_row(self, desk: Caller) -> None:
        found = [(e.act, e.subject, e.member_id) for e in entries(desk.org_id)]

        assert ("insert", "trucks", desk.member_id) in found
        last = entries(desk.org_id)[-1]
        assert (last.act, last.subject) == ("update", "trucks")
        assert last.columns == [
            "deck_length_m",
            "equipment",
            "payload_kg",
            "unit_number",
        ]
        assert [e.seq for e in entries(desk.org_id)] == list(range(1, len(found) + 1))

    def test_keeps_no_contents(self, desk: Caller, superuser: Engine) -> None:
        rows = []
        with superuser.connect() as connection:
            for table in ("audit_unchained", "audit"):
                rows += connection.execute(text(f"select * from {table}")).all()
                chain()
        dump = str(rows)

        assert dump.count("trucks") >= 4
        assert "T-900" not in dump
        assert "example.com" not in dump

    def test_what_is_rolled_back_was_not_done(self, desk: Caller) -> None:
        before = len(entries(desk.org_id))
        assert desk.org_id is not None
        assert desk.member_id is not None
        with (
            acting(Tenant(desk.org_id, desk.member_id)),
            Session() as session,
        ):
            session.execute(text("update trucks set payload_kg = 1"))
            session.rollback()

        assert len(entries(desk.org_id)) == before

    def test_the_servers_own_hand_is_in_the_events_instead(self, desk: Caller) -> None:
        before = len(entries(desk.org_id))
        with acting(Hand.SERVER), Session.begin() as session:
            session.execute(text("update trucks set payload_kg = 1"))

        assert len(entries(desk.org_id)) == before

    def test_many_writers_at_once_make_one_unbroken_chain(
        self, committed: World, key: AuditKey
    ) -> None:
        desks = [committed.company() for _ in range(3)]
        trucks = [(desk, committed.truck(desk)) for desk in desks for _ in range(4)]

        # One writer for each truck: of two writers the slower one would be refused.
        def rename(number: int) -> set[int]:
            desk, truck_id = trucks[number]
            bodies = [
                {"unit_number": f"N{number}.{turn}", "equipment": "van"}
                for turn in range(8)
            ]
            return {desk.put(f"/v1/trucks/{truck_id}", body).status for body in bodies}

        # Two chain meanwhile, so that entries arrive between two runs.
        over = Event()

        def chain_meanwhile(_: int) -> int:
            chained = 0
            while not over.is_set():
                chained += chain()
            return chained

        with ThreadPoolExecutor(2) as chaining, ThreadPoolExecutor(8) as pool:
            runs = chaining.map(chain_meanwhile, range(2))
            try:
                assert set().union(*pool.map(rename, range(len(trucks)))) == {200}
            finally:
                over.set()
            assert sum(runs) > 0

        found = findings(key)
        assert found.faults == ()
        assert found.entries >= 96 + 12


class TestChaining:
    def test_entries_wait_until_they_are_chained(
        self, desk: Caller, key: AuditKey
    ) -> None:
        with Session() as session:
            before = audit.verify(session, key)
        chained = chain()
        after = findings(key)

        (waiting,) = before.unchained
        assert (before.entries, waiting.org_id) == (0, desk.org_id)
        assert waiting.entries == chained == after.entries > 0
        assert waiting.since <= utcnow()
        assert (after.unchained, after.faults) == ((), ())
        assert chain() == 0

    def test_goes_on_where_it_stopped(self, desk: Caller, key: AuditKey) -> None:
        with Session.begin() as session:
            assert audit.chain(session, most=2) == 2
        with Session() as session:
            assert session.scalar(select(AuditHead.seq)) == 2

        assert chain() > 0
        assert findings(key).faults == ()

    def test_is_in_the_order_in_which_a_row_was_changed(self, desk: Caller) -> None:
        truck_id = desk.get("/v1/trucks")["data"][0]["id"]
        before = len(entries(desk.org_id))
        for number in range(3):
            desk.put(f"/v1/trucks/{truck_id}", van() | {"payload_kg": 9000 + number})

        times = [entry.at for entry in entries(desk.org_id)[before:]]
        assert len(times) == 3
        assert times == sorted(times)

    def test_a_locked_company_holds_up_no_other(
        self, desk: Caller, committed: World, superuser: Engine, key: AuditKey
    ) -> None:
        chain()
        other = committed.company()
        for each in (desk, other):
            each.put(f"/v1/trucks/{uuid7()}", van())
        lock = text("select from audit_heads where org_id = :org for update")
        with superuser.begin() as connection:
            connection.execute(lock, {"org": desk.org_id})
            chain()
            with Session() as session:
                found = audit.verify(session, key)
        assert [each.org_id for each in found.unchained] == [desk.org_id]

        assert findings(key).unchained == ()


class TestTampering:
    @pytest.mark.parametrize(
        "statement",
        [
            "update audit set act = 'insert'",
            "delete from audit",
            "truncate audit",
            "update audit_heads set seq = 0",
            "insert into audit select org_id, seq + 1000, at, member_id, act, subject,"
            " subject_id, columns, hash from audit",
            "delete from audit_signatures",
            "update audit_unchained set act = 'insert'",
            "delete from audit_unchained",
            "truncate audit_unchained",
            "insert into audit_unchained (org_id, at, member_id, act, subject,"
            " subject_id, columns) select org_id, at, member_id, act, subject,"
            " subject_id, columns from audit_unchained",
        ],
    )
    @pytest.mark.parametrize("who", ["app", "server"])
    def test_none_of_our_processes_may_change_or_forge_it(
        self, desk: Caller, statement: str, who: str
    ) -> None:
        assert desk.org_id is not None
        assert desk.member_id is not None
        whom = Hand.SERVER if who == "server" else Tenant(desk.org_id, desk.member_id)
        with acting(whom), Session() as session, pytest.raises(DBAPIError) as refused:
            session.execute(text(statement))

        assert "permission denied" in str(refused.value)

    @pytest.mark.parametrize("table", ["audit", "audit_signatures", "audit_unchained"])
    @pytest.mark.parametrize("act", ["update {} set org_id = org_id", "delete from {}"])
    def test_even_a_superuser_cannot_rewrite_it_by_mistake(
        self, desk: Caller, key: AuditKey, superuser: Engine, table: str, act: str
    ) -> None:
        """A superuser may also switch the trigger off; this is about mistakes."""
        sign(key)
        desk.put(f"/v1/trucks/{desk.get('/v1/trucks')['data'][0]['id']}", van())
        statement = text(act.format(table))

        with (
            superuser.connect() as connection,
            pytest.raises(DBAPIError, match="append-only"),
        ):
            connection.execute(statement)

    def test_a_company_cannot_read_anothers(
        self, desk: Caller, committed: World
    ) -> None:
        other = committed.company()
        assert other.org_id is not None
        assert other.member_id is not None
        with acting(Tenant(other.org_id, other.member_id)), Session() as session:
            assert session.scalar(text("select count(*) from audit")) == 0


class TestVerify:
    def test_an_untouched_log_verifies(self, desk: Caller, key: AuditKey) -> None:
        sign(key)
        found = findings(key)

        assert found.faults == ()
        assert found.entries == len(entries(desk.org_id))
        assert found.signatures == 1

    def test_an_edited_entry_is_named(
        self, desk: Caller, key: AuditKey, forge: Any
    ) -> None:
        forge("update audit set act = 'delete' where seq = 2")

        (fault,) = findings(key).faults
        assert (fault.org_id, fault.seq) == (desk.org_id, 2)
        assert "edited" in fault.reason

    def test_a_deleted_entry_is_named(
        self, desk: Caller, key: AuditKey, forge: Any
    ) -> None:
        forge("delete from audit where seq = 2")

        assert [f.seq for f in findings(key).faults] == [2]

    def test_a_cut_tail_is_found_by_the_head(
        self, desk: Caller, key: AuditKey, forge: Any
    ) -> None:
        newest = len(entries(desk.org_id))
        forge(f"delete from audit where seq = {newest}")

        (fault,) = findings(key).faults
        assert fault.seq == newest

    def test_a_tail_cut_with_its_head_is_found_by_a_head_kept_elsewhere(
        self, desk: Caller, key: AuditKey, forge: Any
    ) -> None:
        kept = sign(key)
        newest = len(entries(desk.org_id))
        forge(
            "delete from audit_signatures",
            f"delete from audit where seq = {newest}",
            "update audit_heads h set seq = a.seq, hash = a.hash from audit a"
            f" where a.org_id = h.org_id and a.seq = {newest - 1}",
        )

        assert findings(key).faults == ()
        (fault,) = findings(key, kept).faults
        assert fault.seq == newest
        assert "not the one that was signed" in fault.reason

    def test_a_forged_signature_is_named(
        self, desk: Caller, key: AuditKey, forge: Any
    ) -> None:
        sign(key)
        forge("update audit_signatures set signature = sha512('x')")

        (fault,) = findings(key).faults
        assert "signature is not ours" in fault.reason

    def test_signing_again_signs_what_moved(self, desk: Caller, key: AuditKey) -> None:
        assert len(sign(key)) == 1
        assert len(sign(key)) == 1
        desk.put(f"/v1/trucks/{desk.get('/v1/trucks')['data'][0]['id']}", van())

        assert len(sign(key)) == 2
        with Session() as session:
            assert session.scalar(select(AuditHead.seq)) == len(entries(desk.org_id))


def van() -> dict[str, Any]:
    return {"unit_number": "T-901", "equipment": "van"}


class TestKeys:
    def test_a_rotated_key_still_verifies(self, desk: Caller, tmp_path: Any) -> None:
        old = Settings(DATA_DIR=str(tmp_path))
        sign(audit_key_of(old))
        new = Settings(
            DATA_DIR=str(tmp_path / "new"),
            AUDIT_PREVIOUS_KEY=(tmp_path / "audit.pem").read_text(),
        )

        assert findings(audit_key_of(new)).faults == ()
        stranger = Settings(DATA_DIR=str(tmp_path / "other"))
        (fault,) = findings(audit_key_of(stranger)).faults
        assert "key that is not known" in fault.reason

    def test_a_key_that_is_not_ed25519_is_refused(self) -> None:
        with pytest.raises(ValueError, match="AUDIT_SIGNING_KEY is not an Ed25519"):
            audit.make_audit_key("changeme")
