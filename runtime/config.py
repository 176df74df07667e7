"""Settings, read from the environment once, at start, and passed on from there."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from runtime.errors import CannotStart

ROOT = Path(__file__).parent.parent

MAY_BE_ZERO = frozenset(
    {
        *("FEE_PERCENT", "WORKER_METRICS_PORT", "TRUSTED_PROXIES"),
        *("LIMIT_PERSON_PER_MIN", "LIMIT_DEVICE_PER_MIN", "LIMIT_ADDRESS_PER_MIN"),
        *("LIMIT_LISTS_PER_MIN", "LIMIT_ACCEPTS_PER_MIN", "LIMIT_BOOKINGS_PER_HOUR"),
        *("LIMIT_FIXES_PER_HOUR", "LIMIT_ADDRESS_AT_ONCE", "LIMIT_SEARCHES_PER_MIN"),
        *("ACCEPT_POSITION_MAX_AGE_S", "ARRIVED_SEARCH_AFTER_S"),
    }
)
"""Settings that may be 0, which means none or off."""

UNLIMITED = {name: "0" for name in sorted(MAY_BE_ZERO) if name.startswith("LIMIT_")}
"""Turns the limits off for a demo or bench: all its requests have one address."""

SHORTEST_KEY = 32
"""Fewest characters of a secret from which keys are derived."""

SAMPLES = (
    *("changeme", "changethis", "replaceme", "password", "passwort", "secret"),
    *("default", "example", "sample", "test", "todo", "backhaul", "postgres", "admin"),
)
"""Words that people leave in place of a real secret."""

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class SettingsError(CannotStart):
    """The environment is not usable; the message lists every fault at once."""


class Push(StrEnum):
    """Where pushes go: Google, or a line on the console."""

    FCM = "fcm"
    CONSOLE = "console"


class Strategy(StrEnum):
    """How one search's loads are offered to its driver.

    DIRECT offers only the best load. SEQUENTIAL offers the best, and the next one
    when it is declined or expires. BROADCAST offers the best few at once, and the next
    few when all of them were declined or have expired.
    """

    DIRECT = "direct"
    SEQUENTIAL = "sequential"
    BROADCAST = "broadcast"


@dataclass(frozen=True)
class Settings:
    """What an operator may set. Each name is in README and `.env.example`."""

    DATABASE_URL: str = field(default="", metadata={"secret": True})
    DATA_DIR: str = str(ROOT / ".data")
    ENVIRONMENT: str = "development"
    LOG_LEVEL: str = "INFO"
    JWT_PRIVATE_KEY: str = field(default="", metadata={"secret": True})
    JWT_PREVIOUS_KEY: str = field(default="", metadata={"secret": True})
    REFRESH_KEY: str = field(default="", metadata={"secret": True})
    AUDIT_SIGNING_KEY: str = field(default="", metadata={"secret": True})
    AUDIT_PREVIOUS_KEY: str = field(default="", metadata={"secret": True})
    REFRESH_PREVIOUS_KEY: str = field(default="", metadata={"secret": True})
    ENCRYPTION_KEY: str = field(default="", metadata={"secret": True})
    ENCRYPTION_PREVIOUS_KEY: str = field(default="", metadata={"secret": True})
    ACCESS_TOKEN_TTL_S: int = 900
    REFRESH_TOKEN_TTL_S: int = 90 * 86_400
    REFRESH_IDLE_S: int = 30 * 86_400
    REFRESH_REPEAT_S: int = 60
    PUSH: Push = Push.FCM
    FCM_SERVICE_ACCOUNT: str = field(default="", metadata={"secret": True})
    FCM_BASE_URL: str = ""
    PUSH_TIMEOUT_S: int = 10
    SMTP_URL: str = field(default="", metadata={"secret": True})
    SMTP_TIMEOUT_S: int = 10
    MAIL_FROM: str = "Backhaul <noreply@localhost>"
    APP_URL: str = ""
    WORKER_CONCURRENCY: int = 16
    # 0: the worker does not listen.
    WORKER_METRICS_PORT: int = 0
    WORKER_METRICS_HOST: str = "127.0.0.1"
    DB_POOL_SIZE: int = 10
    STATEMENT_TIMEOUT_S: int = 30
    # How long rows are kept after their end.
    KEEP_CREDENTIALS_DAYS: int = 30
    KEEP_PUSHES_DAYS: int = 30
    KEEP_SEARCHES_DAYS: int = 180
    POSTING_LEASE_S: int = 24 * 3600
    OFFER_STRATEGY: Strategy = Strategy.BROADCAST
    # A driver reads one screen at a dock: three offers fit it.
    OFFERS_PER_DRIVER: int = 3
    # If each driver accepts with 30 %, one of five parallel offers is accepted with
    # 83 % (k >= ln(1-T)/ln(1-p)). More offers would ring phones in vain.
    OFFERS_PER_LOAD: int = 5
    # Ten minutes: the driver is still at the dock with the papers.
    OFFER_TTL_S: int = 600
    # Shorter with SEQUENTIAL: the next load waits for the answer to this offer.
    SEQUENTIAL_OFFER_TTL_S: int = 180
    # A phone must not ring for a few dollars more than the driver holds already.
    OFFER_BETTER_BY_CENTS: int = 5_000
    # A waiting driver's phone rings for loads that come to the market once a minute.
    RING_EVERY_S: int = 60
    # And so often in 24 hours at most: a phone that rings all day is switched off.
    RINGS_PER_DAY: int = 6
    # From the arrival at the last stop to the search before the drop: the driver parks
    # and checks in first, and a drop that is done by then needs only its own.
    ARRIVED_SEARCH_AFTER_S: int = 300
    # How far a driver who named no limit drives empty to a pickup.
    MAX_DEADHEAD_MI: int = 250
    MAX_DETOUR_MI: int = 300
    # Planning speeds, on the highways and off them.
    ROAD_MPH: int = 50
    ACCESS_MPH: int = 30
    # What crossing a border takes.
    BORDER_S: int = 7_200
    # Of a worker, for the searches over the roads that it keeps: 0.9 MB for each home,
    # about 0.1 MB for each drop.
    ROADS_CACHE_MB: int = 32
    FEE_PERCENT: int = 0
    MAX_BODY_BYTES: int = 1_048_576
    # Requests a minute, or an hour; 0 turns a limit off.
    LIMIT_PERSON_PER_MIN: int = 600
    LIMIT_DEVICE_PER_MIN: int = 300
    LIMIT_ADDRESS_PER_MIN: int = 120
    LIMIT_LISTS_PER_MIN: int = 240
    LIMIT_ACCEPTS_PER_MIN: int = 20
    # A search takes as long as a hundred other requests.
    LIMIT_SEARCHES_PER_MIN: int = 60
    # Of one company: forty trucks may each try six times in an hour.
    LIMIT_BOOKINGS_PER_HOUR: int = 240
    # Of one driver: a day out of reach at one a second is 86,400, sent at once.
    LIMIT_FIXES_PER_HOUR: int = 100_000
    # Requests in hand from one address, in each web process: 300 phones of one yard
    # may ask at once. 0 turns the limit off.
    LIMIT_ADDRESS_AT_ONCE: int = 500
    # A load that is given back within this time counts against its carrier.
    QUICK_GIVE_BACK_S: int = 900
    # A poster who confirmed no pickup may deny the delivery for so many days.
    DENY_DELIVERY_DAYS: int = 7
    # A driver who accepts is on the road: the phone's last position must not be older
    # than this. 0 turns the check off.
    ACCEPT_POSITION_MAX_AGE_S: int = 1800
    # How many of our own proxies stand before us. Only they may state the caller's
    # address.
    TRUSTED_PROXIES: int = 0
    CORS_ORIGINS: str = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read every setting; each may also come from the file that `NAME_FILE` names.

        Raises: SettingsError listing all faults.
        """
        values: dict[str, Any] = {}
        faults: list[str] = []
        for name, default in _defaults(cls):
            try:
                raw = _raw(environ, name)
                if raw is not None:
                    values[name] = _parse(name, raw, default)
            except ValueError as error:
                faults.append(f"{name}: {error}")
        unread = tuple(fault.split(":")[0] for fault in faults)
        settings = cls(**values)
        faults += [f for f in _nonsense(settings) if not f.startswith(unread)]
        if faults:
            raise SettingsError("Settings: " + "; ".join(faults) + ".")
        return settings

    def __repr__(self) -> str:
        shown = (
            f"{name}={'***' if _is_secret(type(self), name) else getattr(self, name)!r}"
            for name, _ in _defaults(type(self))
        )
        return f"Settings({', '.join(shown)})"

    @property
    def is_production(self) -> bool:
        return self.ENVIRONMENT == "production"

    @property
    def posting_lease(self) -> timedelta:
        return timedelta(seconds=self.POSTING_LEASE_S)

    @property
    def accept_position_max_age(self) -> timedelta | None:
        return timedelta(seconds=self.ACCEPT_POSITION_MAX_AGE_S) or None

    @property
    def quick_give_back(self) -> timedelta:
        return timedelta(seconds=self.QUICK_GIVE_BACK_S)

    @property
    def arrived_search_after(self) -> timedelta:
        return timedelta(seconds=self.ARRIVED_SEARCH_AFTER_S)

    @property
    def deny_delivery(self) -> timedelta:
        return timedelta(days=self.DENY_DELIVERY_DAYS)

    @property
    def cors_origins(self) -> tuple[str, ...]:
        return tuple(
            site.strip() for site in self.CORS_ORIGINS.split(",") if site.strip()
        )


