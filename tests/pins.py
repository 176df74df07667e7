"""Images that are named by a tag and not by what is in them: `python -m tests.pins`.

Who can change a tag can change the image that the next start runs. A release names each
image by its digest: deploy/RELEASE.md.
"""

import re
import sys

import yaml

from tests.source import ROOT

PINNED = re.compile(r".+@sha256:[0-9a-f]{64}")


def images() -> dict[str, str]:
    """Return each image of others that we use, and the file that names it."""
    found = dict.fromkeys(
        re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.M),
        "Dockerfile",
    )
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for service in services.values():
        if "build" not in service:
            found[service["image"]] = "compose.yaml"
    return found


def main() -> int:
    """Print the images that have no digest; return 1 if there is one."""
    loose = {
        name: file for name, file in images().items() if not PINNED.fullmatch(name)
    }
    for name, file in loose.items():
        sys.stdout.write(f"{file}: {name} has no digest.\n")
    return int(bool(loose))


if __name__ == "__main__":
    sys.exit(main())
