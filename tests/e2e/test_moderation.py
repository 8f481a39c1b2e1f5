"""What staff do reaches users on every process, whichever process it was done in."""

import textwrap
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from pymongo.database import Database

from tests.clients.client import Client, Refused
from tests.eventually import eventually

from .conftest import Connect, NewRoom
from .job import Job
from .people import Person, Room
from .server_process import ServerProcess

Stored = Database[dict[str, Any]]

pytestmark = pytest.mark.slow


ACT = """
import asyncio, datetime
from django.utils import timezone
from moderation import services
from moderation.models import MessageFilter
from moderation.staff import Staff

staff = Staff.at_the_console("e2e")

def soon(seconds):
    return timezone.now() + datetime.timedelta(seconds=seconds)

async def act():
{lines}

asyncio.run(act())
"""


class Moderator:
    """Staff at work in a process without sockets; `staff`, `services`, `MessageFilter` and `soon` are at hand."""

    def __init__(self, job: Job) -> None:
        self._job = job

    async def do(self, *lines: str, **names: Any) -> None:
        """Run these lines of a coroutine, in which `names` are known, too."""
        await self._job.do(ACT.format(lines=textwrap.indent("\n".join(lines), "    ")), **names)


@pytest.fixture
def moderator(job: Job) -> Moderator:
    return Moderator(job)


@pytest_asyncio.fixture(loop_scope="session")
async def without_filters(moderator: Moderator) -> AsyncIterator[None]:
    """Filters are of all rooms, so none may stay for the tests that follow."""
    yield
    await moderator.do("async for each in MessageFilter.objects.all(): await services.delete_filter(staff, each)")


async def code_of(sender: Client, room: Room, person: Person, content: str = "hello") -> str:
    """What a message is answered with: the code of its refusal, or "sent"."""
    answer = await sender.ask("new_message", room.message(person, content))
    return "sent" if answer["status"] else answer["error"]["code"]


async def test_a_ban_ends_all_connections_and_lets_in_none_until_it_ends(
    version: str, connect: Connect, room: Room, second_server: ServerProcess, moderator: Moderator
) -> None:
    phone, tablet = await connect(room.buyer, version), await connect(room.buyer, version, to=second_server)
    seller = await connect(room.seller)
    await moderator.do("await services.ban(staff, user, 'fraud', until=soon(3))", user=room.buyer.user_id)
    for device in (phone, tablet):
        assert await device.disconnected() == "io server disconnect"
    assert (await seller.expect("user_status_change", room_id=room.id, status=False))["status"] is False
    for to in ({}, {"to": second_server}):
        with pytest.raises(Refused) as refused:
            await connect(room.buyer, version, **to)
        if version != "2.3.1":
            assert refused.value.data["code"] == "banned"
        assert "Authentication Error" in str(refused.value.message)

    async def is_back() -> bool:
        try:
            again = await connect(room.buyer, version)
        except Refused:
            return False
        return await code_of(again, room, room.buyer, "back again") == "sent"

    await eventually(is_back)
    await seller.expect("new_message", content="back again")


async def test_a_live_socket_cannot_become_somebody_who_is_banned(
    connect: Connect, new_room: NewRoom, moderator: Moderator
) -> None:
    banned, other = new_room().buyer, new_room().buyer
    await moderator.do("await services.ban(staff, user, 'fraud')", user=banned.user_id)
    device = await connect(other)
    answer = await device.ask("verify_user", banned.identity())
    assert (answer["status"], answer["error"]["code"]) == (False, "banned")
    assert await device.expect("verify_user") == {"status": False}
    await device.disconnected()


async def test_a_mute_holds_on_every_process_and_ends_when_it_is_lifted(
    connect: Connect, room: Room, second_server: ServerProcess, moderator: Moderator, database: Stored
) -> None:
    here, there = await connect(room.buyer), await connect(room.buyer, to=second_server)
    seller = await connect(room.seller, to=second_server)
    assert await code_of(here, room, room.buyer) == "sent"
    await moderator.do("await services.mute(staff, user, 'insults')", user=room.buyer.user_id)
    for device in (here, there):

        async def is_muted(device: Client = device) -> bool:
            return await code_of(device, room, room.buyer) == "muted"

        await eventually(is_muted)
        assert (await device.expect("event_error"))["code"] == "muted"
    assert await code_of(seller, room, room.seller, "I may still write") == "sent"
    await here.expect("new_message", content="I may still write")
    muted = database["moderation_restriction"].find_one({"user_id": room.buyer.user_id})
    assert muted is not None
    await moderator.do("await services.lift(staff, restriction, 'enough')", restriction=str(muted["_id"]))
    for device in (here, there):

        async def is_free(device: Client = device) -> bool:
            return await code_of(device, room, room.buyer) == "sent"

        await eventually(is_free)


