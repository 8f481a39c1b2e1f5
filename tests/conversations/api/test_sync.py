"""`GET /sync`: what changed since a token, and how a bad one is refused."""

from __future__ import annotations

import datetime
import time

from pytest_django import Settings

from conversations.services import token_since
from identity import Role
from persistence.mongodb import in_store_thread
from persistence.store_clock import store_clock
from tests.conversations.api.conftest import App


async def test_a_token_for_now_then_what_changed(buyer_app: App, seller_app: App, room: str) -> None:
    answer = await buyer_app.get("/sync")
    assert (answer.status, answer.body["changes"], answer.body["more"]) == (200, [], False)
    await seller_app.post("/messages", {"room_id": room, "to": "7", "type": "TEXT", "content": "hello"})
    answer = await buyer_app.get("/sync", since=answer.body["next"], limit=1)
    room_change, message_change = answer.body["changes"]
    listed = (await buyer_app.get("/rooms")).body["rooms"]
    said = (await buyer_app.get("/messages", room_id=room)).body["data"]
    assert room_change == {"type": "room", "data": listed[0]}
    assert message_change == {"type": "new_message", "data": said[0]}


async def test_who_may_speak_for_both_sides_says_for_which(api: object, room: str) -> None:
    both = App("7")
    assert (await both.get("/sync", since=(await both.get("/sync", role="BUYER")).body["next"])).status == 400
    assert (await App("7", Role.BUYER).get("/sync", role="SELLER")).status == 403


async def test_a_bad_token_and_an_old_one_are_told_apart(buyer_app: App, settings: Settings) -> None:
    answer = await buyer_app.get("/sync", since="nonsense")
    assert (answer.status, answer.body["code"]) == (400, "validation_failed")
    now = await in_store_thread(store_clock.at, time.monotonic())
    answer = await buyer_app.get("/sync", since=token_since(now - datetime.timedelta(days=31)))
    assert (answer.status, answer.body["code"]) == (410, "sync_too_old")
    assert (await buyer_app.get("/sync", since=token_since(now - datetime.timedelta(days=29)))).status == 200
    assert (await buyer_app.get("/sync", limit=0)).status == 400
