"""What tests read in the answers of the admin's pages."""

from __future__ import annotations

from typing import Any

from django.test import AsyncClient

from tests.moderation.admin.conftest import staff


def errors(answer: Any) -> dict[str, list[str]]:
    return dict(answer.context["form"].errors)


async def downloaded(url: str, data: dict[str, str], name: str, role: str) -> tuple[Any, str]:
    """As a server sends it: part by part."""
    client = AsyncClient()
    await client.aforce_login(staff(name, role))
    answer: Any = await client.post(url, data)
    assert answer.streaming
    return answer, b"".join([part async for part in answer.streaming_content]).decode()
