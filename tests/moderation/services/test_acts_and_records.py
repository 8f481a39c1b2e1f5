"""An act of staff and its record are one: where the record cannot be written, the act is not done."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pymongo.errors import AutoReconnect

from conversations import services as chat_services
from conversations.errors import RuleViolation
from conversations.images.files import image_in
from conversations.services import REDACTED
from conversations.services import redaction as chat_redaction
from identity import Identity
from moderation import services
from moderation.models import AuditRecord, HeldMessage, MessageFilter, Outcome, RedactedOriginal, TargetKind
from moderation.payloads import NewReport
from moderation.rules.cache import rules_cache
from moderation.services import audit, held, redaction
from moderation.staff import Staff
from persistence import mongodb as store
from persistence.availability import StoreUnavailable
from tests.conversations.conftest import Emitted
from tests.moderation.conftest import Store, acts, elsewhere, message, refusal

KEPT = ("cz_messages", "cz_rooms", *(f"moderation_{name}" for name in (
    "heldmessage", "messagefilter", "note", "redactedoriginal", "report", "restriction",
)))  # fmt: skip
"""What acts change."""


@pytest.fixture(params=["replica set", "standalone"])
def topology(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With transactions, and as it is without."""
    if request.param == "standalone":
        for module in (store, audit, chat_redaction):
            monkeypatch.setattr(module, "has_transactions", lambda: False)
    return str(request.param)


async def prepared(buyer: Identity, mai: Staff) -> dict[str, Any]:
    """One of everything that is acted on."""
    said = await chat_services.send_message(buyer, message("an insult"))
    redacted = await chat_services.send_message(buyer, message("a joke"))
    await services.redact_message(mai, redacted.id, "rude")
    await services.report(Reporter("9"), NewReport(target_type="message", target_id=said.id, reason="fraud"))
    taken = await services.take_next(mai)
    await services.report(Reporter("9"), NewReport(target_type="room", target_id="7.9", reason="fraud"))
    words = MessageFilter(name="words", kind="words", patterns="scam", action="hold")
    await services.save_filter(mai, words)
    await rules_cache().refresh(just_now=True)
    assert await refusal(chat_services.send_message(buyer, message("a scam"))) == "held_for_review"
    assert taken is not None
    return {
        "said": said.id,
        "redacted": redacted.id,
        "taken": str(taken.pk),
        "muted": str((await services.mute(mai, "9", "rude")).pk),
        "filter": words,
        "held": str(store.durable(HeldMessage).find_one({})["_id"]),  # type: ignore[index]
    }


