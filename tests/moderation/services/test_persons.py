"""A person's data: given out whole, or erased for good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from conversations.services import REDACTED
from moderation.services import persons
from moderation.staff import Staff
from tests.moderation.conftest import Store, acts, refusal


@pytest.fixture
def filled(database: Store, room: str) -> Store:
    """Buyer 7 with two sellers; what each of them wrote, and what moderation keeps of it."""
    database.cz_rooms.update_one(
        {"_id": room},
        {"$set": {"buyer_info": {"name": "An", "email": "an@example.com"}, "shop": {"name": "Tea"}}},
    )
    database.cz_rooms.insert_one({"_id": "7.10", "buyer": "7", "seller": "10"})
    for number, (room_id, sender, to) in enumerate(
        [(room, "7", "9"), (room, "9", "7"), (room, "7", "9"), ("7.10", "7", "10")]
    ):
        database.cz_messages.insert_one(
            {
                "_id": f"m{number}",
                "room_id": room_id,
                "from": sender,
                "to": to,
                "type": "TEXT",
                "content": f"secret of {sender}",
                "client_message_id": f"secret c{number}",
                "dedup_key": f"k{number}",
            }
        )
    last = database.cz_messages.find_one({"_id": "m2"})
    database.cz_rooms.update_one({"_id": room}, {"$set": {"buyer_last_message": last, "seller_last_message": last}})
    database.moderation_redactedoriginal.insert_one({"_id": "m9", "sender": "7", "content": "secret of 7"})
    database.moderation_heldmessage.insert_one({"sender": "7", "content": "secret of 7"})
    database.moderation_filterhit.insert_one({"user_id": "7", "text": "secret of 7"})
    database.moderation_report.insert_one({"reporter": "7", "text": "secret of 7", "target_id": "9"})
    quoting = {"reporter": "numbers", "user_id": "7", "reason": "filter", "text": "numbers: secret of 7"}
    database.moderation_report.insert_one(quoting)
    database.moderation_note.insert_one({"target_kind": "user", "target_id": "7", "text": "secret of 7"})
    return database


def everything(database: Store) -> str:
    return str([list(database[name].find()) for name in database.list_collection_names()])


def test_erasing_takes_the_content_and_leaves_the_structure(filled: Store) -> None:
    before = {found["_id"]: found for found in filled.cz_messages.find()}
    call_command("erase_person", "7", "--reason", "request 12", "--yes")
    assert "secret of 7" not in everything(filled)
    assert "an@example.com" not in everything(filled)
    messages = {found["_id"]: found for found in filled.cz_messages.find()}
    assert messages.keys() == before.keys()
    for message_id in ("m0", "m2", "m3"):
        erased = messages[message_id]
        assert (erased["content"], erased["from"], erased["to"], erased["type"]) == (
            REDACTED, "7", before[message_id]["to"], "TEXT",
        )  # fmt: skip
        assert "client_message_id" not in erased and "dedup_key" not in erased
    assert messages["m1"] == before["m1"]
    room = filled.cz_rooms.find_one({"_id": "7.9"})
    assert room is not None
    assert room["buyer_last_message"]["content"] == room["seller_last_message"]["content"] == REDACTED
    assert room["shop"] == {"name": "Tea"}
    assert acts(filled) == ["person.erased"]


def test_erasing_again_finds_nothing_left(filled: Store, mai: Staff) -> None:
    first = async_to_sync(persons.erase_person)(mai, "7", "request 12")
    again = async_to_sync(persons.erase_person)(mai, "7", "request 12")
    assert (first["messages"], first["rooms"], again["messages"]) == (3, 2, 0)
    assert {count for kind, count in again.items() if kind != "rooms"} == {0}


def test_while_erasing_goes_on_nothing_of_it_can_be_restored_or_released(
    filled: Store, mai: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes minutes: a room that was erased already would have it back."""
    erase_in_room, left = persons.erase_in_room, list[int]()

    def looked_at(*arguments: Any) -> int:
        kept = erase_in_room(*arguments)
        left.extend(filled[f"moderation_{name}"].count_documents({}) for name in ("redactedoriginal", "heldmessage"))
        return kept

    monkeypatch.setattr(persons, "erase_in_room", looked_at)
    changed = async_to_sync(persons.erase_person)(mai, "7", "request 12")
    assert left == [0, 0, 0, 0]
    assert (changed["redacted_originals"], changed["held_messages"], changed["reports_of_filters"]) == (1, 1, 1)


