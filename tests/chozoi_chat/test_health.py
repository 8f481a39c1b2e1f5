"""`/healthz` says that the process serves; `/readyz` says whether its stores answer, and which one does not."""

import pytest
from django.test import AsyncClient
from pytest_django.fixtures import Settings

from chozoi_chat.embedded import free_port


async def test_healthz_needs_no_store(async_client: AsyncClient, settings: Settings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    answer = await async_client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


@pytest.mark.django_db
async def test_readyz_is_200_when_both_stores_answer(async_client: AsyncClient) -> None:
    answer = await async_client.get("/readyz")
    assert answer.json() == {"status": "ok", "mongodb": "ok", "redis": "ok"}
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db
async def test_readyz_is_503_and_names_the_store_that_does_not_answer(
    async_client: AsyncClient, settings: Settings
) -> None:
    port = free_port()
    settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
    answer = await async_client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["mongodb"] == "ok"
    assert str(port) in answer.json()["redis"]
