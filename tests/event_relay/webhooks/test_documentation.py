"""docs/webhooks.md: its examples are what the code makes, and its receiver works."""

from __future__ import annotations

import datetime
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import RequestFactory

from event_relay.cloudevents import MEDIA_TYPE, to_json
from event_relay.event import Event
from event_relay.sources import SOURCES
from event_relay.sources.messages import MESSAGES
from event_relay.sources.unread import UNREAD
from event_relay.webhooks.configuration import EVENT_TYPES
from event_relay.webhooks.signing import secret_key, signed_headers
from event_relay.webhooks.unread_messages import Candidate, UnreadMessages
from persistence.timestamps import UTC
from tests.event_relay.webhooks.receiver import SECRET

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "webhooks.md").read_text()
AT = datetime.datetime(2026, 11, 22, 8, 0, 0, 390_000, tzinfo=UTC)
FIRST, LAST = (
    {
        "_id": message_id, "room_id": "7.501", "from": "7", "to": "501", "type": "TEXT", "content": content,
        "is_seen": False, "created_at": at, "updated_at": at,
    }
    for message_id, content, at in (
        ("01k9v6m3e8000g2b7d5c4h9f1a", "Xin chào!", AT),
        ("01k9v6n1cv000g2b7d5c4h9f1b", "Is it still for sale?", AT + datetime.timedelta(seconds=30)),
    )
)  # fmt: skip


def created() -> Event:
    return next(iter(MESSAGES.from_document(FIRST, AT)))


def unread() -> Event:
    room = {"_id": "7.501", "buyer": "7", "seller": "501", "seller_unseen_messages": 2}
    found = UnreadMessages({str(each["_id"]): each for each in (FIRST, LAST)}, {"7.501": room}, set(), set())
    [event] = UNREAD.from_document(FIRST, AT)
    told = [Candidate(str(each["_id"]), "7.501", "7", "501") for each in (FIRST, LAST)]
    return Event(event.type, "7.501", event.subject, "", event.time, record="", data=found.data(told))


@pytest.mark.parametrize("event", [created(), unread()], ids=lambda event: str(event.type))
def test_an_example_is_what_is_sent(event: Event) -> None:
    examples = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    assert json.loads(to_json(event)) in examples


def test_the_page_of_events_has_every_type_and_no_other() -> None:
    table = re.findall(
        r"^\| (`[a-z]+\.[a-z]+`(?:, `[a-z]+\.[a-z]+`)*) \|", (DOCS / "kafka.md").read_text(), re.MULTILINE
    )
    named = set(re.findall(r"[a-z]+\.[a-z]+", " ".join(table)))
    assert named == {kind for source in SOURCES for kind in source.types}
    assert EVENT_TYPES - named == {"message.unread"}


class TestTheReceiver:
    @pytest.fixture
    def told(self) -> list[dict[str, Any]]:
        return []

    @pytest.fixture
    def receiver(self, told: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Any:
        """The code of the page; `notify` is the reader's own."""
        monkeypatch.setenv("CHAT_WEBHOOK_SECRET", SECRET)
        cache.clear()
        [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
        names: dict[str, Any] = {
            "notify": lambda to, content, collapse: told.append({"to": to, "content": content, "collapse": collapse})
        }
        exec(compile(code, "docs/webhooks.md", "exec"), names)
        return names["chat_events"]

    def request(self, event: Event, secret: str = SECRET) -> Any:
        body = to_json(event)
        headers = signed_headers([secret_key(secret)], event.id, int(time.time()), body)
        return RequestFactory().post("/chat", body, content_type=MEDIA_TYPE, headers=headers)

    def test_it_takes_each_event_once(self, receiver: Any, told: list[dict[str, Any]]) -> None:
        assert [receiver(self.request(event)).status_code for event in (unread(), unread(), created())] == [204] * 3
        assert told == [{"to": "501", "content": "Is it still for sale?", "collapse": "7.501"}]

    def test_it_refuses_what_another_signed(self, receiver: Any, told: list[dict[str, Any]]) -> None:
        stranger = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
        assert receiver(self.request(unread(), stranger)).status_code == 401
        assert told == []
