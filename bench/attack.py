"""Slow connections, and a flood of one company: `python -m bench.attack`.

A process of its own, as attackers are: it must not slow down the client that measures.
It attacks until it is stopped, and writes each second how it stands.
"""

import argparse
import asyncio
import json
import os
import resource
import sys
import time
from collections import Counter
from pathlib import Path

EVERY_S = 1.0
"""A slow connection sends one byte in this time."""

HEADER = b"GET /v1/offers HTTP/1.1\r\nHost: bench\r\nX-Slow: "
BODY = (
    b"POST /v1/sessions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    b'Content-Length: 100000\r\n\r\n{"login": "'
)
FIRST_BYTES = {"silent": b"", "header": HEADER, "body": BODY}
"""What each kind of slow connection sends at once."""

NICE = 5
"""An attacker does not use up our processors: let the other processes go first."""


async def hold(kind: str, port: int, count: Counter[str]) -> None:
    """Keep one slow connection open; open another when the server closes it."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            count[f"{kind}_refused"] += 1
            await asyncio.sleep(EVERY_S)
            continue
        count[kind] += 1
        try:
            writer.write(FIRST_BYTES[kind])
            while not await _is_closed(reader):
                if kind != "silent":
                    writer.write(b"a")
                    await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
            count[kind] -= 1
            count[f"{kind}_closed"] += 1


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    """Wait for EVERY_S; say whether the server has closed the connection meanwhile."""
    try:
        async with asyncio.timeout(EVERY_S):
            await reader.read()
    except TimeoutError:
        return False
    return True


async def flood(token: str, path: str, port: int, count: Counter[str]) -> None:
    """Ask without a pause on one connection."""
    lines = [f"GET {path} HTTP/1.1", "Host: bench", f"Authorization: Bearer {token}"]
    request = "\r\n".join([*lines, "", ""]).encode()
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            while True:
                writer.write(request)
                count[await _status_of(reader)] += 1
        except (OSError, asyncio.IncompleteReadError):
            count["refused"] += 1
            await asyncio.sleep(EVERY_S)


async def _status_of(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    _, _, rest = head.partition("\r\ncontent-length:")
    await reader.readexactly(int(rest.partition("\r\n")[0] or 0))
    return head.split()[1]


async def attack(options: argparse.Namespace) -> None:
    count: Counter[str] = Counter()
    slow = [kind for kind in FIRST_BYTES for _ in range(vars(options)[kind])]
    tasks = [asyncio.create_task(hold(kind, options.port, count)) for kind in slow]
    if options.tokens:
        tokens = options.tokens.read_text().split()
        tasks += [
            asyncio.create_task(flood(token, options.path, options.port, count))
            for token in tokens
        ]
    while True:
        await asyncio.sleep(EVERY_S)
        sys.stdout.write(json.dumps({"at": time.monotonic(), **count}) + "\n")
        sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.attack", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    for kind in FIRST_BYTES:
        parser.add_argument(f"--{kind}", type=int, default=0, help="connections")
    parser.add_argument("--tokens", type=Path, help="one for each connection that asks")
    parser.add_argument("--path", default="/v1/offers")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.nice(NICE)
    asyncio.run(attack(parser.parse_args()))


if __name__ == "__main__":
    main()
