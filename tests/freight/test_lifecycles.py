from collections import defaultdict
from enum import StrEnum
from itertools import pairwise
from typing import Any

import pytest

from freight.lifecycles import (
    LOAD_MOVES,
    OFFER_MOVES,
    OPEN_OFFERS,
    STOP_MOVES,
    UNDERWAY,
    LoadAct,
    LoadStatus,
    OfferAct,
    OfferStatus,
    StopAct,
    StopStatus,
)
from freight.roles import CARRYING, POSTERS, Role
from models.people.organisations import Member
from services.kernel.actors import PERMISSIONS

TABLES = [
    pytest.param(LOAD_MOVES, LoadStatus, LoadAct, LoadStatus.DRAFT, id="loads"),
    pytest.param(STOP_MOVES, StopStatus, StopAct, StopStatus.PENDING, id="stops"),
    pytest.param(OFFER_MOVES, OfferStatus, OfferAct, OfferStatus.CREATED, id="offers"),
]

Table = dict[tuple[StrEnum, StrEnum], Any]


def neighbours(table: Table) -> dict[StrEnum, set[StrEnum]]:
    onward = defaultdict(set)
    for (before, _), transition in table.items():
        onward[before].add(transition.after)
    return onward


class TestEveryTable:
    @pytest.mark.parametrize(("table", "statuses", "acts", "first"), TABLES)
    def test_each_move_agrees_with_its_key(
        self, table: Table, statuses: Any, acts: Any, first: StrEnum
    ) -> None:
        for (before, act), transition in table.items():
            assert (transition.before, transition.act) == (before, act)
            assert transition.after in statuses
            assert transition.roles

    @pytest.mark.parametrize(("table", "statuses", "acts", "first"), TABLES)
    def test_reaches_every_status_from_the_first(
        self, table: Table, statuses: Any, acts: Any, first: StrEnum
    ) -> None:
        onward = neighbours(table)
        reached, waiting = {first}, [first]

        while waiting:
            new = onward[waiting.pop()] - reached
            reached |= new
            waiting += new

        assert reached == set(statuses)

    @pytest.mark.parametrize(("table", "statuses", "acts", "first"), TABLES)
    def test_uses_every_act_but_the_creation_of_an_offer(
        self, table: Table, statuses: Any, acts: Any, first: StrEnum
    ) -> None:
        assert set(acts) - {act for _, act in table} == (
            {OfferAct.CREATE} if acts is OfferAct else set()
        )


class TestEnds:
    def test_a_cancelled_load_stays_cancelled(self) -> None:
        assert neighbours(LOAD_MOVES)[LoadStatus.CANCELLED] == set()

    def test_a_delivered_load_stays_delivered_unless_its_poster_denies_it(
        self,
    ) -> None:
        acts = {
            (act, move.after)
            for (before, act), move in LOAD_MOVES.items()
            if before is LoadStatus.DELIVERED
        }
        assert acts == {
            (LoadAct.DEPART_DELIVERY, LoadStatus.DELIVERED),
            (LoadAct.DENY, LoadStatus.INTERRUPTED),
        }

    def test_every_other_load_can_still_end(self) -> None:
        ends = {LoadStatus.CANCELLED, LoadStatus.DELIVERED}
        onward = neighbours(LOAD_MOVES)
        ending = set(ends)

        for _ in LoadStatus:
            ending |= {status for status in LoadStatus if onward[status] & ending}

        assert ending == set(LoadStatus)

    def test_an_answered_offer_stays_answered(self) -> None:
        onward = neighbours(OFFER_MOVES)

        assert {status for status in OfferStatus if onward[status]} == set(OPEN_OFFERS)

    def test_a_stop_only_goes_forward(self) -> None:
        order = list(StopStatus)

        assert [(t.before, t.after) for t in STOP_MOVES.values()] == list(
            pairwise(order)
        )


