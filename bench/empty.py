"""An application that does nothing, served like ours, to measure the web server alone:
`python -m bench.empty`."""

import sys

from flask import Flask

from edges.adapter import Adapter, Admission
from edges.serving import options_of, serve


def make() -> Adapter:
    """Return an application with one route."""
    app = Flask(__name__)

    @app.get("/v1/nothing")
    def nothing() -> bytes:
        return b""

    return Adapter(app, Admission())


if __name__ == "__main__":
    serve(make, options_of(sys.argv[1:]))