def _defaults(cls: type[Settings]) -> list[tuple[str, Any]]:
    return [(f.name, f.default) for f in cls.__dataclass_fields__.values()]


def _is_secret(cls: type[Settings], name: str) -> bool:
    return bool(cls.__dataclass_fields__[name].metadata.get("secret"))


def _raw(environ: Mapping[str, str], name: str) -> str | None:
    if path := environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text().strip() or None
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise ValueError(f"cannot read {path}: {reason}") from None
    value = environ.get(name, "").strip()
    return value or None


def _parse(name: str, raw: str, default: Any) -> Any:  # noqa: ANN401 - a setting
    convert: Callable[[str], Any] = type(default)
    try:
        return convert(raw)
    except ValueError:
        if isinstance(default, StrEnum):
            choices = ", ".join(type(default))
            raise ValueError(f"'{raw}' is none of {choices}") from None
        raise ValueError(f"'{raw}' is not a whole number") from None


def _is_url(url: str, schemes: set[str]) -> bool:
    """Say whether `url` is empty, or a URL of one of the `schemes`."""
    try:
        parts = urlsplit(url)
        # Reading the port is what checks it.
        return not url or (parts.scheme in schemes and parts.port != 0)
    except ValueError:
        return False


def _is_origin(origin: str) -> bool:
    """Say whether `origin` is one site: scheme and host, no path, no star."""
    try:
        parts = urlsplit(origin)
        return bool(
            parts.scheme in {"http", "https"}
            and re.fullmatch(r"[a-z0-9.-]+", parts.hostname or "")
            and f"{parts.scheme}://{parts.netloc}" == origin
            and not parts.username
            and parts.port != 0
        )
    except ValueError:
        return False


