"""What a truck does: pick up, be confirmed, drive, drop. Each step is a request."""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from uuid_utils.compat import uuid7

from demo.client import PATIENCE_S, Answer, Unexpected, told
from demo.phones import Phones, Push
from demo.roads import along
from demo.seeding import Company, Posted, Trucker
from geo.points import Point

FIXES_ON_THE_WAY = 12


@dataclass(frozen=True)
class Drop:
    """A last stop that was completed.

    at: seconds since the epoch, when the driver's phone had the server's answer.
    is_first_haul: False if the truck came here with a load it had won for its way
        home, which is counted there.
    """

    stop_id: str
    load_id: str
    trucker: Trucker
    at: float
    is_first_haul: bool


@dataclass(frozen=True)
class Confirmation:
    """What a shipper counted at a pickup."""

    stop_id: str
    load_id: str
    pieces: int
    weight_kg: int
    is_different: bool


@dataclass
class Ledger:
    """What the phones and desks did, to be compared with what the server kept."""

    drops: list[Drop] = field(default_factory=list)
    confirmations: list[Confirmation] = field(default_factory=list)
    wins: list[str] = field(default_factory=list)
    too_late: list[str] = field(default_factory=list)
    declined: list[str] = field(default_factory=list)
    fixes_sent: int = 0
    fixes_kept: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def utcnow() -> datetime:
    return datetime.now(UTC)


def report(
    trucker: Trucker, stop: dict[str, Any], fact: str, at: datetime | None = None
) -> Answer:
    """Report arrival, completion or departure at a stop, from where the stop is."""
    body = {
        "occurred_at": (at or utcnow()).isoformat(),
        "position": {"lat": stop["lat"], "lon": stop["lon"], "accuracy_m": 8.0},
    }
    return trucker.phone.ask("PUT", f"/v1/stops/{stop['id']}/{fact}", body)


def must(answer: Answer) -> Any:  # noqa: ANN401 - what JSON carries
    """Return the body of a success. Raises: Unexpected."""
    if answer.status >= 300:
        raise Unexpected(told(answer))
    return answer.body


def confirm(
    shipper: Company, load: dict[str, Any], ledger: Ledger, *, missing: int = 0
) -> dict[str, Any]:
    """Confirm the pickup as the shipper's desk does; return the stop.

    missing: pieces that were not there; the weight shrinks with them.
    """
    stop = load["stops"][0]
    pieces = load["pieces"] - missing
    weight_kg = round(load["weight_kg"] * pieces / load["pieces"])
    tail = str(stop["id"])[-6:].upper()
    kept: dict[str, Any] = shipper.desk.put(
        f"/v1/stops/{stop['id']}/pickup-confirmation",
        {
            "confirmed_by": f"{shipper.desk.name}, dock 4",
            "pieces": pieces,
            "weight_kg": weight_kg,
            "seal_number": f"SL-{tail}",
            "bol_number": f"BOL-{tail}",
        },
    )
    ledger.confirmations.append(
        Confirmation(stop["id"], load["id"], pieces, weight_kg, missing > 0)
    )
    return kept


def pick_up(
    trucker: Trucker,
    posted: Posted,
    ledger: Ledger,
    *,
    missing: int = 0,
    at: datetime | None = None,
) -> None:
    """Arrive, load, get the shipper's confirmation and leave.

    at: when the truck left, by the phone's clock; now if left out. A time long ago
        plays a phone that was in a dead zone: the server takes late reports.
    """
    stop = posted.body["stops"][0]
    must(report(trucker, stop, "arrival", at and at - timedelta(hours=2)))
    must(report(trucker, stop, "completion", at and at - timedelta(minutes=15)))
    confirm(posted.shipper, posted.body, ledger, missing=missing)
    must(report(trucker, stop, "departure", at))


def drive(
    trucker: Trucker, start: Point, end: Point, ledger: Ledger, *, left_at: datetime
) -> None:
    """Send the fixes of the way by road, from `left_at` until now, in one batch."""
    now = utcnow()
    steps = [number / FIXES_ON_THE_WAY for number in range(FIXES_ON_THE_WAY + 1)]
    fixes = [
        _fix(left_at + (now - left_at) * part, round(at.lat, 5), round(at.lon, 5))
        for part, at in zip(steps, along(start, end, steps), strict=True)
    ]
    _send(trucker, fixes, ledger)


