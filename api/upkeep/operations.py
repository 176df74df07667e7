"""For operators: health, readiness, metrics, problem codes. No sign-in is needed."""

from flask import Response, current_app, jsonify
from flask.views import MethodView
from marshmallow import fields
from prometheus_client import CONTENT_TYPE_LATEST

from api.kernel.answers import Answer, Vocabulary, known, sometimes
from api.kernel.auth import public
from api.kernel.bodies import Blueprint
from api.kernel.problems import HTTP_PROBLEMS, problem, raises
from runtime.db import DatabaseUnusable, Session
from runtime.errors import NotFound
from runtime.telemetry import metrics_text
from services.upkeep import health

METRICS = {
    "description": "OK",
    "content": {
        "text/plain": {
            "schema": {"type": "string"},
            "example": "# TYPE backhaul_jobs_total counter\n"
            'backhaul_jobs_total{job="push.send",outcome="done"} 7.0\n',
        }
    },
}

blueprint = Blueprint(
    "operations", __name__, description="Health, readiness, metrics and problem codes."
)


PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""The paths that must answer whatever else the server does."""

HEALTH = Vocabulary("HealthStatus", ("ok",), "Whether the process works.")


class HealthOut(Answer):
    """The process answers."""

    status = known(HEALTH)


class ReadinessOut(HealthOut):
    """Whether the process can do its work."""

    schema = fields.String(metadata={"description": "the schema's revision"})
    oldest_job_s = fields.Float()
    roads = fields.String(
        metadata={
            "description": "where distances come from: `highways`, or `estimated` if"
            " the graph of the highways cannot be read"
        }
    )
    reason = sometimes(fields.String(), "if jobs have waited too long")


class ProblemTypeOut(Answer):
    """What a problem's `type` points at."""

    type = fields.String()
    code = fields.String()
    title = fields.String()
    statuses = fields.List(fields.Integer())


@blueprint.route("/healthz")
class HealthView(MethodView):
    """Health."""

    @public
    @raises()
    @blueprint.doc(operationId="get_health")
    @blueprint.response(200, HealthOut)
    def get(self) -> Response:
        """Say that the process answers."""
        return jsonify(status="ok")


@blueprint.route("/readyz")
class ReadinessView(MethodView):
    """Readiness."""

    @public
    @raises()
    @blueprint.doc(operationId="get_readiness")
    @blueprint.response(200, ReadinessOut)
    def get(self) -> Response:
        """Say whether database and schema are ready, and how long the oldest job waits.

        `oldest_job_s`: for how long the oldest waiting job could already have run.
        """
        try:
            with Session() as session:
                head = current_app.extensions["schema_head"]
                state = health.readiness(session, head)
        except DatabaseUnusable as error:
            state = {"status": "not ready", "reason": str(error)}
        if state["status"] == "ok":
            roads = current_app.extensions["posting_rules"].roads
            return jsonify(state | {"roads": roads.source})
        reason = {"reason": state["reason"]}
        return problem(503, *HTTP_PROBLEMS[503], state["reason"], extra=reason)


@blueprint.route("/metrics")
class MetricsView(MethodView):
    """Metrics."""

    @public
    @raises()
    @blueprint.doc(operationId="get_metrics", responses={"200": METRICS})
    def get(self) -> Response:
        """Show the counters and gauges, as Prometheus text."""
        return Response(metrics_text(), content_type=CONTENT_TYPE_LATEST)


@blueprint.route("/problems/<code>")
class ProblemTypeView(MethodView):
    """What a problem means."""

    @public
    @raises(NotFound)
    @blueprint.doc(operationId="get_problem_type")
    @blueprint.response(200, ProblemTypeOut)
    def get(self, code: str) -> dict[str, object]:
        """Say what a problem's code means; a problem's `type` is this address."""
        known = current_app.extensions["problems"]
        if code not in known:
            raise NotFound("There is no such problem code.")
        return {"type": f"/problems/{code}", "code": code} | known[code]
