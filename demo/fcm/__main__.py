"""`python -m demo.fcm`: the stand-in as a process."""

import argparse
import json
import signal
import threading
from pathlib import Path

from demo.fcm.server import FakeFcm


def main() -> None:
    """Serve until SIGTERM; print the address once the key file is written."""
    parser = argparse.ArgumentParser(prog="demo.fcm", description="A stand-in for FCM.")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--project", default="stand-in")
    parser.add_argument("--service-account-file", type=Path, required=True)
    parser.add_argument("--log", type=Path, help="JSON lines, one per request to send")
    options = parser.parse_args()

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    fcm = FakeFcm(options.port, project_id=options.project, log_path=options.log)
    options.service_account_file.touch(mode=0o600)
    options.service_account_file.write_text(json.dumps(fcm.service_account, indent=2))
    with fcm:
        print(fcm.url, flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
