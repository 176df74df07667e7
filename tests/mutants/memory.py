"""Faults in the market in memory: what it misses, mixes up, or shows to the wrong."""

from tests.mutants import Mutant

MARKET = "tests/services/market/test_market.py"
FRESH = "tests/services/market/test_market_fresh.py"
RELOAD = "tests/services/market/test_market_reload.py"
SEEN = "tests/services/market/test_market_seen.py"
ALONE = "tests/services/market/test_market_alone.py"

MUTANTS = (
    Mutant(
        "a-search-counts-loads-that-its-company-may-not-see",
        "services/market/market.py",
        "        is_visible = self.visible(org_id, now, rows)\n",
        '        is_visible = np.ones(len(rows), "?")\n',
        ("tests/services/search/test_run.py::TestTheCircle",),
    ),
    Mutant(
        "a-suspended-posters-loads-are-searched",
        "services/market/market.py",
        "            seen &= ~self._is_suspended[company]\n",
        "            pass\n",
        (f"{MARKET}::TestRefresh", SEEN),
    ),
    Mutant(
        "a-company-does-not-find-its-own-private-loads",
        "services/market/market.py",
        '        seen &= loads["is_network"][rows] | (company == own)\n',
        '        seen &= loads["is_network"][rows]\n',
        (f"{SEEN}::TestVisible",),
    ),
    Mutant(
        "the-circle-is-as-exact-as-its-product",
        "services/market/market.py",
        "np.delete(rows, near_edge[outside])",
        "rows",
        (f"{SEEN}::TestNear",),
    ),
    Mutant(
        "a-deleted-load-stays",
        "services/market/market.py",
        '        self._rows.remove(np.frombuffer(gone, "V16"))\n',
        "",
        (f"{MARKET}::TestRefresh",),
    ),
    Mutant(
        "a-load-that-left-the-market-stays",
        "services/market/market.py",
        "            self._rows.remove(loads.keys[~loads.is_listed])\n",
        "",
        (f"{MARKET}::TestRefresh",),
    ),
    Mutant(
        "a-refresh-that-fails-half-way-is-gone-on-with",
        "services/market/market.py",
        '                self._place, self._why = None, "unfinished"\n',
        "                pass\n",
        (f"{FRESH}::TestFailures",),
    ),
    Mutant(
        "what-an-own-transaction-wrote-later-is-lost",
        "services/market/market.py",
        "        self._place = None if news.is_own else news.place\n",
        "        self._place = news.place\n",
        (f"{FRESH}::TestWriters",),
    ),
    Mutant(
        "a-waiting-search-takes-a-reading-that-began-before-it",
        "services/market/market.py",
        "            if self._done < wanted:\n",
        "            if self._done < wanted - 1:\n",
        (f"{FRESH}::TestThreads",),
    ),
    Mutant(
        "places-of-other-roads-are-taken-for-those-in-use",
        "services/market/market.py",
        "        if not loads.is_snapped.all():\n",
        "        if False:\n",
        (SEEN,),
    ),
    Mutant(
        "a-writer-that-was-open-is-forgotten",
        "services/market/changes.py",
        "        if not self.in_progress:\n",
        "        if self.in_progress is not None:\n",
        (f"{FRESH}::TestWriters",),
    ),
    Mutant(
        "the-first-transaction-after-a-snapshot-is-skipped",
        "services/market/changes.py",
        """f"{column} >= '{self.ends_at}'::xid8\"""",
        """f"{column} > '{self.ends_at}'::xid8\"""",
        (f"{MARKET}::TestRefresh",),
    ),
    Mutant(
        "all-since-the-oldest-writer-is-read-at-each-search",
        "services/market/changes.py",
        """f"{column} >= '{self.ends_at}'::xid8\"""",
        """f"{column} >= '{self.horizon}'::xid8\"""",
        (f"{FRESH}::TestWriters",),
    ),
    Mutant(
        "a-server-that-went-back-in-time-is-read-on-from-its-future",
        "services/market/changes.py",
        "now.horizon < self.horizon or now.ends_at < self.ends_at",
        "now.horizon > self.horizon and now.ends_at < self.ends_at",
        (f"{RELOAD}::TestReload",),
    ),
    Mutant(
        "a-reader-that-was-away-misses-pruned-tombstones",
        "services/market/changes.py",
        "        if now.read_at - self.read_at > UNREAD_S:\n",
        "        if now.read_at - self.read_at > 4 * UNREAD_S:\n",
        (f"{RELOAD}::TestTombstones",),
    ),
    Mutant(
        "loads-of-a-dump-stay-in-the-future",
        "services/market/changes.py",
        ">= pg_snapshot_xmax(pg_current_snapshot())",
        "< pg_snapshot_xmin(pg_current_snapshot())",
        (f"{RELOAD}::TestReload",),
    ),
    Mutant(
        "a-load-of-two-stops-is-open-all-day",
        "services/market/columns.py",
        "(loads.stop_count > 2 or exists (\n"
        "    select from stops o where o.load_id = loads.id"
        " and o.opening_spans is not null))",
        "(loads.stop_count > 2)",
        (ALONE,),
    ),
    Mutant(
        "a-leg-without-a-road-has-no-length",
        "services/market/columns.py",
        "coalesce(round(stops.leg_m), 'Infinity') end",
        "coalesce(round(stops.leg_m), 0) end",
        (ALONE,),
    ),
    Mutant(
        "legs-that-were-never-measured-differ-from-those-judged-alone",
        "services/market/columns.py",
        "then round(loads.loaded_m / (loads.stop_count - 1))",
        "then loads.loaded_m / (loads.stop_count - 1)",
        (ALONE,),
    ),
    Mutant(
        "a-load-without-a-road-is-as-long-as-it-was",
        "services/market/columns.py",
        "case distance_source when 'no_road' then 'Infinity' else round(loaded_m) end",
        "round(loaded_m)",
        (ALONE,),
    ),
    Mutant(
        "countries-between-the-ends-are-not-known",
        "services/market/columns.py",
        "coalesce(case when stop_count > 2 then ({every}) else {ends} end, 0)",
        "coalesce({ends}, 0)",
        (ALONE,),
    ),
    Mutant(
        "a-type-of-equipment-that-is-not-known-accepts-any-truck",
        "services/market/columns.py",
        "array_position(array[{names}], e::text) - 1, {UNKNOWN_EQUIPMENT})",
        "array_position(array[{names}], e::text) - 1, 0)",
        (f"{SEEN}::TestColumns",),
    ),
    Mutant(
        "a-load-stays-after-its-pickup-has-closed",
        "services/market/columns.py",
        "least(pickup_until, lease_expires_at)",
        "lease_expires_at",
        (SEEN,),
    ),
    Mutant(
        "a-load-whose-stops-come-in-two-blocks-has-some-of-them",
        "services/market/loading.py",
        '_starts(records["key"])[-1] if len(records) else 0',
        "len(records)",
        (f"{SEEN}::TestColumns",),
    ),
    Mutant(
        "what-a-search-holds-changes-under-it",
        "services/market/rows.py",
        "        self.is_there = self.is_there.copy()\n",
        "",
        (f"{MARKET}::TestRefresh",),
    ),
    Mutant(
        "a-load-that-changed-twice-is-there-twice",
        "services/market/rows.py",
        "        recent = [row for name in names if "
        "(row := self._recent.get(name)) is not None]\n",
        "        recent: list[int] = []\n",
        (f"{MARKET}::TestRefresh",),
    ),
    Mutant(
        "of-two-ids-with-one-lower-half-the-second-is-not-found",
        "services/market/rows.py",
        "            asked, at = asked[~is_found], at[~is_found]\n",
        "            asked, at = asked[:0], at[:0]\n",
        ("tests/services/market/test_rows.py",),
    ),
    Mutant(
        "stops-of-a-changed-load-do-not-touch-it",
        "migrations/versions/0022_market.py",
        "alter table stops enable always trigger note_stops_{command}",
        "alter table stops disable trigger note_stops_{command}",
        (f"{MARKET}::TestRefresh",),
    ),
    Mutant(
        "a-load-that-is-booked-is-not-noted",
        "migrations/versions/0022_market.py",
        "when (old.status = 'posted' or new.status = 'posted')",
        "when (new.status = 'posted')",
        (f"{MARKET}::TestRefresh",),
    ),
    Mutant(
        "a-cancellation-by-the-carrier-is-held-against-the-poster",
        "migrations/versions/0024_posters.py",
        "a.ended_party is not distinct from 'poster' and exists",
        "a.ended_party is not null and exists",
        (
            f"{FRESH}::TestBookings",
            "tests/services/search/test_candidates.py::TestRecordsOfPosters",
        ),
    ),
)
