"""What the tests of moderation share: a clean store, the people of a room, staff, and what was emitted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import User
from pymongo.database import Database
from redis import Redis

from conversations import services as chat_services
from conversations.errors import REFUSALS
from conversations.requests import NewMessage
from conversations.sockets.acknowledgements import Reason
from moderation.models import AuditRecord
from moderation.rules import cache as rules_cache
from moderation.staff import Staff
from persistence.configuration import value_of
from tests.conversations.api.conftest import api, buyer_app, seller_app, stranger_app  # noqa: F401  fixtures
from tests.conversations.conftest import Emitted, buyer, emitted, migrated, person, room, seller  # noqa: F401  fixtures
from tests.conversations.conftest import database as empty_chat  # noqa: F401

Store = Database[dict[str, Any]]
COLLECTIONS = (
    "auditrecord", "evidence", "filterhit", "heldmessage", "legalhold", "messagefilter", "note", "redactedoriginal",
    "report", "restriction", "revision",
)  # fmt: skip


@pytest.fixture
def database(empty_chat: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:  # noqa: F811
    """The tests' MongoDB database, what chat and moderation keep there and in Redis gone. Read it in a loop, too.

    A process begins, which knows no rules, and nothing is left to those of the tests that follow.
    """
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    monkeypatch.setattr(rules_cache, "of_process", rules_cache.RulesCache())
    _empty(empty_chat)
    yield empty_chat
    _empty(empty_chat)


def _empty(empty_chat: Store) -> None:  # noqa: F811
    for name in COLLECTIONS:
        empty_chat[f"moderation_{name}"].delete_many({})
    empty_chat.auth_user.delete_many({})
    with Redis.from_url(value_of("REDIS_ADDRESS")) as redis:
        for key in redis.scan_iter("chozoi:moderation:*"):
            redis.delete(key)


@pytest.fixture
async def chat(database: Store, emitted: Emitted) -> AsyncIterator[Emitted]:  # noqa: F811
    """A chat to moderate; at the end nothing is left running. Gives what was emitted."""
    yield emitted
    await chat_services.shut_down()


@pytest.fixture
def mai(database: Store) -> Staff:
    """One of the staff."""
    return Staff.of(User.objects.create_user("mai", is_staff=True), "10.0.0.1")


@pytest.fixture
def tuan(database: Store) -> Staff:
    """Another one."""
    return Staff.of(User.objects.create_user("tuan", is_staff=True), "10.0.0.2")


def message(content: str = "hello", **fields: Any) -> NewMessage:
    """From buyer 7 to seller 9, unless `fields` say otherwise."""
    given = {"room_id": "7.9", "from": "7", "to": "9", "type": "TEXT", "content": content, **fields}
    return msgspec.convert(given, NewMessage)


def answer(content: str = "hello", **fields: Any) -> NewMessage:
    """From seller 9 to buyer 7."""
    return message(content, **{"from": "9", "to": "7", **fields})


def elsewhere(work: Callable[[], object]) -> None:
    """Do something as another process would: in a thread of its own, in none of this one's transactions."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(work).result()


async def refusal(coroutine: Any) -> str:
    """The code with which it is refused."""
    try:
        await coroutine
    except REFUSALS as refused:
        return Reason.of(refused).code
    pytest.fail("it was not refused")


def acts(database: Store) -> list[str]:
    """What was done by staff, in order."""
    return [found["act"] for found in database[AuditRecord._meta.db_table].find(sort=[("_id", 1)])]
