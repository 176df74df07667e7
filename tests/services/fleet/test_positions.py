from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from runtime.db import Session
from services.fleet import positions
from services.fleet.positions import Fix
from tests.services.fleet.fixes import (
    CREATED,
    DUPLICATE,
    MINUTE,
    REJECTED,
    fix,
    last_of,
    tell,
    track_of,
)
from tests.services.scene import is_any_waiting
from tests.waiting import LONGEST_S, wait_until
from tests.world import World


class TestReport:
    def test_a_repeated_batch_is_all_duplicates(
        self, session: OrmSession, now: datetime
    ) -> None:
        driver_id, fixes = uuid7(), [fix(now - i * MINUTE) for i in range(3)]

        first = tell(session, driver_id, fixes, now)
        again = tell(session, driver_id, fixes[::-1], now)

        assert first == [(CREATED, None)] * 3
        assert again == [(DUPLICATE, None)] * 3

    def test_a_fix_twice_in_one_batch_is_kept_once(
        self, session: OrmSession, now: datetime
    ) -> None:
        driver_id, one = uuid7(), fix(now)

        answers = tell(session, driver_id, [one, one], now)

        assert answers == [(CREATED, None), (DUPLICATE, None)]

    def test_one_id_at_two_moments_is_two_fixes(
        self, session: OrmSession, now: datetime
    ) -> None:
        driver_id, one = uuid7(), fix(now)
        other = Fix(one.fix_id, now - MINUTE, 41.0, -87.0)

        answers = tell(session, driver_id, [one, other], now)

        assert answers == [(CREATED, None)] * 2
        assert len(track_of(session, driver_id)) == 2

    def test_a_bad_fix_never_fails_a_good_one_of_the_same_id(
        self, session: OrmSession, now: datetime
    ) -> None:
        driver_id, good = uuid7(), fix(now)
        bad = Fix(good.fix_id, now, 0, 0)

        assert tell(session, driver_id, [good, bad], now) == [
            (CREATED, None),
            (REJECTED, "no-position"),
        ]

    @pytest.mark.parametrize(
        ("ago", "reason"),
        [
            (-5 * MINUTE, None),
            (-6 * MINUTE, "in-the-future"),
            (timedelta(days=-9), "in-the-future"),
            (timedelta(days=29), None),
            (timedelta(days=31), "too-old"),
        ],
    )
    def test_only_what_can_be_true_is_kept(
        self, session: OrmSession, now: datetime, ago: timedelta, reason: str | None
    ) -> None:
        driver_id = uuid7()

        ((status, why),) = tell(session, driver_id, [fix(now - ago)], now)

        assert why == reason
        assert (status is CREATED) == (reason is None)
        assert len(track_of(session, driver_id)) == (reason is None)

    @pytest.mark.parametrize(
        ("ago", "sent_ahead", "reason"),
        [
            (timedelta(days=29, hours=12), timedelta(hours=26), "too-old"),
            (timedelta(), -timedelta(hours=26), "in-the-future"),
        ],
    )
    def test_what_a_corrected_clock_says_must_be_true_as_well(
        self,
        session: OrmSession,
        now: datetime,
        ago: timedelta,
        sent_ahead: timedelta,
        reason: str,
    ) -> None:
        answers = tell(
            session, uuid7(), [fix(now - ago)], now, sent_at=now + sent_ahead
        )

        assert answers == [(REJECTED, reason)]

    @pytest.mark.parametrize("year", [1, 9999])
    @pytest.mark.parametrize("skew_h", [-26, 26])
    def test_extreme_times_are_rejected(
        self, session: OrmSession, now: datetime, year: int, skew_h: int
    ) -> None:
        sent_at = now + timedelta(hours=skew_h)
        wild = fix(datetime(year, 12 if year > 1 else 1, 31, tzinfo=UTC))

        ((status, _),) = tell(session, uuid7(), [wild], now, sent_at=sent_at)

        assert status is REJECTED

    def test_a_batch_without_a_good_fix_writes_nothing(
        self, session: OrmSession, now: datetime
    ) -> None:
        driver_id = uuid7()

        tell(session, driver_id, [fix(now, 0, 0)], now)

        assert last_of(session, driver_id) is None

    def test_a_driver_has_their_own_track(
        self, session: OrmSession, now: datetime
    ) -> None:
        one, other, shared = uuid7(), uuid7(), fix(now)

        assert tell(session, one, [shared], now) == [(CREATED, None)]
        assert tell(session, other, [shared], now) == [(CREATED, None)]


