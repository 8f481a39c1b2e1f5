"""A setting of this app that cannot work is named before anything starts, with what would be right."""

from __future__ import annotations

import pytest
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, run_checks
from django.test import override_settings

from tests.chat_settings import overridden


def problems(**settings: object) -> list[CheckMessage]:
    with overridden(**settings):
        return [message for message in run_checks() if message.id and message.id.startswith("conversations.")]


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("API_RATE_UPLOADS", "many", "like 600/m"),
        ("API_RATE_SEARCHES", "1/w", "like 600/m"),
        ("UPLOAD_MAX_BYTES", 0, "1 or more"),
        ("UPLOAD_MAX_PIXELS", -1, "1 or more, at most 40000000"),
        ("UPLOAD_MAX_PIXELS", 200_000_000, "at most 40000000"),
    ],
)
def test_a_value_that_cannot_work_is_an_error_that_says_what_would(name: str, value: object, hint: str) -> None:
    [problem] = problems(**{name: value})
    assert name in problem.msg
    assert repr(value) in problem.msg
    assert hint in str(problem.hint)


@pytest.mark.parametrize(
    ("storage", "why"),
    [
        ({"BACKEND": "storages.backends.s3.S3Storage"}, "No module named 'storages'"),
        ({"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"bucket": "b"}}, "bucket"),
    ],
)
def test_so_is_a_storage_that_is_not_installed_or_takes_no_such_option(storage: dict[str, object], why: str) -> None:
    [problem] = problems(STORAGES={**django_settings.STORAGES, "default": storage})
    assert f"MEDIA_STORAGE is '{storage['BACKEND']}'" in problem.msg
    assert why in problem.msg
    assert "MEDIA_STORAGE_OPTIONS" in str(problem.hint)


def test_a_value_of_another_type_is_an_error_that_names_the_key() -> None:
    [problem] = problems(EDIT_WINDOW="an hour")
    assert problem.is_serious()
    assert problem.msg == "CONVERSATIONS: Expected `int`, got `str` - at `$.EDIT_WINDOW`"


def test_settings_that_are_no_dict_are_an_error() -> None:
    with override_settings(CONVERSATIONS=["EDIT_WINDOW"]):
        [problem] = [message for message in run_checks() if message.id == "conversations.E010"]
    assert problem.msg == "CONVERSATIONS is ['EDIT_WINDOW']: it must be a dict"


def test_a_key_that_no_app_knows_is_a_warning_with_the_one_that_is_meant() -> None:
    with override_settings(CONVERSATIONS={**django_settings.CONVERSATIONS, "EDIT_WINDWO": 5}):
        [problem] = [message for message in run_checks() if message.id == "conversations.W011"]
    assert problem.msg == "CONVERSATIONS has the key 'EDIT_WINDWO', which no installed app knows."
    assert problem.hint == "Is EDIT_WINDOW meant?"


def test_a_database_that_is_none_is_named_with_those_that_are() -> None:
    [problem] = problems(DATABASE="chat")
    assert (problem.msg, problem.hint) == ("DATABASE is 'chat'.", "It must be a key of DATABASES: default.")


def test_a_callable_that_is_none_is_named() -> None:
    [problem] = problems(IDENTITY="identity.nobody")
    assert problem.is_serious()
    assert "IDENTITY is 'identity.nobody'" in problem.msg


def test_sessions_that_no_socket_follows_are_a_warning() -> None:
    [problem] = problems(IDENTITY="identity.session_user")
    assert not problem.is_serious()
    assert "follow_session" in str(problem.hint)
    followed = {**django_settings.SOCKETIO, "follow_session": True}
    assert problems(IDENTITY="identity.session_user", SOCKETIO=followed) == []


def test_the_defaults_have_no_problem() -> None:
    assert problems() == []
