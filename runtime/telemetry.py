"""Logs (structlog), metrics (prometheus-client), the trace id."""

import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from structlog.contextvars import bind_contextvars, bound_contextvars, get_contextvars
from uuid_utils.compat import uuid7

HIDDEN = re.compile(
    r"token|password|secret|authorization|phone|email|^lat$|^lon$|position|target$",
    re.IGNORECASE,
)
"""Names of values that never reach a log line."""

ROW_VALUES = re.compile(
    r"DETAIL:.*?(?=\n\[SQL|\n\(Background|\nHINT:|\nCONTEXT:|\n\n|\Z)", re.DOTALL
)
"""Where an error of PostgreSQL repeats the values of a row that it refused."""

PRIVATE_VALUES = re.compile(
    # JSON web tokens; the word after "Bearer"; our refresh tokens; phone numbers.
    r"eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"
    r"|(?<=bearer )\S+"
    r"|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\.\d+\.[\w-]{20,}"
    r"|\+\d{8,15}\b"
    # A coordinate after its name, as JSON, Python or a query string writes it.
    r"|(?<![a-z])(?:lat|lon)(?:itude)?[\"']?\s*[:=]\s*[\"']?-?\d+\.\d+",
    re.IGNORECASE,
)
"""Values that are private under any name: a second check, after HIDDEN."""

TRACE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

REQUESTS = Counter(
    "backhaul_http_requests_total", "Requests.", ["route", "method", "status"]
)
REQUEST_SECONDS = Histogram(
    "backhaul_http_request_seconds", "Time to answer.", ["route"]
)
JOBS = Counter("backhaul_jobs_total", "Jobs run.", ["job", "outcome"])
JOB_SECONDS = Histogram("backhaul_job_seconds", "Time in one job.", ["job"])
MARKET_RELOADS = Counter(
    "backhaul_market_reloads_total", "Times the whole market was read.", ["why"]
)
MARKET_SECONDS = Histogram(
    "backhaul_market_seconds", "Time to read what is new on the market.", ["kind"]
)
ROADS_ESTIMATED = Gauge(
    "backhaul_roads_estimated",
    "1 where distances are only estimated.",
    multiprocess_mode="livemax",
)
PUSHES = Counter("backhaul_pushes_total", "Push attempts.", ["outcome"])


@dataclass(frozen=True, slots=True)
class Reading:
    """A gauge's values now: one for each value of `label`, or one for the label ""."""

    name: str
    text: str
    values: Mapping[str, float]
    label: str = ""


class Gauges(Collector):
    """Gauges that are read anew at each scrape, by the function `read`.

    They belong to no process: web and worker report the same values, and a restart
    loses none. `read` is set when the process connects to its database.
    """

    def __init__(self) -> None:
        self.read: Callable[[], Iterable[Reading]] = tuple

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for reading in self.read():
            labels = [reading.label] if reading.label else []
            family = GaugeMetricFamily(reading.name, reading.text, labels=labels)
            for label, value in reading.values.items():
                family.add_metric([label] if reading.label else [], value)
            yield family

    def describe(self) -> list[GaugeMetricFamily]:
        """Return nothing: the names are known only when the gauges are read."""
        return []


GAUGES = Gauges()
REGISTRY.register(GAUGES)

Event = MutableMapping[str, Any]


def hide_private(_: object, __: str, event: Event) -> Event:
    """Replace values whose name or form says that they are private."""
    for name in event:
        event[name] = "[hidden]" if HIDDEN.search(name) else _hidden(event[name])
    return event


def _hidden(value: object) -> object:
    """Return `value` without what is private in it, at any depth."""
    match value:
        case str():
            return PRIVATE_VALUES.sub("[hidden]", value)
        case dict():
            return {
                name: "[hidden]" if HIDDEN.search(str(name)) else _hidden(inner)
                for name, inner in value.items()
            }
        case list() | tuple():
            return [_hidden(inner) for inner in value]
    return value


def hide_values(_: object, __: str, event: Event) -> Event:
    """Hide what is private in an error's text, which is added after `hide_private`."""
    if isinstance(text := event.get("exception"), str):
        event["exception"] = _hidden(text)
    return event


def hide_rows(_: object, __: str, event: Event) -> Event:
    """Cut the values of rows out of a database error's text."""
    if isinstance(text := event.get("exception"), str):
        event["exception"] = ROW_VALUES.sub("DETAIL: [hidden]", text)
    return event


def start_logging(level: str, *, is_readable: bool = False) -> None:
    """Log one line per event to stderr: JSON, or aligned text when readable.

    level: of our own events. Libraries log from WARNING on, in the same form.
    """
    renderer: Any = (
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
        if is_readable
        else structlog.processors.JSONRenderer()
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_private,
        structlog.processors.format_exc_info,
        hide_rows,
        hide_values,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        # One write for each line, so that the lines of two threads do not mix.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def log() -> Any:  # noqa: ANN401 - structlog's logger is dynamic
    """Return the logger; its calls carry the bound trace id."""
    return structlog.get_logger()


def metrics_text() -> bytes:
    """Return the metrics as Prometheus text.

    Web processes that share a PROMETHEUS_MULTIPROC_DIR each report the metrics of all
    of them. Without it, a process reports only its own.
    """
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    shared.register(GAUGES)
    return generate_latest(shared)


def trace_id() -> str:
    """Return the trace id bound to this context; bind a new one if there is none."""
    current: str | None = get_contextvars().get("trace_id")
    if current is None:
        current = uuid7().hex
        bind_contextvars(trace_id=current)
    return current


@contextmanager
def traced(incoming: str | None) -> Iterator[str]:
    """Bind `incoming` as the block's trace id, or a new one if it is not usable."""
    is_usable = incoming is not None and TRACE_ID.fullmatch(incoming)
    chosen = incoming if incoming and is_usable else uuid7().hex
    with bound_contextvars(trace_id=chosen):
        yield chosen