class TestRoles:
    def test_no_member_can_have_the_role_system(self) -> None:
        assert Role.SYSTEM not in PERMISSIONS
        check = next(
            str(c.sqltext)
            for c in Member.__table__.constraints
            if "roles" in str(getattr(c, "sqltext", ""))
        )
        assert "system" not in check

    @pytest.mark.parametrize(
        ("act", "roles"),
        [
            (LoadAct.POST, POSTERS | {Role.DISPATCHER}),
            (LoadAct.EDIT, POSTERS | {Role.DISPATCHER}),
            (LoadAct.CONSENT, POSTERS | {Role.DISPATCHER}),
            (LoadAct.RENEW, POSTERS | {Role.DISPATCHER}),
            (LoadAct.WITHDRAW, POSTERS | {Role.DISPATCHER}),
            (LoadAct.CANCEL, POSTERS | {Role.DISPATCHER}),
            (LoadAct.LAPSE, {Role.SYSTEM}),
            (LoadAct.EXPIRE, {Role.SYSTEM}),
            (LoadAct.BOOK, CARRYING),
            (LoadAct.UNBOOK, CARRYING),
            (LoadAct.REASSIGN, {Role.DISPATCHER}),
            (LoadAct.ARRIVE_PICKUP, CARRYING),
            (LoadAct.CONFIRM_PICKUP, POSTERS | {Role.DISPATCHER, Role.SYSTEM}),
            (LoadAct.AMEND_PICKUP, POSTERS | {Role.DISPATCHER}),
            (LoadAct.DEPART_PICKUP, CARRYING),
            (LoadAct.ARRIVE_DELIVERY, CARRYING),
            (LoadAct.UNLOAD, CARRYING),
            (LoadAct.DEPART_DELIVERY, CARRYING),
            (LoadAct.DELIVER, CARRYING | POSTERS),
            (LoadAct.INTERRUPT, CARRYING | POSTERS),
            (LoadAct.TAKE_OVER, {Role.DISPATCHER}),
            (LoadAct.RETURN, POSTERS | {Role.DISPATCHER}),
        ],
    )
    def test_of_a_load(self, act: LoadAct, roles: set[Role]) -> None:
        allowed = [t.roles for (_, a), t in LOAD_MOVES.items() if a is act]

        assert frozenset().union(*allowed) == roles

    def test_only_a_dispatcher_releases_an_unconfirmed_pickup(self) -> None:
        released = LOAD_MOVES[LoadStatus.AT_PICKUP, LoadAct.DEPART_PICKUP]

        assert released.roles == {Role.DISPATCHER}

    def test_a_load_is_cancelled_only_until_the_truck_leaves_a_pickup(self) -> None:
        befores = {before for before, act in LOAD_MOVES if act is LoadAct.CANCEL}

        assert befores & set(UNDERWAY) == {
            LoadStatus.BOOKED,
            LoadStatus.AT_PICKUP,
            LoadStatus.PICKUP_CONFIRMED,
        }


NOBODY_WAITS = {
    *(LoadStatus.DRAFT, LoadStatus.POSTED, LoadStatus.HELD, LoadStatus.EXPIRED),
    *(LoadStatus.WITHDRAWN, LoadStatus.CANCELLED, LoadStatus.DELIVERED),
}
"""Statuses in which no driver has the load."""

EMPTY = {LoadStatus.BOOKED, LoadStatus.AT_PICKUP, LoadStatus.PICKUP_CONFIRMED}
LOADED = set(UNDERWAY) - {LoadStatus.BOOKED}
ENDS = {LoadStatus.CANCELLED, LoadStatus.DELIVERED}


def alone(role: Role, status: LoadStatus, acts: set[LoadAct]) -> set[LoadStatus]:
    """Return the statuses to which a role can bring a load by these acts of its own."""
    reached, waiting = {status}, [status]
    while waiting:
        before = waiting.pop()
        new = {
            transition.after
            for (start, act), transition in LOAD_MOVES.items()
            if start is before and act in acts and role in transition.roles
        } - reached
        reached |= new
        waiting += new
    return reached


class TestWaysOut:
    """The table alone; `bench.exits` walks the real services."""

    @pytest.mark.parametrize("role", sorted(CARRYING))
    @pytest.mark.parametrize("status", UNDERWAY)
    def test_driver_and_desk_leave_every_load_without_the_poster(
        self, role: Role, status: LoadStatus
    ) -> None:
        if status in EMPTY:
            assert LoadStatus.POSTED in alone(role, status, {LoadAct.UNBOOK})
        if status in LOADED:
            assert LoadStatus.INTERRUPTED in alone(role, status, {LoadAct.INTERRUPT})

    @pytest.mark.parametrize("role", sorted(POSTERS))
    @pytest.mark.parametrize("status", [*UNDERWAY, LoadStatus.INTERRUPTED])
    def test_a_poster_ends_every_load_without_the_carrier(
        self, role: Role, status: LoadStatus
    ) -> None:
        acts = {LoadAct.CANCEL, LoadAct.INTERRUPT, LoadAct.RETURN, LoadAct.DELIVER}

        assert alone(role, status, acts) & ENDS

    def test_an_interrupted_load_goes_on_comes_back_or_arrives(self) -> None:
        onward = neighbours(LOAD_MOVES)[LoadStatus.INTERRUPTED]

        assert onward == {LoadStatus.INTERRUPTED, LoadStatus.IN_TRANSIT, *ENDS}

    def test_every_status_has_ways_out_or_needs_none(self) -> None:
        have_ways_out = [LoadStatus.INTERRUPTED, *UNDERWAY]

        assert sorted([*have_ways_out, *NOBODY_WAITS]) == sorted(LoadStatus)


class TestEdi214:
    """AT7-01 codes, DOMAIN 1.5."""

    CODES: dict[LoadAct, str] = {  # noqa: RUF012 - a table
        LoadAct.BOOK: "OO",
        LoadAct.ARRIVE_PICKUP: "X3",
        LoadAct.CONFIRM_PICKUP: "CP",
        LoadAct.DEPART_PICKUP: "AF",
        LoadAct.ARRIVE_DELIVERY: "X1",
        LoadAct.UNLOAD: "D1",
        LoadAct.DELIVER: "D1",
        LoadAct.DEPART_DELIVERY: "CD",
        LoadAct.INTERRUPT: "SD",
        LoadAct.RETURN: "A3",
        LoadAct.CANCEL: "CA",
    }

    @pytest.mark.parametrize("act", LoadAct)
    def test_code_of(self, act: LoadAct) -> None:
        codes = {t.edi_214 for (_, a), t in LOAD_MOVES.items() if a is act}

        assert codes == {self.CODES.get(act)}
