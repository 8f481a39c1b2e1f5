"""What the environment says, and what the settings make of it: the names of the old service keep their meaning."""

import runpy
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.core.exceptions import ImproperlyConfigured

from auctions.configuration import AuctionSettings
from chozoi_chat.running_stores import StoreAddresses, lock_data_dir, save_addresses
from conversations.configuration import ChatSettings
from kafka_workers.configuration import KafkaSettings

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Read the settings in an environment of these variables alone."""

    def read(**variables: str) -> dict[str, Any]:
        for name in ("MONGODB_URI", "MONGODB_ENGINE", "REDIS_ADDRESS", "SECRET_KEY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("DATA_DIR", str(tmp_path))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(PROJECT / "chozoi_chat" / "settings.py"))

    return read


def test_defaults_are_the_contracts(read: Any) -> None:
    settings = read()
    assert settings["SOCKET_PATH"] == "/v1/conversations/sockets"
    chat = msgspec.convert(settings["CONVERSATIONS"], ChatSettings)
    assert (settings["SOCKET_PATH"], "/v1/conversations/events") == (chat.SOCKET_PATH, chat.MESSENGER_NAMESPACE)
    auctions = msgspec.convert(settings["CONVERSATIONS"], AuctionSettings)
    assert auctions.AUCTION_RESULT_NAMESPACE == "/v1/conversations/auction-result-events"
    assert auctions.AUCTIONS_RESULT_NAMESPACE == "/v1/conversations/auction-result-list-events"
    kafka = msgspec.convert(settings["CONVERSATIONS"], KafkaSettings)
    assert kafka.KAFKA_EVENTS_TOPIC == "chozoi.conversations.events"
    assert (settings["HOST"], settings["PORT"]) == ("127.0.0.1", 8000)
    assert settings["DEBUG"] is False
    assert settings["ALLOWED_ORIGINS"] == []
    assert chat.SHOP_SERVICE == auctions.ACCOUNT_SERVICE == kafka.KAFKA_BOOTSTRAP_SERVERS == ""


def test_the_chat_gets_what_the_environment_names(read: Any) -> None:
    settings = read(EDIT_WINDOW="900", API_RATE_USER="5/s", IMAGE_HOSTS="a.example, b.example", AUTH_MODE="Report")
    chat = settings["CONVERSATIONS"]
    assert (chat["EDIT_WINDOW"], chat["API_RATE_USER"], chat["AUTH_MODE"]) == (900, "5/s", "report")
    assert chat["IMAGE_HOSTS"] == ["a.example", "b.example"]
    assert "SYNC_WINDOW" not in chat


def test_the_database_is_named_by_the_uri(read: Any) -> None:
    settings = read(MONGODB_URI="mongodb://user:pass@db.example:27018/chat?replicaSet=rs0")
    assert settings["DATABASES"]["default"]["NAME"] == "chat"
    assert settings["DATABASES"]["default"]["HOST"] == settings["MONGODB_URI"]
    assert settings["MONGODB_EMBEDDED"] is False


def test_the_embedded_mongodb_alone_has_an_engine_of_its_own(read: Any) -> None:
    assert read()["DATABASES"]["default"]["ENGINE"] == "devstack.engine"
    assert read(MONGODB_URI="mongodb://db/chat")["DATABASES"]["default"]["ENGINE"] == "persistence.engine"
    named = read(MONGODB_URI="mongodb://db/chat", MONGODB_ENGINE="devstack.engine")
    assert named["DATABASES"]["default"]["ENGINE"] == "devstack.engine"


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("mongodb://db/my%2Ddb", "my-db"),
        ("mongodb://user:a%2Fb%40@a:1,b:2/chat?authSource=admin", "chat"),
        ("mongodb+srv://user:pass@cluster.example/chat?retryWrites=true", "chat"),
        ("mongodb://%2Ftmp%2Fmongodb.sock/chat", "chat"),
    ],
)
def test_the_database_is_the_one_that_the_driver_reads_in_the_uri(read: Any, uri: str, name: str) -> None:
    assert read(MONGODB_URI=uri)["DATABASES"]["default"]["NAME"] == name


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("mongodb://db:27017", "names no database"),
        ("mongodb://db:27017/?replicaSet=rs0", "names no database"),
        ("mongodb://db/chat.rooms", "names no database"),
        ("mongodb+srv://cluster.example", "names no database"),
        ("mongodb://", "cannot be read"),
        ("mongodb+srv://", "cannot be read"),
        ("mysql://db/chat", "cannot be read"),
        ("mongodb://db:port/chat", "cannot be read"),
        ("mongodb://user:hunter2@x@db/chat", "%40 stands for @"),
        ("mongodb://user:8/hunter2@db/chat", "%2F for /"),
    ],
)
def test_a_uri_without_a_usable_name_is_refused_in_a_sentence_without_its_password(
    read: Any, uri: str, why: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(MONGODB_URI=uri)
    assert str(refused.value).startswith("MONGODB_URI is ")
    assert why in str(refused.value) and "mongodb://host:27017/chozoi_chat" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("cache.example:6380", "redis://cache.example:6380"),
        ("redis://cache.example:6380/2", "redis://cache.example:6380/2"),
        ("rediss://:secret@cache.example/0", "rediss://:secret@cache.example/0"),
    ],
)
def test_redis_is_named_as_the_old_service_did_or_by_a_url(read: Any, address: str, url: str) -> None:
    settings = read(REDIS_ADDRESS=address)
    assert settings["REDIS_URL"] == url
    assert settings["CHANNEL_LAYERS"]["default"]["CONFIG"]["hosts"] == [url]
    assert settings["REDIS_EMBEDDED"] is False


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("cache.example:6380", "chozoi-0"),
        ("cache.example:6380/0", "chozoi-0"),
        ("redis://cache.example", "chozoi-0"),
        ("redis://:secret@cache.example", "chozoi-0"),
        ("redis://cache.example/", "chozoi-0"),
        ("redis://cache.example?db=0", "chozoi-0"),
        ("rediss://:secret@cache.example/2", "chozoi-2"),
        ("redis://cache.example/2?protocol=3", "chozoi-2"),
        ("redis://cache.example?db=2", "chozoi-2"),
        ("unix:///run/redis.sock", "chozoi-0"),
        ("unix:///run/redis.sock?db=2", "chozoi-2"),
        ("redis://cache:port/2", "chozoi-0"),
    ],
)
def test_processes_of_one_redis_database_hear_each_other_however_its_address_is_spelled(
    read: Any, address: str, prefix: str
) -> None:
    settings = read(REDIS_ADDRESS=address)
    assert settings["CHANNEL_LAYERS"]["default"]["CONFIG"]["prefix"] == prefix
    settings = read(REDIS_ADDRESS=address, CHANNEL_PREFIX="staging")
    assert settings["CHANNEL_LAYERS"]["default"]["CONFIG"]["prefix"] == prefix.replace("chozoi", "staging")


def test_unset_stores_are_the_embedded_ones_that_run_for_this_data_dir(read: Any, tmp_path: Path) -> None:
    with lock_data_dir(tmp_path):
        save_addresses(
            tmp_path, StoreAddresses(mongodb="mongodb://127.0.0.1:21001/chozoi_chat", redis="redis://127.0.0.1:21002/0")
        )
        settings = read()
    assert settings["MONGODB_URI"] == "mongodb://127.0.0.1:21001/chozoi_chat"
    assert settings["REDIS_URL"] == "redis://127.0.0.1:21002/0"
    assert settings["MONGODB_EMBEDDED"] is settings["REDIS_EMBEDDED"] is True


def test_an_empty_variable_counts_as_unset(read: Any) -> None:
    settings = read(MONGODB_URI="", PORT="", SHOP_SERVICE=" ", SECRET_KEY="")
    assert settings["MONGODB_EMBEDDED"] is True
    assert settings["PORT"] == 8000
    assert settings["CONVERSATIONS"]["SHOP_SERVICE"] == ""


def test_an_empty_list_is_the_default_too(read: Any) -> None:
    settings = read(ALLOWED_HOSTS="", ALLOWED_ORIGINS=" ")
    assert settings["ALLOWED_HOSTS"] == ["127.0.0.1", "localhost", "[::1]"]
    assert settings["ALLOWED_ORIGINS"] == []


def test_spaces_between_the_parts_of_a_list_do_not_matter(read: Any) -> None:
    assert read(ALLOWED_HOSTS="a.example, .b.example ,")["ALLOWED_HOSTS"] == ["a.example", ".b.example"]


@pytest.mark.parametrize(("value", "is_on"), [("true", True), ("Yes", True), ("1", True), ("off", False), ("", False)])
def test_a_switch_is_on_or_off(read: Any, value: str, is_on: bool) -> None:
    assert read(DEBUG=value)["DEBUG"] is is_on


def test_a_switch_that_is_neither_is_named(read: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="PER_MESSAGE_DEFLATE is 'tru'; it must be true or false"):
        read(PER_MESSAGE_DEFLATE="tru")


def test_a_secret_may_begin_with_a_dollar_sign(read: Any) -> None:
    settings = read(AUTH_JWT_KEY="$ecret-of-at-least-32-characters-in-all", SECRET_KEY="$HOME")
    assert settings["CONVERSATIONS"]["AUTH_JWT_KEY"] == "$ecret-of-at-least-32-characters-in-all"
    assert settings["SECRET_KEY"] == "$HOME"


def test_the_secret_key_is_made_once_when_unset(read: Any) -> None:
    assert read()["SECRET_KEY"] == read()["SECRET_KEY"] != ""


def test_slashes_at_the_end_do_not_matter(read: Any) -> None:
    settings = read(
        SOCKET_PATH="/chat/", SHOP_SERVICE="http://shops/", ALLOWED_ORIGINS="https://a.example/, http://b:81"
    )
    assert settings["SOCKET_PATH"] == "/chat"
    assert settings["CONVERSATIONS"]["SHOP_SERVICE"] == "http://shops"
    assert settings["ALLOWED_ORIGINS"] == ["https://a.example", "http://b:81"]


def test_a_page_that_may_chat_may_not_post_to_the_admin(read: Any) -> None:
    settings = read(ALLOWED_ORIGINS="https://shop.example,http://b:81", PUBLIC_URL="https://chat.example/base/")
    assert settings["CSRF_TRUSTED_ORIGINS"] == ["https://chat.example"]
    assert read(ALLOWED_ORIGINS="https://shop.example", PUBLIC_URL="")["CSRF_TRUSTED_ORIGINS"] == []
    assert read(CSRF_TRUSTED_ORIGINS="https://staff.example/")["CSRF_TRUSTED_ORIGINS"] == ["https://staff.example"]


@pytest.mark.parametrize(
    ("variables", "https"),
    [
        ({}, False),
        ({"PUBLIC_URL": "http://127.0.0.1:8000"}, False),
        ({"PUBLIC_URL": "https://chat.example"}, True),
        ({"SERVED_OVER_HTTPS": "true"}, True),
        ({"PUBLIC_URL": "https://chat.example", "SERVED_OVER_HTTPS": "no"}, False),
    ],
)
def test_over_https_cookies_and_names_are_for_https_alone(read: Any, variables: dict[str, str], https: bool) -> None:
    settings = read(**variables)
    assert settings["SESSION_COOKIE_SECURE"] is settings["CSRF_COOKIE_SECURE"] is https
    assert settings["SECURE_HSTS_SECONDS"] == (31_536_000 if https else 0)


def test_a_number_that_is_none_is_named(read: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="PORT is 'http'; it must be a whole number such as 8000"):
        read(PORT="http")


def test_a_data_dir_that_cannot_be_written_is_named(read: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match=r"DATA_DIR.*file.*cannot be written.*SECRET_KEY"):
        read(DATA_DIR=str(tmp_path / "file"))


def test_one_megabyte_of_content_reaches_the_rules(read: Any) -> None:
    """It is refused with `event_error`, not by ending the connection, so the frame must be let in."""
    assert read()["SOCKETIO"]["max_payload"] >= 2 * 1024 * 1024


def test_the_demos_kafka_is_found_while_it_runs(read: Any, tmp_path: Path) -> None:
    with lock_data_dir(tmp_path):
        save_addresses(tmp_path, StoreAddresses(kafka="127.0.0.1:3", schema_registry="http://127.0.0.1:4"))
        settings = read()
    assert settings["CONVERSATIONS"]["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:3"
    assert settings["CONVERSATIONS"]["SCHEMA_REGISTRY_URL"] == "http://127.0.0.1:4"
