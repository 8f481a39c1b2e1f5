"""Django sees requests as clients sent them, whatever proxies made of scheme and port."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from chozoi_chat.asgi import application
from tests.moderation.conftest import Store

FORM = "/admin/login/"


@pytest.mark.parametrize(
    ("origin", "host", "proto", "status"),
    [
        ("https://localhost", "localhost", "https", 200),
        ("https://localhost", "localhost:443", "https", 200),  # nginx: proxy_set_header Host $host:$server_port
        ("https://localhost", "localhost:80", "https, http", 200),  # two proxies
        ("http://localhost:8000", "localhost:8000", "http", 200),
        ("https://evil.example", "localhost", "https", 403),
        ("http://localhost", "localhost", "https", 403),
    ],
)
async def test_a_form_of_the_admin_is_taken_from_its_own_pages_alone(
    database: Store, origin: str, host: str, proto: str, status: int
) -> None:
    app: Any = application
    transport = httpx.ASGITransport(app)
    headers = {"host": host, "x-forwarded-proto": proto, "origin": origin}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as page:
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', (await page.get(FORM)).text)
        assert token is not None
        given = {"username": "nobody", "password": "wrong", "csrfmiddlewaretoken": token[1]}
        assert (await page.post(FORM, data=given)).status_code == status
