"""A proxy before the database that notes each round trip and its statement."""

import re
import struct
import time
from collections import defaultdict
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any

from bench.cutting import CHUNK, Cutter, Line, cutting

STARTUP = 196_608
"""Protocol 3.0. Requests for encryption come before it and are answered by one byte."""

VERB_AND_TABLE = re.compile(
    r"\b(?:(?P<verb>insert|update|delete)(?: into| from)? (?P<table>\w+)"
    r"|select\b(?:.*?\bfrom (?P<read>\w+)|\s*(?P<calls>\w+\())?)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass
class Asked:
    """How often a statement went to the database, and how long its answers took, ms."""

    round_trips: int = 0
    ms: float = 0.0


@dataclass
class _Talk:
    """The state of one connection. `statements` are the prepared ones, by name."""

    has_begun: bool = False
    single_bytes: int = 0
    statements: dict[bytes, str] = field(default_factory=dict)
    now: str = ""
    sent_at: float = 0.0
    asked: bytes = b""
    answered: bytes = b""


@dataclass(eq=False)
class Tap(Cutter):
    """Passes everything on, and counts round trips.

    seen: by statement, that is verb and table.
    """

    seen: dict[str, Asked] = field(default_factory=lambda: defaultdict(Asked))
    _talks: dict[Line, _Talk] = field(default_factory=lambda: defaultdict(_Talk))

    def forget(self) -> None:
        """Start counting anew."""
        with self._lock:
            self.seen.clear()

    def _ask(self, line: Line) -> None:
        with suppress(OSError):
            while chunk := line.near.recv(CHUNK):
                self._hear_question(self._talks[line], chunk)
                line.far.sendall(chunk)
        self._end(line)

    def _answer(self, line: Line) -> None:
        with suppress(OSError):
            while chunk := line.far.recv(CHUNK):
                self._hear_answer(self._talks[line], chunk)
                line.near.sendall(chunk)
        self._end(line)

    def _hear_question(self, talk: _Talk, chunk: bytes) -> None:
        talk.asked += chunk
        while not talk.has_begun and len(talk.asked) >= 8:
            length, code = struct.unpack("!II", talk.asked[:8])
            talk.asked = talk.asked[length:]
            talk.has_begun = code == STARTUP
            talk.single_bytes += not talk.has_begun
        if talk.has_begun:
            messages, talk.asked = _split(talk.asked)
            for kind, body in messages:
                _understand(talk, kind, body)

    def _hear_answer(self, talk: _Talk, chunk: bytes) -> None:
        chunk = chunk[talk.single_bytes :]
        talk.single_bytes = 0
        messages, talk.answered = _split(talk.answered + chunk)
        ready = sum(kind == b"Z" for kind, _ in messages)
        if ready and talk.now:
            with self._lock:
                asked = self.seen[talk.now]
                asked.round_trips += 1
                asked.ms += (time.perf_counter() - talk.sent_at) * 1000

    def statements(self, requests: int) -> list[dict[str, Any]]:
        """Return the statements of one request on average, the longest first.

        requests: how many there were since `forget`.
        """
        in_order = sorted(self.seen.items(), key=lambda item: -item[1].ms)
        return [
            {
                "statement": name,
                "round_trips": round(asked.round_trips / requests, 2),
                "ms": round(asked.ms / requests, 3),
            }
            for name, asked in in_order
        ]


def tapping(database_url: str) -> AbstractContextManager[tuple[str, Tap]]:
    """Yield an address of the same database that leads through a tap."""
    return cutting(database_url, Tap)


def _understand(talk: _Talk, kind: bytes, body: bytes) -> None:
    """Note the statement of a message of the extended or simple protocol.

    Source: PostgreSQL 18 manual, 54.7 Message Formats.
    """
    if kind == b"Q":
        talk.now = named(body.rstrip(b"\0").decode())
    elif kind == b"P":
        name, statement, _ = body.split(b"\0", 2)
        talk.statements[name] = talk.now = named(statement.decode())
    elif kind == b"B":
        _, name, _ = body.split(b"\0", 2)
        talk.now = talk.statements.get(name, "?")
    if kind in {b"Q", b"S"}:
        talk.sent_at = time.perf_counter()


def _split(stream: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return the complete messages, kind and body each, and the rest of the stream."""
    messages, at = [], 0
    while len(stream) - at >= 5:
        (length,) = struct.unpack_from("!I", stream, at + 1)
        if len(stream) - at < 1 + length:
            break
        messages.append((stream[at : at + 1], stream[at + 5 : at + 1 + length]))
        at += 1 + length
    return messages, stream[at:]


def named(statement: str) -> str:
    """Return verb and table of a statement, or its first word."""
    if statement.strip() == ";":
        return "ping of the pool"
    if "act_for(" in statement:
        return "act_for: who acts"
    found = VERB_AND_TABLE.search(statement)
    if found is None:
        return (statement.split() or ["?"])[0].upper()
    if found["verb"]:
        return f"{found['verb'].lower()} {found['table']}"
    read = found["read"] or f"{found['calls'] or ''})".lstrip(")")
    return f"select {read}".strip()
