"""A picture goes when nothing shows it any more, whoever names it and however; while it is redacted nobody sees it."""

from __future__ import annotations

import datetime
import io
from dataclasses import dataclass
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone
from pymongo.errors import AutoReconnect

from conversations import services as chat_services
from conversations.images import uploads
from conversations.images.files import new_key, store_image
from identity import Identity, Role
from moderation import services
from moderation.models import AuditRecord
from moderation.payloads import NewReport
from moderation.services.retention import delete_older
from moderation.staff import Staff
from persistence.mongodb import in_store_thread
from tests.conversations.api.pictures import opened, photo
from tests.conversations.commands import ASKED, unanswered
from tests.conversations.conftest import Emitted, person
from tests.moderation.admin.conftest import signed_in, staff
from tests.moderation.conftest import Store, message, refusal
from tests.moderation.pictures import MEDIA, picture, uploaded


@dataclass(frozen=True)
class Reporter:
    """Who reports."""

    user_id: str


async def readable(key: str) -> list[bool]:
    """Whether anybody gets the picture and the small one, and a browser that has it hears that it is still there."""
    answers = [
        await AsyncClient().get(f"{MEDIA}{name}.jpg", headers=headers)
        for name in (key, f"{key}.small")
        for headers in ({}, {"If-None-Match": f'"{name}.jpg"'})
    ]
    assert {answer.status_code for answer in answers} <= {200, 304, 404}
    return [answer.status_code != 404 for answer in answers]


def files(key: str) -> bool:
    return default_storage.exists(f"{key}.jpg") and default_storage.exists(f"{key}.small.jpg")


def age(database: Store, days: int, *message_ids: str) -> None:
    """Time passes: for uploads, and for these messages."""
    milliseconds = days * 86_400_000
    for collection, name, chosen in (
        (database.cz_messages, "created_at", {"_id": {"$in": list(message_ids)}}),
        (database.conversations_upload, "uploaded_at", {}),
        (database.conversations_upload, "due_at", {"due_at": {"$ne": None}}),
    ):
        earlier = {"$subtract": [f"${name}", milliseconds]}
        collection.update_many(chosen, [{"$set": {name: earlier}}])


