"""What handlers get from their process: gateways, keys, rules and the clock."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from sqlalchemy.orm import Session as OrmSession

from jobs import App, Job
from notifications.gateway import Gateway
from notifications.mail import Mailer
from runtime.db import Session
from services.people.tokens import Keyring
from services.search.run import SearchRules
from services.upkeep.audit import AuditKey
from services.upkeep.retention import Retention

Handlers = dict[Job, Callable[..., Awaitable[None] | None]]
"""The function that does each job."""


@dataclass(frozen=True)
class PostOffice:
    """The mail server, the keys of the links in letters, and the app's address."""

    mailer: Mailer
    keys: Keyring
    app_url: str


@dataclass(frozen=True)
class Supplies:
    """What a handler may use.

    post: None if no mail server is set; then no letter is sent.
    """

    queue: App
    rules: SearchRules
    gateway: Gateway
    audit_key: AuditKey
    now: Callable[[], datetime]
    post: PostOffice | None = None
    kept: Retention = field(default_factory=Retention)
    rng: Random = field(default_factory=Random)


def in_batches(batch: Callable[[OrmSession], int]) -> None:
    """Repeat until nothing is left to do, each batch in a transaction of its own."""
    more = 1
    while more:
        with Session.begin() as session:
            more = batch(session)
