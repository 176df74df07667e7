"""Companies that the operator suspends and resumes."""

from uuid import UUID

from runtime.db import Session
from services.upkeep import suspensions
from tests.world import Caller, utcnow


def suspend(company: Caller) -> int:
    """Suspend the company as the operator does; return how many offers ended."""
    assert isinstance(company.org_id, UUID)
    with Session.begin() as session:
        suspensions.suspend(session, company.org_id, reason="fraud", now=utcnow())
    with Session.begin() as session:
        ended = suspensions.withdraw_offers(session, company.org_id, now=utcnow())
    with Session.begin() as session:
        assert not suspensions.withdraw_offers(session, company.org_id, now=utcnow())
    return ended


def suspend_without_withdrawing(company: Caller) -> None:
    """Do the first half of it, before its offers are withdrawn."""
    assert isinstance(company.org_id, UUID)
    with Session.begin() as session:
        suspensions.suspend(session, company.org_id, reason="fraud", now=utcnow())


def resume(company: Caller) -> None:
    assert isinstance(company.org_id, UUID)
    with Session.begin() as session:
        suspensions.resume(session, company.org_id, now=utcnow())
