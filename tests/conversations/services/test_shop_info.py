"""A room's shop, asked of a real HTTP service that answers, hesitates, fails or says no."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo.database import Database
from pytest_django import Settings

from conversations import services
from conversations.errors import RuleViolation
from conversations.requests import CreateRoom
from conversations.services import shop_info
from identity import Identity
from tests.conversations.conftest import Emitted
from tests.eventually import eventually

Store = Database[dict[str, Any]]


class ShopService:
    """An HTTP server on loopback; `answers` are given in turn, the last one again and again."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = [(200, {"id": 3, "name": "Tea", "seller_id": 9})]
        self.delay = 0.0
        self.asked: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(request.split(b" ")[1].decode())
        status, shop = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await asyncio.sleep(self.delay)
        body = shop if isinstance(shop, bytes) else json.dumps(shop).encode()
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body)
        writer.close()


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[ShopService]:
    service = ShopService()
    server = await asyncio.start_server(service.answer, "127.0.0.1", 0)
    settings.SHOP_SERVICE = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/shops/"
    yield service
    server.close()


TEA = {"name": "Tea", "seller_id": 9}
WISH = CreateRoom(buyer="7", seller="9", shop_id="3")


def shop_of(database: Store) -> Any:
    kept = database.cz_rooms.find_one({"_id": "7.9"})
    assert kept is not None
    return kept["shop"]


async def test_a_new_room_has_its_shop(database: Store, chat: Emitted, service: ShopService, buyer: Identity) -> None:
    await services.create_room(buyer, WISH)
    assert shop_of(database) == {"id": 3, "name": "Tea", "seller_id": 9}
    assert service.asked == ["/shops/3"]


async def test_a_room_that_has_its_shop_does_not_ask_again(
    database: Store, chat: Emitted, service: ShopService, buyer: Identity
) -> None:
    await services.create_room(buyer, WISH)
    await services.create_room(buyer, WISH)
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    "owner",
    [
        {"seller_id": 10},
        {"sellerId": "10"},
        {"seller": {"id": 10}},
        {"owner_id": 10},
        {"ownerId": 10},
        {"owner": {"_id": "10"}},
        {"user_id": 10},
        {"userId": 10},
        {"user": {"id": 10}},
    ],
)
@pytest.mark.parametrize("envelope", [None, "data", "shop"])
async def test_a_shop_of_another_seller_is_refused(
    database: Store, chat: Emitted, service: ShopService, buyer: Identity, owner: dict[str, Any], envelope: str | None
) -> None:
    shop = {"name": "Tea", **owner}
    service.answers = [(200, shop if envelope is None else {envelope: shop})]
    with pytest.raises(RuleViolation) as refused:
        await services.create_room(buyer, WISH)
    assert refused.value.code == "shop_not_of_seller"
    assert database.cz_rooms.count_documents({}) == 0
    assert chat.all == []


async def test_the_envelope_of_a_shop_is_taken_off(
    database: Store, chat: Emitted, service: ShopService, buyer: Identity
) -> None:
    service.answers = [(200, {"status": True, "data": TEA})]
    await services.create_room(buyer, WISH)
    assert shop_of(database) == TEA


async def test_a_room_whose_shops_owner_is_unknown_shows_no_shop_until_it_is_known(
    database: Store, chat: Emitted, service: ShopService, buyer: Identity, seller: Identity
) -> None:
    service.answers = [(200, {"name": "Somebody's"})]
    await services.create_room(seller, WISH)
    assert shop_of(database) == {}
    service.answers = [(200, TEA)]
    await services.create_room(buyer, WISH)
    assert shop_of(database) == TEA


async def test_an_owner_is_found_under_the_name_that_the_operator_gives(
    database: Store, chat: Emitted, service: ShopService, buyer: Identity, settings: Settings
) -> None:
    settings.SHOP_OWNER_FIELDS = ["merchant"]
    service.answers = [(200, {"name": "Tea", "seller_id": 10, "merchant": {"id": 9}})]
    await services.create_room(buyer, WISH)
    assert shop_of(database)["name"] == "Tea"


