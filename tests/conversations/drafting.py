"""What the tests of the writer share: drafts, and a MongoDB that vanishes in the middle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import AutoReconnect

from conversations.requests import Draft
from identity import Role

Store = Database[dict[str, Any]]


def draft(content: str = "hello", client_message_id: str | None = None, *, buyer: str = "7", **parts: Any) -> Draft:
    """A message of a buyer to seller 9."""
    given: dict[str, Any] = {
        "room_id": f"{buyer}.9",
        "sender": buyer,
        "recipient": "9",
        "receiver": Role.SELLER,
        "type": "TEXT",
        "content": content,
        "client_message_id": client_message_id,
    }
    return Draft(**{**given, **parts})


class Outage:
    """MongoDB vanishing at chosen writes, before or after they took effect."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def of(self, method: str, *, after: bool = False) -> Callable[[], None]:
        """From now on a collection's method fails; returns what ends that."""
        real = getattr(Collection, method)
        away = True

        def fail(collection: Any, *args: Any, **kwargs: Any) -> Any:
            if away and after:
                real(collection, *args, **kwargs)
            if away:
                raise AutoReconnect("connection closed")
            return real(collection, *args, **kwargs)

        def end() -> None:
            nonlocal away
            away = False

        self._monkeypatch.setattr(Collection, method, fail)
        return end
