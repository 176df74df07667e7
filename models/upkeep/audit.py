"""The audit log: entries not chained yet, each company's chain of entries, its head,
and signed heads."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.row import Row


class UnchainedEntry(Row):
    """An entry as the trigger writes it at the end of a transaction, which waits for
    nothing then. Soon after, a job moves it to the end of its company's chain.

    No other insert is allowed, and no change. It has no foreign key: checking one would
    wait for a company that another transaction has locked.
    """

    __tablename__ = "audit_unchained"
    __table_args__ = (Index(None, "org_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    org_id: Mapped[UUID]
    at: Mapped[datetime]
    member_id: Mapped[UUID]
    act: Mapped[str]
    subject: Mapped[str]
    subject_id: Mapped[UUID]
    columns: Mapped[list[str]] = mapped_column(ARRAY(String))


class AuditEntry(Row):
    """One change by a signed-in member: which columns of which row, not their values.

    Chained from an `UnchainedEntry`. No other insert is allowed, and no change. `hash`
    covers the entry and the hash before it.
    """

    __tablename__ = "audit"
    __table_args__ = (PrimaryKeyConstraint("org_id", "seq"),)

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    seq: Mapped[int]
    at: Mapped[datetime]
    member_id: Mapped[UUID]
    act: Mapped[str]
    subject: Mapped[str]
    subject_id: Mapped[UUID]
    columns: Mapped[list[str]] = mapped_column(ARRAY(String))
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class AuditHead(Row):
    """The newest entry of a company's chain; it reveals a chain that was cut short."""

    __tablename__ = "audit_heads"

    org_id: Mapped[UUID] = mapped_column(
        ForeignKey("organisations.id"), primary_key=True
    )
    seq: Mapped[int]
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class AuditSignature(Row):
    """A head as it was signed. A copy outside reveals a chain that was rewritten."""

    __tablename__ = "audit_signatures"
    __table_args__ = (PrimaryKeyConstraint("org_id", "seq"),)

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    seq: Mapped[int]
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    signed_at: Mapped[datetime]
    kid: Mapped[str]
    signature: Mapped[bytes] = mapped_column(LargeBinary)
