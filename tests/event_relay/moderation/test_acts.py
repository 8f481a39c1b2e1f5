"""What staff do to people, rooms and messages: each act once, under the key of the room or else of the user."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from conversations import services as chat_services
from event_relay.catch_up import batches_since
from event_relay.change_stream import watched_database
from event_relay.event import Event
from event_relay.sources import SOURCES
from identity import Identity
from moderation import services
from moderation.models import TargetKind
from moderation.payloads import NewReport
from moderation.staff import Staff
from tests.conversations.conftest import Emitted
from tests.event_relay.moderation.conftest import Told
from tests.event_relay.reading import Read
from tests.moderation.conftest import message

pytestmark = pytest.mark.slow
UNTIL = datetime(2100, 1, 1, tzinfo=UTC)


async def test_restrictions_of_a_user_are_told_under_the_users_id(
    chat: Emitted, read: Read, told: Told, mai: Staff
) -> None:
    muted = await services.mute(mai, "7", "spams", until=UNTIL)
    await services.ban(mai, "7", "spams on")
    await services.lift(mai, str(muted.pk), "an error")
    begun, banned, lifted = await told("7", "user.muted", "user.banned", "restriction.lifted")
    at = begun["data"].pop("at")
    assert begun["time"] == at
    assert begun["data"] == {
        "target_kind": "restriction",
        "target_id": str(muted.pk),
        "room_id": None,
        "user_id": "7",
        "restriction": "mute",
        "interval": None,
        "ends_at": "2100-01-01T00:00:00.000Z",
    }
    assert (banned["data"]["restriction"], banned["data"]["ends_at"]) == ("ban", None)
    assert lifted["data"]["restriction"] == "mute"
    assert lifted["subject"] == lifted["data"]["target_id"] == begun["subject"] == str(muted.pk)
    assert read.records[0].key() == b"7"


async def test_what_is_done_to_a_room_and_its_messages_is_told_in_its_order(
    chat: Emitted, room: str, buyer: Identity, read: Read, told: Told, mai: Staff
) -> None:
    await services.slow_down(mai, room, 30, "a quarrel", until=UNTIL)
    await services.close_room(mai, room, "a quarrel")
    await services.write_as_support(mai, room, "calm down")
    await services.reopen_room(mai, room, "calm again")
    sent = await chat_services.send_message(buyer, message("a joke"))
    slowed, closed, support, *_ = await told(
        room, "room.slowed", "room.closed", "message.created", "room.reopened", "message.created"
    )
    assert (slowed["data"]["restriction"], slowed["data"]["interval"]) == ("slow_mode", 30)
    assert (closed["subject"], closed["data"]["room_id"], closed["data"]["user_id"]) == (room, room, None)
    assert (support["data"]["from"], support["data"]["to"]) == ("support", "")
    assert sent.id == read.events[-1]["subject"]


async def test_a_redaction_is_told_once_and_a_restored_message_with_its_content(
    chat: Emitted, room: str, buyer: Identity, told: Told, mai: Staff
) -> None:
    sent = await chat_services.send_message(buyer, message("a joke"))
    await chat_services.edit_message(buyer, sent.id, "a good joke")
    for _ in range(2):
        await services.redact_message(mai, sent.id, "rude")
        await services.restore_message(mai, sent.id, "not rude")
    await services.redact_recent(mai, "7", 1, "spams")
    events = await told(
        room,
        "message.created",
        "message.updated",
        *("message.redacted", "message.updated", "message.restored") * 2,
        "message.redacted",
    )
    updated = [event for event in events if event["type"] == "message.updated"]
    assert [event["data"]["content"] for event in updated] == ["a good joke"] * 3
    assert len({event["time"] for event in updated}) == 3, "a restored message is dated when it was restored"
    assert {event["data"]["content"] for event in events if event["type"] == "message.redacted"} == {None}
    assert {event["subject"] for event in events} == {sent.id}


async def test_what_only_staff_should_know_is_not_told(
    chat: Emitted, room: str, buyer: Identity, read: Read, told: Told, mai: Staff
) -> None:
    """No names of staff, no reasons and notes, no reading and exporting, and nothing of how they divide their work."""
    sent = await chat_services.send_message(buyer, message("hello"))
    await services.redact_message(mai, sent.id, "reason: rude")
    await services.read_original(mai, sent.id, "reason: curious")
    await services.add_note(mai, TargetKind.USER, "7", "note: watch this one")
    list(await services.export_person(mai, "7", "reason: asked for it"))
    await services.restore_message(mai, sent.id, "reason: not rude")
    await services.ban(mai, "7", "reason: spams")
    await services.erase_person(mai, "7", "reason: the law")
    await told("7", "user.banned", "person.erased")
    await told(room, "message.created", "message.redacted", "message.updated", "message.restored", "message.redacted")
    for word in (b"mai", b"reason:", b"note:", b"10.0.0.1"):
        assert not any(word in (record.value() or b"") for record in read.records), word


def proven_since(since: datetime) -> list[Event]:
    return [event for batch in batches_since(watched_database(), SOURCES, since, None) for event in batch.events]


async def test_the_collections_prove_the_same_events_with_the_same_ids(
    chat: Emitted, room: str, buyer: Identity, seller: Identity, told: Told, mai: Staff
) -> None:
    since = datetime.now(UTC) - timedelta(seconds=1)
    sent = await chat_services.send_message(buyer, message("an insult"))
    reported = await services.report(seller, NewReport(target_type="message", target_id=sent.id, reason="spam"))
    await services.take(mai, str(reported.pk))
    await services.mute(mai, "7", "rude", until=UNTIL)
    await services.close_room(mai, room, "rude")
    await services.redact_message(mai, sent.id, "rude")
    await services.restore_message(mai, sent.id, "not rude")
    await services.dismiss(mai, str(reported.pk))
    in_room = ("room.closed", "message.redacted", "message.updated", "message.restored", "report.dismissed")
    live = await told("7", "user.muted") + await told(room, "message.created", "report.opened", *in_room)
    proven = await asyncio.to_thread(proven_since, since)
    untold = {event["id"] for event in live if event["type"] == "message.redacted"}
    assert [event.id for event in proven] == [event["id"] for event in live if event["id"] not in untold]
    assert all(event.recovered for event in proven)
    assert proven_since(datetime.now(UTC)) == []
