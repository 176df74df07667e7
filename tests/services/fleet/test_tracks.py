from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from services.fleet.positions import Fix
from tests.services.fleet.fixes import CREATED, MINUTE, fix, last_of, tell, track_of

SECOND = timedelta(seconds=1)


class TestJumps:
    """41.9 and 42.9 are 111 km apart: 41 minutes at 45 m/s."""

    def here(self, session: OrmSession, driver_id: UUID) -> float:
        last = last_of(session, driver_id)
        assert last is not None
        return last.lat

    def test_a_jump_is_not_the_last_position_before_a_second_fix_agrees(
        self, session: OrmSession, now: datetime
    ) -> None:
        driver_id = uuid7()
        tell(session, driver_id, [fix(now - 10 * MINUTE, 41.9)], now)

        tell(session, driver_id, [fix(now - 5 * MINUTE, 42.9)], now)
        assert self.here(session, driver_id) == 41.9
        tell(session, driver_id, [fix(now - 4 * MINUTE, 42.91)], now)
        assert self.here(session, driver_id) == 42.91

    def test_a_jump_and_back_leaves_no_trace_but_the_track(
        self, session: OrmSession, now: datetime
    ) -> None:
        driver_id = uuid7()
        for minute, lat in ((10, 41.9), (5, 42.9), (4, 41.91), (3, 42.9)):
            tell(session, driver_id, [fix(now - minute * MINUTE, lat)], now)

        assert self.here(session, driver_id) == 41.91
        assert len(track_of(session, driver_id)) == 4

    def test_two_jumps_to_different_places_do_not_agree(
        self, session: OrmSession, now: datetime
    ) -> None:
        driver_id = uuid7()
        for minute, lat in ((10, 41.9), (5, 42.9), (4, 44.9)):
            tell(session, driver_id, [fix(now - minute * MINUTE, lat)], now)

        assert self.here(session, driver_id) == 41.9

    @pytest.mark.parametrize("ms", [0, 1, 4_999])
    @pytest.mark.parametrize("is_one_batch", [True, False])
    def test_the_same_fix_with_another_id_does_not_agree(
        self, session: OrmSession, now: datetime, is_one_batch: bool, ms: int
    ) -> None:
        driver_id = uuid7()
        tell(session, driver_id, [fix(now - 10 * MINUTE, 41.9)], now)
        again = now - 5 * MINUTE + timedelta(milliseconds=ms)
        same = [fix(at, 42.9) for at in (now - 5 * MINUTE, again)]

        for batch in [same] if is_one_batch else ([each] for each in same):
            tell(session, driver_id, batch, now)
        assert self.here(session, driver_id) == 41.9

        tell(session, driver_id, [fix(again + 5 * SECOND, 42.9)], now)
        assert self.here(session, driver_id) == 42.9

    def test_fixes_that_follow_each_other_closely_agree_after_some_seconds(
        self, session: OrmSession, now: datetime
    ) -> None:
        driver_id = uuid7()
        tell(session, driver_id, [fix(now - 10 * MINUTE, 41.9)], now)

        told = []
        for second in range(7):
            at = now - 5 * MINUTE + second * SECOND
            tell(session, driver_id, [fix(at, 42.9)], now)
            told.append(self.here(session, driver_id))

        assert told == [41.9] * 5 + [42.9] * 2

    def test_a_second_fix_agrees_also_when_it_comes_first(
        self, session: OrmSession, now: datetime
    ) -> None:
        driver_id = uuid7()
        for minute, lat in ((10, 41.9), (4, 42.91), (5, 42.9)):
            tell(session, driver_id, [fix(now - minute * MINUTE, lat)], now)

        assert self.here(session, driver_id) == 42.91

    def test_a_phone_that_was_off_for_long_may_be_far_away(
        self, session: OrmSession, now: datetime
    ) -> None:
        driver_id = uuid7()
        for minute, lat in ((60, 41.9), (5, 42.9)):
            tell(session, driver_id, [fix(now - minute * MINUTE, lat)], now)

        assert self.here(session, driver_id) == 42.9

    def test_an_inexact_fix_is_no_jump(
        self, session: OrmSession, now: datetime
    ) -> None:
        driver_id = uuid7()
        tell(session, driver_id, [fix(now - MINUTE, 41.9)], now)
        inexact = Fix(uuid7(), now, 41.96, -87.6, accuracy_m=4_900)

        tell(session, driver_id, [inexact], now)

        assert self.here(session, driver_id) == 41.96


class TestVagueFixes:
    """A fix with an accuracy worse than 5 km."""

    @pytest.mark.parametrize("lat", [41.9, 41.91, 34.0])
    def test_are_kept_and_are_never_the_last_position(
        self, session: OrmSession, now: datetime, lat: float
    ) -> None:
        driver_id = uuid7()
        tell(session, driver_id, [fix(now - 9 * MINUTE)], now)
        for minute in (4, 3, 2):
            at = now - minute * MINUTE
            vague = Fix(uuid7(), at, lat, -87.6, accuracy_m=5_001)

            assert tell(session, driver_id, [vague], now) == [(CREATED, None)]

        last = last_of(session, driver_id)
        assert last is not None
        assert (last.lat, last.corrected_at) == (41.9, now - 9 * MINUTE)
        assert last.doubted is None
        assert len(track_of(session, driver_id)) == 4

    def test_alone_give_no_last_position(
        self, session: OrmSession, now: datetime
    ) -> None:
        driver_id = uuid7()
        vague = Fix(uuid7(), now, 41.9, -87.6, accuracy_m=1e7)

        assert tell(session, driver_id, [vague], now) == [(CREATED, None)]

        assert last_of(session, driver_id) is None

    def test_do_not_agree_with_a_jump(self, session: OrmSession, now: datetime) -> None:
        driver_id = uuid7()
        for minute, lat in ((10, 41.9), (5, 42.9)):
            tell(session, driver_id, [fix(now - minute * MINUTE, lat)], now)

        vague = Fix(uuid7(), now - 4 * MINUTE, 42.9, -87.6, accuracy_m=6_000)
        tell(session, driver_id, [vague], now)

        last = last_of(session, driver_id)
        assert last is not None
        assert last.lat == 41.9