async def test_slow_mode_counts_a_sides_messages_on_all_processes_together(
    connect: Connect, room: Room, second_server: ServerProcess, moderator: Moderator
) -> None:
    here, there = await connect(room.buyer), await connect(room.buyer, to=second_server)
    seller = await connect(room.seller)
    await moderator.do("await services.slow_down(staff, room, 600, 'a quarrel')", room=room.id)

    async def is_slow(device: Client = here) -> bool:
        return await code_of(device, room, room.buyer) == "slow_mode"

    await eventually(is_slow)
    await eventually(lambda: is_slow(there))
    assert await code_of(seller, room, room.seller) == "sent"
    assert await code_of(seller, room, room.seller) == "slow_mode"


async def test_a_redacted_message_vanishes_for_both_sides_and_comes_back_when_restored(
    version: str, connect: Connect, room: Room, second_server: ServerProcess, moderator: Moderator, database: Stored
) -> None:
    buyer, seller = await connect(room.buyer, version), await connect(room.seller, version, to=second_server)
    message = (await buyer.ask("new_message", room.message(room.buyer, "rude")))["message"]
    await moderator.do(
        "await services.redact_message(staff, message, 'rude')",
        "await services.restore_message(staff, message, 'not so rude')",
        message=message["_id"],
    )
    for device in (buyer, seller):
        redacted = await device.expect("message_redacted")
        assert redacted.items() >= {"_id": message["_id"], "room_id": room.id, "from": room.buyer.user_id}.items()
        assert "rude" not in str(redacted)
        restored = await device.expect("message_updated")
        assert restored == {**message, "updated_at": restored["updated_at"]}
        assert restored["updated_at"] > message["updated_at"]


async def test_a_filter_is_live_on_every_process(
    connect: Connect, room: Room, second_server: ServerProcess, moderator: Moderator, without_filters: None
) -> None:
    here, there = await connect(room.buyer), await connect(room.buyer, to=second_server)
    seller = await connect(room.seller)
    await moderator.do(
        "await services.save_filter(staff, MessageFilter(name='r', kind='words', patterns='swindle', action='refuse'))",
        "await services.save_filter(staff, MessageFilter(name='h', kind='regex', patterns='zalo', action='hold'))",
    )
    for device in (here, there):

        async def refuses(device: Client = device) -> bool:
            return await code_of(device, room, room.buyer, "a Swindle!") == "message_refused"

        await eventually(refuses)
        assert await code_of(device, room, room.buyer, "my Zalo is …") == "held_for_review"
        assert await code_of(device, room, room.buyer, "a bargain") == "sent"
    assert "my Zalo is …" not in [event["content"] for event in seller.received("new_message")]


async def test_closing_a_room_and_writing_into_it_is_seen_by_both_sides(
    version: str, connect: Connect, room: Room, second_server: ServerProcess, moderator: Moderator
) -> None:
    buyer, seller = await connect(room.buyer, version), await connect(room.seller, version, to=second_server)
    await moderator.do(
        "await services.close_room(staff, room, 'a quarrel')",
        "await services.write_as_support(staff, room, 'We have closed this room.')",
        room=room.id,
    )
    for device, person in ((buyer, room.buyer), (seller, room.seller)):
        assert (await device.expect("room_closed"))["room_id"] == room.id
        message = await device.expect("new_message", from_="support")
        assert (message["to"], message["type"], message["content"]) == (
            person.user_id, "TEXT", "We have closed this room.",
        )  # fmt: skip
        assert await code_of(device, room, person) == "room_closed"
    await moderator.do("await services.reopen_room(staff, room, 'peace')", room=room.id)
    for device in (buyer, seller):
        assert (await device.expect("room_opened"))["room_id"] == room.id
    assert await code_of(buyer, room, room.buyer) == "sent"


async def test_a_report_is_acknowledged_and_waits_for_staff(
    version: str, connect: Connect, room: Room, database: Stored
) -> None:
    buyer, seller = await connect(room.buyer, version), await connect(room.seller)
    message = (await seller.ask("new_message", room.message(room.seller, "rude")))["message"]
    report = {"target_type": "message", "target_id": message["_id"], "reason": "harassment", "text": "see for yourself"}
    first, second = await buyer.ask("report", report), await buyer.ask("report", report)
    assert first["status"] is True
    assert first == second
    stored = list(database["moderation_report"].find({"room_id": room.id}))
    assert [(found["reporter"], found["user_id"], found["state"]) for found in stored] == [
        (room.buyer.user_id, room.seller.user_id, "open")
    ]
    wrong = await buyer.ask("report", {**report, "target_id": "nothing"})
    assert wrong["error"]["code"] == "target_not_found"
    wrong = await buyer.ask("report", {**report, "reason": "because"})
    assert wrong["error"]["code"] == "validation_failed"
    assert (await buyer.expect("event_error", event="report"))["code"] == "target_not_found"
