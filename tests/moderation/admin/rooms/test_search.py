"""The list of rooms: what is found, in which order, page by page; and what the store is asked for it."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from bson import ObjectId
from django.test import Client

from identity import Role
from moderation.admin.changelists import windows
from moderation.admin.changelists.windows import BEGINNING, going_back, in_address, place_from
from moderation.admin.rooms import messages as message_search
from moderation.admin.rooms import search as room_search
from moderation.admin.rooms import transcript
from moderation.admin.rooms.messages import MessageSearch, find_messages
from moderation.admin.rooms.search import RoomPage, RoomSearch, find_rooms
from tests.conversations.api.test_plans import Recorded, examined, plan
from tests.moderation.conftest import Store

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
MANY = 130


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, no search takes longer than it may."""
    monkeypatch.setattr(windows, "clock", lambda: 0.0)


@pytest.fixture
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search is cut short wherever it can be: its time is over before it begins."""
    monkeypatch.setattr(room_search, "LONGEST", -1.0)


@pytest.fixture
def rooms(database: Store) -> list[str]:
    """The ids of many rooms, the one of the latest activity first; five of them at the same time, two without one."""
    ids = [f"{number}.{900 + number % 4}" for number in range(MANY)]
    documents: list[dict[str, Any]] = []
    for number, room_id in enumerate(ids):
        buyer, seller = room_id.split(".")
        hours = 40 if 60 <= number < 65 else number**1.5 / 12
        documents.append(
            {
                "_id": room_id, "buyer": buyer, "seller": seller,
                "buyer_info": {"name": f"Nguyễn Văn {'Bình' if number % 10 == 3 else 'An'}"},
                "shop": {"name": "Gốm Bát Tràng" if number == 77 else f"Shop {seller}"},
                "seller_unseen_messages": number % 3, "buyer_unseen_messages": 0,
                **({"blocked_by": "BUYER"} if number % 25 == 1 else {}),
                **({"closed_at": NOW} if number % 30 == 2 else {}),
                **({} if number >= MANY - 2 else {"updated_at": NOW - datetime.timedelta(hours=hours)}),
            }
        )  # fmt: skip
    database.cz_rooms.insert_many(documents)
    times = {room["_id"]: room.get("updated_at", datetime.datetime(1970, 1, 1)) for room in database.cz_rooms.find()}
    return sorted(ids, key=lambda room_id: (times[room_id], room_id), reverse=True)


def pages(search: RoomSearch) -> Iterator[RoomPage]:
    following = None
    while True:
        page = find_rooms(search, following)
        yield page
        if page.following is None:
            return
        following = place_from(in_address(page.following))


def found(search: RoomSearch) -> list[str]:
    return [room.pk for page in pages(search) for room in page.rooms]


def numbered(rooms: list[str], wanted: Any) -> list[str]:
    return [room_id for room_id in rooms if wanted(int(room_id.split(".")[0]))]


def test_all_rooms_come_once_the_latest_first(rooms: list[str]) -> None:
    assert [len(page.rooms) for page in pages(RoomSearch())] == [50, 50, 30]
    assert found(RoomSearch()) == rooms


def test_by_the_id_of_a_room_or_of_a_user(rooms: list[str]) -> None:
    assert found(RoomSearch("77.901")) == ["77.901"]
    assert found(RoomSearch("77")) == ["77.901"]
    assert found(RoomSearch("902")) == numbered(rooms, lambda number: number % 4 == 2)


def test_a_users_rooms_come_page_by_page_too(rooms: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_search, "PAGE", 10)
    assert found(RoomSearch("902")) == numbered(rooms, lambda number: number % 4 == 2)


def test_by_a_part_of_a_name_of_either_side(rooms: list[str]) -> None:
    """With its marks or without, in capitals or small."""
    assert found(RoomSearch("bình")) == numbered(rooms, lambda number: number % 10 == 3)
    assert found(RoomSearch("VAN BINH")) == numbered(rooms, lambda number: number % 10 == 3)
    assert found(RoomSearch("bat trang")) == ["77.901"]
    assert found(RoomSearch("nobody")) == []
    assert found(RoomSearch(".*")) == []


def test_by_state(rooms: list[str]) -> None:
    assert found(RoomSearch(closed=True)) == numbered(rooms, lambda number: number % 30 == 2)
    assert found(RoomSearch(closed=False)) == numbered(rooms, lambda number: number % 30 != 2)
    assert found(RoomSearch(blocked_by=Role.BUYER)) == numbered(rooms, lambda number: number % 25 == 1)
    assert found(RoomSearch(unseen_by=Role.SELLER)) == numbered(rooms, lambda number: number % 3 != 0)
    assert found(RoomSearch("902", closed=True)) == numbered(rooms, lambda n: n % 4 == 2 and n % 30 == 2)


def test_by_the_time_of_the_last_activity(rooms: list[str]) -> None:
    """From an instant, included, to another, which is not."""
    since, until = NOW - datetime.timedelta(hours=40), NOW - datetime.timedelta(hours=10)
    within = numbered(rooms, lambda number: 60 <= number < 65 or (10 < number**1.5 / 12 <= 40 and number < 60))
    assert set(found(RoomSearch(since=since, until=until))) == set(within)
    assert found(RoomSearch("902", since=since, until=until)) == [
        room_id for room_id in within if room_id.endswith("902")
    ]


def test_the_first_page_is_a_click_away_and_of_the_same_search(rooms: list[str], support: Client) -> None:
    url = "/admin/conversations/room/?unseen=SELLER"
    first = support.get(url)
    assert not first.context["first_page"]
    second = support.get(f"/admin/conversations/room/{first.context['next_page']}")
    assert second.context["first_page"] == "?unseen=SELLER"
    assert 'href="?unseen=SELLER">« The first page</a>' in second.text


def test_a_search_that_takes_long_says_how_far_it_came(
    rooms: list[str], no_time: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And goes on from there, and finds what it would have found at once."""
    monkeypatch.setattr(windows, "FIRST", datetime.timedelta(hours=10))
    cut_short = list(pages(RoomSearch("bình", since=NOW - datetime.timedelta(hours=150))))
    assert len(cut_short) > 3
    assert all(page.searched_until is not None for page in cut_short[:-1])
    assert cut_short[-1].searched_until is None
    assert [room.pk for page in cut_short for room in page.rooms] == numbered(rooms, lambda number: number % 10 == 3)


