"""A Flask application with one route that does nothing."""

from flask import Flask

app = Flask(__name__)


@app.get("/v1/nothing")
def nothing() -> bytes:
    return b""
