"""`active_user_list` and `user_status_change`: who is told what about whom (contract, section 2)."""

from __future__ import annotations

import asyncio
import datetime
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

import presence
from conversations import announcements
from conversations.sockets import statuses
from conversations.sockets.reannouncing import announce_change
from conversations.sockets.statuses import USERS_AT_ONCE, announce_status, send_active_user_list
from identity import Identity, Role
from persistence.availability import StoreUnavailable
from presence import Presence
from presence.registry import Registry
from socketio_bridge import Outgoing
from tests.conversations.commands import ASKED
from tests.conversations.conftest import Rooms
from tests.eventually import eventually

EARLIER = datetime.datetime(2020, 10, 11)
LATER = datetime.datetime(2020, 10, 12)


@dataclass
class Told:
    """What went out, in the order in which the channel layer had it: (event, payload, to whom)."""

    all: list[tuple[str, Any, list[str]]] = field(default_factory=list)
    on_flush: Callable[[], Any] | None = None

    def changes(self) -> list[tuple[str, str, str, bool]]:
        """Every `user_status_change`: (told to, role of who came or went, room, status)."""
        return [
            (to[0], change["user_role"], change["room_id"], change["status"])
            for event, change, to in self.all
            if event == "user_status_change"
        ]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    recorder = Told()

    async def emit(event: Outgoing[None], *, to: list[str], namespace: str, except_: list[str] | None = None) -> None:
        [payload] = event.arguments
        recorder.all.append((event.name, msgspec.json.decode(msgspec.json.encode(payload)), to))

    async def flush() -> None:
        if recorder.on_flush is not None:
            await recorder.on_flush()

    monkeypatch.setattr(statuses, "emit", emit)
    monkeypatch.setattr(announcements, "emit", emit)
    monkeypatch.setattr(statuses, "flush", flush)
    return recorder


@pytest.fixture
async def here(settings: Any) -> AsyncIterator[Presence]:
    """The presence of this process, in a cluster of this test's own."""
    settings.PRESENCE = {"heartbeat": 0.1, "expiry": 0.5, "prefix": f"test:{uuid.uuid4().hex}:"}
    yield presence.current()
    await presence.stop_current()


def identity(user_id: str, role: Role) -> Identity:
    return Identity(user_id=user_id, role=role, token="", expires_at=float("inf"), roles=frozenset([role]))


async def test_the_list_names_each_visible_room_of_the_side_and_whether_the_other_is_online(
    told: Told, here: Presence, rooms: Rooms
) -> None:
    rooms(("7", "9"), ("7", "10"), ("7", "11"), ("12", "7"), ("8", "9"))
    await here.enter("9", "s")
    await here.enter("12", "s")
    await send_active_user_list(identity("7", Role.BUYER), time.monotonic())
    [(event, payload, to)] = told.all
    assert (event, to) == ("active_user_list", ["7"])
    payload["rooms"].sort(key=lambda room: room["room_id"])
    assert payload.pop("since")
    assert payload == {
        "user_id": "7",
        "user_role": "BUYER",
        "rooms": [
            {"room_id": "7.10", "status": False},
            {"room_id": "7.11", "status": False},
            {"room_id": "7.9", "status": True},
        ],
    }
    await send_active_user_list(identity("7", Role.SELLER), time.monotonic())
    assert told.all[1][1].items() >= {"user_role": "SELLER", "rooms": [{"room_id": "12.7", "status": True}]}.items()


async def test_an_empty_list_is_sent_too(told: Told, here: Presence, rooms: Rooms) -> None:
    rooms(("7", "9"), deleted_by_buyer=True)
    await send_active_user_list(identity("7", Role.BUYER), time.monotonic())
    [(_, payload, _)] = told.all
    assert payload.items() >= {"user_id": "7", "user_role": "BUYER", "rooms": []}.items()


async def test_a_change_is_told_once_a_room_to_the_other_side_with_the_users_role_there(
    told: Told, here: Presence, rooms: Rooms
) -> None:
    rooms(("7", "9"), ("7", "10"), ("12", "7"), ("8", "9"))
    for user in ("7", "9", "10", "12"):
        await here.enter(user, "s")
    await announce_status("7")
    assert sorted(told.changes()) == [
        ("10", "BUYER", "7.10", True),
        ("12", "SELLER", "12.7", True),
        ("9", "BUYER", "7.9", True),
    ]
    assert all(change["user_id"] == "7" for _, change, _ in told.all)
    told.all.clear()
    await here.leave("7", "s")
    await announce_status("7")
    assert sorted(told.changes()) == [
        ("10", "BUYER", "7.10", False),
        ("12", "SELLER", "12.7", False),
        ("9", "BUYER", "7.9", False),
    ]


async def test_only_those_who_are_online_are_told(told: Told, here: Presence, rooms: Rooms) -> None:
    rooms(("7", "9"), ("7", "10"))
    await here.enter("7", "s")
    await here.enter("10", "s")
    await announce_status("7")
    assert told.changes() == [("10", "BUYER", "7.10", True)]


async def test_who_has_deleted_the_room_is_not_told_and_who_sees_it_is(
    told: Told, here: Presence, rooms: Rooms
) -> None:
    """Deletion hides a room for one side alone: the other still shows the user's status, and must get it right."""
    rooms(("7", "9"), deleted_by_seller=True, seller_deleted_at=EARLIER)
    rooms(("7", "10"), deleted_by_buyer=True, buyer_deleted_at=EARLIER)
    rooms(
        ("7", "11"),
        deleted_by_seller=True,
        seller_deleted_at=EARLIER,
        seller_last_message={"_id": "m", "created_at": LATER},
    )
    for user in ("7", "9", "10", "11"):
        await here.enter(user, "s")
    await announce_status("7")
    assert sorted(told.changes()) == [("10", "BUYER", "7.10", True), ("11", "BUYER", "7.11", True)]


