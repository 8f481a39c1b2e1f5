"""What a message may say, by its type."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from conversations.errors import RuleViolation
from conversations.message_content import require_content

NAME = f"2026/11/{32 * 'a'}.jpg"
PATH = f"/v1/conversations/media/{NAME}"


@pytest.fixture(autouse=True)
def addresses(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://chat.example"
    settings.ALLOWED_HOSTS = ["chat.example", "old.example"]
    settings.IMAGE_HOSTS = ["cdn.example", ".shop.example"]


@pytest.mark.parametrize(
    "content",
    [
        f"https://chat.example{PATH}",
        f"http://old.example:8000{PATH}",
        f"https://chat.example{PATH}".replace(".jpg", ".small.jpg"),
        PATH,
        "https://cdn.example/1.jpg?w=300#top",
        "http://CDN.example:8080/ảnh.jpg",
        "https://img.shop.example/1.jpg",
    ],
)
def test_an_image_is_an_upload_or_at_a_host_that_is_allowed(content: str) -> None:
    require_content("IMAGE", content)


@pytest.mark.parametrize(
    "content",
    [
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "ftp://cdn.example/1.jpg",
        "//cdn.example/1.jpg",
        "https://evil.example/1.jpg",
        f"https://evil.example{PATH}",
        f"https://evil.example/x?{PATH}",
        f"//evil.example{PATH}",
        "/admin/logout/",
        f"/other/{NAME}",
        "https://cdn.example@evil.example/1.jpg",
        "https://evil.example\\@cdn.example/1.jpg",
        "https://cdn.example /1.jpg",
        "https://cdn.example\t.evil.example/1.jpg",
        "https://cdn.example:x/1.jpg",
        "https://[/1.jpg",
        "java\nscript:alert(1)",
        "a text",
    ],
)
def test_anything_else_is_no_image(content: str) -> None:
    with pytest.raises(RuleViolation, match="an image is at an address of this server's uploads") as refused:
        require_content("IMAGE", content)
    assert refused.value.code == "validation_failed"


def test_where_a_storage_has_addresses_of_its_own_those_are_ours(settings: Settings) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"base_url": "https://bucket.example/"},
        },
    }
    require_content("IMAGE", f"https://bucket.example/{NAME}")
    with pytest.raises(RuleViolation):
        require_content("IMAGE", f"https://chat.example/{NAME}")


def test_any_image_host_may_be_allowed_but_no_other_scheme(settings: Settings) -> None:
    settings.IMAGE_HOSTS = ["*"]
    require_content("IMAGE", "https://anywhere.example/1.jpg")
    with pytest.raises(RuleViolation):
        require_content("IMAGE", "javascript://anywhere.example/%0aalert(1)")


@pytest.mark.parametrize("content", ["👍", "👩‍👩‍👧‍👦", "❤️", ":thumbs_up:", "sticker/12"])
def test_an_emoji_is_a_short_text(content: str) -> None:
    require_content("EMOJI", content)


@pytest.mark.parametrize("content", ["x" * 101, "two\nlines"])
def test_a_long_text_is_no_emoji(content: str) -> None:
    with pytest.raises(RuleViolation, match="emoji"):
        require_content("EMOJI", content)


def test_a_text_may_be_as_long_as_the_setting_says(settings: Settings) -> None:
    settings.MESSAGE_MAX_LENGTH = 5
    require_content("TEXT", "javascript:"[:5])
    with pytest.raises(RuleViolation, match="has 6 characters: a message has at most 5"):
        require_content("TEXT", "javasc")
