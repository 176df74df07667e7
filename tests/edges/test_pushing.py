"""Where pushes go: to Google with credentials, to the console, or nowhere."""

import os
import subprocess
import sys

import pytest

from edges.pushing import make_gateway
from notifications.console import ConsoleGateway
from runtime.config import Push as PushTo
from runtime.config import Settings
from runtime.errors import CannotStart
from tests.source import ROOT
from tests.waiting import LONGEST_S


class TestGateway:
    @pytest.mark.process
    def test_without_credentials_the_process_ends_with_one_sentence(self):
        ended = subprocess.run(
            [sys.executable, "worker.py"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "DATABASE_URL": "postgresql://x@x/x"},
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
        )

        assert ended.returncode == 2
        (sentence,) = ended.stderr.strip().splitlines()
        assert "FCM_SERVICE_ACCOUNT" in sentence
        assert "PUSH=console" in sentence
        assert ended.stdout == ""

    @pytest.mark.parametrize(
        "account", ["{}", "no json", "[]", '{"project_id": "x"}', "null"]
    )
    def test_an_invalid_credentials_file_is_refused(self, account):
        with pytest.raises(CannotStart, match="not a Firebase service account"):
            make_gateway(Settings(FCM_SERVICE_ACCOUNT=account))

    def test_the_console_needs_no_credentials(self):
        gateway = make_gateway(Settings(PUSH=PushTo.CONSOLE))

        assert isinstance(gateway, ConsoleGateway)