async def test_a_change_while_it_is_told_is_told_after_it(told: Told, here: Presence, rooms: Rooms) -> None:
    rooms(("7", "9"))
    await here.enter("9", "s")
    await here.enter("7", "s")
    flaps = iter([here.leave, here.enter, here.leave])

    async def flap() -> None:
        for change in flaps:
            await change("7", "s")
            return

    told.on_flush = flap
    await announce_status("7")
    assert [status for *_, status in told.changes()] == [True, False, True, False]


async def test_announcements_of_one_user_at_once_are_one(told: Told, here: Presence, rooms: Rooms) -> None:
    rooms(("7", "9"))
    await here.enter("9", "s")
    await here.enter("7", "s")
    await asyncio.gather(*(announce_status("7") for _ in range(20)))
    assert told.changes() == [("9", "BUYER", "7.9", True)]
    await announce_status("7")
    assert len(told.changes()) == 2, "a later one is another"


async def test_a_change_that_comes_as_an_announcement_ends_is_told_too(
    told: Told, here: Presence, rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its last look at presence and the loop's next turn nobody may join it."""
    rooms(("7", "9"))
    await here.enter("9", "s")
    await here.enter("7", "s")
    late: list[asyncio.Task[None]] = []
    real = here.online

    async def online(users: Iterable[str]) -> set[str]:
        asked = list(users)
        found = await real(asked)
        if asked == ["7"] and not late:  # the last look
            await here.leave("7", "s")
            late.append(asyncio.create_task(announce_status("7")))
        return found

    monkeypatch.setattr(here, "online", online)
    await announce_status("7")
    await late[0]
    assert [status for *_, status in told.changes()] == [True, False]


async def test_a_caller_that_gives_up_leaves_the_announcement_to_the_others(
    told: Told, here: Presence, rooms: Rooms
) -> None:
    rooms(("7", "9"))
    await here.enter("9", "s")
    await here.enter("7", "s")
    impatient, patient = (asyncio.create_task(announce_status("7")) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    assert len(told.changes()) == 1


async def test_a_user_who_died_with_another_process_is_announced_by_this_one(
    told: Told, here: Presence, rooms: Rooms, settings: Any
) -> None:
    rooms(("7", "9"))
    await here.enter("9", "s")

    async def nothing(user_id: str) -> None: ...

    presence.on_change(announce_change)
    dying = Presence(settings.REDIS_ADDRESS, on_offline=nothing, on_online=nothing, **settings.PRESENCE)
    await dying.enter("7", "s")
    await dying.stop()  # says no more, and leaves its users
    await eventually(told.changes)
    assert told.changes() == [("9", "BUYER", "7.9", False)]


async def test_a_store_that_is_away_fails_the_announcement_and_not_the_next_one(
    told: Told, here: Presence, rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms(("7", "9"))
    await here.enter("9", "s")
    await here.enter("7", "s")

    async def away(user_id: str) -> Any:
        raise StoreUnavailable("the database is away")

    with monkeypatch.context() as context:
        context.setattr(statuses, "rooms_visible_to_others", away)
        with pytest.raises(StoreUnavailable):
            await announce_status("7")
    await announce_status("7")
    assert len(told.changes()) == 1


async def test_users_who_connect_in_one_moment_are_looked_up_and_told_together(
    told: Told, here: Presence, rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    buyers = [str(number) for number in range(100, 100 + USERS_AT_ONCE)]
    rooms(*((buyer, "9") for buyer in buyers), *((buyer, "elsewhere") for buyer in buyers))
    await here.enter("9", "s")
    for buyer in buyers:
        await here.enter(buyer, "s")
    asked: list[int] = []
    ask = Registry.online

    async def counted(registry: Registry, users: Any) -> Any:
        asked.append(len(users))
        return await ask(registry, users)

    monkeypatch.setattr(Registry, "online", counted)
    with ASKED.recording() as commands:
        await asyncio.gather(
            *(send_active_user_list(identity(buyer, Role.BUYER), time.monotonic()) for buyer in buyers),
            *(announce_status(buyer) for buyer in buyers),
        )
    lists = {payload["user_id"]: payload["rooms"] for event, payload, _ in told.all if event == "active_user_list"}
    assert {buyer: {room["room_id"]: room["status"] for room in of_buyer} for buyer, of_buyer in lists.items()} == {
        buyer: {f"{buyer}.9": True, f"{buyer}.elsewhere": False} for buyer in buyers
    }
    assert sorted(told.changes()) == [("9", "BUYER", f"{buyer}.9", True) for buyer in buyers]
    assert len(commands) <= 10
    assert len(asked) <= 3


async def test_a_seller_with_thousands_of_rooms_costs_one_question_and_a_few_emits(
    told: Told, here: Presence, rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms(*((f"b{number}", "9") for number in range(5_000)))
    await here.enter("9", "s")
    for number in range(3):
        await here.enter(f"b{number}", "s")
    asked: list[int] = []
    ask = Registry.online

    async def counted(registry: Registry, users: Any) -> Any:
        asked.append(len(users))
        return await ask(registry, users)

    monkeypatch.setattr(Registry, "online", counted)
    await announce_status("9")
    assert asked == [4_997]
    assert len(told.changes()) == 3
