"""Generates clients from the API document and checks them: `python -m tests.clients`.

A short program for each client is type-checked. The Python client is always made. The
TypeScript client and Spectral need Node: without it they are skipped with the reason,
but where CI is set that is a failure.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
DOCUMENT = ROOT / "docs" / "openapi.json"
MADE = ROOT / ".data" / "clients"
"""Where tools and clients are; nothing in it is committed."""

TO_NODE = (
    *("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "program.ts"),
)
INSTALL_S = 300
"""Give up on `npm ci` after this many seconds."""

NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT")
"""What npm says where it cannot reach its registry."""


class Fault(Exception):
    """A client cannot be generated, or its program has a wrong type."""


class Skipped(Exception):
    """A check cannot run on this machine."""


def main(document: Path = DOCUMENT, made: Path = MADE) -> int:
    """Run every check; print faults and what was skipped; return 1 if one failed."""
    failed = False
    checks = {"python": python, "typescript": typescript, "spectral": spectral}
    for name, check in checks.items():
        try:
            check(document, made)
        except Fault as fault:
            failed = True
            sys.stderr.write(f"{fault}\n")
        except Skipped as reason:
            failed = failed or bool(os.environ.get("CI"))
            sys.stderr.write(f"{name} is skipped: {reason}\n")
    return int(failed)


def python(document: Path, made: Path) -> None:
    """Generate the Python client, and check tests/clients/program.py against it."""
    folder = made / "python"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    program = Path(sys.executable).with_name("openapi-python-client")
    generated = _run(
        [
            *(str(program), "generate", "--path", str(document)),
            *("--output-path", str(folder / "backhaul_client"), "--meta", "none"),
            *("--config", str(HERE / "generator.yaml"), "--fail-on-warning"),
        ]
    )
    _refuse_warnings(generated)
    _run(
        [
            *(sys.executable, "-m", "mypy", "--no-error-summary"),
            *("--config-file", str(HERE / "mypy.ini")),
            *("--cache-dir", str(made / "mypy"), str(HERE / "program.py")),
        ],
        MYPYPATH=str(folder),
    )


def typescript(document: Path, made: Path) -> None:
    """Generate the TypeScript types; check tests/clients/program.ts against them."""
    folder = node_tools(made)
    generated = _run(
        [str(_tool(folder, "openapi-typescript")), str(document), "-o", "api.d.ts"],
        folder,
    )
    _refuse_warnings(generated)
    _run([str(_tool(folder, "tsc")), "--project", "."], folder)


def spectral(document: Path, made: Path) -> None:
    """Lint the document: no error and no warning."""
    folder = node_tools(made)
    rules = ROOT / ".spectral.yaml"
    _run(
        [
            *(str(_tool(folder, "spectral")), "lint", "--quiet"),
            *("--fail-severity=warn", "--ruleset", str(rules), str(document)),
        ]
    )


def node_tools(made: Path) -> Path:
    """Return the folder with the pinned Node programs; install them if they changed.

    Raises: Skipped without Node, or if the registry cannot be reached. Fault if they
    cannot be installed for another reason.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Skipped("there is no Node.js (20 or newer) with npm on this machine.")
    folder = made / "node"
    folder.mkdir(parents=True, exist_ok=True)
    for name in TO_NODE:
        shutil.copyfile(HERE / name, folder / name)
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    # `npm ci` removes `node_modules`, and so the stamp, before it installs.
    stamp = folder / "node_modules" / ".ready"
    if not stamp.exists() or stamp.read_text() != wanted:
        try:
            _run([npm, "ci"], folder, timeout_s=INSTALL_S)
        except subprocess.TimeoutExpired as error:
            raise Skipped(f"npm cannot install its programs: {error}") from None
        except Fault as fault:
            if not any(word in str(fault) for word in NO_NETWORK):
                raise
            raise Skipped(f"npm cannot install its programs: {fault}") from None
        stamp.write_text(wanted)
    return folder


def _tool(folder: Path, name: str) -> Path:
    return folder / "node_modules" / ".bin" / name


def _run(
    command: list[str],
    folder: Path = ROOT,
    *,
    timeout_s: float | None = None,
    **environment: str,
) -> str:
    """Run the program; return all that it printed. Raises: Fault if it fails."""
    ended = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if ended.returncode:
        raise Fault(f"{Path(command[0]).name} fails:\n{ended.stdout.strip()}")
    return ended.stdout


def _refuse_warnings(printed: str) -> None:
    """Raises: Fault if a generator warns of something."""
    if "warn" in printed.lower() or "⚠" in printed:
        raise Fault(printed.strip())


if __name__ == "__main__":
    sys.exit(main())