class Reporter:
    """Who reports."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id


ACTS: dict[str, Callable[[Staff, dict[str, Any]], Coroutine[Any, Any, Any]]] = {
    "mute": lambda staff, given: services.mute(staff, "7", "rude"),
    "slow down": lambda staff, given: services.slow_down(staff, "7.9", 5, "rude"),
    "lift": lambda staff, given: services.lift(staff, given["muted"], "sorry"),
    "close a room": lambda staff, given: services.close_room(staff, "7.9", "a quarrel"),
    "redact": lambda staff, given: services.redact_message(staff, given["said"], "rude"),
    "redact what is recent": lambda staff, given: services.redact_recent(staff, "7", 1, "rude"),
    "restore": lambda staff, given: services.restore_message(staff, given["redacted"], "a joke after all"),
    "take a report": lambda staff, given: services.take_next(staff),
    "put a report back": lambda staff, given: services.return_to_queue(staff, given["taken"]),
    "resolve": lambda staff, given: services.resolve(staff, given["taken"], [Outcome.WARNED]),
    "drop": lambda staff, given: services.drop_held(staff, given["held"]),
    "release": lambda staff, given: services.release_held(staff, given["held"]),
    "save a filter": lambda staff, given: services.save_filter(
        staff, MessageFilter(name="more", kind="words", patterns="x", action="flag")
    ),
    "delete a filter": lambda staff, given: services.delete_filter(staff, given["filter"]),
    "add a note": lambda staff, given: services.add_note(staff, TargetKind.ROOM, "7.9", "Keep an eye on it"),
    "write as support": lambda staff, given: services.write_as_support(staff, "7.9", "Be kind"),
}


def everything(database: Store) -> dict[str, list[Any]]:
    hidden = {"claimed_at": 0}  # who decides about a held message, which lapses
    return {name: sorted(database[name].find({}, hidden), key=lambda found: str(found["_id"])) for name in KEPT}


@pytest.mark.parametrize("act", ACTS)
async def test_an_act_that_cannot_be_recorded_is_not_done(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, topology: str, act: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    given = await prepared(buyer, mai)
    before = everything(database)

    def away(*args: Any, **kwargs: Any) -> None:
        raise AutoReconnect("the store goes away")

    monkeypatch.setattr(AuditRecord, "save", away)
    assert await refusal(ACTS[act](mai, given)) == "store_unavailable"
    after = everything(database)
    changed = {name for name in KEPT if before[name] != after[name]}
    # Without transactions a message is marked, and what it says put aside, before that is recorded.
    assert changed <= ({"cz_messages", "moderation_redactedoriginal"} if topology == "standalone" else set())
    assert [found["content"] for found in after["cz_messages"]] == [found["content"] for found in before["cz_messages"]]


async def test_without_transactions_a_record_of_what_was_refused_says_so(
    chat: Emitted, database: Store, room: str, mai: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (store, audit):
        monkeypatch.setattr(module, "has_transactions", lambda: False)
    await services.close_room(mai, room, "a quarrel")
    assert await refusal(services.close_room(mai, room, "again")) == "already_closed"
    assert acts(database) == ["room.closed", "room.closed", "act.not_done"]
    last = database.moderation_auditrecord.find_one({"act": "act.not_done"})
    assert last is not None and last["before"] == {"act": "room.closed"}


async def test_of_two_who_redact_a_message_the_record_names_who_did(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, tuan: Staff, topology: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    sent = await chat_services.send_message(buyer, message("an insult"))
    store, others = redaction.store_originals, [tuan]

    def quicker(originals: list[RedactedOriginal]) -> None:
        if others:
            other = others.pop()
            with contextlib.suppress(RuleViolation):
                elsewhere(lambda: async_to_sync(services.redact_message)(other, sent.id, "rude"))
        store(originals)

    monkeypatch.setattr(redaction, "store_originals", quicker)
    if topology == "replica set":
        assert await refusal(services.redact_message(mai, sent.id, "rude")) == "already_redacted"
        who = "tuan"
    else:  # the first who marks the message
        await services.redact_message(mai, sent.id, "rude")
        who = "mai"
    original = database.moderation_redactedoriginal.find_one({"_id": sent.id})
    assert original is not None and (original["redacted_by"], original["content"]) == (who, "an insult")
    assert [found["staff_name"] for found in database.moderation_auditrecord.find()] == [who]


async def test_what_is_erased_while_it_is_redacted_does_not_come_back(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, tuan: Staff, topology: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    sent = await chat_services.send_message(buyer, message("my address"))
    store, erasures = redaction.store_originals, [tuan]

    def erased_meanwhile(originals: list[RedactedOriginal]) -> None:
        if erasures:
            eraser = erasures.pop()
            elsewhere(lambda: async_to_sync(services.erase_person)(eraser, "7", "ticket 12"))
        store(originals)

    monkeypatch.setattr(redaction, "store_originals", erased_meanwhile)
    assert await refusal(services.redact_message(mai, sent.id, "rude")) == "already_redacted"
    assert database.moderation_redactedoriginal.count_documents({}) == 0
    assert "my address" not in str(everything(database))


async def test_what_is_erased_while_it_is_restored_does_not_come_back(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, tuan: Staff,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    sent = await chat_services.send_message(buyer, message("my address"))
    await services.redact_message(mai, sent.id, "rude")
    erasures = [1]

    def erased_meanwhile(*args: Any) -> Any:
        """Called when the original was read, and the message is not yet changed."""
        if erasures:
            erasures.pop()
            elsewhere(lambda: database.moderation_redactedoriginal.delete_many({}))
        return image_in(*args)

    monkeypatch.setattr(chat_redaction, "image_in", erased_meanwhile)
    assert await refusal(services.restore_message(mai, sent.id, "a joke")) == "not_redacted"
    stored = database.cz_messages.find_one({"_id": sent.id})
    assert stored is not None and stored["content"] == REDACTED


async def test_a_held_message_is_sent_once_also_when_its_release_could_not_be_noted(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, tuan: Staff,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    given = await prepared(buyer, mai)
    sent_before = database.cz_messages.count_documents({})
    announced_before = len(chat.payloads("new_message"))
    decide = held.decide

    def away(*args: Any) -> None:
        raise StoreUnavailable("the store goes away")

    monkeypatch.setattr(held, "decide", away)
    assert await refusal(services.release_held(mai, given["held"])) == "store_unavailable"
    monkeypatch.setattr(held, "decide", decide)
    for _ in range(2):
        lapse(database)
        if database.moderation_heldmessage.find_one({"state": "held"}):
            await services.release_held(tuan, given["held"])
    assert database.cz_messages.count_documents({}) == sent_before + 1
    assert len(chat.payloads("new_message")) == announced_before + 1
    assert acts(database).count("held.released") == 2, "who began it, and who finished it"


async def test_what_was_sent_by_a_release_that_could_not_be_noted_cannot_be_dropped(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = await prepared(buyer, mai)
    decide = held.decide

    def away(*args: Any) -> None:
        raise StoreUnavailable("the store goes away")

    monkeypatch.setattr(held, "decide", away)
    assert await refusal(services.release_held(mai, given["held"])) == "store_unavailable"
    monkeypatch.setattr(held, "decide", decide)
    lapse(database)
    assert await refusal(services.drop_held(mai, given["held"])) == "held_decided"
    kept = database.moderation_heldmessage.find_one({})
    assert kept is not None and kept["state"] == "released"
    assert database.cz_messages.find_one({"_id": kept["message_id"]}) is not None
    assert "held.dropped" not in acts(database)


def lapse(database: Store) -> None:
    """The time passes after which nobody can be at it any more."""
    long_ago = datetime.datetime.now(datetime.UTC) - 2 * held.LEASE
    database.moderation_heldmessage.update_many({"state": "held"}, {"$set": {"claimed_at": long_ago}})
