"""Logs (structlog), metrics (prometheus-client), the trace id."""

import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram
from structlog.contextvars import bind_contextvars, bound_contextvars, get_contextvars
from uuid_utils.compat import uuid7

HIDDEN = re.compile(
    r"token|password|secret|authorization|phone|email|^lat$|^lon$|position|target$",
    re.IGNORECASE,
)
"""Names of values that never reach a log line."""

TRACE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

REQUESTS = Counter(
    "backhaul_http_requests_total", "Requests.", ["route", "method", "status"]
)
REQUEST_SECONDS = Histogram(
    "backhaul_http_request_seconds", "Time to answer.", ["route"]
)
JOBS = Counter("backhaul_jobs_total", "Jobs run.", ["job", "outcome"])
JOB_SECONDS = Histogram("backhaul_job_seconds", "Time in one job.", ["job"])
PUSHES = Counter("backhaul_pushes_total", "Push attempts.", ["outcome"])
PERIODIC_SUCCESS = Gauge(
    "backhaul_periodic_last_success_timestamp_seconds", "Last success.", ["job"]
)

Event = MutableMapping[str, Any]


def hide_private(_: object, __: str, event: Event) -> Event:
    """Replace values whose name says that they are private."""
    for name in event:
        if HIDDEN.search(name):
            event[name] = "[hidden]"
    return event


def start_logging(level: str, *, is_readable: bool = False) -> None:
    """Log one line per event to stderr: JSON, or aligned text when readable."""
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=False)
        if is_readable
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            hide_private,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)


def log() -> Any:  # noqa: ANN401 - structlog's logger is dynamic
    """Return the logger; its calls carry the bound trace id."""
    return structlog.get_logger()


def trace_id() -> str:
    """Return the trace id bound to this context; bind a new one if there is none."""
    current: str | None = get_contextvars().get("trace_id")
    if current is None:
        current = uuid7().hex
        bind_contextvars(trace_id=current)
    return current


@contextmanager
def traced(incoming: str | None) -> Iterator[str]:
    """Bind `incoming` as the trace id for the block, or a new one if it is no id."""
    is_usable = incoming is not None and TRACE_ID.fullmatch(incoming)
    chosen = incoming if incoming and is_usable else uuid7().hex
    with bound_contextvars(trace_id=chosen):
        yield chosen
