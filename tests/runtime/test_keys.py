"""The rotation of keys: no member is signed out, and no encrypted value is lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.fernet import InvalidToken

from api.app import create_app, make_posting_rules
from cli import cli
from edges.start import audit_key as audit_key_of
from edges.start import keyring
from geo.roads import EstimatedRoads
from runtime import keys, schema
from runtime.config import Settings
from runtime.telemetry import start_logging
from services.people.encryption import CannotDecrypt, decrypt, encrypt
from services.people.tokens import Keyring
from tests.world import PASSWORD, Caller, World


@pytest.fixture
def development(tmp_path: Path) -> Settings:
    return Settings(DATA_DIR=str(tmp_path))


@contextmanager
def environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> Iterator[None]:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    yield
    start_logging("CRITICAL")


def process(world: World, ring: Keyring) -> World:
    """Return the same world, served by an app with these keys."""
    market = make_posting_rules(world.settings, EstimatedRoads())
    app = create_app(world.settings, ring, market, schema_head=schema.head())
    return World(app, ring, world.settings)


class TestRotation:
    def test_a_sign_in_survives_one_rotation_and_ends_with_the_second(
        self, world: World, development: Settings
    ) -> None:
        rings = [keyring(development)]
        for _ in range(2):
            keys.rotate(development, {})
            rings.append(keyring(development))
        old, new, third = (process(world, ring) for ring in rings)
        email = old.company().get("/v1/me")["member"]["email"]
        login = {"login": email, "password": PASSWORD}
        tokens = Caller(old.app, "").post("/v1/sessions", login)

        answers = [
            Caller(served.app, "").post(
                "/v1/sessions/refresh", {"refresh_token": tokens["refresh_token"]}
            )
            for served in (new, new, third)
        ]

        assert Caller(new.app, tokens["access_token"]).get("/v1/me").status == 200
        assert Caller(third.app, tokens["access_token"]).get("/v1/me").status == 401
        assert [answer.status for answer in answers] == [200, 200, 401]
        assert answers[0]["refresh_token"] == answers[1]["refresh_token"]
        again = {"refresh_token": answers[0]["refresh_token"]}
        assert (
            Caller(third.app, "").post("/v1/sessions/refresh", again).status
            == Caller(third.app, answers[0]["access_token"]).get("/v1/me").status
            == 200
        )

    def test_what_was_encrypted_stays_readable(self, development: Settings) -> None:
        rings = [keyring(development)]
        for _ in range(2):
            keys.rotate(development, {})
            rings.append(keyring(development))
        encrypted = encrypt(rings[0].cipher, "JBSWY3DP")

        assert "JBSWY3DP" not in encrypted
        assert decrypt(rings[1].cipher, encrypted) == "JBSWY3DP"
        with pytest.raises(CannotDecrypt):
            decrypt(rings[2].cipher, encrypted)
        with pytest.raises((CannotDecrypt, InvalidToken)):
            decrypt(rings[0].cipher, encrypted[:-5])


class TestRotateKeys:
    def test_in_development_the_key_files_are_rotated(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with environment(monkeypatch, DATA_DIR=str(tmp_path), LOG_LEVEL="CRITICAL"):
            before = keyring(Settings(DATA_DIR=str(tmp_path)))

            done = CliRunner().invoke(cli, ["rotate-keys"])

        after = keyring(Settings(DATA_DIR=str(tmp_path)))
        assert (done.exit_code, done.stderr) == (0, "")
        assert before.kid in after.public_keys
        assert before.kid != after.kid
        assert after.refresh[1:] == before.refresh
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
        # In development the secrets are in files, so they are not printed.
        assert after.refresh[0].decode() not in done.stdout

    def test_in_production_the_named_files_are_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = keyring(Settings(DATA_DIR=str(tmp_path)))
        audit_key_of(Settings(DATA_DIR=str(tmp_path)))
        files = {}
        for secret in keys.ROTATED:
            files[f"{secret.setting}_FILE"] = str(tmp_path / secret.kept)
            files[f"{secret.previous}_FILE"] = str(tmp_path / f"old-{secret.kept}")
            (tmp_path / f"old-{secret.kept}").write_text("")
        production = {"ENVIRONMENT": "production", "DATABASE_URL": "postgresql://h/x"}
        with environment(monkeypatch, LOG_LEVEL="CRITICAL", **production, **files):
            done = CliRunner().invoke(cli, ["rotate-keys"])

        assert (done.exit_code, done.stderr) == (0, "")
        after = keyring(Settings.from_env(production | files))
        assert made.kid in after.public_keys
        assert made.kid != after.kid

    def test_without_files_it_says_what_to_set(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given = {
            "JWT_PRIVATE_KEY": keys.new_private_key(),
            "REFRESH_KEY": "r" * 32,
            "ENCRYPTION_KEY": "s" * 32,
            "AUDIT_SIGNING_KEY": keys.new_signing_key(),
        }
        with environment(monkeypatch, LOG_LEVEL="CRITICAL", **given):
            done = CliRunner().invoke(cli, ["rotate-keys"])

        assert done.exit_code == 0
        for secret in keys.ROTATED:
            assert f"{secret.previous}: set it to what {secret.setting} is now" in (
                done.stdout
            )
            assert given[secret.setting] not in done.stdout
        assert "-----BEGIN PRIVATE KEY-----" in done.stdout

    def test_a_file_that_cannot_be_written_is_one_sentence(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with environment(monkeypatch, LOG_LEVEL="CRITICAL", DATA_DIR="/dev/null/x"):
            done = CliRunner().invoke(cli, ["rotate-keys"])

        assert done.exit_code == 2
        assert done.stderr.startswith("/dev/null/x")
        assert done.stderr.count("\n") == 1


class TestTheAuditKey:
    def test_all_earlier_keys_still_verify(self, development: Settings) -> None:
        """Signed heads are kept for years, so no key that verifies them is removed."""
        kids = [audit_key_of(development).kid]
        for _ in range(3):
            keys.rotate(development, {}, [keys.AUDIT])
            kids.append(audit_key_of(development).kid)

        assert len(set(kids)) == 4
        assert set(kids) == set(audit_key_of(development).known)

    def test_can_be_rotated_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings = Settings(DATA_DIR=str(tmp_path))
        before, kid = keyring(settings), audit_key_of(settings).kid
        with environment(monkeypatch, DATA_DIR=str(tmp_path), LOG_LEVEL="CRITICAL"):
            done = CliRunner().invoke(
                cli, ["rotate-keys", "--only", "AUDIT_SIGNING_KEY"]
            )

        assert done.exit_code == 0
        assert keyring(settings).kid == before.kid
        assert audit_key_of(settings).kid != kid
