"""Known vulnerabilities of the pinned packages: `python -m tests.audit`.

If the vulnerability database does not answer within TIMEOUT_S, the check is skipped
with a message.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PINNED = [ROOT / "requirements.txt", ROOT / "requirements-demo.txt"]
TIMEOUT_S = 18
COMMAND = [
    *(sys.executable, "-m", "pip_audit"),
    *(word for path in PINNED for word in ("--requirement", str(path))),
    *("--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", "5"),
    *("--format", "json"),
]


def outcome(report: dict[str, Any]) -> tuple[int, str]:
    """Return the exit code and the text for pip-audit's report."""
    packages = report["dependencies"]
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    known = [package for package in packages if "skip_reason" not in package]
    if not known:
        return 0, f"pip-audit is skipped: its database knows none of {len(unknown)}."
    found = [
        f"{package['name']} {package['version']}: {vuln['id']},"
        f" fixed in {', '.join(vuln['fix_versions']) or 'no release yet'}"
        for package in known
        for vuln in package.get("vulns", [])
    ]
    if unknown:
        found.append(f"Not known to the database: {', '.join(unknown)}.")
    return int(any(package.get("vulns") for package in known)), "\n".join(found)


def main() -> int:
    """Run pip-audit; return 1 if a pinned package has a known vulnerability."""
    try:
        ended = subprocess.run(
            COMMAND, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        code, words = outcome(json.loads(ended.stdout))
    except subprocess.TimeoutExpired:
        code, words = 0, f"pip-audit is skipped: no answer within {TIMEOUT_S} s."
    except ValueError:
        last = (ended.stderr.strip().splitlines() or ["it says nothing"])[-1]
        code, words = 0, f"pip-audit is skipped: its database does not answer ({last})."
    if words:
        sys.stdout.write(f"{words}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
