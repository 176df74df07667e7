"""The firewall's snippet, loaded into a network that only the test reaches."""

import subprocess
import sys

import pytest

from tests.source import ROOT
from tests.tools import need
from tests.waiting import LONGEST_S

pytestmark = pytest.mark.process

MOST = 600
"""Connections of one address, as the file says."""

OWN_NETWORK = ("unshare", "--map-root-user", "--net", "--")

CONNECT = """
import resource, socket, subprocess, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["nft", "-f", sys.argv[1]], check=True)
family, ours, theirs = socket.AF_INET, "127.0.0.1", "127.0.0.9"
servers = {port: socket.create_server((ours, port), backlog=2048) for port in (443, 81)}

def connected(port, many, source):
    kept = []
    for _ in range(many):
        line = socket.socket(family)
        line.bind((source, 0))
        try:
            line.connect((ours, port))
        except ConnectionRefusedError:
            line.close()
            break
        kept.append((line, servers[port].accept()))
    return kept

first = connected(443, 700, ours)
print(len(first), len(connected(443, 5, theirs)), len(connected(81, 700, ours)))
"""


@pytest.fixture
def own_network() -> tuple[str, ...]:
    """The beginning of a command that is run in a network of its own."""
    for program in ("nft", "ip", "unshare"):
        need(program)
    try_it = [*OWN_NETWORK, "nft", "list", "ruleset"]
    if subprocess.run(try_it, capture_output=True).returncode:
        pytest.skip("This machine lets no process make a network of its own.")
    return OWN_NETWORK


def test_an_address_gets_its_connections_and_no_more(
    own_network: tuple[str, ...],
) -> None:
    rules = str(ROOT / "deploy/nftables.conf")

    done = subprocess.run(
        [*own_network, sys.executable, "-c", CONNECT, rules],
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )

    assert done.returncode == 0, done.stderr
    of_one, of_another, at_another_port = map(int, done.stdout.split())
    assert of_one == MOST
    assert of_another == 5
    assert at_another_port == 700