def say_speed(trucker: Trucker, at: Point, speed_mps: float, ledger: Ledger) -> None:
    """Send a fix of now, with the truck's speed."""
    fix = _fix(utcnow(), round(at.lat, 5), round(at.lon, 5))
    _send(trucker, [fix | {"speed_mps": speed_mps}], ledger)


def _fix(at: datetime, lat: float, lon: float) -> dict[str, Any]:
    where = {"lat": lat, "lon": lon, "accuracy_m": 12.0}
    return {"fix_id": str(uuid7()), "fixed_at": at.isoformat()} | where


def _send(trucker: Trucker, fixes: list[dict[str, Any]], ledger: Ledger) -> None:
    body = {"sent_at": utcnow().isoformat(), "fixes": fixes}
    answers = trucker.phone.post("/v1/positions", body)["results"]
    with ledger.lock:
        ledger.fixes_sent += len(fixes)
        ledger.fixes_kept += sum(answer["status"] == "created" for answer in answers)


def drop(
    trucker: Trucker,
    posted: Posted,
    ledger: Ledger,
    *,
    is_first_haul: bool = True,
    repeats: int = 0,
) -> Drop:
    """Arrive at the last delivery and complete it, which starts the search.

    repeats: how often the phone, unsure of the answer, reports the completion again.
    """
    stop = posted.body["stops"][-1]
    must(report(trucker, stop, "arrival", utcnow() - timedelta(hours=1)))
    # The server lets only a driver with a recent position accept an offer.
    _send(trucker, [_fix(utcnow(), stop["lat"], stop["lon"])], ledger)
    answer = report(trucker, stop, "completion")
    must(answer)
    dropped = Drop(stop["id"], posted.id, trucker, answer.answered_at, is_first_haul)
    ledger.drops.append(dropped)
    for _ in range(repeats):
        must(report(trucker, stop, "completion"))
    return dropped


def search_of(dropped: Drop) -> dict[str, Any]:
    """Return the search that the drop started, once it is done.

    Raises: Unexpected if none is done in time.
    """
    driver_id = dropped.trucker.driver_id
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        path = f"/v1/backhaul-searches?driver_id={driver_id}&limit=5"
        for search in dropped.trucker.phone.get(path)["data"]:
            if search["stop_id"] == dropped.stop_id:
                found: dict[str, Any] = search
                return found
        time.sleep(0.1)
    raise Unexpected(f"no search for the drop at stop {dropped.stop_id} in time")


def explanation(trucker: Trucker, search_id: str, load_id: str) -> dict[str, Any]:
    """Return why the driver got, or did not get, the load, as their desk reads it."""
    path = f"/v1/backhaul-searches/{search_id}/explanation?load_id={load_id}"
    answer: dict[str, Any] = trucker.company.desk.get(path)
    return answer


def first_ring(
    dropped: Drop, phones: Phones, timeout_s: float = PATIENCE_S
) -> Push | None:
    """Return the first push of an offer after the drop, None if none comes."""
    # The push may come before the phone has the answer to its report: allow 1 s.
    target = dropped.trucker.phone.target
    return phones.wait(target, "offer", after=dropped.at - 1, timeout_s=timeout_s)


def inbox(trucker: Trucker) -> list[dict[str, Any]]:
    """Return the offers the driver can accept now, best first."""
    offers: list[dict[str, Any]] = trucker.phone.get("/v1/offers?is_open=true")["data"]
    return sorted(offers, key=lambda offer: (-offer["score_cents"], offer["id"]))


def see(trucker: Trucker, offer: dict[str, Any]) -> None:
    """Report that the driver has seen an offer."""
    trucker.phone.put(f"/v1/offers/{offer['id']}/seen")


def decline(
    trucker: Trucker, offer: dict[str, Any], reason: str, ledger: Ledger
) -> None:
    """Decline an offer. An offer that has ended already stays as it is."""
    path = f"/v1/offers/{offer['id']}/decline"
    if trucker.phone.ask("PUT", path, {"reason": reason}).status == 200:
        ledger.declined.append(offer["id"])


def accept(trucker: Trucker, offer: dict[str, Any], ledger: Ledger) -> Answer:
    """Accept an offer: 200 with the assignment, or 410 with the next best offer.

    Raises: Unexpected for any other answer.
    """
    answer = trucker.phone.ask("PUT", f"/v1/offers/{offer['id']}/acceptance")
    if answer.status == 200:
        ledger.wins.append(offer["id"])
    elif answer.status == 410:
        ledger.too_late.append(offer["id"])
    else:
        raise Unexpected(f"acceptance: {told(answer)}")
    return answer
