"""Where a web process spends its time, sampled by py-spy: by package and by part."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.rig import ROOT, CannotSetUp

RATE = 250
"""Samples per second. Each one stops the process briefly."""

FRAME = re.compile(r"(?P<name>.*) \((?P<file>.*?)(?::(?P<line>\d+))?\)$")
PACKAGE = re.compile(r".*/(?:site-packages|python3\.\d+)/(?P<package>[^/]+)")

PARTS = (
    ("who asks, and the limits", "services/people/sign_in.py", "enter"),
    ("the token", "services/people/tokens.py", "read_access_token"),
    ("the list", "services/offers/inbox.py", "read"),
    ("the tag", "api/kernel/tags.py", "tag_of"),
    ("writing JSON", "api/offers/offers.py", "_page"),
)
"""Parts of a request. A sample belongs to the first of these functions on its stack."""

VIEW = ("api/kernel/auth.py", "guarded")
REQUEST = ("flask/app.py", "wsgi_app")
WAITING = ("psycopg/connection.py", "wait")


@dataclass(frozen=True)
class Frame:
    """A function on a stack, without its class, and its file."""

    name: str
    file: str

    def is_of(self, place: tuple[str, str]) -> bool:
        return self.file.endswith(place[0]) and self.name == place[1]


@dataclass(frozen=True)
class Sampled:
    """The samples inside of requests.

    by_part: also by whether the request waits for the database.
    by_package: the package whose code runs.
    rounds: how often each thread was sampled, inside of requests or not.
    """

    by_part: Counter[tuple[str, bool]]
    by_package: Counter[str]
    rounds: int

    @property
    def in_requests(self) -> int:
        return self.by_package.total()


def sample(pid: int, seconds: float) -> Sampled:
    """Sample the process and its children for `seconds`.

    Raises: CannotSetUp.
    """
    with TemporaryDirectory(prefix="backhaul-stacks-") as folder:
        file = Path(folder) / "stacks"
        ended = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("py-spy")), "record"),
                *("--pid", str(pid), "--subprocesses", "--idle", "--threads"),
                *("--format", "raw", "--full-filenames", "--rate", str(RATE)),
                *("--duration", str(round(seconds)), "--output", str(file)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode or not file.exists():
            raise CannotSetUp(f"py-spy: {ended.stderr.strip()}")
        return counted(file.read_text().splitlines())


def counted(lines: Iterable[str]) -> Sampled:
    """Count samples in py-spy's raw format: frames separated by `;`, and a number."""
    by_part: Counter[tuple[str, bool]] = Counter()
    by_package: Counter[str] = Counter()
    of_thread: Counter[str] = Counter()
    for line in lines:
        stack, _, number = line.rpartition(" ")
        texts = stack.split(";")
        frames = [_frame(text) for text in texts]
        times = int(number)
        thread = next((text for text in texts if text.startswith("thread (")), "")
        of_thread[thread] += times
        if any(frame.is_of(REQUEST) for frame in frames):
            is_waiting = frames[-1].is_of(WAITING)
            by_part[part_of(frames), is_waiting] += times
            owner = "waiting for the database" if is_waiting else owner_of(frames[-1])
            by_package[owner] += times
    return Sampled(by_part, by_package, max(of_thread.values(), default=0))


def part_of(frames: Sequence[Frame]) -> str:
    """Return the part of a request that this stack belongs to."""
    for part, *place in PARTS:
        if any(frame.is_of((place[0], place[1])) for frame in frames):
            return part
    if any(frame.is_of(VIEW) for frame in frames):
        return "the rest of the view"
    return "Flask and what is asked around each request"


def owner_of(frame: Frame) -> str:
    """Return the package of the frame's code; for ours, the folder or root module."""
    file = Path(frame.file)
    if file.is_relative_to(ROOT) and "site-packages" not in file.parts:
        return file.relative_to(ROOT).parts[0].removesuffix(".py")
    found = PACKAGE.match(frame.file)
    return found["package"].removesuffix(".py") if found else frame.file


def _frame(text: str) -> Frame:
    found = FRAME.match(text)
    if found is None:
        return Frame(text, "")
    return Frame(found["name"].rpartition(".")[2], found["file"])