def _nonsense(settings: Settings) -> list[str]:
    faults = [
        f"{name}: {getattr(settings, name)} must be above 0"
        for name, default in _defaults(Settings)
        if isinstance(default, int)
        and name not in MAY_BE_ZERO
        and getattr(settings, name) <= 0
    ]
    faults += [
        f"{name}: {getattr(settings, name)} is below 0"
        for name in sorted(MAY_BE_ZERO - {"FEE_PERCENT", "WORKER_METRICS_PORT"})
        if getattr(settings, name) < 0
    ]
    if not all(_is_origin(origin) for origin in settings.cors_origins):
        faults.append("CORS_ORIGINS: give origins such as https://app.example.com")
    if not 0 <= settings.FEE_PERCENT < 100:
        faults.append("FEE_PERCENT: from 0 to 99")
    if settings.ENVIRONMENT not in {"development", "production"}:
        faults.append("ENVIRONMENT: development or production")
    if not 0 <= settings.WORKER_METRICS_PORT < 65_536:
        faults.append("WORKER_METRICS_PORT: a port, or 0")
    if not re.fullmatch(r"[\w.:-]+", settings.WORKER_METRICS_HOST):
        faults.append("WORKER_METRICS_HOST: an address of this machine: 127.0.0.1")
    if settings.LOG_LEVEL.upper() not in LOG_LEVELS:
        faults.append(f"LOG_LEVEL: one of {', '.join(LOG_LEVELS)}")
    if not _is_url(settings.DATABASE_URL, {"postgresql", "postgres"}):
        faults.append("DATABASE_URL: must look like postgresql://user@host:5432/name")
    if not _is_url(settings.FCM_BASE_URL, {"http", "https"}):
        faults.append("FCM_BASE_URL: must look like https://host")
    if not _is_url(settings.SMTP_URL, {"smtp", "smtps"}):
        faults.append("SMTP_URL: must look like smtp://user:password@host:587")
    if not _is_url(settings.APP_URL, {"http", "https"}):
        faults.append("APP_URL: must look like https://host")
    if "@" not in parseaddr(settings.MAIL_FROM)[1]:
        faults.append("MAIL_FROM: must look like Name <address@host>")
    if settings.is_production:
        faults += _unfit_for_production(settings)
    return faults


