"""Headers: the limit for those of a request, and those that every answer gets."""

import base64
import hashlib
import re
from urllib.parse import urlsplit

from flask import Flask, Response, request
from flask_cors import CORS
from werkzeug.exceptions import RequestHeaderFieldsTooLarge

from api.kernel.limits import POLICY_HEADER, STATE_HEADER
from runtime.config import Settings

MOST_HEADER_BYTES = 32 * 1024

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
HSTS = "max-age=63072000; includeSubDomains"

DOCS_POLICY = (
    "default-src 'none'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
"""Swagger UI comes from this server, and writes styles into its page."""

INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)

READABLE = [
    *("ETag", "Location", "Retry-After", POLICY_HEADER, STATE_HEADER),
    *("Idempotent-Replayed", "X-Trace-Id", "Deprecation", "Sunset", "Link"),
    "DPoP-Nonce",
]
"""Headers of our answers that a page of another origin may read."""

SENDABLE = [
    *("Authorization", "Content-Type", "Content-Encoding", "Idempotency-Key"),
    *("If-Match", "If-None-Match", "Last-Event-ID", "X-Trace-Id", "DPoP"),
]


def always_of(settings: Settings) -> dict[str, str]:
    """Return the headers of every answer that does not set them itself."""
    if settings.is_production:
        return ALWAYS | {"Strict-Transport-Security": HSTS}
    return ALWAYS


def register(app: Flask, settings: Settings) -> None:
    """Refuse oversized headers, add ours, and allow pages of the named origins only."""
    always = always_of(settings)

    @app.before_request
    def measure() -> None:
        size = len(request.full_path) + sum(len(k) + len(v) for k, v in request.headers)
        if size > MOST_HEADER_BYTES:
            raise RequestHeaderFieldsTooLarge

    @app.after_request
    def protect(response: Response) -> Response:
        headers = response.headers
        if request.path.startswith("/docs"):
            headers.setdefault("Content-Security-Policy", _docs_policy(response))
        for name, value in always.items():
            headers.setdefault(name, value)
        if response.location:
            response.location = without_host(response.location)
            if 300 <= response.status_code < 400:
                # Its page repeats the address.
                response.set_data(b"")
        if settings.cors_origins:
            response.vary.add("Origin")
        return response

    if settings.cors_origins:
        CORS(
            app,
            origins=list(settings.cors_origins),
            allow_headers=SENDABLE,
            expose_headers=READABLE,
            supports_credentials=False,
            max_age=600,
        )


def without_host(location: str) -> str:
    """Return the path and query of `location`: all our redirects stay on this server.

    The framework's redirects (to a path with a slash at the end, or without doubled
    ones) begin with the request's Host, which the caller chooses: a cache could give
    it to others.
    """
    parts = urlsplit(location)
    # Two slashes at the beginning would name a host again.
    path = "/" + parts.path.lstrip("/\\")
    return f"{path}?{parts.query}" if parts.query else path


def _docs_policy(response: Response) -> str:
    """Return the policy of a page of /docs; hashes allow the page's own scripts."""
    scripts = ""
    if response.mimetype == "text/html" and not response.direct_passthrough:
        for script in INLINE_SCRIPT.findall(response.get_data()):
            digest = base64.b64encode(hashlib.sha256(script).digest()).decode()
            scripts += f" 'sha256-{digest}'"
    return DOCS_POLICY.format(scripts=scripts)
