"""Images: `POST /uploads`, and what a browser gets at the addresses that it answers with."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient
from pytest_django import Settings

from conversations.errors import Code, RuleViolation, TooSoon
from conversations.images.files import WAITING, WAITING_OF_ONE, place_in_queue
from conversations.images.painting import SCALED
from persistence.rate_limits import PREFIX
from persistence.redis_client import redis
from tests.conversations.api.conftest import App
from tests.conversations.api.pictures import (
    HTML,
    SVG,
    animation,
    encoded,
    opened,
    photo,
    picture,
    png_that_claims,
    polyglot,
)

OURS = "http://testserver/v1/conversations/media/"


async def upload(app: App, content: bytes, name: str = "photo.jpg", /, **form: Any) -> tuple[int, Any]:
    """Upload as `file`, unless `form` says what to send; the status and the answer."""
    field = form.pop("field", "file")
    data = {field: SimpleUploadedFile(name, content, form.pop("content_type", "image/jpeg")), **form}
    answer: Any = await AsyncClient().post("/v1/conversations/uploads", data, headers=app.headers)
    return answer.status_code, answer.json()


async def fetch(url: str, **headers: str) -> Any:
    """What anybody gets at a URL of this server."""
    return await AsyncClient().get(url.removeprefix("http://testserver"), headers=headers)


async def test_an_image_is_stored_and_shown_to_whoever_knows_its_address(buyer_app: App) -> None:
    status, answer = await upload(buyer_app, photo(6))
    assert status == 200
    assert answer["url"].startswith(OURS) and answer["thumbnail_url"].startswith(OURS)
    assert (answer["content_type"], answer["width"], answer["height"]) == ("image/jpeg", 40, 60)
    shown = await fetch(answer["url"])
    assert shown.status_code == 200
    assert opened(shown.content).size == (40, 60)
    assert len(shown.content) == answer["size"]
    assert not opened(shown.content).getexif()
    assert opened((await fetch(answer["thumbnail_url"])).content).size == (40, 60)


async def test_a_message_carries_it(buyer_app: App, seller_app: App, room: str) -> None:
    _, answer = await upload(buyer_app, photo())
    message = {"room_id": room, "from": "7", "to": "9", "type": "IMAGE", "content": answer["url"]}
    assert (await buyer_app.post("/messages", message)).status == 200
    [read] = (await seller_app.get("/messages", room_id=room)).body["data"]
    assert (await fetch(read["content"])).status_code == 200


async def test_names_cannot_be_guessed_and_two_uploads_are_two_images(buyer_app: App) -> None:
    _, one = await upload(buyer_app, photo())
    _, two = await upload(buyer_app, photo())
    names = [Path(answer["url"]).stem for answer in (one, two)]
    assert names[0] != names[1]
    assert all(len(name) == 32 and int(name, 16) for name in names)


@pytest.mark.parametrize(
    ("content", "kind", "suffix"),
    [
        pytest.param(photo(), "image/jpeg", ".jpg", id="JPEG"),
        pytest.param(encoded(picture(), "PNG"), "image/png", ".png", id="PNG"),
        pytest.param(encoded(picture(), "GIF"), "image/gif", ".gif", id="GIF"),
        pytest.param(encoded(picture(), "WEBP"), "image/webp", ".webp", id="WebP"),
        pytest.param(animation("GIF"), "image/gif", ".gif", id="an animation"),
        pytest.param(polyglot(), "image/gif", ".gif", id="a GIF that is a page, too"),
    ],
)
async def test_what_is_stored_is_only_ever_shown_as_the_image_that_it_is(
    buyer_app: App, content: bytes, kind: str, suffix: str
) -> None:
    """Whatever name and type the client gave it."""
    status, answer = await upload(buyer_app, content, "page.html", content_type="text/html")
    assert (status, answer["content_type"]) == (200, kind)
    for url in (answer["url"], answer["thumbnail_url"]):
        shown = await fetch(url, Accept="text/html")
        assert shown["Content-Type"] == (kind if url == answer["url"] else "image/jpeg")
        assert shown["X-Content-Type-Options"] == "nosniff"
        assert shown["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert shown["Content-Disposition"] == "inline"
        assert b"script" not in shown.content
    assert answer["url"].endswith(suffix)


async def test_it_is_kept_by_browsers_and_proxies_for_an_hour(buyer_app: App) -> None:
    """It may be redacted, and they are not told."""
    _, answer = await upload(buyer_app, photo())
    shown = await fetch(answer["url"])
    assert shown["Cache-Control"] == "public, max-age=3600"
    assert (await fetch(answer["url"], **{"If-None-Match": shown["ETag"]})).status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "2026/11/" + "0" * 32 + ".jpg",
        "2026/11/" + "0" * 32 + ".html",
        "2026/11/../../secret_key",
        "../secret_key",
        "%2e%2e/secret_key",
        "",
    ],
)
async def test_there_is_nothing_else_at_these_addresses(buyer_app: App, path: str) -> None:
    await upload(buyer_app, photo())
    assert (await fetch(f"{OURS}{path}")).status_code == 404


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        pytest.param(HTML, "photo.png", "no image of a kind that is taken", id="a page"),
        pytest.param(SVG, "photo.svg", "no image of a kind that is taken", id="an SVG"),
        pytest.param(SVG, "photo.png", "no image of a kind that is taken", id="an SVG by another name"),
        pytest.param(photo()[:-200], "photo.jpg", "the image is broken", id="half of a photo"),
        pytest.param(b"", "photo.jpg", "no image", id="nothing"),
        pytest.param(png_that_claims(30_000, 30_000), "a.png", "too many pixels: at most 16000000", id="a bomb"),
        pytest.param(png_that_claims(10_000, 8_000), "a.png", "x 8000 pixels: at most 16000000", id="a small bomb"),
    ],
)
async def test_what_is_no_image_is_refused(buyer_app: App, content: bytes, name: str, why: str) -> None:
    status, answer = await upload(buyer_app, content, name)
    assert (status, answer["status"], answer["code"]) == (400, False, "not_an_image")
    assert why in answer["message"]


async def test_so_is_what_is_too_large(buyer_app: App, settings: Settings) -> None:
    settings.UPLOAD_MAX_BYTES = len(photo())
    assert (await upload(buyer_app, photo()))[0] == 200
    status, answer = await upload(buyer_app, photo() + b"\0")
    assert (status, answer["code"]) == (413, "upload_too_large")
    settings.UPLOAD_MAX_PIXELS = 60 * 40 // SCALED - 1
    assert (await upload(buyer_app, photo()))[1]["code"] == "not_an_image"


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"field": "image"}, 400, "validation_failed"),
        ({"user_id": "9"}, 403, "user_mismatch"),
        ({"user_id": "7"}, 200, None),
    ],
)
async def test_the_form_is_checked(buyer_app: App, form: dict[str, str], status: int, code: str | None) -> None:
    answered, answer = await upload(buyer_app, photo(), **form)
    assert (answered, answer.get("code")) == (status, code)


async def test_text_is_no_file(buyer_app: App) -> None:
    answer: Any = await AsyncClient().post("/v1/conversations/uploads", {"file": "text"}, headers=buyer_app.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        pytest.param(b"{}", "application/json", 415, id="JSON"),
        pytest.param(photo(), "image/jpeg", 415, id="the image itself"),
        pytest.param(b"--x\r\n", "multipart/form-data; boundary=x", 400, id="the beginning of a form"),
        pytest.param(b"nothing of the kind", "multipart/form-data", 400, id="no form"),
    ],
)
async def test_a_body_that_is_no_form_is_refused(
    buyer_app: App, content: bytes, content_type: str, status: int
) -> None:
    answer = await AsyncClient().generic(
        "POST", "/v1/conversations/uploads", content, content_type, headers=buyer_app.headers
    )
    assert answer.status_code == status, answer.content


async def test_nobody_uploads_without_a_token(api: object) -> None:
    anonymous: Any = await AsyncClient().post("/v1/conversations/uploads", {"file": SimpleUploadedFile("a", photo())})
    assert (anonymous.status_code, anonymous.json()["code"]) == (401, "token_missing")


async def test_uploads_have_a_rate_of_their_own(api: object, settings: Settings) -> None:
    settings.API_RATE_UPLOADS = "2/d"
    app = App("uploads-often")
    assert [(await upload(app, photo()))[0] for _ in range(3)] == [200, 200, 429]
    assert (await app.get("/rooms/unseen", role="BUYER")).status == 200


async def test_addresses_begin_with_the_public_one(buyer_app: App, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://chat.example.com"
    _, answer = await upload(buyer_app, photo())
    assert answer["url"].startswith("https://chat.example.com/v1/conversations/media/")


async def test_another_storage_says_itself_where_its_images_are(buyer_app: App, settings: Settings) -> None:
    memory = {
        "BACKEND": "django.core.files.storage.InMemoryStorage",
        "OPTIONS": {"base_url": "https://images.example.com/"},
    }
    settings.STORAGES = {**django_settings.STORAGES, "default": memory}
    _, answer = await upload(buyer_app, photo())
    assert answer["url"].startswith("https://images.example.com/")
    name = answer["url"].removeprefix("https://images.example.com/")
    with default_storage.open(name) as file:
        assert opened(file.read()).size == (60, 40)


async def test_a_storage_that_fails_is_said_to(buyer_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> str:
        raise OSError("No space left on device")

    monkeypatch.setattr(default_storage, "save", full)
    status, answer = await upload(buyer_app, photo())
    assert (status, answer["code"]) == (503, "store_unavailable")


async def test_images_wait_in_a_queue_of_which_one_user_has_a_part(buyer_app: App, seller_app: App) -> None:
    with ExitStack() as queue:
        for _ in range(WAITING_OF_ONE):
            queue.enter_context(place_in_queue("7"))
        with pytest.raises(TooSoon, match="3 images of yours are on their way"):
            queue.enter_context(place_in_queue("7"))
        status, answer = await upload(buyer_app, photo())
        assert (status, answer["code"]) == (429, "rate_limited")
        assert (await upload(seller_app, photo()))[0] == 200
        for number in range(WAITING - WAITING_OF_ONE):
            queue.enter_context(place_in_queue(f"user {number}"))
        with pytest.raises(RuleViolation) as refused:
            queue.enter_context(place_in_queue("one more"))
        assert refused.value.code == Code.OVERLOADED
        full: Any = await AsyncClient().post(
            "/v1/conversations/uploads", {"file": SimpleUploadedFile("a.jpg", photo())}, headers=seller_app.headers
        )
        assert (full.status_code, full.json()["code"], full["Retry-After"]) == (503, "overloaded", "2")
    assert (await upload(buyer_app, photo()))[0] == 200


async def test_uploads_have_a_rate_by_address_too(api: object, settings: Settings) -> None:
    settings.API_RATE_UPLOADS_ADDRESS = "2/d"
    for key in redis().scan_iter(f"{PREFIX}uploads-address:*"):
        redis().delete(key)
    apps = [App(f"uploader-{number}") for number in range(3)]
    assert [(await upload(app, photo()))[0] for app in apps] == [200, 200, 429]
