"""No answer goes out without a Content-Security-Policy; what users wrote neither runs nor loads anything."""

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import AsyncClient
from pytest_django import Settings

HEADER = "Content-Security-Policy"
STRICT = "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/admin/login/",
        "/admin/",
        "/admin/nowhere/",
        "/nowhere",
        "/healthz",
        "/static/admin/css/base.css",
        "/v1/conversations/rooms",
        "/v1/conversations/docs/",
        "/v1/conversations/docs/?script=",
    ],
)
async def test_each_answer_says_what_a_page_may_load(async_client: AsyncClient, path: str) -> None:
    answer = await async_client.get(path)
    policy = answer[HEADER]
    assert policy.startswith("default-src 'self'; img-src 'self' data:;")
    assert policy.endswith(STRICT)
    assert ("unsafe" in policy) == ("/docs/" in path)
    assert "script-src" not in policy


async def test_the_page_about_the_api_runs_no_script_that_stands_in_it(async_client: AsyncClient) -> None:
    page = (await async_client.get("/v1/conversations/docs/")).content.decode()
    assert page.count("<script") == page.count("<script src=") > 0
    script = await async_client.get("/v1/conversations/docs/?script=")
    assert "SwaggerUIBundle" in script.content.decode()
    assert script["Content-Type"] == "application/javascript"


async def test_a_picture_is_nothing_but_a_picture(async_client: AsyncClient) -> None:
    name = default_storage.save("2026/01/0123456789abcdef0123456789abcdee.png", ContentFile(b"picture"))
    try:
        answer = await async_client.get(f"{django_settings.MEDIA_URL}{name}")
        assert answer[HEADER] == "default-src 'none'; sandbox"
    finally:
        default_storage.delete(name)


async def test_pictures_are_loaded_from_where_they_are_stored(async_client: AsyncClient, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://chat.example/base"
    settings.IMAGE_HOSTS = ["cdn.example", "*"]
    storage = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"base_url": "https://s3.example/a/"},
    }
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    policy = (await async_client.get("/healthz"))[HEADER]
    assert "img-src 'self' data: cdn.example https://chat.example https://s3.example;" in policy