@pytest.mark.parametrize("text", ["", "x", "~", "12", "12~7.9", "~7.9", "99999999999999999999~x", "-5~x"])
def test_a_place_in_an_address_is_read_or_passed_over(text: str, rooms: list[str], support: Client) -> None:
    assert support.get("/admin/conversations/room/", {"before": text}).status_code == 200
    assert support.get("/admin/conversations/message/", {"before": text, "room": "7.903"}).status_code == 200


@pytest.mark.parametrize("query", ["since=x", "state=x&blocked=y&unseen=z", "until=9999-12-31", "since=0001-01-01"])
def test_what_makes_no_sense_is_passed_over(query: str, rooms: list[str], support: Client) -> None:
    assert support.get(f"/admin/conversations/room/?{query}").status_code == 200


def test_windows_leave_no_gap_and_end() -> None:
    """Each ends where the one before began; the last begins at the beginning of all time."""
    past = list(itertools.islice(going_back(None, BEGINNING, NOW), 100))
    assert past[0].until is None
    assert [window.until for window in past[1:]] == [window.since for window in past[:-1]]
    assert past[-1].since == BEGINNING
    assert len(past) < 15


# -- what is asked of the store


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is asked of the store."""
    asked: list[dict[str, Any]] = []
    for module in (room_search, transcript):
        durable: Any = module.durable
        monkeypatch.setattr(module, "durable", lambda model, durable=durable: Recorded(durable(model), asked))
    return asked


@pytest.mark.parametrize(
    "search",
    [
        RoomSearch(),
        RoomSearch("902"),
        RoomSearch("Bình"),
        RoomSearch(closed=True),
        RoomSearch(blocked_by=Role.BUYER),
        RoomSearch(unseen_by=Role.SELLER),
        RoomSearch(since=NOW - datetime.timedelta(hours=20)),
    ],
    ids=["all", "of a user", "by name", "closed", "blocked", "unseen", "by time"],
)
def test_rooms_are_found_by_an_index(
    search: RoomSearch, rooms: list[str], commands: list[dict[str, Any]], database: Store
) -> None:
    for _ in pages(search):
        pass
    assert commands
    assert [command for command in commands if "COLLSCAN" in plan(database, command)] == []
    assert [command for command in commands if "IXSCAN" not in plan(database, command)] == []


def test_a_page_of_rooms_reads_few_more_than_it_shows(
    rooms: list[str], commands: list[dict[str, Any]], database: Store
) -> None:
    first = find_rooms(RoomSearch())
    assert len(commands) < 8
    assert sum(examined(database, command) for command in commands) < 3 * len(first.rooms)


@pytest.fixture
def messages(rooms: list[str], database: Store) -> list[str]:
    """Three messages in each room, the last one at the time of its last activity; and a room with very many."""
    database.cz_messages.insert_many(
        [
            {
                "_id": f"{room['_id']}-{n}", "room_id": room["_id"], "from": room["seller" if n % 2 else "buyer"],
                "to": room["buyer" if n % 2 else "seller"], "content": f"Chào bạn, line {n}",
                "created_at": room.get("updated_at", datetime.datetime(2020, 1, 1))
                - datetime.timedelta(minutes=10 * (2 - n)),
            }
            for room in database.cz_rooms.find()
            for n in range(3)
        ]
    )  # fmt: skip
    at = database.cz_rooms.find_one({"_id": rooms[0]})["updated_at"]  # type: ignore[index]
    database.cz_messages.insert_many(
        [
            {
                "_id": f"long-{n:04}", "room_id": rooms[0], "from": "0", "to": "900", "content": f"number {n}",
                "created_at": at - datetime.timedelta(hours=n + 1),
            }
            for n in range(1500)
        ]
    )  # fmt: skip
    return rooms


def all_found(search: MessageSearch) -> list[str]:
    ids, following = [], None
    while True:
        page = find_messages(search, following)
        ids += [line.message.pk for excerpt in page.excerpts for line in excerpt.lines]
        if page.following is None:
            return ids
        following = place_from(in_address(page.following))


def test_messages_come_by_conversation_the_latest_first(messages: list[str]) -> None:
    first = find_messages(MessageSearch())
    assert [excerpt.room.pk for excerpt in first.excerpts] == messages[: len(first.excerpts)]
    assert [line.message.pk for line in first.excerpts[1].lines] == [f"{messages[1]}-{n}" for n in (2, 1, 0)]
    assert first.excerpts[0].more
    assert not first.excerpts[1].more


def test_messages_by_text_in_all_rooms(messages: list[str]) -> None:
    assert all_found(MessageSearch("chao ban, line 2")) == [f"{room_id}-2" for room_id in messages]
    assert all_found(MessageSearch("nobody said this")) == []


def test_messages_by_id_by_user_and_in_a_room(messages: list[str]) -> None:
    assert all_found(MessageSearch("77.901-1")) == ["77.901-1"]
    assert all_found(MessageSearch("line", user_id="77")) == ["77.901-2", "77.901-0"]
    assert all_found(MessageSearch(room_id="77.901")) == ["77.901-2", "77.901-1", "77.901-0"]
    assert all_found(MessageSearch(room_id="no.room")) == []


def test_all_messages_of_a_long_room_come_once(messages: list[str]) -> None:
    assert all_found(MessageSearch("number", room_id=messages[0])) == [f"long-{n:04}" for n in range(1500)]


def test_messages_of_a_time(messages: list[str], database: Store) -> None:
    since, until = NOW - datetime.timedelta(hours=30), NOW - datetime.timedelta(hours=20)
    of_the_time = {"created_at": {"$gte": since, "$lt": until}, "content": {"$regex": "line 0"}}
    expected = {message["_id"] for message in database.cz_messages.find(of_the_time)}
    assert expected
    assert set(all_found(MessageSearch("line 0", since=since, until=until))) == expected


def test_a_search_of_messages_that_takes_long_goes_on(messages: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Room by room, where the search for rooms takes no time."""
    monkeypatch.setattr(message_search, "LONGEST", -1.0)
    page = find_messages(MessageSearch("line 2"))
    assert page.searched_until is not None
    assert all_found(MessageSearch("line 2")) == [f"{room_id}-2" for room_id in messages]


