"""The promises that are checked for the whole day, after it is over."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from demo.evidence import Evidence
from demo.play import Play

OPEN_KEYS = {"kind", "offer_id", "load_id", "driver_id", "v", "expires_at"}


def audit(play: Play, evidence: Evidence) -> None:
    """Check every promise against what the server kept and the phones received."""
    checks = {
        "Every drop is searched exactly once": _drops(play, evidence),
        "Every search counts each load once, stage by stage": _stages(evidence),
        "Every offer's terms add up to its gain": _terms(evidence),
        "No load has two drivers and no driver has two loads": _one_each(evidence),
        "A load is won once": _wins(play, evidence),
        "Every offer to a live phone rings there exactly once": _rings(play, evidence),
        "No push carries an address, a name or a price": _texts(evidence),
        "Every confirmed pickup is kept as the shipper counted it": _pickups(
            play, evidence
        ),
        "Every load that left its pickup was confirmed by the shipper": _unconfirmed(
            evidence
        ),
        "Every position that a phone sent is kept": _fixes(play),
    }
    for name, faults in checks.items():
        play.promises.check_all(name, faults)


def _drops(play: Play, evidence: Evidence) -> Iterator[str]:
    dropped = Counter(drop.stop_id for drop in play.ledger.drops)
    # A driver who lost a load is searched for as well, from where they are.
    searched = Counter(
        search["stop_id"] for search in evidence.searches if search["stop_id"]
    )
    for stop_id in dropped | searched:
        if (dropped[stop_id], searched[stop_id]) != (1, 1):
            yield (
                f"stop {stop_id}: {dropped[stop_id]} drops,"
                f" {searched[stop_id]} searches"
            )


def _stages(evidence: Evidence) -> Iterator[str]:
    for search in evidence.searches:
        counts = search["counts"]
        left = counts["considered"]
        for stage in counts["stages"]:
            excluded = sum(stage["excluded"].values())
            if (stage["entered"], stage["left"]) != (left, left - excluded):
                yield f"search {search['id']}, {stage['stage']}"
            left = stage["left"]
        if left != counts["ranked"]:
            yield f"search {search['id']}: {left} left, {counts['ranked']} ranked"


def _terms(evidence: Evidence) -> Iterator[str]:
    for offer in evidence.offers:
        total = sum(term["value"] for term in offer["terms"])
        if total != offer["score_cents"]:
            yield f"offer {offer['id']}: {total} is not {offer['score_cents']}"


def _one_each(evidence: Evidence) -> Iterator[str]:
    active = [row for row in evidence.assignments if row["status"] == "active"]
    for subject in ("driver_id", "load_id"):
        found = Counter(
            row["load"]["id"] if subject == "load_id" else row[subject]
            for row in active
        )
        yield from (f"{subject} {key}: {n} times" for key, n in found.items() if n > 1)


def _wins(play: Play, evidence: Evidence) -> Iterator[str]:
    won = [row for row in evidence.offers if row["status"] == "accepted"]
    loads = Counter(row["load_id"] for row in won)
    yield from (f"load {key}: {n} wins" for key, n in loads.items() if n > 1)
    confirmed = set(play.ledger.wins)
    if {row["id"] for row in won} != confirmed:
        yield f"{len(confirmed)} drivers were told yes, {len(won)} offers are accepted"


def _rings(play: Play, evidence: Evidence) -> Iterator[str]:
    truckers = {drop.trucker.driver_id: drop.trucker for drop in play.ledger.drops}
    rung = Counter(
        (push.target, push.subject_id)
        for push in evidence.pushes
        if push.kind in {"offer", "offer_renewed"}
    )
    for offer in evidence.offers:
        target = truckers[offer["driver_id"]].phone.target
        rings = rung[target, offer["id"]]
        # A push is dropped when its offer has ended before it could be sent.
        is_pointless = offer["sent_at"] is None and offer["ended_at"] is not None
        if target.startswith("unreg"):
            expected = {0}
        else:
            expected = {0, 1} if is_pointless else {1}
        if rings not in expected:
            yield f"offer {offer['id']} ({offer['status']}): {rings} rings"


def _texts(evidence: Evidence) -> Iterator[str]:
    for push in evidence.pushes:
        text = push.title + push.body
        if set(push.data) - OPEN_KEYS or any(c.isdigit() or c == "$" for c in text):
            yield f"{push.kind}: {push.title} {push.body} {sorted(push.data)}"


def _pickups(play: Play, evidence: Evidence) -> Iterator[str]:
    kept = {stop["id"]: stop for stop in _confirmed(evidence)}
    said = {word.stop_id: word for word in play.ledger.confirmations}
    if set(kept) != set(said):
        yield f"{len(said)} pickups were confirmed, {len(kept)} are kept"
    for stop_id in set(kept) & set(said):
        stop, word = kept[stop_id], said[stop_id]
        found = (stop["confirmed_pieces"], stop["confirmed_weight_kg"])
        if found != (word.pieces, word.weight_kg):
            yield f"stop {stop_id}: {found}"


def _unconfirmed(evidence: Evidence) -> Iterator[str]:
    for load in evidence.loads:
        stop = load["stops"][0]
        if stop["departed_at"] is not None and stop["confirmed_at"] is None:
            yield f"load {load['load_number']}"


def _fixes(play: Play) -> Iterator[str]:
    ledger = play.ledger
    if ledger.fixes_kept != ledger.fixes_sent:
        yield f"{ledger.fixes_sent} sent, {ledger.fixes_kept} kept"


def _confirmed(evidence: Evidence) -> Iterator[dict[str, Any]]:
    for load in evidence.loads:
        yield from (stop for stop in load["stops"] if stop["confirmed_at"])


def confirmed_pickups(evidence: Evidence) -> int:
    """Return how many pickups the shippers have confirmed."""
    return sum(1 for _ in _confirmed(evidence))
