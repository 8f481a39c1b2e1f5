"""What the tests of rooms and messages share: a clean store, people, and what was emitted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from django.core.management import call_command
from django.db import connection
from pymongo.database import Database
from pytest_django import DjangoDbBlocker

from conversations import announcements, services
from identity import Identity, Role
from persistence.configuration import value_of
from socketio_bridge import Outgoing

Rooms = Callable[..., None]


@dataclass
class Emitted:
    """What went out, in order: (event, payload as it travels, to whom, except whom); to users, and to watchers."""

    all: list[tuple[str, Any, list[str], list[str]]] = field(default_factory=list)
    watched: list[tuple[str, Any, list[str], list[str]]] = field(default_factory=list)

    def payloads(self, event: str) -> list[Any]:
        return [payload for name, payload, _, _ in self.all if name == event]


def person(user_id: str, role: Role) -> Identity:
    """An authenticated user whose token may speak for one side."""
    return Identity(user_id=user_id, role=role, token="", expires_at=float("inf"), roles=frozenset([role]))


@pytest.fixture
def emitted(monkeypatch: pytest.MonkeyPatch) -> Emitted:
    """Records what would go to sockets, which tests of the whole server look at."""
    recorder = Emitted()

    async def emit(
        event: Outgoing[None],
        *,
        to: list[str],
        namespace: str,
        except_: Sequence[str] = (),
        volatile: bool = False,
    ) -> None:
        [payload] = event.arguments
        travelling = msgspec.json.decode(msgspec.json.encode(payload))
        record = recorder.watched if namespace == value_of("STAFF_NAMESPACE") else recorder.all
        record.append((event.name, travelling, to, list(except_)))

    monkeypatch.setattr(announcements, "emit", emit)
    return recorder


@pytest.fixture(scope="session")
def migrated(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The collections with their indexes. (pytest-django migrates only for tests that bear its mark.)"""
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)


@pytest.fixture
def database(migrated: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Database[dict[str, Any]]]:
    """The tests' MongoDB database, its rooms and messages empty."""
    with django_db_blocker.unblock():
        connection.ensure_connection()
        database: Database[dict[str, Any]] = connection.database  # type: ignore[attr-defined]
        database.cz_rooms.delete_many({})
        database.cz_messages.delete_many({})
        database.conversations_upload.delete_many({})
        yield database


@pytest.fixture
async def chat(database: Database[dict[str, Any]], emitted: Emitted) -> AsyncIterator[Emitted]:
    """A store to chat in; at the end nothing is left running. Gives what was emitted."""
    yield emitted
    await services.shut_down()


@pytest.fixture
def buyer() -> Identity:
    return person("7", Role.BUYER)


@pytest.fixture
def seller() -> Identity:
    return person("9", Role.SELLER)


@pytest.fixture
def room(database: Database[dict[str, Any]]) -> str:
    """The id of a room of buyer 7 and seller 9, as the old service would have left it."""
    database.cz_rooms.insert_one({"_id": "7.9", "type": "BS", "creator": "7", "buyer": "7", "seller": "9", "__v": 0})
    return "7.9"


@pytest.fixture
def rooms(database: Database[dict[str, Any]]) -> Rooms:
    """Store rooms as (buyer, seller), with more of their fields by name."""

    def store(*pairs: tuple[str, str], **fields: Any) -> None:
        database.cz_rooms.insert_many(
            [
                {"_id": f"{buyer}.{seller}", "type": "BS", "creator": buyer, "buyer": buyer, "seller": seller, **fields}
                for buyer, seller in pairs
            ]
        )

    return store