def test_messages_are_found_by_an_index(messages: list[str], commands: list[dict[str, Any]], database: Store) -> None:
    for search in (
        MessageSearch(),
        MessageSearch("line"),
        MessageSearch("line", user_id="77"),
        MessageSearch("number 7", room_id=messages[0]),
    ):
        all_found(search)
    for command in commands[:: max(1, len(commands) // 100)]:
        assert "COLLSCAN" not in plan(database, command), command
        assert "IXSCAN" in plan(database, command), command


def test_a_page_of_a_long_room_reads_few_more_messages_than_it_shows(
    messages: list[str], commands: list[dict[str, Any]], database: Store
) -> None:
    from conversations.models import Room

    room = Room.objects.get(pk=messages[0])
    shown = transcript.latest(room)
    assert shown.earlier is not None
    for _ in range(10):
        shown = transcript.latest(room, before=shown.earlier)
    assert sum(examined(database, command) for command in commands) < 11 * 4 * transcript.PAGE


def test_a_rooms_page_asks_few_questions(
    messages: list[str], support: Client, django_assert_max_num_queries: Any
) -> None:
    """However long the conversation is."""
    with django_assert_max_num_queries(30):
        support.get(f"/admin/conversations/room/{messages[0]}/change/")


def test_rooms_whose_key_is_no_text_take_no_place_of_others(database: Store) -> None:
    then = datetime.datetime(2026, 11, 1, 12)
    keys = [*(f"{number}.9" for number in range(room_search.PAGE + 5)), *range(5), *(ObjectId() for _ in range(5))]
    database.cz_rooms.insert_many([{"_id": key, "buyer": "7", "updated_at": then} for key in keys])
    for search in (RoomSearch(), RoomSearch(text="7")):
        assert set(found(search)) == {key for key in keys if isinstance(key, str)}
