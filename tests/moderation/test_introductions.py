"""What a room shows the other side by being made, or brought back, stands under the rules of a message."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from pytest_django import Settings

from conversations import services as chat_services
from conversations.announcements import typing_begins, typing_ends
from conversations.requests import CreateRoom, Typing
from conversations.services import Outcome
from identity import Identity, Role
from moderation import services
from moderation.models import FilterAction, FilterKind, MessageFilter
from moderation.rules.cache import rules_cache
from moderation.staff import Staff
from socketio_bridge import OutgoingEvent
from tests.conversations.conftest import Emitted, person
from tests.moderation.conftest import Store, acts, refusal


def wish(name: str | None = None, **fields: Any) -> CreateRoom:
    """For the room of buyer 7 and seller 9, unless `fields` say otherwise."""
    info = {} if name is None else {"buyer_info": {"name": name}}
    return msgspec.convert({"buyer": "7", "seller": "9", **info, **fields}, CreateRoom)


async def filter_words(staff: Staff, words: str, action: FilterAction, kind: FilterKind = FilterKind.WORDS) -> None:
    await services.save_filter(staff, MessageFilter(name="bank", kind=kind, patterns=words, action=action))
    await rules_cache().refresh(just_now=True)


async def mute(staff: Staff, user_id: str) -> None:
    await services.mute(staff, user_id, "spam")
    await rules_cache().refresh(just_now=True)


def info_of(database: Store) -> Any:
    return (database.cz_rooms.find_one({"_id": "7.9"}) or {}).get("buyer_info")


async def test_who_is_muted_makes_no_room_with_anybody(
    chat: Emitted, database: Store, buyer: Identity, mai: Staff
) -> None:
    await mute(mai, "7")
    assert await refusal(chat_services.create_room(buyer, wish("PAY ME AT…"))) == "muted"
    assert await refusal(chat_services.create_room(buyer, wish())) == "muted"
    assert database.cz_rooms.count_documents({}) == 0
    assert chat.all == []


async def test_who_is_muted_opens_the_rooms_that_there_are_and_changes_nothing_that_is_seen_of_them(
    chat: Emitted, database: Store, buyer: Identity, seller: Identity, mai: Staff
) -> None:
    await chat_services.create_room(buyer, wish("An"))
    await mute(mai, "7")
    assert (await chat_services.create_room(buyer, wish("An"))).outcome is Outcome.EXISTED
    assert await refusal(chat_services.create_room(buyer, wish("PAY ME AT…"))) == "muted"
    await chat_services.delete_room(seller, "7.9")
    await chat_services.delete_room(buyer, "7.9")
    assert (await chat_services.create_room(buyer, wish("An"))).outcome is Outcome.ENABLED
    kept = database.cz_rooms.find_one({"_id": "7.9"}) or {}
    assert (kept["deleted_by_buyer"], kept["deleted_by_seller"]) == (False, True)
    assert kept["buyer_info"] == {"name": "An"}


@pytest.mark.parametrize("state", ["room_blocked", "room_closed"])
async def test_a_room_that_takes_no_messages_takes_no_other_name_and_comes_back_for_its_creator_alone(
    chat: Emitted, database: Store, buyer: Identity, seller: Identity, mai: Staff, state: str
) -> None:
    await chat_services.create_room(buyer, wish("An"))
    if state == "room_blocked":
        await chat_services.block_room(seller, "7.9")
    else:
        await services.close_room(mai, "7.9", "fraud")
    await chat_services.delete_room(seller, "7.9")
    assert await refusal(chat_services.create_room(buyer, wish("why do you not answer"))) == state
    await chat_services.create_room(buyer, wish("An"))
    kept = database.cz_rooms.find_one({"_id": "7.9"}) or {}
    assert kept["deleted_by_seller"] is True
    assert kept["buyer_info"] == {"name": "An"}
    assert await chat_services.visible_rooms_of("9", Role.SELLER) == []


@pytest.mark.parametrize("action", [FilterAction.REFUSE, FilterAction.HOLD])
@pytest.mark.parametrize("field", ["name", "email", "phone_number", "avatar"])
async def test_a_name_that_a_filter_would_not_let_pass_is_refused(
    chat: Emitted, database: Store, buyer: Identity, mai: Staff, action: FilterAction, field: str
) -> None:
    await filter_words(mai, "bank transfer", action)
    written = {"name": "Bank Transfer!", "email": "bank.transfer@x.example", "phone_number": "bank transfer 0123"}
    info = {field: written.get(field, "https://x.example/bank transfer.png")}
    assert await refusal(chat_services.create_room(buyer, wish(buyer_info=info))) == "message_refused"
    await chat_services.create_room(buyer, wish("An"))
    assert await refusal(chat_services.create_room(buyer, wish(buyer_info=info))) == "message_refused"
    assert info_of(database) == {"name": "An"}
    assert database.moderation_filterhit.count_documents({"room_id": "7.9", "user_id": "7"}) == 2


async def test_a_name_that_a_filter_flags_is_reported_with_its_room(
    chat: Emitted, database: Store, buyer: Identity, mai: Staff
) -> None:
    await filter_words(mai, "bank transfer", FilterAction.FLAG)
    await chat_services.create_room(buyer, wish("Bank Transfer"))
    report = database.moderation_report.find_one({}) or {}
    assert (report["target_kind"], report["target_id"], report["user_id"]) == ("room", "7.9", "7")
    assert info_of(database) == {"name": "Bank Transfer"}


async def test_a_phone_number_and_an_address_of_mail_are_what_their_fields_are_for(
    chat: Emitted, database: Store, buyer: Identity, mai: Staff
) -> None:
    await services.save_filter(
        mai, MessageFilter(name="numbers", kind=FilterKind.REGEX, patterns=r"\d{6}", action=FilterAction.REFUSE)
    )
    await filter_words(mai, "shop.example", FilterAction.REFUSE, FilterKind.LINKS)
    info = {"name": "An", "phone_number": "+84 (0)90 123456", "email": "an@mail.com"}
    await chat_services.create_room(buyer, wish(buyer_info=info))
    assert info_of(database) == info
    info = {"phone_number": "evil.com/pay 123456"}
    assert await refusal(chat_services.create_room(buyer, wish(buyer_info=info))) == "message_refused"


async def test_an_avatar_where_images_may_be_is_no_link(
    chat: Emitted, database: Store, buyer: Identity, mai: Staff, settings: Settings
) -> None:
    await filter_words(mai, "shop.example", FilterAction.REFUSE, FilterKind.LINKS)
    settings.IMAGE_HOSTS = ["cdn.example"]
    info = {"name": "An", "avatar": "https://cdn.example/an.png"}
    await chat_services.create_room(buyer, wish(buyer_info=info))
    assert info_of(database) == info
    elsewhere = {"name": "An", "avatar": "https://evil.example/an.png"}
    assert await refusal(chat_services.create_room(buyer, wish(buyer_info=elsewhere))) == "message_refused"


async def test_the_id_of_a_shop_is_no_way_around(chat: Emitted, database: Store, seller: Identity, mai: Staff) -> None:
    await filter_words(mai, "bank transfer", FilterAction.REFUSE)
    assert await refusal(chat_services.create_room(seller, wish(shop_id="bank transfer"))) == "message_refused"


async def test_what_a_room_shows_of_its_buyer_is_redacted_for_good_and_restored(
    chat: Emitted, database: Store, buyer: Identity, seller: Identity, mai: Staff
) -> None:
    await chat_services.create_room(buyer, wish("PAY ME AT 0123"))
    await services.redact_introduction(mai, "7.9", "fraud")
    assert info_of(database)["name"] == chat_services.REDACTED
    assert info_of(database)["redacted_at"]
    assert (await chat_services.create_room(buyer, wish("PAY ME AT 0123"))).outcome is Outcome.EXISTED
    assert (await chat_services.create_room(seller, wish("PAY ME AT 0123"))).outcome is Outcome.EXISTED
    assert info_of(database)["name"] == chat_services.REDACTED
    assert await refusal(services.redact_introduction(mai, "7.9", "fraud")) == "already_redacted"
    kept = database.moderation_redactedoriginal.find_one({}) or {}
    assert (kept["room_id"], kept["sender"]) == ("7.9", "7")
    assert "PAY ME" in kept["content"]
    assert "PAY ME" not in str(list(database.moderation_auditrecord.find()))
    await services.restore_introduction(mai, "7.9", "a mistake")
    assert info_of(database) == {"name": "PAY ME AT 0123"}
    assert await refusal(services.restore_introduction(mai, "7.9", "a mistake")) == "not_redacted"
    assert [act for act in acts(database) if act != "act.not_done"][:1] == ["info.redacted"]
    assert database.moderation_redactedoriginal.count_documents({}) == 0


async def test_the_same_name_in_many_rooms_is_no_flood(chat: Emitted, database: Store, mai: Staff) -> None:
    await services.save_filter(
        mai, MessageFilter(name="flood", kind=FilterKind.FLOOD, rooms=2, seconds=60, action=FilterAction.REFUSE)
    )
    await rules_cache().refresh(just_now=True)
    for seller in ("9", "10", "11"):
        await chat_services.create_room(person("7", Role.BUYER), wish("An", seller=seller))


async def test_a_name_takes_its_turn_in_slow_mode(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    await services.slow_down(mai, room, 60, "too fast")
    await rules_cache().refresh(just_now=True)
    await chat_services.create_room(buyer, wish("one"))
    assert await refusal(chat_services.create_room(buyer, wish("two"))) == "slow_mode"


@pytest.mark.parametrize("event", [typing_begins, typing_ends])
async def test_who_may_not_write_is_not_seen_typing(
    chat: Emitted,
    database: Store,
    room: str,
    buyer: Identity,
    seller: Identity,
    mai: Staff,
    event: OutgoingEvent[[Typing], None],
) -> None:
    typing = Typing(room_id=room, sender="7", recipient="9")
    await chat_services.relay_typing(buyer, event, typing)
    await chat_services.block_room(seller, room)
    assert await refusal(chat_services.relay_typing(buyer, event, typing)) == "room_blocked"
    await chat_services.unblock_room(seller, room)
    await services.close_room(mai, room, "fraud")
    assert await refusal(chat_services.relay_typing(buyer, event, typing)) == "room_closed"
    await services.reopen_room(mai, room, "no fraud")
    await mute(mai, "7")
    assert await refusal(chat_services.relay_typing(buyer, event, typing)) == "muted"
    assert len(chat.payloads(event.name)) == 1
