"""Rooms of many users at once: a few questions to MongoDB, and each user gets their own."""

from __future__ import annotations

import asyncio
from typing import Any

from pymongo.database import Database

from conversations import services
from conversations.services import Membership
from conversations.services.memberships import QUESTIONS_AT_ONCE
from identity import Role
from tests.conversations.commands import ASKED, unanswered

Store = Database[dict[str, Any]]


async def test_who_come_together_are_looked_up_together(database: Store) -> None:
    users = [str(number) for number in range(100, 100 + 2 * QUESTIONS_AT_ONCE)]
    database.cz_rooms.insert_many(
        [{"_id": f"{user}.9", "buyer": user, "seller": "9"} for user in users]
        + [{"_id": f"9.{user}", "buyer": "9", "seller": user, "deleted_by_seller": True} for user in users]
    )
    with ASKED.recording() as commands:
        seen, seen_by_others = await asyncio.gather(
            asyncio.gather(*(services.visible_rooms_of(user, Role.BUYER) for user in users)),
            asyncio.gather(*(services.rooms_visible_to_others(user) for user in users)),
        )
    for user, own, all_of_them in zip(users, seen, seen_by_others, strict=True):
        assert own == [Membership(f"{user}.9", Role.BUYER, "9")]
        assert sorted(all_of_them) == [own[0], Membership(f"9.{user}", Role.SELLER, "9")]
    visits = 2 * len(users) / QUESTIONS_AT_ONCE + 1
    most = 2 * 2 * visits
    assert len(commands) <= most, "two sides a visit, each in two where the engine takes 25 keys"
    assert unanswered(database, commands) == []


async def test_one_user_asked_for_in_several_ways_at_once(database: Store) -> None:
    database.cz_rooms.insert_many(
        [
            {"_id": "7.9", "buyer": "7", "seller": "9", "deleted_by_buyer": True},
            {"_id": "7.8", "buyer": "7", "seller": "8", "deleted_by_seller": True},
            {"_id": "6.7", "buyer": "6", "seller": "7"},
        ]
    )
    answers = await asyncio.gather(
        services.visible_rooms_of("9"),
        *(services.visible_rooms_of("7", role) for role in (Role.BUYER, Role.SELLER, None)),
        services.rooms_visible_to_others("7"),
    )
    found = [{membership.room_id for membership in answer} for answer in answers]
    assert found == [{"7.9"}, {"7.8"}, {"6.7"}, {"7.8", "6.7"}, {"7.9", "6.7"}]
