"""Sending, seeing and typing: who may, what is kept, who is told."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import msgspec
import pytest
from pymongo.database import Database
from pytest_django import Settings

from conversations import services
from conversations.announcements import typing_begins, typing_ends
from conversations.errors import RuleViolation
from conversations.requests import NewMessage, SeenMessages, Typing
from conversations.storage import room_loader
from identity import Identity, Role
from socketio_bridge import OutgoingEvent
from tests.conversations.commands import ASKED
from tests.conversations.conftest import Emitted, person

Store = Database[dict[str, Any]]


def message(**fields: Any) -> NewMessage:
    given = {"room_id": "7.9", "from": "7", "to": "9", "type": "TEXT", "content": "hello", **fields}
    return msgspec.convert(given, NewMessage)


async def refusal(coroutine: Any) -> str:
    with pytest.raises(RuleViolation) as refused:
        await coroutine
    return refused.value.code


async def test_each_side_may_write_to_the_other(
    database: Store, chat: Emitted, room: str, buyer: Identity, seller: Identity
) -> None:
    sent = await services.send_message(buyer, message())
    answered = await services.send_message(seller, message(**{"from": "9", "to": "7"}))
    assert [payload["_id"] for payload in chat.payloads("new_message")] == [sent.id, answered.id]
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None
    assert (kept["buyer_unseen_messages"], kept["seller_unseen_messages"]) == (1, 1)
    assert kept["buyer_last_message"]["_id"] == answered.id


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"from": "8"}, "user_mismatch"),
        ({"from": "9", "to": "7"}, "user_mismatch"),
        ({"to": "7"}, "wrong_recipient"),
        ({"to": "10"}, "wrong_recipient"),
        ({"room_id": "7.10", "to": "10"}, "room_not_found"),
        ({"room_id": "8.9"}, "not_a_member"),
        ({"content": "x" * 10_001}, "validation_failed"),
    ],
)
async def test_what_is_not_ones_own_to_send_is_refused(
    database: Store, chat: Emitted, room: str, buyer: Identity, fields: dict[str, Any], code: str
) -> None:
    database.cz_rooms.insert_one({"_id": "8.9", "buyer": "8", "seller": "9"})
    assert await refusal(services.send_message(buyer, message(**fields))) == code
    assert chat.all == []
    assert database.cz_messages.count_documents({}) == 0


async def test_the_longest_message_is_the_settings(
    chat: Emitted, room: str, buyer: Identity, settings: Settings
) -> None:
    settings.MESSAGE_MAX_LENGTH = 3
    assert (await services.send_message(buyer, message(content="chà"))).content == "chà"
    assert await refusal(services.send_message(buyer, message(content="chào"))) == "validation_failed"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"blocked_by": "BUYER"}, "room_blocked"),
        ({"blocked_by": "SELLER"}, "room_blocked"),
        ({"closed_at": datetime.datetime(2026, 1, 1)}, "room_closed"),
    ],
)
async def test_a_blocked_or_closed_room_takes_no_messages_of_either_side(
    database: Store, chat: Emitted, room: str, buyer: Identity, seller: Identity, fields: dict[str, Any], code: str
) -> None:
    database.cz_rooms.update_one({"_id": room}, {"$set": fields})
    assert await refusal(services.send_message(buyer, message())) == code
    assert await refusal(services.send_message(seller, message(**{"from": "9", "to": "7"}))) == code


async def test_rooms_for_many_senders_at_once_are_read_together(database: Store, chat: Emitted) -> None:
    database.cz_rooms.insert_many([{"_id": f"{n}.9", "buyer": str(n), "seller": "9"} for n in range(100, 160)])
    sending = [
        services.send_message(person(str(n), Role.BUYER), message(**{"room_id": f"{n}.9", "from": n}))
        for n in range(100, 160)
        for _ in range(3)
    ]
    with ASKED.recording() as commands:
        await asyncio.gather(*sending)
    reads = [len(command["filter"]["_id"]["$in"]) for command in commands if command.get("find") == "cz_rooms"]
    assert sum(reads) == 60
    assert len(reads) <= 4, "the embedded engine takes 25 keys at a time"


async def test_messages_begun_one_after_the_other_are_stored_in_that_order_without_waiting_for_each(
    database: Store, chat: Emitted, room: str, buyer: Identity
) -> None:
    """So that a door may overlap the messages of one socket."""
    others = [f"{n}.9" for n in range(100, 120)]
    database.cz_rooms.insert_many([{"_id": other, "buyer": other[:-2], "seller": "9"} for other in others])
    sending = []
    for number in range(200):
        sending.append(asyncio.create_task(services.send_message(buyer, message(content=str(number)))))
        other = others[number % 20]
        elsewhere = message(**{"room_id": other, "from": other[:-2]})
        sending.append(asyncio.create_task(services.send_message(person(other[:-2], Role.BUYER), elsewhere)))
        if number % 7 == 0:
            await asyncio.sleep(0.001)
    await asyncio.gather(*sending)
    in_this_room = [payload for payload in chat.payloads("new_message") if payload["room_id"] == room]
    assert [payload["content"] for payload in in_this_room] == [str(number) for number in range(200)]
    stored = database.cz_messages.find({"room_id": room}).sort([("created_at", 1), ("_id", 1)])
    assert [kept["content"] for kept in stored] == [str(number) for number in range(200)]


async def test_seeing_marks_what_the_other_side_wrote_up_to_that_message(
    database: Store, chat: Emitted, room: str, buyer: Identity, seller: Identity
) -> None:
    first = await services.send_message(buyer, message(content="1"))
    database.cz_messages.update_one({"_id": first.id}, {"$unset": {"is_seen": ""}})  # as an old document
    own = await services.send_message(seller, message(**{"from": "9", "to": "7"}))
    second = await services.send_message(buyer, message(content="2"))
    third = await services.send_message(buyer, message(content="3"))
    seen = {
        "room_id": room,
        "from": "9",
        "to": "7",
        "last_message_id": second.id,
        "last_message_created_at": second.created_at,
    }
    if third.created_at == second.created_at:  # within one millisecond they cannot be told apart
        database.cz_messages.update_one({"_id": third.id}, {"$set": {"created_at": datetime.datetime(2100, 1, 1)}})
    await services.mark_seen(seller, msgspec.convert(seen, SeenMessages))
    state = {kept["_id"]: kept["is_seen"] for kept in database.cz_messages.find()}
    assert state == {first.id: True, own.id: False, second.id: True, third.id: False}
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None
    assert (kept["seller_unseen_messages"], kept["buyer_unseen_messages"]) == (0, 1)
    assert kept["buyer_last_message"]["is_seen"] is False  # the last one is the third, which was not named
    assert chat.all[-1] == ("seen_messages", seen, ["7"], [])


async def test_seeing_the_last_message_marks_it_in_the_room_for_both(
    database: Store, chat: Emitted, room: str, buyer: Identity, seller: Identity
) -> None:
    last = await services.send_message(buyer, message())
    seen = SeenMessages(
        room_id=room, sender="9", recipient="7", last_message_id=last.id, last_message_created_at=last.created_at
    )
    await services.mark_seen(seller, seen)
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None
    assert kept["buyer_last_message"]["is_seen"] is kept["seller_last_message"]["is_seen"] is True
    following = await services.send_message(buyer, message())
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None and kept["seller_last_message"]["_id"] == following.id


async def test_nobody_marks_their_own_message_as_seen(
    database: Store, chat: Emitted, room: str, buyer: Identity
) -> None:
    own = await services.send_message(buyer, message())
    seen = SeenMessages(
        room_id=room, sender="7", recipient="9", last_message_id=own.id, last_message_created_at=own.created_at
    )
    await services.mark_seen(buyer, seen)
    assert database.cz_messages.count_documents({"is_seen": True}) == 0
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None
    assert kept["seller_last_message"]["is_seen"] is False
    assert kept["seller_unseen_messages"] == 1


async def test_seeing_for_another_or_in_a_strange_room_is_refused(
    database: Store, chat: Emitted, room: str, buyer: Identity
) -> None:
    def seen(room_id: str, of: str, by: str) -> SeenMessages:
        return SeenMessages(
            room_id=room_id, sender=of, recipient=by, last_message_id="x", last_message_created_at="2020-10-11"
        )

    database.cz_rooms.insert_one({"_id": "8.9", "buyer": "8", "seller": "9"})
    assert await refusal(services.mark_seen(buyer, seen(room, "9", "7"))) == "user_mismatch"
    assert await refusal(services.mark_seen(buyer, seen("8.9", "7", "9"))) == "not_a_member"
    assert await refusal(services.mark_seen(buyer, seen("1.2", "7", "9"))) == "room_not_found"
    assert chat.all == []


async def test_what_is_no_id_of_a_message_of_the_room_is_not_passed_on_as_seen(
    chat: Emitted, database: Store, room: str, buyer: Identity, seller: Identity
) -> None:
    sent = await services.send_message(buyer, message())
    seen = SeenMessages(
        room_id=room, sender="9", recipient="7", last_message_id="PAY ME", last_message_created_at=sent.created_at
    )
    await services.mark_seen(seller, seen)
    assert chat.payloads("seen_messages") == []
    assert (database.cz_messages.find_one({"_id": sent.id}) or {})["is_seen"] is True


@pytest.mark.parametrize("event", [typing_begins, typing_ends])
async def test_typing_reaches_the_other_devices_of_who_types_and_the_other_side(
    emitted: Emitted, room: str, buyer: Identity, event: OutgoingEvent[[Typing], None]
) -> None:
    typing = Typing(room_id="7.9", sender="7", recipient="9")
    await services.relay_typing(buyer, event, typing, except_="the typing device")
    assert emitted.all == [(event.name, {"room_id": "7.9", "from": "7", "to": "9"}, ["7", "9"], ["the typing device"])]


async def test_typing_in_the_room_of_others_or_as_another_is_refused(
    chat: Emitted, emitted: Emitted, buyer: Identity
) -> None:
    async def type_in(room_id: str, of: str, to: str) -> str:
        return await refusal(
            services.relay_typing(buyer, typing_begins, Typing(room_id=room_id, sender=of, recipient=to))
        )

    assert await type_in("7.9", "9", "7") == "user_mismatch"
    assert await type_in("8.9", "7", "9") == "not_a_member"
    assert await type_in("7.9", "7", "8") == "not_a_member"
    assert await type_in("7.404", "7", "404") == "room_not_found"
    assert emitted.all == []


async def test_of_a_room_that_is_typed_in_the_store_is_asked_once_in_a_while(
    emitted: Emitted, room: str, buyer: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def prepare() -> None:
        asked.append(room)

    monkeypatch.setattr("conversations.services.messages.writable_rooms", room_loader.RoomLoader(prepare=prepare))
    typing = Typing(room_id=room, sender="7", recipient="9")
    for fresh, questions in ((3600.0, 1), (3600.0, 1), (0.0, 2)):
        monkeypatch.setattr(room_loader, "FRESH", fresh)
        await services.relay_typing(buyer, typing_begins, typing)
        assert len(asked) == questions
    assert len(emitted.all) == 3
