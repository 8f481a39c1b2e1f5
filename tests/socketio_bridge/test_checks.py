"""The bridge's system checks name a fault, its value and what would be right; a sound project hears nothing."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.test import override_settings

from socketio_bridge.checks import check_channel_layer, check_mount, check_options

IN_MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
LIST_BASED = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}
STOCK = """
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from socketio_bridge import Namespace, SocketIOServer

def wrap(application):
    async def wrapped(scope, receive, send):
        await application(scope, receive, send)
    return wrapped

django = get_asgi_application()
server = SocketIOServer([Namespace()])
"""
ROUTED = STOCK + "application = ProtocolTypeRouter({'http': %s, 'websocket': server})\n"


def problems(**settings: object) -> list[CheckMessage]:
    with override_settings(**settings):
        return [*check_options(None), *check_channel_layer(None), *check_mount(None)]


def only_problem(**settings: object) -> CheckMessage:
    [problem] = problems(**settings)
    return problem


@pytest.fixture
def asgi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes an ASGI module; gives back what the checks say of its `application`."""

    def check(source: str, **settings: object) -> list[str]:
        name = f"somebodys_asgi_{next(numbers)}"  # as an import is remembered by its name
        (tmp_path / f"{name}.py").write_text(source)
        found = problems(ASGI_APPLICATION=f"{name}.application", **settings)
        sys.modules.pop(name, None)
        return [str(message.id) for message in found]

    numbers = itertools.count()

    monkeypatch.syspath_prepend(tmp_path)
    return check


def test_a_sound_project_hears_nothing() -> None:
    assert problems() == []


def test_django_runs_the_checks() -> None:
    with override_settings(ALLOWED_ORIGINS=["*"], CHANNEL_LAYERS={}, ASGI_APPLICATION=None):
        found = {message.id for message in run_checks()}
    assert found >= {"socketio_bridge.W003", "socketio_bridge.W005", "socketio_bridge.W008"}


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"ping_intervall": 25}, "Did you mean 'ping_interval'?"),
            ({"ping_interval": "25"}, "'ping_interval' is '25'"),
            ({"max_payload": 0}, "'max_payload' is 0"),
            ({"transports": ["carrier-pigeon"]}, "carrier-pigeon"),
            ({"transports": []}, "length >= 1"),
            ({"parsers": []}, "length >= 1"),
            ("ping_interval=25", "no dictionary"),
            (None, "no dictionary"),
        ],
    )
    def test_what_is_no_option_is_named(self, options: object, said: str) -> None:
        problem = only_problem(SOCKETIO=options)
        assert problem.id == "socketio_bridge.E001"
        assert said in problem.msg
        assert "seconds" in str(problem.hint)

    def test_each_wrong_option_is_a_problem(self) -> None:
        found = problems(SOCKETIO={"ping_intervall": 25, "max_payload": 0})
        assert [each.id for each in found] == ["socketio_bridge.E001"] * 2

    @pytest.mark.parametrize(
        ("option", "path", "why"),
        [
            ("allow_request", "nosite.allow", "cannot be imported: ModuleNotFoundError"),
            ("allow_request", "json", "cannot be imported"),
            ("allow_request", "json.dumps", "<function dumps"),
            ("allow_origin", "asyncio.sleep", "<function sleep"),
            ("allow_origin", "sys.path", "is ["),
        ],
    )
    def test_what_is_asked_must_be_a_function_of_its_kind(self, option: str, path: str, why: str) -> None:
        problem = only_problem(SOCKETIO={option: path})
        assert problem.id == "socketio_bridge.E014"
        assert f"The Socket.IO option '{option}' is '{path}'" in problem.msg
        assert why in problem.msg
        assert f"mysite.socketio.{option}" in str(problem.hint)

    def test_functions_that_can_be_asked_are_fine(self) -> None:
        assert problems(SOCKETIO={"allow_request": "asyncio.sleep", "allow_origin": "json.dumps"}) == []

    def test_those_that_a_server_has_of_its_own_are_checked_as_well(self, asgi: Any) -> None:
        own = "from socketio_bridge import Options\nserver = SocketIOServer([Namespace()], options=Options(%s))\n"
        mounted = "application = server.mount('/s', beside=django)"
        assert asgi(STOCK + own % "allowed_origins=['shop']" + mounted) == ["socketio_bridge.E004"]
        assert asgi(STOCK + own % "max_payload=0" + mounted) == ["socketio_bridge.E009"]
        only_websockets = STOCK + own % "transports=['websocket']"
        assert asgi(only_websockets + "application = ProtocolTypeRouter({'http': django, 'websocket': server})") == []

    def test_compression_is_the_asgi_servers_to_do(self) -> None:
        problem = only_problem(SOCKETIO={"per_message_deflate": True})
        assert problem.id == "socketio_bridge.I012"
        assert "daphne" in problem.msg
        assert "for_uvicorn" in str(problem.hint)

    def test_sessions_in_cookies_cannot_be_followed(self) -> None:
        following = {"follow_session": True}
        cookies = "django.contrib.sessions.backends.signed_cookies"
        assert only_problem(SOCKETIO=following, SESSION_ENGINE=cookies).id == "socketio_bridge.W016"
        assert problems(SOCKETIO=following) == problems(SESSION_ENGINE=cookies) == []

    def test_recovery_needs_a_redis_where_there_are_other_processes(self) -> None:
        recovering = {"max_disconnection_duration": 60}
        problem, _ = problems(
            SOCKETIO=recovering, CHANNEL_LAYERS={"default": {"BACKEND": "somebodys.layers.OverRabbitMQ"}}
        )
        assert problem.id == "socketio_bridge.E013"
        assert "recovery_redis_url" in problem.msg
        assert [each.id for each in problems(SOCKETIO=recovering, CHANNEL_LAYERS=IN_MEMORY)] == ["socketio_bridge.W005"]