@pytest.fixture
def other_room(database: Store) -> str:
    """Of seller 9 with another buyer."""
    database.cz_rooms.insert_one({"_id": "8.9", "type": "BS", "creator": "8", "buyer": "8", "seller": "9"})
    return "8.9"


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("{media}{key}.jpg", id="the same address"),
        pytest.param("{media}{key}.jpg?x=1", id="with a query"),
        pytest.param("http://testserver{media}{key}.jpg#x", id="under another name of this server"),
        pytest.param("{media}{key}.small.jpg", id="the small one"),
        pytest.param("{media}2026%2F11%2F{name}.jpg", id="escaped"),
    ],
)
async def test_a_picture_stays_while_any_message_shows_it(
    chat: Emitted, database: Store, room: str, other_room: str, buyer: Identity, seller: Identity, mai: Staff,
    address: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """In another room, of another person, however the address is written."""
    key = f"2026/11/{new_key().rpartition('/')[2]}"
    await uploads.note_upload(key, "7")
    await store_image(SimpleUploadedFile("photo.jpg", photo(), "image/jpeg"), key)
    first = await chat_services.send_message(buyer, picture(key))
    monkeypatch.setattr("conversations.services.messages.require_content", lambda kind, content: None)
    content = address.format(media=MEDIA, key=key, name=key.rpartition("/")[2])
    fields = {"room_id": other_room, "from": "9", "to": "8", "type": "IMAGE"}
    second = await chat_services.send_message(seller, message(content, **fields))
    age(database, 40, first.id)
    assert (await delete_older(mai, 30)).deleted == 1
    assert files(key)
    age(database, 40, second.id)
    assert (await delete_older(mai, 30)).deleted == 1
    assert not files(key)
    assert database.conversations_upload.count_documents({}) == 0


async def test_who_names_a_picture_of_somebody_else_destroys_nothing(
    chat: Emitted, database: Store, room: str, other_room: str, buyer: Identity, mai: Staff
) -> None:
    """Erased, redacted or edited: also before its owner has sent it."""
    key = await uploaded("7")
    eight = person("8", Role.BUYER)
    for _ in range(3):
        named = await chat_services.send_message(eight, picture(key, **{"room_id": other_room, "from": "8"}))
    await services.redact_message(mai, named.id, "not theirs")
    await services.erase_person(mai, "8", "request 12")
    await uploads.sweep()
    assert files(key)
    await chat_services.send_message(buyer, picture(key))
    named = await chat_services.send_message(eight, picture(key, **{"room_id": other_room, "from": "8"}))
    await services.redact_message(mai, named.id, "not theirs")
    age(database, 2)
    await services.erase_person(mai, "8", "request 12")
    await uploads.sweep()
    assert all(await readable(key))


async def test_uploads_that_no_message_carries_go_after_a_day(
    chat: Emitted, database: Store, room: str, buyer: Identity
) -> None:
    sent, unsent = await uploaded("7"), await uploaded("7")
    await chat_services.send_message(buyer, picture(sent))
    await uploads.sweep()
    assert files(sent) and files(unsent)
    age(database, 1)
    assert await uploads.sweep() == 2
    assert files(sent) and not files(unsent)
    assert await uploads.sweep() == 0


async def test_each_upload_looks_at_some_that_are_due(
    chat: Emitted, database: Store, room: str, buyer_app: Any
) -> None:
    unsent = await uploaded("7")
    age(database, 1)
    form = {"file": SimpleUploadedFile("photo.jpg", photo(), "image/jpeg")}
    answer = await AsyncClient().post("/v1/conversations/uploads", form, headers=buyer_app.headers)
    assert answer.status_code == 200
    assert not files(unsent)


async def test_a_redacted_picture_is_not_read_at_its_address_until_it_is_restored(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    key = await uploaded("7")
    sent = await chat_services.send_message(buyer, picture(key))
    again = await chat_services.send_message(buyer, picture(key))
    assert all(await readable(key))
    await services.redact_message(mai, sent.id, "rude")
    assert not any(await readable(key)), "not by the sender's other message either"
    await uploads.sweep()
    age(database, 2)
    await uploads.sweep()
    assert not any(await readable(key))
    await services.restore_message(mai, sent.id, "not rude")
    assert all(await readable(key))
    assert again.content == sent.content


async def test_a_picture_of_which_no_upload_is_noted_is_withheld_each_time_that_its_message_is_redacted(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    key = await uploaded("7")
    database.conversations_upload.delete_one({"_id": key})
    sent = await chat_services.send_message(buyer, picture(key))
    for _ in range(2):
        await services.redact_message(mai, sent.id, "rude")
        assert not any(await readable(key))
        await services.restore_message(mai, sent.id, "not rude")
        assert all(await readable(key))


async def test_a_picture_that_was_edited_away_is_withheld_with_the_message(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    key, other = await uploaded("7"), await uploaded("7")
    sent = await chat_services.send_message(buyer, picture(key))
    await chat_services.edit_message(buyer, sent.id, f"{MEDIA}{other}.jpg")
    await services.redact_message(mai, sent.id, "rude")
    assert not any(await readable(key)) and not any(await readable(other))


@pytest.mark.usefixtures("roles")
def test_leads_see_a_redacted_picture_and_support_one_that_was_reported(
    chat: Emitted,
    database: Store,
    room: str,
    buyer: Identity,
    support: Client,
    lead: Client,
) -> None:
    key = async_to_sync(uploaded)("7")
    sent = async_to_sync(chat_services.send_message)(buyer, picture(key))
    report = async_to_sync(services.report)(
        Reporter("9"), NewReport(target_type="message", target_id=sent.id, reason="fraud")
    )
    page = reverse("admin:moderation_report_change", args=[report.pk])
    address = reverse("admin:moderation_picture", args=[key])
    assert address in support.get(page).text
    assert [client.get(address).status_code for client in (support, lead)] == [200, 200]
    async_to_sync(services.redact_message)(Staff.at_the_console("test"), sent.id, "rude")
    assert address not in support.get(page).text and address in lead.get(page).text
    assert [client.get(address).status_code for client in (support, lead)] == [403, 200]
    asked = {"message": sent.id, "reason": "an appeal"}
    act = reverse("admin:conversations_room_act", args=[room, "original"])
    answer = lead.post(act, asked, headers={"Accept": "application/json"})
    assert answer.json()["original"] == address
    assert opened(lead.get(address).content).size == (60, 40)
    assert Client().get(address).status_code == 302


@pytest.mark.usefixtures("roles")
def test_who_has_just_redacted_a_picture_sees_it_until_the_report_is_closed(
    chat: Emitted, database: Store, room: str, buyer: Identity, support: Client
) -> None:
    key = async_to_sync(uploaded)("7")
    sent = async_to_sync(chat_services.send_message)(buyer, picture(key))
    report = async_to_sync(services.report)(
        Reporter("9"), NewReport(target_type="message", target_id=sent.id, reason="fraud")
    )
    page = reverse("admin:moderation_report_change", args=[report.pk])
    address = reverse("admin:moderation_picture", args=[key])
    support.post(page, {"act": "take"})
    decision = {"outcomes": ["redacted"], "note": "rude"}
    support.post(page, {"act": "do", **decision})
    assert address in support.get(page).text
    colleague = signed_in(staff("an", "Support"))
    assert [client.get(address).status_code for client in (support, colleague)] == [200, 403]
    support.post(page, {"act": "resolve", **decision})
    assert support.get(address).status_code == 403


async def test_a_withheld_picture_goes_with_what_moderation_keeps_of_it(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    key = await uploaded("7")
    sent = await chat_services.send_message(buyer, picture(key))
    await services.redact_message(mai, sent.id, "rude")
    upload = database.conversations_upload.find_one({"_id": key})
    assert upload is not None and files(upload["withheld"])
    age(database, 40, sent.id)
    await delete_older(mai, 30)
    assert not files(upload["withheld"]) and not files(key)


async def test_a_move_that_was_cut_off_is_finished(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await uploaded("7")
    sent = await chat_services.send_message(buyer, picture(key))
    with monkeypatch.context() as patched:
        patched.setattr(uploads, "move_image", lambda key, to: None)
        await services.redact_message(mai, sent.id, "rude")
    assert all(await readable(key))
    await uploads.sweep()
    assert not any(await readable(key))


async def test_an_erased_persons_picture_goes_at_once(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    key = await uploaded("7")
    await chat_services.send_message(buyer, picture(key))
    await services.erase_person(mai, "7", "request 12")
    assert not files(key)


async def test_what_moderation_keeps_of_a_message_keeps_its_picture(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    """Edited away: staff may need it."""
    key, other = await uploaded("7"), await uploaded("7")
    sent = await chat_services.send_message(buyer, picture(key))
    await chat_services.edit_message(buyer, sent.id, f"{MEDIA}{other}.jpg")
    age(database, 2)
    await uploads.sweep()
    assert files(key) and files(other)
    stored = database.cz_messages.find_one({"_id": sent.id})
    assert stored is not None and stored["image"] == other
    age(database, 40, sent.id)
    await delete_older(mai, 30)
    assert not files(key) and not files(other)


async def test_who_shows_a_picture_is_found_by_an_index(database: Store, room: str) -> None:
    database.cz_messages.insert_many([{"_id": f"m{n}", "room_id": room, "image": f"i{n}"} for n in range(300)])
    with ASKED.recording() as commands:
        await in_store_thread(uploads.collect, ["i7", "i700"])
    assert len(commands) >= 2
    assert unanswered(database, commands) == []


def test_the_command_deletes_what_is_due(database: Store, room: str) -> None:
    database.conversations_upload.insert_one(
        {"_id": "2026/11/x", "uploaded_at": timezone.now() - datetime.timedelta(days=2), "due_at": timezone.now()}
    )
    call_command("retain_messages", "--days", "30", stdout=io.StringIO())
    assert database.conversations_upload.count_documents({}) == 0


async def test_text_that_names_a_picture_shows_none(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    key = await uploaded("7")
    sent = await chat_services.send_message(buyer, message(f"{MEDIA}{key}.jpg"))
    stored = database.cz_messages.find_one({"_id": sent.id})
    assert stored is not None and "image" not in stored
    assert await refusal(services.restore_message(mai, sent.id, "x")) == "not_redacted"


async def test_a_picture_stays_withheld_where_restoring_fails(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await uploaded("7")
    sent = await chat_services.send_message(buyer, picture(key))
    await services.redact_message(mai, sent.id, "rude")

    def away(*args: Any, **kwargs: Any) -> None:
        raise AutoReconnect("the store goes away")

    with monkeypatch.context() as patched:
        patched.setattr(AuditRecord, "save", away)
        assert await refusal(services.restore_message(mai, sent.id, "not rude")) == "store_unavailable"
    assert not any(await readable(key))
    await services.restore_message(mai, sent.id, "not rude")
    assert all(await readable(key))
