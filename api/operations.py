"""For those who run it: health, readiness, metrics. Anybody may call these."""

from flask import Blueprint, Response, current_app, jsonify
from prometheus_client import CONTENT_TYPE_LATEST

from api.auth import public
from db import DatabaseUnusable, Session
from services import health
from telemetry import metrics_text

blueprint = Blueprint("operations", __name__)


@blueprint.get("/healthz")
@public
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@public
def readyz() -> Response:
    """Database, schema, and the age of the oldest waiting job."""
    try:
        with Session() as session:
            state = health.readiness(session, current_app.extensions["schema_head"])
    except DatabaseUnusable as error:
        state = {"status": "not ready", "reason": str(error)}
    answer = jsonify(state)
    answer.status_code = 200 if state["status"] == "ok" else 503
    return answer


@blueprint.get("/metrics")
@public
def metrics() -> Response:
    """Prometheus text."""
    return Response(metrics_text(), content_type=CONTENT_TYPE_LATEST)