def test_erasing_many_messages_goes_in_parts(filled: Store, mai: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persons, "AT_ONCE", 10)
    filled.cz_messages.insert_many(
        [{"_id": f"x{n}", "room_id": "7.9", "from": "7", "content": "secret of 7"} for n in range(57)]
    )
    steps: list[tuple[int, int, int]] = []
    changed = async_to_sync(persons.erase_person)(mai, "7", "request 12", progress=lambda *step: steps.append(step))
    assert changed["messages"] == 60
    assert len(steps) > 6 and steps[-1] == (2, 2, 60)
    assert "secret of 7" not in everything(filled)


def test_a_file_that_is_there_already_is_made_its_owners_alone_before_anything_is_written(
    filled: Store, tmp_path: Path
) -> None:
    output = tmp_path / "person.json"
    output.write_text("x" * 100_000)
    output.chmod(0o644)
    call_command("export_person", "7", "--reason", "request 12", "--output", output)
    assert output.stat().st_mode & 0o077 == 0
    assert json.loads(output.read_text())


def test_a_file_that_cannot_be_written_is_named_and_nothing_is_recorded(filled: Store, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nowhere"):
        call_command("export_person", "7", "--reason", "request 12", "--output", tmp_path / "nowhere" / "person.json")
    assert acts(filled) == []


def test_exporting_gives_what_is_the_persons_and_not_the_other_sides(filled: Store, tmp_path: Path) -> None:
    output = tmp_path / "person.json"
    call_command("export_person", "7", "--reason", "request 12", "--output", output)
    assert output.stat().st_mode & 0o077 == 0
    data: list[dict[str, Any]] = json.loads(output.read_text())
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for each in data:
        by_kind.setdefault(each["kind"], []).append(each["data"])
    assert {message["_id"] for message in by_kind["message"]} == {"m0", "m2", "m3"}
    assert {room["_id"] for room in by_kind["room"]} == {"7.9", "7.10"}
    assert by_kind["room"][0]["buyer_info"]["email"] == "an@example.com"
    assert {"redacted_original", "held_message", "filter_hit", "report_made"} <= by_kind.keys()
    assert "secret of 9" not in output.read_text()
    assert "Tea" not in output.read_text()
    assert acts(filled) == ["person.exported"]


def test_erasing_asks_first(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda question: "8")
    with pytest.raises(CommandError, match="nothing was erased"):
        call_command("erase_person", "7", "--reason", "request 12")
    assert "secret of 7" in everything(filled)
    assert acts(filled) == []


async def test_both_need_a_reason(database: Store, mai: Staff) -> None:
    assert await refusal(persons.erase_person(mai, "7", " ")) == "validation_failed"
    assert await refusal(persons.export_person(mai, "7", "")) == "validation_failed"
    assert acts(database) == []


def test_uploaded_images_go_with_the_messages_that_show_them(filled: Store, mai: Staff) -> None:
    names = [f"2026/11/{number:032x}" for number in range(3)]
    for name in names:
        for suffix in ("jpg", "small.png"):
            default_storage.save(f"{name}.{suffix}", ContentFile(b"a picture"))
    for number, (name, sender) in enumerate([(names[0], "7"), (names[1], "7"), (names[1], "9"), (names[2], "9")]):
        filled.cz_messages.insert_one(
            {
                "_id": f"image{number}",
                "room_id": "7.9",
                "from": sender,
                "type": "IMAGE",
                "content": f"https://chat.example.com/media/{name}.jpg",
                "image": name,
            }
        )
    async_to_sync(persons.erase_person)(mai, "7", "request 12")
    assert [default_storage.exists(f"{name}.jpg") for name in names] == [False, True, True]
    assert [default_storage.exists(f"{name}.small.png") for name in names] == [False, True, True]
