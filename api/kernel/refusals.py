"""Problems for requests that reach no view: the server is busy, or a body too slow."""

from collections.abc import Callable

from api.kernel.headers import always_of
from api.kernel.problems import RETRY_AFTER_S, standard_problem
from runtime.config import Settings
from runtime.telemetry import REQUESTS, log, traced

ROUTE = "refused"
"""The route of these requests in metrics and logs."""

Refusal = Callable[[int], tuple[int, list[tuple[str, str]], bytes]]


def refusal(settings: Settings) -> Refusal:
    """Return a function that returns status, headers and body of the problem.

    It needs no thread and no database, and counts and logs the request.
    """
    always = always_of(settings)

    def refuse(status: int) -> tuple[int, list[tuple[str, str]], bytes]:
        headers = {"Retry-After": RETRY_AFTER_S} if status == 503 else {}
        with traced(None) as trace_id:
            answer = standard_problem(status, headers=headers)
            log().info("http.request", route=ROUTE, status=status)
        answer.headers.extend({**always, "X-Trace-Id": trace_id})
        REQUESTS.labels(ROUTE, "other", status).inc()
        return status, answer.headers.to_wsgi_list(), answer.get_data()

    return refuse