async def test_a_shop_that_turns_out_to_be_anothers_is_forgotten(
    database: Store, chat: Emitted, service: ShopService, buyer: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop_info, "RETRY_PAUSES", (0.05,))
    service.answers = [(500, {}), (500, {}), (200, {"name": "Tea", "seller_id": 10})]
    await services.create_room(buyer, WISH)
    await eventually(lambda: database.cz_rooms.find_one({"_id": "7.9", "shop_id": "3"}) is None)
    assert shop_of(database) == {}


async def test_a_failing_service_is_asked_once_more(
    database: Store, chat: Emitted, service: ShopService, buyer: Identity
) -> None:
    service.answers = [(503, {}), (200, TEA)]
    await services.create_room(buyer, WISH)
    assert shop_of(database) == TEA
    assert len(service.asked) == 2


NO_SHOPS: list[tuple[int, Any]] = [
    (500, {}),
    (404, {}),
    (200, b"<html>"),
    (200, [1]),
    (200, b'"' + b"x" * 70_000),
    (200, '{"name": "Trà"}'.encode("utf-16")),
    (200, '{"name": "Trà"}'.encode("latin-1")),
    (200, b'{"name":' + b"[" * 30_000 + b"]" * 30_000 + b"}"),
    (200, {"id": 2**64}),
    (200, {"name": {"\0": "Tea"}}),
]


@pytest.mark.parametrize("answer", NO_SHOPS)
async def test_a_service_without_an_answer_does_not_keep_the_room_from_being_made(
    database: Store, chat: Emitted, service: ShopService, buyer: Identity, answer: tuple[int, Any]
) -> None:
    service.answers = [answer]
    await services.create_room(buyer, WISH)
    assert shop_of(database) == {}
    assert len(chat.payloads("create_room")) == 1


async def test_a_hanging_service_is_given_up(
    database: Store, chat: Emitted, service: ShopService, buyer: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop_info, "TIMEOUT", 0.1)
    service.delay = 5
    async with asyncio.timeout(1):
        await services.create_room(buyer, WISH)
    assert shop_of(database) == {}


async def test_a_shop_unknown_at_first_is_filled_in_the_background(
    database: Store, chat: Emitted, service: ShopService, buyer: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop_info, "RETRY_PAUSES", (0.05, 0.05, 0.05))
    service.answers = [(500, {})] * 4 + [(200, TEA)]
    await services.create_room(buyer, WISH)
    await eventually(lambda: shop_of(database) != {})
    assert shop_of(database) == TEA


async def test_a_shop_unknown_at_first_is_filled_when_the_room_is_created_again(
    database: Store, chat: Emitted, service: ShopService, buyer: Identity
) -> None:
    service.answers = [(500, {}), (500, {}), (200, TEA)]
    await services.create_room(buyer, WISH)
    await services.create_room(buyer, CreateRoom(buyer="7", seller="9"))
    assert shop_of(database) == TEA
    assert service.asked[-1] == "/shops/3"


async def test_an_old_room_is_not_refused_for_its_shop(
    database: Store, chat: Emitted, service: ShopService, room: str, buyer: Identity
) -> None:
    service.answers = [(200, {"seller_id": 10})]
    await services.create_room(buyer, WISH)
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None and not kept.get("shop") and not kept.get("shop_id")


async def test_a_shop_id_cannot_reach_other_paths_of_the_service(
    database: Store, chat: Emitted, service: ShopService, buyer: Identity
) -> None:
    await services.create_room(buyer, CreateRoom(buyer="7", seller="9", shop_id="../admin?x=1"))
    await services.create_room(buyer, CreateRoom(buyer="7", seller="10", shop_id=".."))
    assert service.asked == ["/shops/..%2Fadmin%3Fx%3D1"]


async def test_without_a_service_nothing_is_asked(database: Store, chat: Emitted, buyer: Identity) -> None:
    await services.create_room(buyer, WISH)
    assert shop_of(database) == {}
