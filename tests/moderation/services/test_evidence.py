"""Evidence: a report keeps what was said when it was made; open reports and holds keep from retention and erasing."""

from __future__ import annotations

import datetime
import io
from dataclasses import dataclass
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from conversations import services as chat_services
from conversations.images import uploads
from conversations.services import REDACTED
from identity import Identity
from moderation import services
from moderation.models import Outcome, TargetKind
from moderation.payloads import NewReport
from moderation.services.retention import Retained, delete_older
from moderation.staff import Staff
from tests.conversations.conftest import Emitted
from tests.moderation.conftest import Store, acts, answer, message, refusal
from tests.moderation.pictures import MEDIA, picture, uploaded

NOW = datetime.datetime.now(datetime.UTC)
TOMORROW = NOW + datetime.timedelta(days=1)


@dataclass(frozen=True)
class Reporter:
    """Who reports."""

    user_id: str


async def reported(target_id: str, kind: Any = "message", *, by: str = "9") -> str:
    """The id of a new report."""
    report = await services.report(Reporter(by), NewReport(target_type=kind, target_id=target_id, reason="fraud"))
    return str(report.pk)


async def resolved(staff: Staff, report_id: str) -> None:
    await services.take(staff, report_id)
    await services.resolve(staff, report_id, [Outcome.WARNED])


def kept(database: Store, report_id: str) -> list[str]:
    """What was said, as a report keeps it."""
    evidence = database.moderation_evidence.find_one({"_id": report_id})
    assert evidence is not None
    return [each["content"] for each in evidence["said"]["messages"]]


def all_old(database: Store) -> None:
    """Forty days pass."""
    long_ago = NOW - datetime.timedelta(days=40)
    database.cz_messages.update_many({}, [{"$set": {"created_at": {"$subtract": ["$created_at", 40 * 86_400_000]}}}])
    last_at = {f"{side}_last_message.created_at": long_ago for side in ("buyer", "seller")}
    database.cz_rooms.update_many({"buyer_last_message": {"$ne": None}}, {"$set": last_at})
    for name, field in (("evidence", "kept_at"), ("heldmessage", "held_at"), ("filterhit", "at")):
        database[f"moderation_{name}"].update_many({}, {"$set": {field: long_ago}})
    database.conversations_upload.update_many({}, {"$set": {"uploaded_at": long_ago}})


def said(database: Store) -> list[str]:
    return [found["content"] for found in database.cz_messages.find(sort=[("_id", 1)])]


async def test_a_report_keeps_what_was_said_with_what_stands_around_it(
    chat: Emitted, database: Store, room: str, buyer: Identity, seller: Identity
) -> None:
    """Whatever it is edited to afterwards."""
    database.cz_rooms.update_one({"_id": room}, {"$set": {"buyer_info": {"name": "Mr. Transfer"}}})
    before = [await chat_services.send_message(seller, answer(f"before {number}")) for number in range(8)]
    sent = await chat_services.send_message(buyer, message("pay me directly"))
    for number in range(8):
        await chat_services.send_message(seller, answer(f"after {number}"))
    report = await reported(sent.id)
    await chat_services.edit_message(buyer, sent.id, "please pay in the app")
    await chat_services.edit_message(seller, before[7].id, "never mind")
    around = [f"before {number}" for number in range(3, 8)], [f"after {number}" for number in range(5)]
    assert kept(database, report) == [*around[0], "pay me directly", *around[1]]
    evidence = database.moderation_evidence.find_one({"_id": report})
    assert evidence is not None
    assert evidence["said"]["buyer_info"] == {"name": "Mr. Transfer"}
    assert "directly" not in str(list(database.cz_messages.find()))


@pytest.mark.parametrize(("kind", "target"), [("room", "7.9"), ("user", "7")])
async def test_a_report_of_a_room_or_a_user_keeps_the_latest_messages(
    chat: Emitted, database: Store, room: str, buyer: Identity, kind: str, target: str
) -> None:
    for number in range(14):
        await chat_services.send_message(buyer, message(f"text {number}"))
    assert kept(database, await reported(target, kind)) == [f"text {number}" for number in range(3, 14)]