class TestOrigins:
    @pytest.mark.parametrize(
        "origin",
        [
            "https://shop.example",
            "http://localhost:3000",
            "https://shop.example:8443",
            "capacitor://localhost",
            "http://[::1]:8000",
            "wss://shop.example",
            "https://Shop.Example:443/",
        ],
    )
    def test_origins_are_fine(self, origin: str) -> None:
        assert problems(ALLOWED_ORIGINS=[origin]) == []
        assert problems(SOCKETIO={"allowed_origins": [origin]}) == []

    @pytest.mark.parametrize(
        ("entry", "why"),
        [
            ("shop.example", "needs a scheme"),
            ("localhost:3000", "needs a scheme"),
            ("https://", "needs a scheme and a host"),
            ("", "needs a scheme"),
            ("https://shop.example/page", "without a user or a path"),
            ("https://ann@shop.example", "scheme and host alone"),
            ("https://*.shop.example", "may not be a pattern"),
            ("http://shop.example:port", "port"),
        ],
    )
    def test_what_matches_no_browsers_origin_is_an_error(self, entry: str, why: str) -> None:
        problem = only_problem(SOCKETIO={"allowed_origins": ["https://other.example", entry]})
        assert problem.id == "socketio_bridge.E004"
        assert f"The Socket.IO option 'allowed_origins' has {entry!r}" in problem.msg
        assert why in problem.msg
        assert "https://shop.example" in str(problem.hint)

    def test_a_regular_expression_must_be_one(self) -> None:
        assert problems(SOCKETIO={"allowed_origin_regexes": [r"https://\w+\.shop\.example"]}) == []
        problem = only_problem(SOCKETIO={"allowed_origin_regexes": ["https://*", "https://("]})
        assert problem.id == "socketio_bridge.E015"
        assert "'https://('" in problem.msg

    def test_the_setting_that_was_read_is_the_one_that_is_named(self) -> None:
        assert only_problem(ALLOWED_ORIGINS=["shop"], SOCKETIO={}).msg.startswith("ALLOWED_ORIGINS has 'shop'")

    def test_origins_that_are_no_list_are_an_error(self) -> None:
        problem = only_problem(ALLOWED_ORIGINS="https://shop.example", SOCKETIO={})
        assert problem.id == "socketio_bridge.E004"
        assert "ALLOWED_ORIGINS" in str(problem.hint)

    @pytest.mark.parametrize("entry", ["*", "null"])
    def test_anybody_is_a_warning_that_says_when_it_is_safe(self, entry: str) -> None:
        problem = only_problem(ALLOWED_ORIGINS=[entry], SOCKETIO={})
        assert problem.id == "socketio_bridge.W003"
        assert "cookies" in problem.msg
        assert "token" in str(problem.hint)


