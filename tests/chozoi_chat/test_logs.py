"""Whoever logs, a line is one JSON object with the same keys; on DEBUG it is for people."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chozoi_chat.logs import logging_config

PROJECT = Path(__file__).resolve().parents[2]
CODE = """
import django, logging, structlog
django.setup()
structlog.get_logger("ours").info("room created", room_id="7.501")
logging.getLogger("django.request").warning("Not Found: %s", "/x")
logging.getLogger("uvicorn.error").info("Started", extra={"color_message": "coloured"})
logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" [accepted]', "1.2.3.4:5", "/socket?token=secret")
logging.getLogger("uvicorn.error").info("connection open")
logging.getLogger("uvicorn.access").info("GET /")
logging.getLogger("theirs").debug("a detail")
def check(token):
    1 / 0
try:
    check("a secret")
except ZeroDivisionError:
    logging.getLogger("theirs").exception("it broke")
"""


def logged(**variables: str) -> list[str]:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "chozoi_chat.settings"} | variables
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stderr.splitlines()


@pytest.fixture(scope="module")
def lines() -> list[dict[str, object]]:
    return [json.loads(line) for line in logged()]


def test_structlog_and_the_standard_library_come_out_alike(lines: list[dict[str, object]]) -> None:
    assert [(line["logger"], line["level"], line["event"]) for line in lines] == [
        ("ours", "info", "room created"),
        ("django.request", "warning", "Not Found: /x"),
        ("uvicorn.error", "info", "Started"),
        ("theirs", "error", "it broke"),
    ]
    assert all(str(line["timestamp"]).endswith("Z") for line in lines)


def test_what_belongs_to_an_event_is_a_key_of_its_own(lines: list[dict[str, object]]) -> None:
    assert lines[0]["room_id"] == "7.501"
    assert "color_message" not in lines[2]


def test_a_traceback_stays_on_its_line(lines: list[dict[str, object]]) -> None:
    assert "ZeroDivisionError" in str(lines[3]["exception"])


@pytest.mark.parametrize("debug", ["false", "true"])
def test_a_traceback_does_not_tell_secrets(debug: str) -> None:
    output = "".join(logged(DEBUG=debug))
    assert "ZeroDivisionError" in output
    assert "a secret" not in output.replace('check("a secret")', "").replace('check(\\"a secret\\")', "")


def test_the_level_is_a_setting() -> None:
    assert "a detail" in "".join(logged(LOG_LEVEL="debug"))
    assert "room created" not in "".join(logged(LOG_LEVEL="warning"))


def test_debug_is_for_people() -> None:
    first = logged(DEBUG="true")[0]
    assert not first.startswith("{")
    assert "room created" in first


@pytest.mark.parametrize(
    ("said", "logged_as"),
    [
        ("GET /x?EIO=4&token=eyJh.e30.sig&sid=abc_-1&user_id=7", "GET /x?EIO=4&token=…&sid=…&user_id=7"),
        ("Cookie: csrftoken=abc; sessionid=def; theme=dark", "Cookie: csrftoken=…; sessionid=…; theme=dark"),
        ("{'Authorization': 'Bearer abc.DEF-_~+/='}", "{'Authorization': 'Bearer …'}"),
        ("verify_user said eyJhbGciOi.eyJzdWIi.lXNM-_ of 7", "verify_user said … of 7"),
        ("room 7.501, residence=here, besides=nothing", "room 7.501, residence=here, besides=nothing"),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_what_proves_who_somebody_is_is_left_out_of_whatever_is_logged(said: str, logged_as: str, debug: bool) -> None:
    formatter = logging_config("DEBUG", debug=debug)["formatters"]["structlog"]
    record = logging.LogRecord("theirs", logging.DEBUG, __file__, 1, "%s", (said,), None)
    made = formatter["()"](processors=formatter["processors"], foreign_pre_chain=formatter["foreign_pre_chain"])
    assert logged_as in made.format(record)


def test_no_line_holds_a_token_from_a_sockets_address(lines: list[dict[str, object]]) -> None:
    assert not [line for line in lines if "secret" in str(line["event"]) or "connection" in str(line["event"])]