def _unfit_for_production(settings: Settings) -> list[str]:
    """Return what is wrong with the secrets: missing, samples, short, or shared."""
    faults = [
        f"{name}: required in production"
        # AUDIT_SIGNING_KEY is missed by what signs with it: web does not.
        for name in ("DATABASE_URL", "JWT_PRIVATE_KEY", "REFRESH_KEY", "ENCRYPTION_KEY")
        if not getattr(settings, name)
    ]
    for name in ("REFRESH_KEY", "ENCRYPTION_KEY"):
        for each in (name, name.replace("_KEY", "_PREVIOUS_KEY")):
            value = getattr(settings, each)
            if value and _is_guessable(value):
                faults.append(
                    f"{each}: a sample or guessable; make one: `openssl rand -hex 32`"
                )
            elif value and len(value) < SHORTEST_KEY:
                faults.append(f"{each}: shorter than {SHORTEST_KEY} characters")
    for name in (
        *("JWT_PRIVATE_KEY", "JWT_PREVIOUS_KEY"),
        *("AUDIT_SIGNING_KEY", "AUDIT_PREVIOUS_KEY"),
    ):
        value = getattr(settings, name)
        if value and "-----BEGIN" not in value:
            faults.append(f"{name}: not a private key in PEM")
    for name in ("DATABASE_URL", "SMTP_URL"):
        try:
            password = urlsplit(getattr(settings, name)).password or ""
        except ValueError:
            continue
        if password and _is_guessable(password):
            faults.append(f"{name}: its password is a sample or guessable")
    keys = [settings.REFRESH_KEY, settings.ENCRYPTION_KEY]
    if keys[0] and keys[0] == keys[1]:
        faults.append("ENCRYPTION_KEY: the same as REFRESH_KEY; make one of its own")
    return faults


def _is_guessable(secret: str) -> bool:
    """Say whether `secret` is a sample, also repeated or decorated, or too uniform."""
    letters = re.sub(r"[^a-z]", "", secret.lower())
    # A random text may contain a short word by chance, but not a long one.
    has_sample = any(word in letters for word in SAMPLES if len(word) > 5)
    is_sample = letters != "" and any(not letters.replace(word, "") for word in SAMPLES)
    return has_sample or is_sample or len(set(secret)) < 5
