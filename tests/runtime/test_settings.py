"""Settings are read once; all faults are reported at once; no secret is shown."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from runtime.config import Push, Settings, SettingsError, Strategy
from tests.runtime.production import PRODUCTION
from tests.source import ROOT

NAMES = [setting.name for setting in fields(Settings)]
SECRETS = [
    setting.name for setting in fields(Settings) if setting.metadata.get("secret")
]


def faults(**environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ)
    return str(caught.value)


class TestFromEnv:
    def test_an_empty_environment_means_development(self) -> None:
        assert Settings.from_env({}) == Settings()
        assert Settings.from_env(dict.fromkeys(NAMES, " ")) == Settings()

    def test_reads_each_kind_of_value(self) -> None:
        settings = Settings.from_env(
            {
                "DATABASE_URL": " postgresql://u:p@h:5433/x ",
                "OFFER_TTL_S": "90",
                "PUSH": "console",
                "OFFER_STRATEGY": "sequential",
                "FEE_PERCENT": "0",
                "MAX_DEADHEAD_MI": "120",
                "UNKNOWN": "ignored",
            }
        )

        assert settings.DATABASE_URL == "postgresql://u:p@h:5433/x"
        assert settings.OFFER_TTL_S == 90
        assert settings.PUSH is Push.CONSOLE
        assert settings.OFFER_STRATEGY is Strategy.SEQUENTIAL
        assert settings.MAX_DEADHEAD_MI == 120

    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("OFFER_TTL_S", "soon", "not a whole number"),
            ("OFFER_TTL_S", "1.5", "not a whole number"),
            ("OFFER_TTL_S", "0", "above 0"),
            ("STATEMENT_TIMEOUT_S", "-1", "above 0"),
            ("FEE_PERCENT", "100", "0 to 99"),
            ("FEE_PERCENT", "-1", "0 to 99"),
            ("WORKER_METRICS_PORT", "-1", "a port"),
            ("WORKER_METRICS_PORT", "65536", "a port"),
            ("WORKER_METRICS_HOST", "http://127.0.0.1", "an address"),
            ("WORKER_METRICS_HOST", "127.0.0.1/8", "an address"),
            ("PUSH", "pigeon", "none of fcm, console"),
            ("OFFER_STRATEGY", "loud", "none of direct"),
            ("ENVIRONMENT", "staging", "development or production"),
            ("LOG_LEVEL", "LOUD", "one of DEBUG"),
            ("MAX_DEADHEAD_MI", "far", "not a whole number"),
            ("MAX_DEADHEAD_MI", "0", "above 0"),
            ("ROAD_MPH", "0", "above 0"),
            ("ACCESS_MPH", "-30", "above 0"),
            ("BORDER_S", "nan", "not a whole number"),
            ("DATABASE_URL", "mysql://h/x", "postgresql://"),
            ("DATABASE_URL", "postgresql://h:port/x", "postgresql://"),
            ("DATABASE_URL", "postgresql://[h/x", "postgresql://"),
            ("DATABASE_URL", "host=x dbname=y", "postgresql://"),
            ("FCM_BASE_URL", "localhost:9000", "https://"),
            ("LIMIT_PERSON_PER_MIN", "-1", "below 0"),
            ("TRUSTED_PROXIES", "-1", "below 0"),
            ("CORS_ORIGINS", "*", "origins such as"),
            ("CORS_ORIGINS", "https://*.example.com", "origins such as"),
            ("CORS_ORIGINS", "https://a.example.com/", "origins such as"),
            ("CORS_ORIGINS", "https://a.example.com,b.example.com", "origins such as"),
            ("CORS_ORIGINS", "null", "origins such as"),
            ("SMTP_URL", "mail.example.com:587", "smtp://"),
            ("SMTP_URL", "https://mail.example.com", "smtp://"),
            ("APP_URL", "app.example.com", "https://"),
            ("MAIL_FROM", "nobody", "Name <address@host>"),
        ],
    )
    def test_a_nonsense_value_is_refused_with_the_settings_name(
        self, name: str, value: str, words: str
    ) -> None:
        said = faults(**{name: value})

        assert said.startswith(f"Settings: {name}: ")
        assert words in said

    def test_all_faults_are_reported_at_once(self) -> None:
        said = faults(
            OFFER_TTL_S="x",
            PUSH="y",
            FEE_PERCENT="200",
            ENVIRONMENT="production",
            REFRESH_KEY_FILE="/nowhere/at/all",
        )

        for name in ("OFFER_TTL_S", "PUSH", "FEE_PERCENT", "DATABASE_URL"):
            assert said.count(f"{name}:") == 1
        assert "JWT_PRIVATE_KEY: required in production" in said
        assert "REFRESH_KEY: cannot read /nowhere/at/all: No such file" in said
        assert said.count("REFRESH_KEY") == 1

    @pytest.mark.parametrize(
        "missing", sorted(set(PRODUCTION) - {"ENVIRONMENT", "AUDIT_SIGNING_KEY"})
    )
    def test_production_needs_every_secret_to_be_set(self, missing: str) -> None:
        environ = {k: v for k, v in PRODUCTION.items() if k != missing}

        assert faults(**environ) == f"Settings: {missing}: required in production."
        assert Settings.from_env(PRODUCTION).is_production

    def test_production_may_lack_the_key_that_only_the_worker_signs_with(self) -> None:
        environ = {k: v for k, v in PRODUCTION.items() if k != "AUDIT_SIGNING_KEY"}

        assert Settings.from_env(environ).is_production


class TestProductionSecrets:
    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("REFRESH_KEY", "changeme", "a sample or guessable"),
            ("REFRESH_KEY", "ChangeMe" * 8, "a sample or guessable"),
            ("REFRESH_KEY", "change-me-change-me-change-me-please", "guessable"),
            ("REFRESH_KEY", "x" * 64, "a sample or guessable"),
            ("REFRESH_KEY", "0123" * 16, "a sample or guessable"),
            ("REFRESH_KEY", "5e4b0a7c91d23f685e4b0a7c91d23f6", "shorter than 32"),
            ("ENCRYPTION_KEY", "secret1234", "a sample or guessable"),
            ("ENCRYPTION_KEY", "c07d1f9ea4b83652", "shorter than 32"),
            ("ENCRYPTION_KEY", PRODUCTION["REFRESH_KEY"], "the same as REFRESH_KEY"),
            ("REFRESH_PREVIOUS_KEY", "c07d1f9ea4b83652", "shorter than 32"),
            ("ENCRYPTION_PREVIOUS_KEY", "password" * 5, "a sample or guessable"),
            ("JWT_PRIVATE_KEY", "changeme", "not a private key in PEM"),
            ("JWT_PREVIOUS_KEY", "changeme", "not a private key in PEM"),
            ("DATABASE_URL", "postgresql://u:password@h/x", "its password is a sample"),
            ("DATABASE_URL", "postgresql://u:changeme1@h/x", "its password is a"),
            ("SMTP_URL", "smtp://user:password@h", "its password is a sample"),
        ],
    )
    def test_a_sample_or_short_secret_is_refused(
        self, name: str, value: str, words: str
    ) -> None:
        said = faults(**PRODUCTION | {name: value})

        assert said.startswith(f"Settings: {name}: ")
        assert words in said
        assert value not in said

    def test_all_weak_secrets_are_reported_at_once(self) -> None:
        said = faults(
            ENVIRONMENT="production",
            DATABASE_URL="postgresql://u:secret@h/x",
            JWT_PRIVATE_KEY="changeme",
            REFRESH_KEY="changeme",
        )

        names = ("DATABASE_URL", "JWT_PRIVATE_KEY", "REFRESH_KEY", "ENCRYPTION_KEY")
        assert [said.count(f"{name}: ") for name in names] == [1, 1, 1, 1]

    def test_the_values_of_the_sample_file_are_refused(self) -> None:
        lines = (ROOT / ".env.example").read_text().splitlines()
        pairs = [li.lstrip("#").partition("=") for li in lines if "=" in li]
        sample = {
            name.removesuffix("_FILE"): value
            for name, _, value in pairs
            if name.removesuffix("_FILE") in SECRETS and not name.endswith("_FILE")
        }
        given = {name: value for name, value in sample.items() if value}
        assert set(given) == {"DATABASE_URL", "SMTP_URL"}

        for name, value in given.items():
            assert f"{name}: its password" in faults(**PRODUCTION | {name: value})

    def test_long_random_secrets_are_accepted_from_files_too(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "key").write_text(PRODUCTION["REFRESH_KEY"] + "\n")
        environ = {k: v for k, v in PRODUCTION.items() if k != "REFRESH_KEY"}
        environ["REFRESH_KEY_FILE"] = str(tmp_path / "key")

        assert Settings.from_env(environ) == Settings.from_env(PRODUCTION)

    def test_development_may_have_simple_secrets(self) -> None:
        assert Settings.from_env({"DATABASE_URL": "postgresql://u:password@h/x"})


class TestFiles:
    @pytest.mark.parametrize("name", NAMES)
    def test_any_setting_may_come_from_a_file(self, tmp_path: Path, name: str) -> None:
        default = getattr(Settings, name)
        value: Any = default
        if default == "":
            value = {
                "DATABASE_URL": "postgresql://h/x",
                "SMTP_URL": "smtp://h",
            }.get(name, "https://secret")
        path = tmp_path / "value"
        path.write_text(f"{value}\n")

        settings = Settings.from_env({f"{name}_FILE": str(path)})

        assert getattr(settings, name) == value

    def test_the_file_takes_precedence(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text("from the file")
        environ = {"REFRESH_KEY": "plain", "REFRESH_KEY_FILE": str(tmp_path / "key")}

        assert Settings.from_env(environ).REFRESH_KEY == "from the file"

    @pytest.mark.parametrize("content", [b"\xff\xfe", None], ids=["binary", "folder"])
    def test_an_unreadable_file_is_a_fault(
        self, tmp_path: Path, content: bytes | None
    ) -> None:
        path = tmp_path
        if content is not None:
            path = tmp_path / "key"
            path.write_bytes(content)

        assert "cannot read" in faults(REFRESH_KEY_FILE=str(path))


class TestSecrets:
    def test_are_the_settings_that_grant_access(self) -> None:
        assert set(SECRETS) == {
            *("DATABASE_URL", "FCM_SERVICE_ACCOUNT", "SMTP_URL"),
            *("JWT_PRIVATE_KEY", "REFRESH_KEY", "ENCRYPTION_KEY", "AUDIT_SIGNING_KEY"),
            *("JWT_PREVIOUS_KEY", "REFRESH_PREVIOUS_KEY", "ENCRYPTION_PREVIOUS_KEY"),
            "AUDIT_PREVIOUS_KEY",
        }

    def test_are_never_shown(self) -> None:
        settings = Settings(**dict.fromkeys(SECRETS, "canary"))

        for shown in (repr(settings), str(settings), f"{settings}", f"{settings!r}"):
            assert "canary" not in shown
            assert "OFFER_TTL_S=600" in shown

    def test_are_not_repeated_in_a_fault(self) -> None:
        said = faults(
            DATABASE_URL="mysql://u:canary@h/x", OFFER_TTL_S="x", REFRESH_KEY="canary"
        )

        assert "canary" not in said


class TestPapers:
    @pytest.mark.parametrize("paper", ["docs/SETTINGS.md", ".env.example"])
    def test_name_every_setting(self, paper: str) -> None:
        path = ROOT / paper
        words = set(re.findall(r"\w+", path.read_text() if path.exists() else ""))

        assert [name for name in NAMES if name not in words] == []
