"""The list of offers as a team would write it first, to compare ours with:
`python -m bench.plain`.

Flask, flask-smorest, SQLAlchemy and marshmallow: a JWT, the member by id, offers with
loads and stops by `selectinload`. No row security, no limits, no tags.
"""

import os
import sys
from typing import Any

import marshmallow as ma
from flask import Flask, current_app, request
from flask.views import MethodView
from flask_smorest import Api, Blueprint, abort
from marshmallow import fields
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from api.kernel.clock import now
from api.kernel.lists import page_of
from api.offers.offers import OfferOut
from edges.adapter import Adapter, Admission
from edges.serving import options_of, serve
from edges.start import keyring
from freight.lifecycles import OPEN_OFFERS
from models.fleet.drivers import Driver
from models.loads.loads import Load
from models.offers.offers import Offer
from models.people.organisations import Member
from runtime.config import Settings
from runtime.db import DatabaseRole, make_engine
from services.people.tokens import Claims, read_access_token

blueprint = Blueprint("plain", __name__, url_prefix="/v1/offers")


class Args(ma.Schema):
    """The parameters of our list, without a cursor."""

    is_open = fields.Boolean(load_default=False)
    limit = fields.Integer(load_default=50)


def make() -> Adapter:
    """Return an application with the one list, for the database of the settings."""
    settings = Settings.from_env(os.environ)
    # The worker's role sees all rows.
    engine = make_engine(settings, DatabaseRole.WORKER)
    app = Flask(__name__)
    app.config.update(API_TITLE="Plain", API_VERSION="1", OPENAPI_VERSION="3.1.0")
    app.extensions["keyring"] = keyring(settings)
    app.extensions["engine"] = engine
    Api(app).register_blueprint(blueprint)
    app.add_url_rule("/readyz", "ready", lambda: "")
    return Adapter(app, Admission())


def _driver(session: Session) -> Driver:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    claims: Claims = read_access_token(
        current_app.extensions["keyring"], token, now=now()
    )
    member = session.get(Member, claims.member_id)
    if member is None:
        abort(401)
    return session.scalars(select(Driver).where(Driver.member_id == member.id)).one()


@blueprint.route("")
class OffersView(MethodView):
    """The list."""

    @blueprint.arguments(Args, location="query")
    @blueprint.response(200, page_of(OfferOut, "PlainOffer"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the driver's offers, newest first."""
        with Session(current_app.extensions["engine"]) as session:
            driver = _driver(session)
            query = (
                select(Offer)
                .where(Offer.driver_id == driver.id)
                .order_by(Offer.id.desc())
                .limit(args["limit"])
                .options(selectinload(Offer.load).selectinload(Load.stops))
            )
            if args["is_open"]:
                query = query.where(
                    Offer.status.in_(OPEN_OFFERS), Offer.expires_at > func.now()
                )
            rows = list(session.scalars(query))
        return {"data": rows, "page": {"next_cursor": None}}


if __name__ == "__main__":
    serve(make, options_of(sys.argv[1:]))
