"""Options, which arguments and settings give alike."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from socketio_bridge import Options
from socketio_bridge.options import wrong_options

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"ping_interval": 0}, "'ping_interval' is 0: Expected `float` > 0.0"),
    ({"ping_interval": "25"}, "'ping_interval' is '25': Expected `float`, got `str`"),
    ({"max_payload": "1"}, "'max_payload' is '1': Expected `int`, got `str`"),
    ({"transports": []}, r"'transports' is \[\]: Expected `array` of length >= 1"),
    ({"transports": ["pigeon"]}, "Invalid enum value 'pigeon'"),
    ({"allowed_origins": "https://shop.example"}, "Expected `array`, got `str`"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_a_wrong_value_is_named_in_whichever_way_it_comes(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=said):
        Options(**given)
    with override_settings(SOCKETIO=given), pytest.raises(ImproperlyConfigured, match=said):
        Options.from_settings()


def test_a_value_becomes_the_same_in_whichever_way_it_comes() -> None:
    given: dict[str, Any] = {"ping_interval": 5, "transports": ["websocket"], "allowed_origins": ["https://a.example"]}
    with override_settings(SOCKETIO=given):
        assert Options(**given) == Options.from_settings()
    assert Options(**given).transports == ("websocket",)
    assert isinstance(Options(**given).ping_interval, float)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ping_intervall", "ping_interval"),
        ("pingInterval", "ping_interval"),
        ("PING_TIMEOUT", "ping_timeout"),
        ("transport", "transports"),
        ("maxHttpBufferSize", "max_payload"),
        ("perMessageDeflate", "per_message_deflate"),
        ("cors", "allowed_origins"),
        ("cors_allowed_origins", "allowed_origins"),
        ("connectionStateRecovery", "max_disconnection_duration"),
    ],
)
def test_an_unknown_option_is_named_with_the_nearest_right_one(name: str, meant: str) -> None:
    with override_settings(SOCKETIO={name: 1}), pytest.raises(ImproperlyConfigured) as refused:
        Options.from_settings()
    assert str(refused.value) == f"{name!r} is no Socket.IO option. Did you mean {meant!r}?"


def test_where_none_is_near_all_are_named() -> None:
    said = wrong_options({"zzz": 1})["zzz"]
    assert all(name in said for name in Options.__struct_fields__)


def test_each_wrong_option_is_named() -> None:
    assert set(wrong_options({"ping_interval": 0, "cookies": 1, "max_payload": 1, 7: 7})) == {
        "ping_interval",
        "cookies",
        "7",
    }


def test_allowed_origins_are_read_from_the_setting_of_their_own() -> None:
    with override_settings(ALLOWED_ORIGINS=["https://a.example"], SOCKETIO={}):
        assert Options.from_settings().allowed_origins == ("https://a.example",)
    with override_settings(ALLOWED_ORIGINS=["https://a.example"], SOCKETIO={"allowed_origins": []}):
        assert Options.from_settings().allowed_origins == ()
