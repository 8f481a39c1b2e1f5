"""Calls of the REST API as an app makes them, answered in this process, on the tests' stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from django.test import AsyncClient
from pymongo.database import Database
from pytest_django import Settings

from conversations import services
from identity import Role, issue_token
from presence import stop_current
from tests.conversations.conftest import Emitted

BASE = "/v1/conversations"


@dataclass
class Answer:
    """An answer of the API."""

    status: int
    body: Any
    headers: Any


class App:
    """An app that calls as one user. `role`: what its token allows; None: both."""

    def __init__(self, user_id: str, role: Role | None = None) -> None:
        self.user_id = user_id
        self.headers = {"Authorization": f"Bearer {issue_token(user_id, role, 600)}"}
        self.client = AsyncClient()

    async def call(self, method: str, path: str, body: Any = None, /, **query: Any) -> Answer:
        """Call, with a JSON body where there is one."""
        content = b"" if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
        answer = await self.client.generic(
            method,
            f"{BASE}{path}",
            content,
            "application/json",
            headers=self.headers,
            query_params={name: str(value) for name, value in query.items()},
        )
        if answer.content:
            assert answer["Content-Type"] == "application/json"
        return Answer(answer.status_code, msgspec.json.decode(answer.content), answer.headers)

    async def get(self, path: str, /, **query: Any) -> Answer:
        return await self.call("GET", path, **query)

    async def post(self, path: str, body: Any = None, /, **query: Any) -> Answer:
        return await self.call("POST", path, body, **query)

    async def put(self, path: str, body: Any = None, /, **query: Any) -> Answer:
        return await self.call("PUT", path, body, **query)

    async def delete(self, path: str, /, **query: Any) -> Answer:
        return await self.call("DELETE", path, **query)


@pytest.fixture
async def api(database: Database[dict[str, Any]], emitted: Emitted, settings: Settings) -> AsyncIterator[Emitted]:
    """The API on an empty store, without limits of rate; gives what was emitted."""
    settings.API_RATE_USER = settings.API_RATE_ADDRESS = "0"
    settings.API_RATE_UPLOADS = settings.API_RATE_UPLOADS_ADDRESS = settings.API_RATE_SEARCHES = "0"
    settings.AUTH_FAILURES = settings.EVENT_RATE_COSTLY = "0"
    yield emitted
    await services.shut_down()
    await stop_current()


@pytest.fixture
def buyer_app(api: Emitted) -> App:
    """The app of buyer 7."""
    return App("7", Role.BUYER)


@pytest.fixture
def seller_app(api: Emitted) -> App:
    """The app of seller 9."""
    return App("9", Role.SELLER)


@pytest.fixture
def stranger_app(api: Emitted) -> App:
    """The app of somebody who has no room with either."""
    return App("8")
