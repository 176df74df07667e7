"""Faults in what an operator puts in front of web and beside it."""

from tests.mutants import Mutant

MUTANTS = (
    Mutant(
        "letters-take-the-slots-of-pushes",
        "jobs/queue.py",
        'Kind("invitations.mail", "letters", 5)',
        'Kind("invitations.mail", "push", 5)',
        ("tests/test_worker_slots.py",),
    ),
    Mutant(
        "the-slots-of-all-queues-share-few-threads",
        "jobs/work.py",
        "ThreadPoolExecutor(sum(shares.values()) + 2)",
        "ThreadPoolExecutor(6)",
        ("tests/test_worker_slots.py",),
    ),
    Mutant(
        "a-redirect-repeats-the-callers-host",
        "api/kernel/headers.py",
        "            response.location = without_host(response.location)\n",
        "",
        ("tests/api/kernel/test_hosts.py",),
    ),
    Mutant(
        "the-page-of-the-api-repeats-the-callers-host",
        "api/app.py",
        '            "oauth2RedirectUrl": "/docs/oauth2-redirect.html",\n',
        "",
        ("tests/api/kernel/test_hosts.py",),
    ),
    Mutant(
        "a-slow-body-reaches-web",
        "deploy/Caddyfile",
        "\t\trequest_buffers 2MiB\n",
        "",
        ("tests/deploy/test_front.py::test_a_slow_body_does_not_reach_web",),
    ),
    Mutant(
        "strangers-read-the-metrics",
        "deploy/Caddyfile",
        "\t@inside path /metrics /metrics/* ",
        "\t@inside path /metrics/* ",
        (
            "tests/deploy/test_front.py"
            "::test_strangers_see_neither_metrics_nor_readiness",
        ),
    ),
    Mutant(
        "web-gets-the-audit-signing-key",
        "compose.yaml",
        "    secrets: [web_url, jwt",
        "    secrets: [web_url, audit_signing_key, jwt",
        ("tests/test_image.py::TestCompose",),
    ),
    Mutant(
        "production-makes-itself-a-key",
        "runtime/keys.py",
        "    if settings.is_production:\n        raise CannotStart(",
        "    if not settings.DATA_DIR:\n        raise CannotStart(",
        (
            "tests/edges/test_start.py::TestPrograms::test_no_audit_signing_key_in_production",
        ),
    ),
    Mutant(
        "the-workers-metrics-listen-everywhere",
        "worker.py",
        "        start_http_server(port, host)\n",
        "        start_http_server(port)\n",
        ("tests/test_periodic.py::TestTheProcess",),
    ),
    Mutant(
        "an-alert-fires-later-than-the-manual-says",
        "deploy/prometheus/alerts.yml",
        "(backhaul_jobs_oldest_waiting_seconds) > 60",
        "(backhaul_jobs_oldest_waiting_seconds) > 600",
        ("tests/test_alerts.py::TestTheRules",),
    ),
    Mutant(
        "the-dashboard-shows-a-metric-that-nobody-counts",
        "deploy/grafana/backhaul.json",
        '"expr": "max(backhaul_workers)"',
        '"expr": "max(backhaul_worker)"',
        ("tests/test_alerts.py::TestTheDashboard",),
    ),
    Mutant(
        "the-image-installs-what-no-hash-names",
        "Dockerfile",
        "pip install --require-hashes ",
        "pip install ",
        ("tests/test_requirements.py",),
    ),
    Mutant(
        "a-failed-look-at-many-loads-that-came-back-is-lost",
        "jobs/rescue.py",
        "*(Job.SEARCH_WAKE, Job.SEARCH_WAKE_EACH, Job.SEARCH_WOKEN),",
        "*(Job.SEARCH_WAKE, Job.SEARCH_WOKEN),",
        ("tests/jobs/test_rescue.py",),
    ),
    Mutant(
        "a-failed-job-is-given-back-for-ever",
        "jobs/rescue.py",
        "failed.attempts < most:\n",
        "failed.attempts:\n",
        ("tests/jobs/test_rescue.py",),
    ),
    Mutant(
        "a-failed-job-of-the-clock-is-given-back",
        "jobs/rescue.py",
        "for job in Job if job not in PERIODIC}",
        "for job in Job}",
        ("tests/jobs/test_rescue.py",),
    ),
    Mutant(
        "a-failed-job-whose-duplicate-waits-blocks-the-others",
        "jobs/rescue.py",
        "            with suppress(UniqueViolation):\n",
        "            with suppress(KeyError):\n",
        ("tests/jobs/test_rescue.py",),
    ),
)
