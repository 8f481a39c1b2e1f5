"""The writer: stored before announced, once, and in order."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from pymongo.database import Database

from conversations import services
from conversations.payloads import MessagePayload
from conversations.storage import writer
from conversations.storage.message_ids import message_ids
from conversations.storage.writer import close_message_writer, message_writer
from identity import Role
from persistence import mongodb as store
from tests.conversations.conftest import Emitted, person
from tests.conversations.drafting import draft

Store = Database[dict[str, Any]]


async def test_a_message_is_stored_with_its_room_told_and_then_announced_to_both(
    database: Store, chat: Emitted, room: str
) -> None:
    written = await message_writer().write(draft("xin chào", "c1"))
    stored = database.cz_messages.find_one({"_id": written.id})
    assert stored is not None
    assert (stored["from"], stored["to"], stored["content"], stored["is_seen"], stored["__v"]) == (
        "7", "9", "xin chào", False, 0,
    )  # fmt: skip
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None
    assert (kept["seller_unseen_messages"], kept.get("buyer_unseen_messages", 0)) == (1, 0)
    assert kept["buyer_last_message"] == kept["seller_last_message"]
    assert kept["buyer_last_message"]["_id"] == written.id
    [(event, payload, to, except_)] = chat.all
    assert (event, to, except_) == ("new_message", ["7", "9"], [])
    assert payload["_id"] == written.id
    assert payload["created_at"] == written.created_at


async def test_many_at_once_are_all_stored_counted_and_announced_in_their_order(
    database: Store, chat: Emitted, room: str
) -> None:
    database.cz_rooms.insert_one({"_id": "8.9", "buyer": "8", "seller": "9", "buyer_unseen_messages": 2})
    drafts = [draft(str(number), buyer="7" if number % 2 else "8") for number in range(100)]
    reply = draft(room_id="8.9", sender="9", recipient="8", receiver=Role.BUYER)
    written = await asyncio.gather(*[message_writer().write(one) for one in [*drafts, reply]])
    assert database.cz_messages.count_documents({}) == 101
    rooms = {kept["_id"]: kept for kept in database.cz_rooms.find()}
    assert rooms["7.9"]["seller_unseen_messages"] == 50
    assert (rooms["8.9"]["seller_unseen_messages"], rooms["8.9"]["buyer_unseen_messages"]) == (50, 3)
    announced = [(payload["created_at"], payload["_id"]) for payload in chat.payloads("new_message")]
    assert announced == sorted(announced)
    assert [message_id for _, message_id in announced] == [message.id for message in written]
    assert rooms["8.9"]["buyer_last_message"]["_id"] == written[-1].id


async def test_a_repeat_is_answered_with_the_first_and_not_announced(database: Store, chat: Emitted, room: str) -> None:
    first = await message_writer().write(draft("hello", "c1"))
    assert await message_writer().write(draft("hello", "c1")) == first
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None and kept["seller_unseen_messages"] == 1
    assert len(chat.all) == database.cz_messages.count_documents({}) == 1


async def test_repeats_in_one_batch_are_one_message(database: Store, chat: Emitted, room: str) -> None:
    same = [message_writer().write(draft("hello", "c1")) for _ in range(5)]
    answers = await asyncio.gather(*same, message_writer().write(draft("another", "c2")))
    assert len({answer.id for answer in answers}) == 2
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None and kept["seller_unseen_messages"] == 2
    assert len(chat.all) == database.cz_messages.count_documents({}) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"content": "hello!"},
        {"type": "EMOJI"},
        {"client_message_id": "c2"},
        {"room_id": "7.10", "recipient": "10"},
        {"sender": "9", "recipient": "7", "receiver": Role.BUYER},
        {"client_message_id": None},
    ],
)
async def test_only_all_five_parts_alike_make_a_repeat(
    database: Store, chat: Emitted, room: str, other: dict[str, Any]
) -> None:
    await message_writer().write(draft("hello", client_message_id="c1"))
    await message_writer().write(draft(**{"content": "hello", "client_message_id": "c1", **other}))
    assert database.cz_messages.count_documents({}) == 2


async def test_messages_without_an_id_are_never_taken_for_repeats(database: Store, chat: Emitted, room: str) -> None:
    await asyncio.gather(*[message_writer().write(draft("ok")) for _ in range(3)])
    await message_writer().write(draft("ok"))
    assert database.cz_messages.count_documents({}) == 4


async def test_two_writers_of_two_loops_store_a_message_sent_to_both_once(
    database: Store, chat: Emitted, room: str
) -> None:
    together = threading.Barrier(2)
    answers: list[MessagePayload] = []

    def of_another_loop() -> None:
        async def send() -> None:
            together.wait()
            answers.extend(
                await asyncio.gather(*[message_writer().write(draft(f"m{number}", "c")) for number in range(40)])
            )
            await close_message_writer()

        asyncio.run(send())

    threads = [threading.Thread(target=of_another_loop) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert database.cz_messages.count_documents({}) == 40
    assert len(answers) == 80
    assert len({answer.id for answer in answers}) == 40
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None and kept["seller_unseen_messages"] == 40
    newest = database.cz_messages.find_one(sort=[("created_at", -1), ("_id", -1)])
    assert newest is not None and kept["buyer_last_message"]["_id"] == newest["_id"]
    assert len(chat.all) == 40


async def test_a_message_whose_sender_vanished_is_stored_and_announced(
    database: Store, chat: Emitted, room: str
) -> None:
    sending = [asyncio.create_task(message_writer().write(draft(str(number)))) for number in range(10)]
    await asyncio.sleep(0)
    for task in sending:
        task.cancel()
    await asyncio.gather(*sending, return_exceptions=True)
    await close_message_writer()
    assert len(chat.all) == database.cz_messages.count_documents({}) == 10


async def test_an_older_message_arriving_late_does_not_displace_a_newer_last_one(
    database: Store, chat: Emitted, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = message_ids.next()
    newer = await message_writer().write(draft("newer"))
    monkeypatch.setattr(message_ids, "next", lambda: late)
    await message_writer().write(draft("older, of a slower process"))
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None
    assert kept["buyer_last_message"]["_id"] == newer.id
    assert kept["seller_unseen_messages"] == 2


async def test_a_message_that_a_side_deleted_before_its_room_was_told_stays_hidden_from_that_side(
    database: Store, chat: Emitted, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contract, section 3: its history so far is hidden, its last message and counter are cleared."""
    late = message_ids.next()
    await services.delete_room(person("9", Role.SELLER), room)
    with monkeypatch.context() as context:
        context.setattr(message_ids, "next", lambda: late)
        written = await message_writer().write(draft("on its way while the seller deleted the room"))
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None
    assert (kept["seller_unseen_messages"], kept.get("seller_last_message")) == (0, None)
    assert kept["buyer_last_message"]["_id"] == written.id
    newer = await message_writer().write(draft("afterwards"))
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None
    assert (kept["seller_unseen_messages"], kept["seller_last_message"]["_id"]) == (1, newer.id)


async def test_our_last_message_displaces_that_of_the_old_service_whatever_its_fields_order(
    database: Store, chat: Emitted, room: str
) -> None:
    old = {"_id": "zzz", "room_id": "7.9", "from": "9", "content": "old", "created_at": message_ids.cutoff()}
    database.cz_rooms.update_one({"_id": room}, {"$set": {"buyer_last_message": old, "seller_last_message": None}})
    written = await message_writer().write(draft())
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None
    assert kept["buyer_last_message"]["_id"] == kept["seller_last_message"]["_id"] == written.id


async def test_a_listeners_trouble_does_not_keep_a_message_from_its_sender(
    database: Store, chat: Emitted, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(payload: MessagePayload) -> None:
        raise RuntimeError("no layer")

    monkeypatch.setattr(writer, "announce_message", broken)
    written = await message_writer().write(draft())
    assert database.cz_messages.count_documents({"_id": written.id}) == 1


async def test_the_threads_of_the_store_share_one_client(database: Store) -> None:
    from django.db import connection

    clients = await asyncio.gather(
        *[store.in_store_thread(lambda: (threading.get_ident(), connection.connection)) for _ in range(50)]
    )
    assert len({id(client) for _, client in clients}) == 1
