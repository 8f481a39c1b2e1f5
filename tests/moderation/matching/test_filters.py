"""Filters together: what they look at, who decides, and what may be saved."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from moderation.matching.filters import Matcher
from moderation.models import MessageFilter


def filter_of(name: str, kind: str, patterns: str = "", action: str = "flag", **fields: Any) -> MessageFilter:
    return MessageFilter(name=name, kind=kind, patterns=patterns, action=action, **fields)


def test_each_filter_tells_once_what_it_found() -> None:
    matcher = Matcher(
        [
            filter_of("insults", "words", "fool\nidiot\n", "refuse"),
            filter_of("numbers", "regex", r"\d{9,}", "hold"),
            filter_of("links", "links", "example.com"),
        ]
    )
    found = matcher.find("you idiot, you FOOL: 0901234567, evil.com or example.com")
    assert {(each.filter_name, each.action.value, each.what) for each in found} == {
        ("insults", "refuse", "idiot"), ("numbers", "hold", "0901234567"), ("links", "flag", "evil.com"),
    }  # fmt: skip
    assert max(found, key=lambda each: each.strictness).filter_name == "insults"
    assert matcher.find("a friendly word") == []


IMAGE = f"https://images.evil.com/v1/conversations/media/2026/11/{32 * '1'}.jpg"


def test_all_filters_see_the_address_of_an_image() -> None:
    matcher = Matcher(
        [
            filter_of("words", "words", "ass"),
            filter_of("links", "links", "example.com"),
            filter_of("hosts", "regex", r"^https://images\.evil"),
        ]
    )
    found = matcher.find("https://images.evil.com/ass.png", "IMAGE")
    assert {each.filter_name for each in found} == {"words", "links", "hosts"}
    assert [each.filter_name for each in matcher.find("ASS", "EMOJI")] == ["words"]


def test_what_the_server_named_and_where_the_operator_lets_images_be_are_no_hits(settings: Settings) -> None:
    matcher = Matcher([filter_of("numbers", "regex", r"\d{9,}"), filter_of("links", "links", "example.com")])
    settings.PUBLIC_URL = "https://images.evil.com"
    assert matcher.find(IMAGE, "IMAGE") == []
    assert [each.what for each in matcher.find(f"{IMAGE}?0123456789", "IMAGE")] == ["0123456789"]
    settings.PUBLIC_URL, settings.IMAGE_HOSTS = "", [".evil.com"]
    assert matcher.find("https://images.evil.com/1.jpg", "IMAGE") == []
    assert [each.what for each in matcher.find("https://images.evil.com/?to=https://bad.com", "IMAGE")] == ["bad.com"]
    settings.IMAGE_HOSTS = ["*"]
    assert [each.what for each in matcher.find("https://images.evil.com/1.jpg", "IMAGE")] == ["images.evil.com"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"kind": "words", "patterns": " \n "}, "there is none"),
        ({"kind": "words", "patterns": "fine\n\u200b"}, "line 2"),
        ({"kind": "words", "patterns": "x" * 201}, "201 characters"),
        ({"kind": "words", "patterns": "x\n" * 2001}, "at most 2000"),
        ({"kind": "regex", "patterns": "fine\n(a+"}, "line 2, '(a+'"),
        ({"kind": "regex", "patterns": "a*"}, "every message"),
        ({"kind": "links", "patterns": "localhost"}, "example.com"),
        ({"kind": "links", "patterns": "a b.com c"}, "example.com"),
        ({"kind": "flood"}, "it is empty: it must be the number of rooms"),
        ({"kind": "flood", "rooms": 1, "seconds": 60}, "from 2"),
        ({"kind": "flood", "rooms": 5, "seconds": 0}, "a day"),
        ({"kind": "flood", "rooms": 5, "seconds": 86_401}, "a day"),
    ],
)
def test_a_filter_that_could_not_work_is_refused_with_the_line_and_the_reason(
    fields: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        filter_of("x", **fields).clean()
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "words", "patterns": "lừa đảo\nc++\n💩"},
        {"kind": "regex", "patterns": r"\b\d{9,11}\b"},
        {"kind": "links", "patterns": "https://example.com/\nshop.vn\nmünchen.de\nintranet.internal"},
        {"kind": "flood", "rooms": 2, "seconds": 86_400},
    ],
)
def test_a_filter_that_can_work_may_be_saved(fields: dict[str, Any]) -> None:
    filter_of("x", **fields).clean()
