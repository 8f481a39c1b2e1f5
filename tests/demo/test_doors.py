"""Who gets a token, and a process: nobody but the demo's people, from the demo's own page, where it is on."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import httpx
import jwt
import pytest
import pytest_asyncio
from django.conf import settings

from demo import clients
from demo.people import PEOPLE
from demo.safety import dangers
from identity import Role
from tests.chat_settings import overridden
from tests.demo.test_look import STATIC
from tests.e2e.server_process import ServerProcess


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(server: ServerProcess) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has the page open."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        await client.get("/")
        client.headers["x-csrftoken"] = client.cookies["csrftoken"]
        yield client


async def test_a_person_of_the_demo_gets_a_token_for_an_hour(visitor: httpx.AsyncClient) -> None:
    answer = (await visitor.post("/demo/sign-in", data={"user_id": "501"})).json()
    claims = jwt.decode(answer["token"], options={"verify_signature": False})
    assert (claims["sub"], claims["role"]) == ("501", "SELLER")
    assert claims["exp"] - time.time() <= 3600


@pytest.mark.parametrize("user_id", ["6", "admin", "", "7 ", "7.501"])
async def test_nobody_else_does(visitor: httpx.AsyncClient, user_id: str) -> None:
    assert (await visitor.post("/demo/sign-in", data={"user_id": user_id})).status_code == 404


@pytest.mark.parametrize("path", ["/demo/sign-in", "/demo/elsewhere", "/demo/kill"])
async def test_another_page_cannot_ask(visitor: httpx.AsyncClient, path: str) -> None:
    form = {"user_id": "7", "room_id": "7.501", "from": "501"}
    del visitor.headers["x-csrftoken"]
    assert (await visitor.post(path, data=form)).status_code == 403
    assert (await visitor.get(path)).status_code == 405


@pytest.mark.parametrize("form", [{"room_id": "7.501", "from": "8"}, {"room_id": "7.9999", "from": "7"}, {"from": "7"}])
async def test_a_process_writes_only_among_the_demos_people(visitor: httpx.AsyncClient, form: dict[str, str]) -> None:
    assert (await visitor.post("/demo/elsewhere", data=form)).status_code == 404


async def test_a_server_that_nobody_would_start_again_is_not_killed(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.post("/demo/kill")).status_code == 404
    assert (await visitor.get("/healthz")).status_code == 200


async def test_the_page_is_under_the_policy_of_all_pages(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/")
    assert answer.headers["content-security-policy"].startswith("default-src 'self'; img-src 'self' data:")
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_it_may_run_on_the_stores_for_development_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(dangers()) == []
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "persistence.engine")
    [(why, hint)] = dangers()
    assert "MONGODB_URI" in why
    assert "Unset DEMO" in hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTH_JWT_KEY", "an HS256 secret of 32 characters!"),
        ("AUTH_JWKS_URL", "https://auth.example/keys"),
        ("AUTH_INTROSPECTION_URL", "https://auth.example/introspect"),
    ],
)
def test_it_may_not_run_beside_an_identity_provider(name: str, value: str) -> None:
    with overridden(**{name: value}):
        [(why, _)] = dangers()
    assert name in why
    assert value not in why


def test_no_two_people_share_an_id() -> None:
    assert [person.user_id for person in PEOPLE.values() if person.role is Role.SELLER] == ["501", "502"]
    assert len(PEOPLE) == 5


def test_each_build_is_where_its_address_says() -> None:
    bridge = STATIC.parents[2] / "socketio_bridge" / "static"
    for build in clients.BUILDS:
        [path] = [path for path in (STATIC.parent / build.file, bridge / build.file) if path.exists()]
        assert f"v{build.version}" in path.read_text()[:200]
