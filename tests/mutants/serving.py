"""Faults in how the web process shares its connections and threads."""

from tests.mutants import Mutant

SLOW = "tests/edges/test_slow_clients.py"

MUTANTS = (
    Mutant(
        "a-body-may-take-for-ever",
        "edges/reading.py",
        "deadline.reschedule(until)",
        "deadline.reschedule(None)",
        ("tests/edges/test_reading.py::TestTheTime",),
    ),
    Mutant(
        "one-company-takes-all-threads",
        "edges/threads.py",
        "amount <= self._left and self._taken[key] + amount <= self._most_of_one",
        "amount <= self._left",
        ("tests/edges/test_threads.py::TestThreads",),
    ),
    Mutant(
        "a-silent-connection-stays-for-ever",
        "edges/serving.py",
        "        http=HTTPModes.http1,\n",
        "        http=HTTPModes.auto,\n",
        (f"{SLOW}::TestSlowConnections",),
    ),
    Mutant(
        "probes-wait-behind-the-others",
        "edges/adapter.py",
        "return self._probes[path], network",
        "return self._strangers, network",
        (
            "tests/edges/test_adapter.py::TestTheThreads"
            "::test_probes_answer_while_all_others_are_stuck",
        ),
    ),
    Mutant(
        "health-waits-behind-the-metrics",
        "edges/adapter.py",
        "return self._probes[path], network",
        "return self._probes[min(self._probes, key=len)], network",
        (
            "tests/edges/test_adapter.py::TestTheThreads"
            "::test_a_probe_answers_while_the_other_probes_are_stuck",
        ),
    ),
    Mutant(
        "a-scrape-may-take-the-time-of-each-statement",
        "services/upkeep/health.py",
        '        session.execute(LEFT, {"until": until})\n',
        "",
        ("tests/test_health.py::TestMetrics",),
    ),
    Mutant(
        "a-header-with-underscores-passes-for-a-proxys",
        "edges/adapter.py",
        '        if "_" in name:\n            continue\n',
        "",
        ("tests/edges/test_adapter.py::TestTheEnviron",),
    ),
    Mutant(
        "a-fast-beginning-buys-a-long-silence",
        "edges/reading.py",
        "until = min(until + len(chunk) / LEAST_BYTES_PER_S, clock() + BODY_S)",
        "until += len(chunk) / LEAST_BYTES_PER_S",
        (
            "tests/edges/test_reading.py::TestTheTime"
            "::test_a_fast_beginning_buys_no_long_silence",
        ),
    ),
    Mutant(
        "two-companies-take-the-memory-for-bodies",
        "edges/threads.py",
        "max(self._left - amount, 0) // 4",
        "(self._left + self._taken[key]) // 2",
        ("tests/edges/test_threads.py::TestMemory",),
    ),
    Mutant(
        "a-broken-chunked-body-is-taken-for-none",
        "edges/adapter.py",
        "int(declared or 1)",
        "int(declared or 0)",
        (
            "tests/edges/test_adapter.py::TestABody"
            "::test_that_breaks_before_its_first_chunk_is_not_taken_for_none",
        ),
    ),
    Mutant(
        "a-body-may-come-in-crumbs",
        "edges/reading.py",
        "if parts > MOST_SMALL_PARTS + size // LEAST_PART_BYTES:",
        "if parts > MOST_DRAINED_BYTES:",
        ("tests/edges/test_reading.py::TestTheParts",),
    ),
    Mutant(
        "a-client-that-does-not-read-stays",
        "edges/serving.py",
        "is_bounded = is_bounded or bound_answers()",
        "is_bounded = True",
        (f"{SLOW}::TestSlowConnections",),
    ),
    Mutant(
        "a-list-of-empty-lists-is-parsed",
        "api/kernel/bodies.py",
        "    return sum(map(raw.count, SEPARATORS)) > MOST_SEPARATORS\n",
        "    return len(raw) > MOST_SEPARATORS * 100\n",
        ("tests/api/kernel/test_bodies.py::TestSize",),
    ),
)
