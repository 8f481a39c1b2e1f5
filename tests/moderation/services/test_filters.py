"""Filters at work: what becomes of a message that one of them hits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from conversations import services as chat_services
from conversations.models import Message, Room
from identity import Identity, Role
from moderation import services
from moderation.admin.rooms.transcript import lines_of
from moderation.models import MessageFilter, Outcome
from moderation.rules.cache import rules_cache
from moderation.services.filters import record_of
from moderation.signals import draft_caught
from moderation.staff import Staff
from tests.conversations.conftest import Emitted, person
from tests.moderation.conftest import Store, acts, answer, message, refusal


@pytest.fixture
def filtering(chat: Emitted, mai: Staff) -> Any:
    """Saves a filter and has this process know it."""

    async def save(action: str, patterns: str = "scam", kind: str = "words", **fields: Any) -> MessageFilter:
        name = fields.pop("name", f"{kind} to {action}")
        saved = await services.save_filter(
            mai, MessageFilter(name=name, kind=kind, patterns=patterns, action=action, **fields)
        )
        await rules_cache().refresh(just_now=True)
        return saved

    return save


async def test_a_refused_message_is_stored_nowhere_but_in_the_log_of_hits(
    chat: Emitted, database: Store, room: str, buyer: Identity, filtering: Any
) -> None:
    await filtering("refuse")
    assert await refusal(chat_services.send_message(buyer, message("a SCAM"))) == "message_refused"
    assert chat.all == []
    assert database.cz_messages.count_documents({}) == 0
    hit = database.moderation_filterhit.find_one()
    assert hit is not None
    assert (hit["filter_name"], hit["user_id"], hit["room_id"], hit["text"]) == ("words to refuse", "7", room, "a SCAM")
    await chat_services.send_message(buyer, message("a bargain"))


async def test_a_flagged_message_is_sent_and_a_report_waits_for_staff(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, filtering: Any
) -> None:
    await filtering("flag")
    sent = await chat_services.send_message(buyer, message("a scam", client_message_id="c1"))
    again = await chat_services.send_message(buyer, message("a scam", client_message_id="c1"))
    assert sent.id == again.id
    assert len(chat.payloads("new_message")) == 1
    report = await services.take_next(mai)
    assert report is not None
    assert (report.target_id, report.user_id, report.reason, report.text) == (
        sent.id, "7", "filter", "words to flag: scam",
    )  # fmt: skip
    assert await services.take_next(mai) is None
    hit = database.moderation_filterhit.find_one()
    assert hit is not None
    assert (hit["message_id"], hit["text"]) == (sent.id, "")
    assert database.moderation_filterhit.count_documents({}) == 1


async def test_an_edit_is_looked_at_anew_when_staff_have_finished_with_what_it_said_before(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, filtering: Any
) -> None:
    await filtering("flag")
    sent = await chat_services.send_message(buyer, message("no scam at all"))
    report = await services.take_next(mai)
    assert report is not None
    await services.dismiss(mai, str(report.pk))
    await chat_services.edit_message(buyer, sent.id, "send money, it is a scam")
    again = await services.take_next(mai)
    assert again is not None and again.target_id == sent.id
    assert [line.hits for line in lines_of(Room.objects.get(), list(Message.objects.all()))] == [["words to flag"]]


async def test_a_held_message_is_nowhere_until_it_is_released_and_then_as_if_just_sent(
    chat: Emitted, database: Store, room: str, buyer: Identity, seller: Identity, mai: Staff, filtering: Any
) -> None:
    await filtering("hold")
    held_back = message("no scam!", client_message_id="c1")
    assert await refusal(chat_services.send_message(buyer, held_back)) == "held_for_review"
    assert await refusal(chat_services.send_message(buyer, held_back)) == "held_for_review"
    assert chat.all == [] and database.cz_messages.count_documents({}) == 0
    held = database.moderation_heldmessage.find_one()
    assert held is not None
    assert database.moderation_heldmessage.count_documents({}) == 1, "one for all repeats"
    await chat_services.send_message(seller, answer("hello?"))
    released = await services.release_held(mai, str(held["_id"]), "harmless")
    assert chat.payloads("new_message")[-1]["_id"] == released.id
    assert (released.sender, released.content, released.client_message_id) == ("7", "no scam!", "c1")
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None
    assert (kept["seller_unseen_messages"], kept["buyer_last_message"]["_id"]) == (1, released.id)
    assert (await chat_services.send_message(buyer, held_back)).id == released.id, "now a repeat like any other"
    assert len(chat.payloads("new_message")) == 2
    assert acts(database) == ["filter.created", "held.released"]


async def test_a_dropped_message_is_never_sent(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, filtering: Any
) -> None:
    await filtering("hold")
    dropped = message("a scam", client_message_id="c1")
    assert await refusal(chat_services.send_message(buyer, dropped)) == "held_for_review"
    held = str(database.moderation_heldmessage.find_one({})["_id"])  # type: ignore[index]
    await services.drop_held(mai, held, "a scam indeed")
    assert await refusal(services.release_held(mai, held)) == "held_decided"
    assert await refusal(services.drop_held(mai, held)) == "held_decided"
    assert await refusal(chat_services.send_message(buyer, dropped)) == "held_for_review"
    assert await refusal(services.drop_held(mai, "nothing")) == "held_not_found"
    assert chat.all == []
    assert acts(database)[1:] == ["held.dropped"]


async def test_two_who_release_one_message_send_it_once(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, tuan: Staff, filtering: Any
) -> None:
    await filtering("hold")
    assert await refusal(chat_services.send_message(buyer, message("a scam"))) == "held_for_review"
    held = str(database.moderation_heldmessage.find_one({})["_id"])  # type: ignore[index]
    await asyncio.gather(
        *(services.release_held(staff, held) for staff in (mai, tuan, mai, tuan)), return_exceptions=True
    )
    assert len(chat.payloads("new_message")) == 1
    assert acts(database).count("held.released") == 1


async def test_what_cannot_be_released_now_stays_held(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, filtering: Any
) -> None:
    await filtering("hold")
    assert await refusal(chat_services.send_message(buyer, message("a scam"))) == "held_for_review"
    held = str(database.moderation_heldmessage.find_one({})["_id"])  # type: ignore[index]
    await services.close_room(mai, room, "a quarrel")
    assert await refusal(services.release_held(mai, held)) == "room_closed"
    await services.reopen_room(mai, room, "peace")
    assert (await services.release_held(mai, held)).content == "a scam"


async def test_the_strictest_of_several_filters_decides_and_all_are_noted(
    chat: Emitted, database: Store, room: str, buyer: Identity, filtering: Any
) -> None:
    caught: list[str] = []

    def note(action: str, **kwargs: Any) -> None:
        caught.append(action)

    for action in ("flag", "refuse", "hold"):
        await filtering(action)
    draft_caught.connect(note)
    assert await refusal(chat_services.send_message(buyer, message("a scam"))) == "message_refused"
    draft_caught.disconnect(note)
    assert caught == ["refuse"]
    assert database.moderation_filterhit.count_documents({}) == 3
    assert database.moderation_heldmessage.count_documents({}) == 0


async def test_a_flood_is_one_text_in_many_rooms_within_a_time(
    chat: Emitted, database: Store, room: str, buyer: Identity, filtering: Any
) -> None:
    await filtering("refuse", "", "flood", rooms=3, seconds=60)
    for number in range(20, 26):
        database.cz_rooms.insert_one({"_id": f"7.{number}", "buyer": "7", "seller": str(number)})

    def send(number: int, text: str, sender: Identity = buyer) -> Any:
        fields = {"room_id": f"7.{number}", "from": sender.user_id}
        return chat_services.send_message(sender, message(text, **fields, to=str(number) if sender is buyer else "7"))

    await send(20, "Buy now!")
    await send(20, "Buy now!")
    await send(21, "buy  NOW!")
    await send(22, "something else")
    await send(22, "Buy now!", person("22", Role.SELLER))
    assert await refusal(send(23, "Buy now!")) == "message_refused"
    await send(23, "Is it still there?")


async def test_messages_keep_their_order_while_floods_are_counted(
    chat: Emitted, room: str, buyer: Identity, filtering: Any
) -> None:
    await filtering("flag", "", "flood", rooms=3, seconds=60)
    await asyncio.gather(*(chat_services.send_message(buyer, message(str(number))) for number in range(100)))
    assert [sent["content"] for sent in chat.payloads("new_message")] == [str(number) for number in range(100)]


async def test_a_changed_filter_is_live_and_an_inactive_or_deleted_one_is_not(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, filtering: Any
) -> None:
    async def live(change: Any) -> None:
        await change
        await rules_cache().refresh(just_now=True)

    saved = await filtering("refuse", "scam")
    saved.patterns = "swindle"
    await live(services.save_filter(mai, saved, "a better word"))
    await chat_services.send_message(buyer, message("a scam"))
    assert await refusal(chat_services.send_message(buyer, message("a swindle"))) == "message_refused"
    saved.is_active = False
    await live(services.save_filter(mai, saved))
    await chat_services.send_message(buyer, message("a swindle"))
    await live(services.delete_filter(mai, saved, "of no use"))
    records = list(database.moderation_auditrecord.find(sort=[("_id", 1)]))
    assert [record["act"] for record in records] == [
        "filter.created", "filter.changed", "filter.changed", "filter.deleted",
    ]  # fmt: skip
    assert (records[1]["before"]["patterns"], records[1]["after"]["patterns"]) == ("scam", "swindle")
    assert records[1]["reason"] == "a better word"


async def test_what_cannot_be_matched_safely_is_not_saved(chat: Emitted, database: Store, mai: Staff) -> None:
    bad = MessageFilter(name="bad", kind="regex", patterns="(a", action="flag")
    with pytest.raises(ValidationError):
        await services.save_filter(mai, bad)
    with pytest.raises(ValidationError):
        await services.try_text("aaa", bad)
    assert database.moderation_messagefilter.count_documents({}) == 0
    assert acts(database) == []


async def test_a_text_can_be_tried_on_all_active_filters_or_on_one_that_is_not_saved(
    chat: Emitted, filtering: Any
) -> None:
    await filtering("refuse")
    assert [(found.filter_name, found.what) for found in await services.try_text("a scam")] == [
        ("words to refuse", "scam")
    ]
    draft = MessageFilter(name="draft", kind="regex", patterns=r"b\w+n", action="flag")
    assert [found.what for found in await services.try_text("a bargain", draft)] == ["bargain"]
    assert await services.try_text("a bargain") == []


async def test_a_noted_message_is_sent_and_only_the_hit_is_logged(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, filtering: Any
) -> None:
    """What a filter would find is seen before it does anything; a stricter one decides beside it."""
    await filtering("note")
    await chat_services.send_message(buyer, message("a scam"))
    assert len(chat.payloads("new_message")) == 1
    assert await services.take_next(mai) is None
    assert [(hit["action"], hit["filter_name"]) for hit in database.moderation_filterhit.find()] == [
        ("note", "words to note")
    ]
    await filtering("hold", "a scam")
    assert await refusal(chat_services.send_message(buyer, message("a scam again"))) == "held_for_review"
    held = database.moderation_heldmessage.find_one({})
    assert held is not None and held["filter_name"] == "words to hold"
    assert {hit["held_id"] for hit in database.moderation_filterhit.find({"filter_name": "words to hold"})} == {
        str(held["_id"])
    }


async def test_what_a_filter_did_and_how_often_it_was_right(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, filtering: Any
) -> None:
    await filtering("hold", name="pay")
    for number in range(3):
        sending = chat_services.send_message(buyer, message(f"scam {number}"))
        assert await refusal(sending) == "held_for_review"
    first, second, _ = [str(held["_id"]) for held in database.moderation_heldmessage.find({})]
    assert record_of("pay") == (3, 0, 0, 0, 0)
    assert record_of("pay").precision is None
    await services.release_held(mai, first)
    await services.drop_held(mai, second)
    await filtering("flag", "bargain", name="cheap")
    await chat_services.send_message(buyer, message("a bargain"))
    report = await services.take_next(mai)
    assert report is not None
    await services.resolve(mai, str(report.pk), [Outcome.WARNED])
    assert record_of("pay") == (3, 1, 1, 0, 0)
    assert record_of("pay").precision == 50
    assert record_of("cheap") == (1, 0, 0, 1, 0)
    assert record_of("cheap").precision == 100


async def test_a_filter_is_tried_on_what_was_said_lately(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    sent = [await chat_services.send_message(buyer, message(text)) for text in ("a scam", "hello", "Scam!", "SCAM")]
    await services.redact_message(mai, sent[3].id, "rude")
    candidate = MessageFilter(name="tried", kind="words", patterns="scam", action="refuse")
    tried = await services.find_recent(candidate)
    assert (tried.messages, tried.hits) == (3, 2)
    assert {text for _, text, _ in tried.found} == {"a scam", "Scam!"}
    assert {what for _, _, what in tried.found} == {"scam"}
    assert database.moderation_filterhit.count_documents({}) == 0
    candidate.patterns, candidate.kind = "(", "regex"
    with pytest.raises(ValidationError):
        await services.find_recent(candidate)
