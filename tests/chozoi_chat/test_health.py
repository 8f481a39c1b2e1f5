"""`/healthz` says that the process serves; `/readyz` says whether it is able to, and which store does not answer."""

import asyncio

import pytest
from django.test import AsyncClient, RequestFactory
from pytest_django.fixtures import Settings

from chozoi_chat import health
from devstack.embedded import free_port
from socketio_bridge import SocketIOServer


async def test_healthz_needs_no_store(async_client: AsyncClient, settings: Settings) -> None:
    settings.REDIS_ADDRESS = f"redis://127.0.0.1:{free_port()}/0"
    answer = await async_client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_by_address_are_answered_whatever_hosts_are_allowed(
    async_client: AsyncClient, settings: Settings, path: str
) -> None:
    settings.ALLOWED_HOSTS = ["chat.example.com"]
    for address in ("10.244.1.17:8000", "[fd00::17]:8000"):
        assert (await async_client.get(path, headers={"host": address})).status_code == 200
        assert (await async_client.get("/v1/conversations/rooms", headers={"host": address})).status_code == 400


@pytest.mark.django_db
async def test_readyz_is_200_when_both_stores_answer(async_client: AsyncClient) -> None:
    answer = await async_client.get("/readyz")
    assert answer.json() == {"status": "ok", "mongodb": "ok", "redis": "ok"}
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"


async def test_readyz_is_503_from_the_signal_to_stop_on_and_asks_no_store(
    async_client: AsyncClient, settings: Settings
) -> None:
    settings.REDIS_ADDRESS = f"redis://127.0.0.1:{free_port()}/0"
    await SocketIOServer([]).drain()
    answer = await async_client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "stopping"})
    assert (await async_client.get("/healthz")).status_code == 200, "it still serves"


@pytest.mark.django_db
async def test_readyz_without_redis_is_degraded_and_ready(async_client: AsyncClient, settings: Settings) -> None:
    port = free_port()
    settings.REDIS_ADDRESS = f"redis://127.0.0.1:{port}/0"
    answer = await async_client.get("/readyz")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["mongodb"]) == ("degraded", "ok")
    assert str(port) in answer.json()["redis"]


@pytest.mark.django_db
async def test_readyz_asks_once_in_a_while_however_often_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def isolation() -> str:
        asked.append("the other processes")
        await asyncio.sleep(0.05)
        return "alone"

    request = RequestFactory().get("/readyz")
    answers = await asyncio.gather(*(health.readyz(request, isolation) for _ in range(50)))
    assert len(asked) == 1
    assert {answer.status_code for answer in answers} == {503}
    await health.readyz(request, isolation)
    assert len(asked) == 1
    loop = asyncio.get_running_loop()
    now = loop.time
    monkeypatch.setattr(loop, "time", lambda: now() + health.FRESH)
    await health.readyz(request, isolation)
    assert len(asked) == 2


@pytest.mark.django_db
async def test_a_check_that_failed_is_made_again() -> None:
    async def broken() -> str:
        raise RuntimeError("broken")

    async def hears_all() -> str:
        return ""

    request = RequestFactory().get("/readyz")
    with pytest.raises(RuntimeError, match="broken"):
        await health.readyz(request, broken)
    assert "processes" not in (await health.readyz(request, hears_all)).content.decode()
