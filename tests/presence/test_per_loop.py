"""`presence.current`: one Presence for each event loop, from the settings, and listeners for what no socket caused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import presence
from presence import per_loop
from tests.eventually import eventually
from tests.presence.conftest import EXPIRY, HEARTBEAT, Member


@pytest.fixture(autouse=True)
def _settings(redis_server: None, settings: Any, prefix: str) -> Iterator[None]:
    settings.PRESENCE = {"heartbeat": HEARTBEAT, "expiry": EXPIRY, "prefix": prefix}
    before = list(per_loop.listeners)
    yield
    per_loop.listeners[:] = before


async def test_a_loop_has_one_presence_until_it_is_stopped() -> None:
    first = presence.current()
    assert presence.current() is first
    await first.enter("7", "phone")
    await presence.stop_current()
    assert presence.current() is not first
    await presence.stop_current()


def test_each_loop_has_its_own() -> None:
    async def current() -> presence.Presence:
        return presence.current()

    assert asyncio.run(current()) is not asyncio.run(current())


async def test_listeners_hear_of_users_who_died_with_another_process(member: Member) -> None:
    heard = []

    @presence.on_change
    async def broken(user_id: str) -> None:
        raise RuntimeError("not today")

    @presence.on_change
    async def hear(user_id: str) -> None:
        heard.append(user_id)

    presence.on_change(hear)
    await presence.current().enter("8", "phone")
    member("7").kill()
    await eventually(lambda: bool(heard))
    assert heard == ["7"], "once, though registered twice and after one that failed"
    await presence.stop_current()
