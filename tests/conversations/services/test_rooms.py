"""Making rooms, bringing them back, deleting them for one side, and who sees which."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import msgspec
import pytest
from pymongo.database import Database

from conversations import services
from conversations.announcements import typing_begins
from conversations.errors import Forbidden, RuleViolation
from conversations.models import Room, is_visible
from conversations.policies import Policy
from conversations.requests import CreateRoom, NewMessage, SeenMessages, Typing
from conversations.services import Excerpt, Membership, Outcome
from identity import Identity, Role
from tests.conversations.conftest import Emitted, person

Store = Database[dict[str, Any]]


def wish(**fields: Any) -> CreateRoom:
    given = {"type": "BS", "buyer": "7", "seller": "9", "shop_id": 3, "creator": "7", **fields}
    return msgspec.convert(given, CreateRoom)


def message(**fields: Any) -> NewMessage:
    given = {"room_id": "7.9", "from": "7", "to": "9", "type": "TEXT", "content": "hello", **fields}
    return msgspec.convert(given, NewMessage)


async def refusal(coroutine: Any) -> str:
    with pytest.raises(RuleViolation) as refused:
        await coroutine
    return refused.value.code


def seen_by(database: Store, room_id: str) -> set[Role]:
    room = database.cz_rooms.find_one({"_id": room_id})
    return {side for side in Role if room is not None and is_visible(room, side)}


async def test_a_new_room_is_stored_and_its_creator_is_told(database: Store, chat: Emitted, buyer: Identity) -> None:
    answer = await services.create_room(buyer, wish(buyer_info={"name": "An"}))
    assert answer.outcome is Outcome.CREATED
    kept = database.cz_rooms.find_one({"_id": "7.9"})
    assert kept is not None
    assert (kept["type"], kept["creator"], kept["buyer"], kept["seller"], kept["shop_id"], kept["shop"]) == (
        "BS", "7", "7", "9", "3", {},
    )  # fmt: skip
    assert kept["buyer_info"] == {"name": "An"}
    room = {"_id": "7.9", "room_id": "7.9", "type": "BS", "buyer": "7", "seller": "9", "shop_id": "3", "creator": "7"}
    assert chat.all == [("create_room", {**room, "buyer_info": {"name": "An"}}, ["7"], [])]


async def test_without_buyer_info_none_is_told(chat: Emitted, buyer: Identity) -> None:
    await services.create_room(buyer, wish())
    assert "buyer_info" not in chat.payloads("create_room")[0]


async def test_a_seller_may_create_a_room_too(chat: Emitted, seller: Identity) -> None:
    answer = await services.create_room(seller, wish(creator=9))
    assert (answer.payload.room_id, answer.payload.creator) == ("7.9", "9")
    assert chat.all[0][2] == ["9"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"creator": "9"}, "user_mismatch"),
        ({"seller": "7"}, "buyer_is_seller"),
        ({"buyer": "8"}, "not_a_member"),
    ],
)
async def test_rooms_of_others_and_with_oneself_are_refused(
    database: Store, chat: Emitted, buyer: Identity, fields: dict[str, Any], code: str
) -> None:
    assert await refusal(services.create_room(buyer, wish(**fields))) == code
    assert database.cz_rooms.count_documents({}) == 0
    assert chat.all == []


async def test_two_who_create_a_room_at_once_get_one(
    database: Store, chat: Emitted, buyer: Identity, seller: Identity
) -> None:
    answers = await asyncio.gather(
        *[services.create_room(buyer, wish()) for _ in range(3)],
        *[services.create_room(seller, wish(creator="9")) for _ in range(3)],
    )
    assert database.cz_rooms.count_documents({}) == 1
    assert [answer.outcome for answer in answers].count(Outcome.CREATED) == 1
    assert len({answer.payload.creator for answer in answers}) == 1
    assert len(chat.payloads("create_room")) == 6


async def test_a_room_that_exists_is_answered_as_it_is(
    database: Store, chat: Emitted, room: str, buyer: Identity
) -> None:
    before = database.cz_rooms.find_one({"_id": room})
    answer = await services.create_room(buyer, wish(shop_id=None))
    assert answer.outcome is Outcome.EXISTED
    assert database.cz_rooms.find_one({"_id": room}) == before
    assert chat.payloads("create_room")[0]["room_id"] == room


async def test_creating_a_room_again_adds_what_it_had_not_known(
    database: Store, chat: Emitted, room: str, buyer: Identity, seller: Identity
) -> None:
    await services.create_room(buyer, wish(buyer_info={"name": "An"}))
    await services.create_room(
        seller, wish(creator="9", shop_id="4", buyer_info={"name": "not for a seller to change"})
    )
    kept = await Room.objects.aget(pk=room)
    assert (kept.shop_id, kept.buyer_info) == ("3", {"name": "An"})


@pytest.mark.parametrize("again", ["7", "9"])
async def test_a_deleted_room_comes_back_for_both_when_either_creates_it(
    database: Store, chat: Emitted, room: str, buyer: Identity, seller: Identity, again: str
) -> None:
    await services.delete_room(buyer, room)
    await services.delete_room(seller, room)
    answer = await services.create_room(buyer if again == "7" else seller, wish(creator=again))
    assert answer.outcome is Outcome.ENABLED
    kept = await Room.objects.aget(pk=room)
    assert seen_by(database, room) == set(Role)
    assert kept.buyer_deleted_at is not None  # what lies before it stays hidden


async def test_deleting_hides_a_room_from_that_side_alone_and_tells_both(
    database: Store, chat: Emitted, room: str, buyer: Identity, seller: Identity
) -> None:
    await services.send_message(seller, message(**{"from": "9", "to": "7"}))
    database.cz_rooms.update_one({"_id": room}, {"$currentDate": {"pinned_by_buyer": True}})
    deleted = await services.delete_room(buyer, room)
    kept = await Room.objects.aget(pk=room)
    assert seen_by(database, room) == {Role.SELLER}
    assert (kept.buyer_last_message, kept.pinned_by_buyer, kept.buyer_unseen_messages) == (None, None, 0)
    assert kept.seller_last_message is not None
    assert deleted.role is Role.BUYER
    assert chat.all[-1] == (
        "room_deletion",
        {"room_id": room, "seller": "9", "buyer": "7", "deletion_role": "BUYER"},
        ["7", "9"],
        [],
    )


async def test_a_message_after_the_deletion_shows_the_room_again(
    database: Store, chat: Emitted, room: str, buyer: Identity, seller: Identity
) -> None:
    await services.delete_room(buyer, room)
    await services.send_message(seller, message(**{"from": "9", "to": "7"}))
    kept = await Room.objects.aget(pk=room)
    assert kept.deleted_by_buyer
    assert Role.BUYER in seen_by(database, room)
    assert kept.buyer_unseen_messages == 1


async def test_deleting_what_is_not_there_or_not_ones_own_is_refused(
    database: Store, chat: Emitted, room: str, buyer: Identity
) -> None:
    assert await refusal(services.delete_room(buyer, "7.10")) == "room_not_found"
    assert await refusal(services.delete_room(person("8", Role.BUYER), room)) == "not_a_member"


async def test_the_visible_rooms_of_a_user_are_those_of_a_role_or_of_either(
    database: Store, chat: Emitted, buyer: Identity
) -> None:
    database.cz_rooms.insert_many(
        [
            {"_id": "7.9", "buyer": "7", "seller": "9"},
            {"_id": "7.10", "buyer": "7", "seller": "10", "deleted_by_buyer": False},
            {"_id": "7.11", "buyer": "7", "seller": "11"},
            {"_id": "7.12", "buyer": "7", "seller": "12"},
            {"_id": "6.7", "buyer": "6", "seller": "7"},
            {"_id": "6.9", "buyer": "6", "seller": "9"},
        ]
    )
    for deleted in ("7.11", "7.12"):
        await services.delete_room(buyer, deleted)
    await services.send_message(person("12", Role.SELLER), message(**{"room_id": "7.12", "from": "12", "to": "7"}))
    as_buyer = [Membership(f"7.{seller}", Role.BUYER, seller) for seller in ("10", "12", "9")]

    async def visible(role: Role | None) -> list[Membership]:
        return sorted(await services.visible_rooms_of("7", role), key=lambda membership: membership.room_id)

    assert await visible(Role.BUYER) == as_buyer
    assert await visible(Role.SELLER) == [Membership("6.7", Role.SELLER, "6")]
    assert len(await visible(None)) == 4


async def test_a_token_of_one_side_neither_makes_a_room_nor_does_anything_in_one_on_the_other(
    database: Store, chat: Emitted, room: str
) -> None:
    seller = person("9", Role.BUYER)  # the seller of the room, whose token may speak for buyers alone
    assert await refusal(services.create_room(seller, wish(buyer="8", creator="9"))) == "role_not_allowed"
    assert await refusal(services.create_room(seller, wish(creator="9"))) == "role_not_allowed"
    answer = message(**{"from": "9", "to": "7"})
    assert await refusal(services.send_message(seller, answer)) == "role_not_allowed"
    typing = Typing(room_id=room, sender="9", recipient="7")
    assert await refusal(services.relay_typing(seller, typing_begins, typing)) == "role_not_allowed"
    seen = SeenMessages(
        room_id=room, sender="9", recipient="7", last_message_id="1", last_message_created_at="2020-10-11T00:13:35Z"
    )
    assert await refusal(services.mark_seen(seller, seen)) == "role_not_allowed"
    for act in (services.block_room, services.delete_room, services.enable_room, services.mark_room_seen):
        assert await refusal(act(seller, room)) == "role_not_allowed"
    assert await refusal(services.list_messages(seller, room, Excerpt(limit=15))) == "role_not_allowed"
    assert chat.all == []
    assert database.cz_rooms.count_documents({}) == 1


async def test_a_message_of_the_other_side_than_the_tokens_is_not_edited(chat: Emitted, room: str) -> None:
    sent = await services.send_message(person("9", Role.SELLER), message(**{"from": "9", "to": "7"}))
    assert await refusal(services.edit_message(person("9", Role.BUYER), sent.id, "hi")) == "role_not_allowed"


async def test_a_token_that_names_no_role_is_for_either_side(database: Store, chat: Emitted) -> None:
    either = dataclasses.replace(person("9", Role.BUYER), roles=frozenset(Role))
    answer = await services.create_room(either, wish(creator="9"))
    await services.send_message(either, message(**{"from": "9", "to": "7"}))
    assert answer.outcome is Outcome.CREATED


class NoRoomsWithNine(Policy):
    async def check_room(self, creator: str, request: CreateRoom) -> None:
        if request.seller == "9":
            raise Forbidden("not_with_nine", f"{creator} may have no room with 9")


async def test_a_policy_decides_who_may_have_a_room_with_whom(chat: Emitted, settings: Any) -> None:
    await services.create_room(person("7", Role.BUYER), wish())
    settings.POLICIES = [f"{__name__}.NoRoomsWithNine"]
    assert await refusal(services.create_room(person("8", Role.BUYER), wish(buyer="8", creator="8"))) == "not_with_nine"
    assert not await Room.objects.filter(pk="8.9").aexists()
    assert (await services.create_room(person("8", Role.BUYER), wish(buyer="8", seller="10", creator="8"))).room
    assert (await services.create_room(person("7", Role.BUYER), wish())).outcome is Outcome.EXISTED
