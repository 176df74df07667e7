"""The audit chains: adding entries, signing heads, and checking for tampering."""

# scope: the whole log, for the operator and a job.

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from sqlalchemy import Integer, func, select
from sqlalchemy.orm import Session

from models.upkeep.audit import (
    AuditEntry,
    AuditHead,
    AuditSignature,
    UnchainedEntry,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PEM = re.compile(r"-----BEGIN .*?-----END [^-]*-----", re.DOTALL)


@dataclass(frozen=True)
class AuditKey:
    """The key that signs heads, and the public keys that verify signatures."""

    private: ed25519.Ed25519PrivateKey = field(repr=False)
    known: dict[str, ed25519.Ed25519PublicKey]

    @property
    def kid(self) -> str:
        return key_id(self.private.public_key())


def key_id(public: ed25519.Ed25519PublicKey) -> str:
    """Return the first 16 hex digits of the public key's SHA-256."""
    raw = public.public_bytes_raw()
    return hashlib.sha256(raw).hexdigest()[:16]


def make_audit_key(private_pem: str, previous_pem: str = "") -> AuditKey:
    """Read the signing key and the keys before it, which only verify.

    previous_pem: any number of keys, one after the other.

    Raises: ValueError if one is not an Ed25519 private key in PEM.
    """
    private = _read("AUDIT_SIGNING_KEY", private_pem)
    before = [_read("AUDIT_PREVIOUS_KEY", pem) for pem in PEM.findall(previous_pem)]
    if previous_pem.strip() and not before:
        raise ValueError("AUDIT_PREVIOUS_KEY is not an Ed25519 private key in PEM")
    keys = [private, *before]
    return AuditKey(private, {key_id(k.public_key()): k.public_key() for k in keys})


def _read(name: str, pem: str) -> ed25519.Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ValueError(f"{name} is not an Ed25519 private key in unencrypted PEM")
    return key


def chain(session: Session, *, most: int = 1_000) -> int:
    """Move entries that are not chained yet to the end of their companies' chains.

    At most `most` of them, a company's oldest first; returns how many. A company that
    another session has locked is left out. Safe to repeat, also by two at once.

    Locks: the heads of those companies, without waiting for one.
    Source: `migrations/versions/0013_locks.py`.
    """
    return session.scalars(select(func.chain_audit(most, type_=Integer))).one()


def sign_heads(
    session: Session, key: AuditKey, *, now: datetime
) -> list[AuditSignature]:
    """Sign every head that has moved since it was last signed; return the signatures.

    Copy them to a place outside this database: an attacker who can rewrite a chain and
    its head here cannot rewrite the signatures there. Safe to repeat.
    """
    signed = select(AuditSignature.seq).where(
        AuditSignature.org_id == AuditHead.org_id, AuditSignature.seq == AuditHead.seq
    )
    made = [
        AuditSignature(
            org_id=head.org_id,
            seq=head.seq,
            hash=head.hash,
            signed_at=now,
            kid=key.kid,
            signature=key.private.sign(_signed_text(head.org_id, head.seq, head.hash)),
        )
        for head in session.scalars(
            select(AuditHead).where(~signed.exists()).order_by(AuditHead.org_id)
        )
    ]
    session.add_all(made)
    session.flush()
    return made


def signed_heads(session: Session) -> list[AuditSignature]:
    """Return all signed heads, by company, oldest first."""
    query = select(AuditSignature).order_by(AuditSignature.org_id, AuditSignature.seq)
    return list(session.scalars(query))


def to_record(signature: AuditSignature) -> dict[str, Any]:
    """Return the signed head as JSON values, to keep outside the database."""
    return {
        "org_id": str(signature.org_id),
        "seq": signature.seq,
        "hash": signature.hash.hex(),
        "signed_at": signature.signed_at.isoformat(),
        "kid": signature.kid,
        "signature": signature.signature.hex(),
    }


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: in which company's chain, at which entry, and what is wrong."""

    org_id: UUID
    seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class Unchained:
    """How many entries of a company no chain covers yet, and the oldest one's time."""

    org_id: UUID
    entries: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Findings:
    """How many entries and signatures were checked, the faults found, and what could
    not be checked."""

    entries: int
    signatures: int
    faults: tuple[Fault, ...]
    unchained: tuple[Unchained, ...]


def verify(
    session: Session, key: AuditKey, elsewhere: Sequence[dict[str, Any]] = ()
) -> Findings:
    """Recompute every chain; compare it with its head and with all signed heads.

    elsewhere: signed heads kept outside, as `to_record` gives them. They reveal a
        chain that was cut or rewritten together with its head and signatures.
    """
    faults: list[Fault] = []
    hashes: dict[tuple[UUID, int], bytes] = {}
    # These first: read later, an entry could be missing both here and in its chain.
    unchained = tuple(
        Unchained(*found)
        for found in session.execute(
            select(
                UnchainedEntry.org_id,
                func.count(),
                func.min(UnchainedEntry.at, type_=UnchainedEntry.at.type),
            )
            .group_by(UnchainedEntry.org_id)
            .order_by(UnchainedEntry.org_id)
        )
    )
    # Heads first: a head that is read after the entries could name an entry that was
    # added in between.
    heads = {
        head.org_id: (head.seq, head.hash)
        for head in session.scalars(select(AuditHead))
    }
    entries = session.scalars(
        select(AuditEntry)
        .order_by(AuditEntry.org_id, AuditEntry.seq)
        .execution_options(yield_per=1000)
    )
    for org_id, chain in groupby(entries, key=lambda entry: entry.org_id):
        faults += _check_chain(org_id, chain, hashes)
    for org_id, (seq, digest) in heads.items():
        if seq and hashes.get((org_id, seq)) != digest:
            faults.append(Fault(org_id, seq, "the head's entry is missing or differs"))
    for org_id, seq in hashes:
        if org_id not in heads:
            faults.append(Fault(org_id, seq, "the chain has no head"))
    signatures = [to_record(signature) for signature in signed_heads(session)]
    for record in [*signatures, *elsewhere]:
        faults += _check_signature(record, key, hashes)
    checked = len(hashes), len(signatures) + len(elsewhere)
    return Findings(*checked, tuple(faults), unchained)


def _check_chain(
    org_id: UUID, chain: Iterator[AuditEntry], hashes: dict[tuple[UUID, int], bytes]
) -> Iterator[Fault]:
    before, expected = b"", 1
    for entry in chain:
        if entry.seq != expected:
            yield Fault(org_id, expected, f"missing: the next entry is {entry.seq}")
        elif hash_of(entry, before) != entry.hash:
            yield Fault(
                org_id, entry.seq, "this entry, or the one before it, was edited"
            )
        hashes[org_id, entry.seq] = entry.hash
        before, expected = entry.hash, entry.seq + 1


def hash_of(entry: AuditEntry, before: bytes) -> bytes:
    """Return SHA-256 over the entry and the hash before it, as `chain_audit` does."""
    words = (
        before.hex(),
        entry.org_id,
        entry.seq,
        (entry.at - EPOCH) // timedelta(microseconds=1),
        entry.member_id,
        entry.act,
        entry.subject,
        entry.subject_id,
        ",".join(entry.columns),
    )
    return hashlib.sha256("\n".join(str(word) for word in words).encode()).digest()


def _check_signature(
    record: dict[str, Any], key: AuditKey, hashes: dict[tuple[UUID, int], bytes]
) -> Iterator[Fault]:
    org_id, seq, digest = (
        UUID(record["org_id"]),
        int(record["seq"]),
        bytes.fromhex(record["hash"]),
    )
    public = key.known.get(record["kid"])
    if public is None:
        yield Fault(org_id, seq, f"signed by a key that is not known: {record['kid']}")
        return
    try:
        public.verify(
            bytes.fromhex(record["signature"]), _signed_text(org_id, seq, digest)
        )
    except InvalidSignature:
        yield Fault(org_id, seq, "the signature is not ours")
        return
    if hashes.get((org_id, seq)) != digest:
        yield Fault(org_id, seq, "the chain is not the one that was signed")


def _signed_text(org_id: UUID, seq: int, digest: bytes) -> bytes:
    return f"backhaul-audit\n{org_id}\n{seq}\n{digest.hex()}".encode()