class TestChannelLayer:
    @pytest.mark.parametrize("layers", [{}, IN_MEMORY, {"other": IN_MEMORY["default"]}])
    def test_without_one_between_processes_each_is_alone(self, layers: object) -> None:
        problem = only_problem(CHANNEL_LAYERS=layers)
        assert problem.id == "socketio_bridge.W005"
        assert "this process alone" in problem.msg
        assert "RedisPubSubChannelLayer" in str(problem.hint)

    def test_one_that_cannot_be_imported_is_an_error(self) -> None:
        problem = only_problem(CHANNEL_LAYERS={"default": {"BACKEND": "channels_redis.pubsub.PubSub"}})
        assert problem.id == "socketio_bridge.E006"
        assert "'channels_redis.pubsub.PubSub'" in problem.msg

    def test_one_that_drops_over_capacity_is_a_warning(self) -> None:
        problem = only_problem(CHANNEL_LAYERS=LIST_BASED)
        assert problem.id == "socketio_bridge.W007"
        assert "channels_redis.pubsub" in str(problem.hint)


class TestMount:
    def test_runserver_needs_asgi_application(self) -> None:
        problem = only_problem(ASGI_APPLICATION=None)
        assert problem.id == "socketio_bridge.W008"
        assert "runserver" in problem.msg

    @pytest.mark.parametrize("dotted", ["nosite.asgi.application", "application", "chozoi_chat.asgi.app", "json..x"])
    def test_what_does_not_exist_is_an_error(self, dotted: str) -> None:
        problem = only_problem(ASGI_APPLICATION=dotted)
        assert problem.id == "socketio_bridge.E009"
        assert repr(dotted) in problem.msg

    @pytest.mark.parametrize(
        "source",
        [
            STOCK + "application = get_asgi_application()",
            STOCK + "application = django",
            STOCK + "application = None\napplication = get_asgi_application()",
            STOCK + "if True:\n    application = get_asgi_application()",
        ],
    )
    def test_django_alone_is_a_warning(self, asgi: Any, source: str) -> None:
        assert asgi(source) == ["socketio_bridge.W010"]

    @pytest.mark.parametrize("http", ["django", "get_asgi_application()"])
    def test_polling_that_goes_to_django_is_a_warning(self, asgi: Any, http: str) -> None:
        assert asgi(ROUTED % http) == ["socketio_bridge.W011"]
        assert asgi(ROUTED % http, SOCKETIO={"transports": ["websocket"]}) == []
        assert asgi(ROUTED % http, SOCKETIO={"transport": "websocket"}) == ["socketio_bridge.E001"]

    @pytest.mark.parametrize(
        "source",
        [
            STOCK + "application = server.mount('/s', beside=django)",
            STOCK + "application = server",
            ROUTED % "URLRouter([])",
            ROUTED % "wrap(django)",
            STOCK + "application = wrap(django)",
            STOCK + "class Handler(type(django)): ...\napplication = Handler()",
            STOCK + "application = ProtocolTypeRouter({'http': django})",
            "async def application(scope, receive, send): ...",
        ],
    )
    def test_what_may_well_be_right_is_not_doubted(self, asgi: Any, source: str) -> None:
        assert asgi(source) == []

    @pytest.mark.parametrize(
        "source", ["this is no Python", "from nosite.live import application", "raise OSError", "other = 1"]
    )
    def test_what_cannot_be_imported_is_an_error(self, asgi: Any, source: str) -> None:
        assert asgi(source) == ["socketio_bridge.E009"]
