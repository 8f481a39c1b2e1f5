"""A setting that cannot work is named before anything starts: with its value, and with what would be right."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import CheckMessage, run_checks
from django.test import override_settings

from chozoi_chat.checks import check_data_dir
from tests.chat_settings import overridden

OWN = ("chozoi_chat.", "conversations.")
PROJECT = Path(__file__).resolve().parents[2]
RSA_WITHOUT_END = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkq"
SECRET = "an HS256 secret of 32 characters!"


def problems(**settings: object) -> list[CheckMessage]:
    with overridden(**settings):
        return [message for message in run_checks() if message.id and message.id.startswith(OWN)]


def test_the_defaults_have_no_problem() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("MONGODB_PATIENCE", 0, "from 1 to 300"),
        ("REDIS_ADDRESS", "http://cache:6379", "host:port"),
        ("REDIS_ADDRESS", "redis://cache:port", "host:port"),
        ("REDIS_ADDRESS", "redis://:6379", "host:port"),
        ("REDIS_ADDRESS", "redis://cache:6379/zero", "number of a database"),
        ("CHANNEL_PREFIX", "a b", "letters, digits"),
        ("SOCKET_PATH", "v1/sockets", "begins with a slash"),
        ("SOCKET_PATH", "", "begins with a slash"),
        ("SOCKET_PATH", "/v1/sockets?x=1", "begins with a slash"),
        ("MESSENGER_NAMESPACE", "events", "begins with a slash"),
        ("AUCTION_RESULT_NAMESPACE", "/a,b", "no comma"),
        ("AUCTIONS_RESULT_NAMESPACE", "/a?b", "no comma or question mark"),
        ("MESSAGE_MAX_LENGTH", 0, "from 1 to 1250000"),
        ("EDIT_WINDOW", -1, "a number of seconds, or 0"),
        ("SYNC_WINDOW", -1, "a number of seconds, or 0"),
        ("RESYNC_CLOSES", "old", "none, eio3, all"),
        ("MESSAGE_MAX_LENGTH", 2_000_000, "from 1 to 1250000"),
        ("AUTH_JWT_KEY", RSA_WITHOUT_END, "HS256 secret or a PEM public key"),
        ("AUTH_MODE", "trust", "enforce or report"),
        ("AUTH_JWKS_URL", "ftp://keys", "http:// or https:// URL"),
        ("AUTH_INTROSPECTION_URL", "auth.example/introspect", "http:// or https:// URL"),
        ("AUTH_TOKEN_HEADER", "X Token", "name of an HTTP header"),
        ("SHOP_SERVICE", "shops:8080", "http:// or https:// URL"),
        ("ACCOUNT_SERVICE", "http://", "http:// or https:// URL"),
        ("SCHEMA_REGISTRY_URL", "registry", "http:// or https:// URL"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka", "host:port"),
        ("PORT", 70000, "1 to 65535"),
        ("SECURE_HSTS_SECONDS", -1, "0 for none"),
        ("LOGIN_FAILURES", -1, "0 for any number"),
        ("LOGIN_LOCKOUT", 0, "1 or more"),
        ("WEB_CONCURRENCY", 0, "1 or more"),
        ("KEEP_ALIVE", 0, "seconds, 1 or more"),
        ("REQUEST_TIMEOUT", 0, "seconds, 1 or more"),
        ("MAX_CONNECTIONS", 0, "connections, 1 or more"),
        ("MAX_CONNECTIONS_PER_ADDRESS", -1, "connections, 1 or more"),
        ("MAX_DISCONNECTION_DURATION", -1, "0 for off"),
        ("ALLOWED_HOSTS", ["https://chat.example.com"], "without scheme"),
    ],
)
def test_a_value_that_cannot_work_is_an_error_that_says_what_would(name: str, value: object, hint: str) -> None:
    [problem] = problems(**{name: value})
    assert problem.is_serious()
    assert name.replace("REDIS_ADDRESS", "REDIS_ADDRESS").removeprefix("SECURE_") in problem.msg
    assert problem.hint
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MONGODB_URI", "mongodb://user:p%40ss@a:27017,b:27017/chat?replicaSet=rs0"),
        ("MONGODB_URI", "mongodb+srv://cluster.example/chat?w=majority"),
        ("REDIS_ADDRESS", "rediss://:secret@cache/2"),
        ("REDIS_ADDRESS", "unix:///run/redis.sock"),
        ("SOCKET_PATH", "/socket.io"),
        ("AUTH_JWT_KEY", SECRET),
        ("AUTH_JWKS_URL", "https://auth.example/.well-known/jwks.json"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka-1:9092, [::1]:9092"),
        ("ALLOWED_HOSTS", ["chat.example.com", ".example.com", "[::1]"]),
    ],
)
def test_values_that_work_pass(name: str, value: object) -> None:
    assert problems(**{name: value}) == []


def test_traces_without_opentelemetry_are_an_error_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems(TRACES_EXPORTER="OTLP") == []
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)
    [problem] = problems(TRACES_EXPORTER="OTLP")
    assert "OTEL_TRACES_EXPORTER" in problem.msg
    assert problem.hint
    assert "pip install -c constraints.txt opentelemetry-sdk" in problem.hint


def test_namespaces_that_are_the_same_are_named() -> None:
    [problem] = problems(AUCTION_RESULT_NAMESPACE="/v1/conversations/events")
    assert "MESSENGER_NAMESPACE='/v1/conversations/events'" in problem.msg


def test_a_secret_that_can_be_guessed_is_a_warning_that_does_not_show_it() -> None:
    [problem] = problems(AUTH_JWT_KEY="hunter2")
    assert not problem.is_serious()
    assert "7 bytes" in problem.msg
    assert "hunter2" not in f"{problem.msg} {problem.hint}"


@pytest.mark.parametrize("key", ["hunter2", "x" * 60, "django-insecure-" + SECRET * 2])
def test_a_weak_secret_key_is_a_warning_that_does_not_show_it(key: str) -> None:
    [problem] = problems(SECRET_KEY=key)
    assert not problem.is_serious()
    assert "SECRET_KEY" in problem.msg
    assert key not in f"{problem.msg} {problem.hint}"


def test_served_over_https_the_checks_of_django_for_deployment_find_nothing(
    mongodb_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://chat.example.com")
    monkeypatch.setenv("ALLOWED_HOSTS", "chat.example.com")
    monkeypatch.setenv("SECRET_KEY", "".join(chr(33 + number) for number in range(60)))
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_data_dir_that_others_can_look_into_is_a_warning(tmp_path: Path) -> None:
    def found(directory: Path) -> list[CheckMessage]:
        with override_settings(DATA_DIR=directory):
            return check_data_dir(None)

    tmp_path.chmod(0o750)
    [problem] = found(tmp_path)
    assert problem.id == "chozoi_chat.W039"
    assert not problem.is_serious()
    assert "its mode is 750" in problem.msg
    assert problem.hint == f"chmod -R go-rwx {tmp_path}"
    tmp_path.chmod(0o700)
    assert found(tmp_path) == found(tmp_path / "not made yet") == []


def test_passwords_in_urls_are_not_shown() -> None:
    for url in ("redis://:hunter2@cache/x", "redis://:8@hunter2@cache/x", "redis://cache/x?password=hunter2"):
        [problem] = problems(REDIS_ADDRESS=url)
        assert "hunter2" not in f"{problem.msg} {problem.hint}"


@pytest.mark.parametrize(("option", "value"), [("w", "1"), ("journal", "false"), ("J", "false")])
def test_a_write_concern_that_is_not_obeyed_is_named(option: str, value: str) -> None:
    [problem] = problems(MONGODB_URI=f"mongodb://db/chat?replicaSet=rs0&{option}={value}")
    assert not problem.is_serious()
    assert f"{option.lower()}={value}" in problem.msg


def test_listening_beyond_this_machine_asks_for_host_names_and_no_debug() -> None:
    found = problems(HOST="0.0.0.0", DEBUG=True, ALLOWED_HOSTS=["127.0.0.1", "localhost"])
    assert [problem.id for problem in found] == ["chozoi_chat.W015", "chozoi_chat.W016"]


def test_a_demo_that_others_reach_is_a_warning() -> None:
    [problem] = problems(HOST="192.168.1.7", DEMO=True, ALLOWED_HOSTS=["chat.example.com"])
    assert problem.id == "chozoi_chat.W040"
    assert "192.168.1.7" in problem.msg
    assert problems(HOST="::1", DEMO=True) == []
    assert problems(HOST="0.0.0.0", ALLOWED_HOSTS=["chat.example.com"]) == []


def test_a_setting_that_cannot_be_read_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "http")
    command = [sys.executable, "manage.py", "serve"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (1, "PORT is 'http'; it must be a whole number such as 8000.\n")


def test_a_command_does_not_start_with_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKET_PATH", "sockets")
    command = [sys.executable, "manage.py", "serve"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "SOCKET_PATH is 'sockets'" in done.stderr
    assert "HINT: It must be a path that begins with a slash" in done.stderr


@pytest.mark.parametrize("uri", ["mongodb://a,b/chat", "mongodb+srv://c.example/chat"])
def test_a_read_preference_that_is_not_obeyed_is_named(uri: str) -> None:
    [problem] = problems(MONGODB_URI=f"{uri}?w=majority&readpreference=secondaryPreferred")
    assert problem.id == "chozoi_chat.W033"
    assert "readPreference=secondaryPreferred, which is not obeyed" in problem.msg
    assert problems(MONGODB_URI=f"{uri}?readPreference=primary") == []


def test_a_patience_that_no_election_fits_in_is_named() -> None:
    [problem] = problems(MONGODB_PATIENCE=8)
    assert problem.id == "conversations.W015"
    assert "the election of a primary may take 12 s" in problem.msg
