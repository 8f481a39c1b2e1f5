"""`manage.py load_demo`: so many rooms and messages, also after it was stopped, and never twice."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper

from conversations.management import made_up
from conversations.management.commands import load_demo
from conversations.management.progress import Progress
from conversations.models import Message, Room

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_load_yet(db: None) -> None:
    """Until the test's transaction is rolled back, what other tests have left is gone."""
    Room.objects.all().delete()
    Message.objects.all().delete()


def load(rooms: int, messages: int, *arguments: str) -> str:
    output = StringIO()
    call_command("load_demo", "--rooms", str(rooms), "--messages", str(messages), *arguments, stdout=output)
    return output.getvalue()


def counts() -> tuple[int, int]:
    return Room.objects.count(), Message.objects.count()


def test_so_many_are_made_as_the_services_would_have_left_them() -> None:
    assert load(7, 45).startswith("7 rooms and 45 messages made")
    assert counts() == (7, 45)
    for room in Room.objects.all():
        messages = list(Message.objects.filter(room_id=room.pk).order_by("created_at", "pk"))
        assert len(messages) in (6, 7)
        assert room.buyer_last_message.message_id == room.seller_last_message.message_id == messages[-1].message_id
        assert {message.sender for message in messages} <= {room.buyer, room.seller}
        for side, unseen in ((room.buyer, room.buyer_unseen_messages), (room.seller, room.seller_unseen_messages)):
            assert unseen == sum(message.recipient == side and not message.is_seen for message in messages)


def test_a_dry_run_makes_nothing_and_says_what_is_there() -> None:
    load(2, 4)
    assert load(5, 10, "--dry-run").startswith("Would make 3 of 5 rooms")
    assert counts() == (2, 4)


@pytest.mark.parametrize("cut", ["between rooms", "within a room"])
def test_stopped_it_goes_on_from_there(cut: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_demo, "MESSAGES_OF_A_BATCH", 10)
    store, calls = made_up.store, []

    def stopping(batch: list[made_up.Conversation], **options: Any) -> list[made_up.Conversation]:
        calls.append(batch)
        if len(calls) == 2:
            if cut == "within a room":
                Message.objects.bulk_create(batch[0].messages())
            raise KeyboardInterrupt
        return store(batch, **options)

    with monkeypatch.context() as patch:
        patch.setattr(load_demo, "store", stopping)
        with pytest.raises(SystemExit) as stopped:
            load(6, 30)
    assert stopped.value.code == 130
    assert counts() == (2, 10 if cut == "between rooms" else 15)
    before = set(Message.objects.values_list("pk", flat=True).filter(room_id="load-buyer-0.load-shop-0"))
    assert "4 rooms and 20 messages made" in load(6, 30)
    assert counts() == (6, 30)
    assert before == set(Message.objects.values_list("pk", flat=True).filter(room_id="load-buyer-0.load-shop-0"))
    assert "0 rooms and 0 messages made" in load(6, 30)


@pytest.mark.parametrize(("rooms", "messages", "why"), [(0, 5, "1 or more"), (5, 4, "at least one")])
def test_numbers_that_cannot_be_are_named(rooms: int, messages: int, why: str) -> None:
    with pytest.raises(CommandError, match=why):
        load(rooms, messages)


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the time that Progress reads."""
    now = [0.0]
    monkeypatch.setattr("conversations.management.progress.time.monotonic", lambda: now[0])

    def to(seconds: float) -> None:
        now[0] = seconds

    return to


def test_on_a_terminal_progress_is_a_bar(clock: Callable[[float], None]) -> None:
    terminal = Terminal()
    progress = Progress(OutputWrapper(terminal), "made")
    clock(10)
    progress(25, 100, 2500)
    clock(10.01)
    progress(26, 100, 2600)
    clock(40)
    progress(100, 100, 10_000)
    first, last = terminal.getvalue().split("\r")[1:]
    assert first == f"{'█' * 8}{'░' * 22}  25%  25 of 100 rooms, 2500 messages made, 30 s left\x1b[K"
    assert last == f"{'█' * 30} 100%  100 of 100 rooms, 10000 messages made\x1b[K\n"


def test_elsewhere_progress_is_a_line_now_and_then(clock: Callable[[float], None]) -> None:
    output = StringIO()
    progress = Progress(OutputWrapper(output), "deleted")
    for second in range(5):
        clock(second)
        progress(second, 5, second)
    assert output.getvalue() == "2 of 5 rooms, 2 messages deleted\n4 of 5 rooms, 4 messages deleted\n"
