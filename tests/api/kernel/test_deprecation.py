"""Deprecated operations: three headers in every answer, a mark in the document."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
from flask import Flask
from flask.views import MethodView

from api.app import create_app, make_posting_rules
from api.kernel.auth import public
from api.kernel.bodies import Blueprint
from api.kernel.deprecation import deprecated
from api.kernel.problems import raises
from api.kernel.routes import operations
from geo.roads import EstimatedRoads
from runtime.config import Settings
from runtime.errors import NotFound
from services.people.tokens import Keyring

SINCE = datetime(2027, 1, 1, tzinfo=UTC)
SUNSET = datetime(2027, 7, 1, 12, tzinfo=UTC)
GONE_SOON = deprecated(
    SINCE, sunset=SUNSET, about="/docs/moves/old", successor="/v1/new"
)
NAMES = ("Deprecation", "Sunset", "Link")


@pytest.fixture
def old(settings: Settings, keys: Keyring, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application with one more route, which is deprecated."""
    blueprint = Blueprint("old", __name__, url_prefix="/v1/old", description="Old.")

    @blueprint.route("")
    class OldView(MethodView):
        @GONE_SOON
        @public
        @raises()
        @blueprint.doc(operationId="do_it")
        @blueprint.response(204)
        def get(self) -> None:
            """Do it the old way."""

        @GONE_SOON
        @public
        @raises(NotFound)
        @blueprint.doc(operationId="refuse_it")
        @blueprint.response(204)
        def put(self) -> None:
            """Refuse it the old way."""
            raise NotFound("It is not there.")

        @public
        @raises()
        @blueprint.doc(operationId="let_it_stay")
        @blueprint.response(204)
        def delete(self) -> None:
            """Stay."""

    monkeypatch.setattr("api.app.BLUEPRINTS", (blueprint,))
    return create_app(
        settings, keys, make_posting_rules(settings, EstimatedRoads()), schema_head="x"
    )


class TestAMarkedOperation:
    @pytest.mark.parametrize(("method", "status"), [("GET", 204), ("PUT", 404)])
    def test_says_so_in_every_answer(
        self, old: Flask, method: str, status: int
    ) -> None:
        answer = old.test_client().open("/v1/old", method=method)

        assert answer.status_code == status
        assert answer.headers["Deprecation"] == f"@{int(SINCE.timestamp())}"
        assert parsedate_to_datetime(answer.headers["Sunset"]) == SUNSET
        assert answer.headers["Sunset"].endswith(" GMT")
        link = answer.headers["Link"]
        assert '</docs/moves/old>; rel="deprecation"' in link
        assert '</docs/moves/old>; rel="sunset"' in link
        assert '</v1/new>; rel="successor-version"' in link

    def test_is_marked_in_the_document(self, old: Flask) -> None:
        item = old.extensions["api"].spec.to_dict()["paths"]["/v1/old"]

        assert item["get"]["deprecated"] is item["put"]["deprecated"] is True
        assert "deprecated" not in item["delete"]

    def test_unmarked_methods_of_the_path_say_nothing(self, old: Flask) -> None:
        for method in ("DELETE", "OPTIONS", "POST"):
            answer = old.test_client().open("/v1/old", method=method)
            assert not set(NAMES) & set(answer.headers.keys())

    def test_every_deprecated_operation_sends_all_three_headers(
        self, app: Flask, old: Flask
    ) -> None:
        asked = 0
        for application in (app, old):
            document = application.extensions["api"].spec.to_dict()
            marked = {
                operation["operationId"]
                for item in document["paths"].values()
                for operation in item.values()
                if isinstance(operation, dict) and operation.get("deprecated")
            }
            for rule, method, view in operations(application):
                if not hasattr(view, "deprecation"):
                    continue
                path = rule.rule.replace("<", "").replace(">", "")
                answer = application.test_client().open(path, method=method)
                assert set(NAMES) <= set(answer.headers.keys()), (method, rule)
                asked += 1
                marked.discard(view._apidoc["manual_doc"]["operationId"])
            assert marked == set()
        assert asked >= 2


class TestTheMark:
    def test_a_sunset_is_never_earlier_than_the_deprecation(self) -> None:
        with pytest.raises(ValueError, match="never earlier"):
            deprecated(
                SUNSET, sunset=SUNSET - timedelta(seconds=1), about="/", successor="/"
            )
        assert deprecated(SUNSET, sunset=SUNSET, about="/", successor="/")

    def test_a_time_has_a_zone(self) -> None:
        naive = datetime(2027, 1, 1)  # noqa: DTZ001 - what is refused
        with pytest.raises(ValueError, match="zone"):
            deprecated(naive, sunset=SUNSET, about="/", successor="/")
