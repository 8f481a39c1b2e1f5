"""Commands of `manage.py`: tokens, the demo, and what a command says when its stores do not run."""

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from conversations.models import Message, Room
from devstack.embedded import free_port
from identity import Role, authenticate
from tests.chat_settings import overridden

PROJECT = Path(__file__).resolve().parents[2]


def output_of(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


class TestIssueToken:
    async def test_the_token_is_good_for_that_user_and_role(self) -> None:
        token = output_of("issue_token", "--user-id", "7", "--role", "BUYER").strip()
        identity = await authenticate(token, "7", "BUYER")
        assert (identity.user_id, identity.role) == ("7", Role.BUYER)

    def test_a_signing_key_of_somebody_else_is_named(self) -> None:
        with (
            overridden(AUTH_JWKS_URL="https://auth.example/keys"),
            pytest.raises(CommandError, match="AUTH_JWKS_URL"),
        ):
            output_of("issue_token", "--user-id", "7")

    def test_a_time_to_live_must_be_positive(self) -> None:
        with pytest.raises(CommandError, match="ttl is 0 s"):
            output_of("issue_token", "--user-id", "7", "--ttl", "0")

    def test_a_role_must_be_one(self) -> None:
        with pytest.raises(CommandError, match="BUYER"):
            output_of("issue_token", "--user-id", "7", "--role", "JUDGE")


@pytest.mark.django_db
class TestSeedDemo:
    @pytest.fixture(autouse=True)
    def _nobody_has_written_yet(self, db: None) -> None:
        """Until the test's transaction is rolled back, what other tests have left is gone."""
        Room.objects.all().delete()
        Message.objects.all().delete()

    def test_rooms_are_as_the_services_would_have_left_them(self) -> None:
        output_of("seed_demo")
        assert Room.objects.count() == 4
        for room in Room.objects.all():
            messages = list(Message.objects.filter(room_id=room.pk).order_by("created_at"))
            assert messages
            assert room.buyer_last_message.message_id == room.seller_last_message.message_id == messages[-1].message_id
            for side, unseen in ((room.buyer, room.buyer_unseen_messages), (room.seller, room.seller_unseen_messages)):
                assert unseen == sum(message.recipient == side and not message.is_seen for message in messages)

    def test_the_staff_password_is_shown_once_and_works(self) -> None:
        password = output_of("seed_demo").split('password "')[1].split('"')[0]
        assert User.objects.get(username="admin").check_password(password)
        assert "password" not in output_of("seed_demo")

    def test_again_it_adds_nothing(self) -> None:
        output_of("seed_demo")
        Room.objects.filter(pk="7.501").update(blocked_by="SELLER")
        assert "Demo: 0 rooms" in output_of("seed_demo")
        assert Room.objects.get(pk="7.501").blocked_by == "SELLER"
        assert Room.objects.count() == 4

    def test_once_leaves_a_database_in_use_alone(self) -> None:
        User.objects.create_superuser("somebody")
        assert output_of("seed_demo", "--once") == ""
        assert Room.objects.count() == 0


class TestUnreachableStores:
    @pytest.mark.slow
    def test_a_command_says_how_to_start_the_embedded_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("MONGODB_URI")
        monkeypatch.setenv("DATA_DIR", str(tmp_path))
        self.assert_explained("MongoDB does not run: MONGODB_URI is not set and no embedded MongoDB runs", "`make run`")

    @pytest.mark.slow
    def test_a_command_names_the_address_that_does_not_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        port = free_port()
        monkeypatch.setenv("MONGODB_URI", f"mongodb://user:hunter2@127.0.0.1:{port}/chat")
        monkeypatch.setenv("MONGODB_PATIENCE", "1")
        self.assert_explained(f"MongoDB does not answer at 127.0.0.1:{port}/chat", "what MONGODB_URI names")

    @pytest.mark.slow
    def test_up_ends_where_redis_does_not_answer(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        port = free_port()
        monkeypatch.setenv("DATA_DIR", str(tmp_path))
        monkeypatch.setenv("REDIS_ADDRESS", f"redis://user:hunter2@127.0.0.1:{port}/0")
        self.assert_explained(f"Redis does not answer at 127.0.0.1:{port}/0", "what REDIS_ADDRESS names", command="up")

    @pytest.mark.slow
    def test_up_ends_where_mongodb_does_not_answer(
        self, tmp_path: Path, redis_server: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        port = free_port()
        monkeypatch.setenv("DATA_DIR", str(tmp_path))
        monkeypatch.setenv("PORT", str(free_port()))
        monkeypatch.setenv("MONGODB_URI", f"mongodb://user:hunter2@127.0.0.1:{port}/chat")
        monkeypatch.setenv("MONGODB_PATIENCE", "1")
        self.assert_explained(
            f"MongoDB does not answer at 127.0.0.1:{port}/chat", "The migrations failed", command="up"
        )

    @pytest.mark.slow
    def test_a_log_level_that_is_none_is_a_sentence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LOG_LEVEL", "loud")
        self.assert_explained("LOG_LEVEL is 'loud'; it must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL.")

    def assert_explained(self, *sentences: str, command: str = "migrate") -> None:
        arguments = [sys.executable, "manage.py", *([command, "--plan"] if command == "migrate" else [command])]
        done = subprocess.run(arguments, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "hunter2" not in done.stderr
        for sentence in sentences:
            assert sentence in done.stderr