class TestWrongClock:
    @pytest.mark.parametrize("skew_h", [-26, -1, 1, 26])
    def test_is_corrected_and_both_times_are_kept(
        self, session: OrmSession, now: datetime, skew_h: int
    ) -> None:
        driver_id, skew = uuid7(), timedelta(hours=skew_h)
        said = fix(now - 10 * MINUTE + skew)

        answers = tell(session, driver_id, [said], now, sent_at=now + skew)

        assert answers == [(CREATED, None)]
        ((_, fixed_at, corrected_at, _),) = track_of(session, driver_id)
        assert (fixed_at, corrected_at) == (said.fixed_at, now - 10 * MINUTE)
        last = last_of(session, driver_id)
        assert last is not None
        assert last.corrected_at == now - 10 * MINUTE

    def test_of_up_to_30_seconds_is_not_corrected(
        self, session: OrmSession, now: datetime
    ) -> None:
        driver_id, half_a_minute = uuid7(), timedelta(seconds=30)

        tell(session, driver_id, [fix(now)], now, sent_at=now - half_a_minute)

        ((_, _, corrected_at, _),) = track_of(session, driver_id)
        assert corrected_at == now

    def test_does_not_make_an_old_fix_the_newest(
        self, session: OrmSession, now: datetime
    ) -> None:
        """The clock is an hour ahead; the corrected fix is older than the last one."""
        driver_id, hour = uuid7(), timedelta(hours=1)
        tell(session, driver_id, [fix(now, lat=42.0)], now)

        tell(session, driver_id, [fix(now + hour - MINUTE)], now, sent_at=now + hour)

        last = last_of(session, driver_id)
        assert last is not None
        assert last.lat == 42.0


offsets = st.lists(
    # Two fixes of the same minute lie within the noise of a receiver.
    st.tuples(st.integers(0, 50), st.sampled_from([41.0, 41.002, 41.004])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=offsets, draw=st.data())
def test_order_batches_and_repeats_do_not_matter(
    session: OrmSession,
    now: datetime,
    made: list[tuple[int, float]],
    draw: st.DataObject,
) -> None:
    in_order, shuffled = uuid7(), uuid7()
    fixes = [fix(now - minutes * MINUTE, lat) for minutes, lat in made]
    told = draw.draw(st.permutations(fixes + fixes[: len(fixes) // 2]))
    cut = draw.draw(st.integers(0, len(told)))

    for batch in (sorted(fixes, key=lambda f: f.fixed_at),):
        tell(session, in_order, batch, now)
    for batch in (told[:cut], told[cut:]):
        tell(session, shuffled, batch, now)

    assert track_of(session, shuffled) == track_of(session, in_order)
    one, other = last_of(session, in_order), last_of(session, shuffled)
    assert one is not None
    assert other is not None
    newest = max((f.fixed_at, f.lat) for f in fixes)
    assert (one.corrected_at, one.lat) == newest
    assert (other.corrected_at, other.lat) == newest


def test_the_last_position_never_goes_back_in_concurrent_batches(
    committed: World, engine: Engine, now: datetime
) -> None:
    """The older batch waits for the newer one, then finds that it has nothing new."""
    driver_id = uuid7()
    newer, older = fix(now, 42.0), fix(now - MINUTE, 41.0)
    tell_older: list[object] = []

    def late() -> None:
        with Session.begin() as session:
            tell_older.append(tell(session, driver_id, [older], now))

    with Session.begin() as locking:
        tell(locking, driver_id, [newer], now)
        thread = Thread(target=late)
        thread.start()
        wait_until(is_any_waiting, "the wait for the newer batch")
        assert not tell_older
    thread.join(LONGEST_S)

    assert tell_older == [[(CREATED, None)]]
    with Session() as session:
        last = last_of(session, driver_id)
        assert last is not None
        assert last.lat == 42.0


class TestMakePartitions:
    def days(self, session: OrmSession) -> list[str]:
        names = session.scalars(
            text(
                "select inhrelid::regclass::text from pg_inherits"
                " where inhparent = 'positions'::regclass order by 1"
            )
        )
        return [name.removeprefix("positions_") for name in names]

    def test_there_is_one_for_every_day_a_fix_may_have(
        self, session: OrmSession, now: datetime
    ) -> None:
        positions.make_partitions(session, now=now)

        first, last = now - timedelta(days=31), now + timedelta(days=3)
        assert self.days(session) == [
            f"{first + timedelta(days=i):%Y%m%d}"
            for i in range((last - first).days + 1)
        ]

    def test_a_day_later_one_is_made_and_the_oldest_dropped(
        self, session: OrmSession, now: datetime
    ) -> None:
        positions.make_partitions(session, now=now)
        before = self.days(session)

        for _ in range(2):
            positions.make_partitions(session, now=now + timedelta(days=1))

        after = self.days(session)
        assert after[:-1] == before[1:]
        assert after[-1] == f"{now + timedelta(days=4):%Y%m%d}"

    def test_fixes_lie_in_the_partition_of_their_day(
        self, session: OrmSession, now: datetime
    ) -> None:
        driver_id, at = uuid7(), now - timedelta(days=4)

        tell(session, driver_id, [fix(at)], now)

        table = session.scalar(
            text("select tableoid::regclass::text from positions where driver_id = :d"),
            {"d": driver_id},
        )
        assert table == f"positions_{at:%Y%m%d}"