async def test_a_report_keeps_the_pictures_that_it_shows(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    key = await uploaded("7")
    sent = await chat_services.send_message(buyer, picture(key))
    report = await reported(sent.id)
    database.moderation_revision.delete_many({})
    database.cz_messages.update_one({"_id": sent.id}, {"$set": {"content": "x"}, "$unset": {"image": ""}})
    all_old(database)
    uploads.let_go([key])
    await uploads.sweep()
    assert default_storage.exists(f"{key}.jpg")
    await resolved(mai, report)
    await delete_older(mai, 30)
    assert not default_storage.exists(f"{key}.jpg")
    assert MEDIA not in str(list(database.moderation_evidence.find()))


async def test_what_an_open_report_is_about_is_kept_from_retention_which_says_so(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    sent = await chat_services.send_message(buyer, message("pay me directly"))
    await chat_services.edit_message(buyer, sent.id, "please pay in the app")
    await chat_services.send_message(buyer, message("hello"))
    report = await reported(sent.id)
    all_old(database)
    assert await delete_older(mai, 30) == Retained(deleted=1, kept=1)
    assert said(database) == ["please pay in the app"]
    assert database.moderation_revision.count_documents({}) == database.moderation_evidence.count_documents({}) == 1
    await resolved(mai, report)
    assert await delete_older(mai, 30) == Retained(deleted=1, kept=0)
    for name in ("revision", "evidence"):
        assert database[f"moderation_{name}"].count_documents({}) == 0, name


@pytest.mark.parametrize(
    ("kind", "target", "left"),
    [
        (TargetKind.ROOM, "7.9", ["mine", "theirs"]),
        (TargetKind.USER, "7", ["mine"]),
        (TargetKind.USER, "8", []),
    ],
)
async def test_what_staff_hold_is_kept_until_the_hold_ends(
    chat: Emitted, database: Store, room: str, buyer: Identity, seller: Identity, mai: Staff,
    kind: TargetKind, target: str, left: list[str],
) -> None:  # fmt: skip
    await chat_services.send_message(buyer, message("mine"))
    await chat_services.send_message(seller, answer("theirs"))
    await services.place_hold(mai, kind, target, TOMORROW, "a court asks")
    all_old(database)
    assert (await delete_older(mai, 30)).kept == len(left)
    assert said(database) == left
    kept_last = database.cz_rooms.find_one({"_id": room})
    assert kept_last is not None
    assert ("buyer_last_message" in kept_last) == ("theirs" in left)
    changed = await services.erase_person(mai, "7", "request 12")
    assert changed["kept"] == ("mine" in left)
    assert said(database) == left
    database.moderation_legalhold.update_many({}, {"$set": {"ends_at": NOW}})
    await services.erase_person(mai, "7", "request 12")
    assert said(database) == [REDACTED if content == "mine" else content for content in left]
    await delete_older(mai, 30)
    assert said(database) == []


async def test_what_an_open_report_is_about_is_kept_from_erasing_until_it_is_closed(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    first = await chat_services.send_message(buyer, message("pay me directly"))
    await chat_services.send_message(buyer, message("my address"))
    report = await reported(first.id)
    await services.redact_message(mai, first.id, "fraud")
    other = await chat_services.send_message(buyer, message("pay me now"))
    second = await reported(other.id)
    changed = await services.erase_person(mai, "7", "request 12")
    assert (changed["messages"], changed["kept"]) == (1, 1)
    assert said(database) == [REDACTED, REDACTED, "pay me now"]
    assert database.moderation_redactedoriginal.count_documents({"content": "pay me directly"}) == 1
    assert "pay me directly" in kept(database, report)
    await resolved(mai, report)
    await resolved(mai, second)
    assert (await services.erase_person(mai, "7", "request 12"))["kept"] == 0
    everything = str([list(database[name].find()) for name in database.list_collection_names()])
    assert "pay me" not in everything and "my address" not in everything


def test_the_commands_say_what_was_kept(chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff) -> None:
    async_to_sync(chat_services.send_message)(buyer, message("mine"))
    async_to_sync(services.place_hold)(mai, TargetKind.USER, "7", TOMORROW, "a court asks")
    output, errors = io.StringIO(), io.StringIO()
    call_command("erase_person", "7", "--reason", "x", "--yes", stdout=output, stderr=errors)
    assert "1 messages of user 7 were kept: open reports or holds of staff cover them" in errors.getvalue()
    all_old(database)
    call_command("retain_messages", "--days", "30", stdout=output, stderr=errors)
    assert "1 as old were kept: open reports or holds of staff cover them" in output.getvalue()


async def test_a_hold_needs_a_reason_a_target_and_an_end_and_is_lifted_once(
    database: Store, room: str, mai: Staff
) -> None:
    hold = services.place_hold
    assert await refusal(hold(mai, TargetKind.ROOM, room, TOMORROW, " ")) == "validation_failed"
    assert await refusal(hold(mai, TargetKind.ROOM, room, NOW, "a court")) == "validation_failed"
    assert await refusal(hold(mai, TargetKind.ROOM, "1.2", TOMORROW, "a court")) == "target_not_found"
    assert await refusal(hold(mai, TargetKind.MESSAGE, "none", TOMORROW, "a court")) == "target_not_found"
    placed = await hold(mai, TargetKind.ROOM, room, TOMORROW, "a court")
    await services.lift_hold(mai, str(placed.pk), "done")
    assert await refusal(services.lift_hold(mai, str(placed.pk), "done")) == "hold_over"
    assert await refusal(services.lift_hold(mai, "none", "done")) == "hold_not_found"
    assert acts(database) == ["hold.placed", "hold.lifted"]


@pytest.mark.usefixtures("roles")
def test_staff_with_the_permission_see_it_as_reported_and_as_it_is_now(
    chat: Emitted, database: Store, room: str, buyer: Identity,
    support: Client, lead: Client,
) -> None:  # fmt: skip
    sent = async_to_sync(chat_services.send_message)(buyer, message("pay me directly"))
    async_to_sync(chat_services.edit_message)(buyer, sent.id, "pay me at account 123")
    page = reverse("admin:moderation_report_change", args=[async_to_sync(reported)(sent.id)])
    async_to_sync(chat_services.edit_message)(buyer, sent.id, "please pay in the app")
    for client in (support, lead):
        text = client.get(page).text
        assert "As reported" in text and "As it is now" in text and "edited since" in text
        assert all(each in text for each in ("pay me directly", "pay me at account 123", "please pay in the app"))
    async_to_sync(services.redact_message)(Staff.at_the_console("test"), sent.id, "fraud")
    assert "pay me" not in support.get(page).text
    assert "pay me directly" in lead.get(page).text and "pay me at account 123" in lead.get(page).text


async def test_a_message_is_edited_within_the_window_alone(
    chat: Emitted, database: Store, room: str, buyer: Identity, settings: Settings
) -> None:
    sent = await chat_services.send_message(buyer, message("hello"))
    settings.EDIT_WINDOW = 60
    await chat_services.edit_message(buyer, sent.id, "hello!")
    all_old(database)
    assert await refusal(chat_services.edit_message(buyer, sent.id, "something else")) == "edit_window_over"
    settings.EDIT_WINDOW = 0
    await chat_services.edit_message(buyer, sent.id, "something else")
