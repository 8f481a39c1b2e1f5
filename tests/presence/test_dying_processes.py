"""Processes that are killed, paused or cut off: their users go offline once, and come back with them."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter

import pytest
from redis.asyncio import Redis

from tests.eventually import eventually
from tests.presence.conftest import EXPIRY, HEARTBEAT, Member, Start, processes_in


async def test_the_users_of_a_killed_process_go_offline_in_time_and_once(start: Start, member: Member) -> None:
    survivors = [start() for _ in range(3)]
    for survivor in survivors:
        await survivor.presence.start()
    users = [f"user {number}" for number in range(300)]
    killed = member(*users)
    await survivors[0].presence.enter("user 0", "other device")
    assert await survivors[1].presence.online(users) == set(users)

    killed.send_signal(signal.SIGKILL)
    at = time.monotonic()
    await eventually(lambda: sum(len(survivor.went) for survivor in survivors) == 299)
    assert time.monotonic() - at < EXPIRY + HEARTBEAT + 1.0
    await asyncio.sleep(EXPIRY)
    told = Counter(user for survivor in survivors for user in survivor.went)
    assert told == Counter(users[1:]), "each once, and not the one who has another device elsewhere"
    assert await survivors[2].presence.online(users) == {"user 0"}


async def test_a_user_on_two_processes_killed_together_goes_offline_once(start: Start, member: Member) -> None:
    survivors = [start(), start()]
    for survivor in survivors:
        await survivor.presence.start()
    killed = [member("7", "8"), member("7")]
    for process in killed:
        process.send_signal(signal.SIGKILL)
    await eventually(lambda: sorted(survivors[0].went + survivors[1].went) == ["7", "8"])
    await asyncio.sleep(EXPIRY)
    assert sorted(survivors[0].went + survivors[1].went) == ["7", "8"]


async def test_a_paused_process_is_taken_for_dead_and_brings_its_users_back(start: Start, member: Member) -> None:
    watcher = start()
    await watcher.presence.enter("8", "phone")
    paused = member("7", "8")
    paused.send_signal(signal.SIGSTOP)
    await eventually(lambda: watcher.went == ["7"])
    assert await watcher.presence.online(["7"]) == set()

    paused.send_signal(signal.SIGCONT)
    assert paused.stdout is not None
    line = await asyncio.wait_for(asyncio.to_thread(paused.stdout.readline), 5)
    assert line == "came 7\n", "8 was online all the while, elsewhere"
    assert await watcher.presence.online(["7", "8"]) == {"7", "8"}
    assert watcher.went == ["7"]


async def test_a_move_of_a_process_taken_for_dead_brings_all_its_users_back(
    start: Start, redis: Redis, prefix: str
) -> None:
    """Before its next heartbeat: the very first thing it does registers it anew."""
    here, watcher = start(expiry=30, heartbeat=15), start(expiry=30)
    await here.presence.enter("7", "phone")
    [identifier] = await processes_in(redis, prefix)
    await redis.zrem(f"{prefix}processes", identifier)
    await redis.delete(f"{prefix}process:{identifier}")
    assert await here.presence.enter("8", "phone")
    assert await watcher.presence.online(["7", "8"]) == {"7", "8"}
    await eventually(lambda: here.came == ["7"])


async def test_a_new_process_alone_announces_those_who_died_with_the_last_one(start: Start, member: Member) -> None:
    member("7").send_signal(signal.SIGKILL)
    await asyncio.sleep(EXPIRY * 1.2)
    restarted = start()
    await restarted.presence.enter("8", "phone")
    await eventually(lambda: restarted.went == ["7"])


async def test_users_of_a_process_that_stops_are_offline_only_if_they_do_not_come_back(start: Start) -> None:
    stopping, staying = start(), start()
    await staying.presence.enter("9", "phone")
    for user in ("7", "8"):
        await stopping.presence.enter(user, "phone")
    await stopping.presence.stop()
    assert await staying.presence.online(["7", "8"]) == {"7", "8"}
    assert not await staying.presence.enter("7", "phone, again"), "was never away"
    await eventually(lambda: staying.went, within=2)
    assert (staying.went, staying.came) == (["8"], [])
    assert not stopping.went


async def test_a_process_that_stops_without_users_is_gone_at_once(start: Start) -> None:
    stopping, staying = start(expiry=30), start(expiry=30)
    await staying.presence.start()
    await stopping.presence.enter("7", "phone")
    await stopping.presence.leave("7", "phone")
    await stopping.presence.stop()
    await eventually(lambda: len(staying.died) == 1, within=2)


async def test_a_process_killed_amid_its_announcements_leaves_them_to_another(start: Start, member: Member) -> None:
    first, second = member("--never-done"), start()
    member("7").send_signal(signal.SIGKILL)
    assert first.stdout is not None
    assert await asyncio.wait_for(asyncio.to_thread(first.stdout.readline), 5) == "went 7\n"
    first.send_signal(signal.SIGKILL)
    await second.presence.start()
    await eventually(lambda: second.went == ["7"])
    await asyncio.sleep(EXPIRY * 1.5)
    assert second.went == ["7"]


async def test_announced_users_are_no_longer_claimed(start: Start, member: Member, redis: Redis, prefix: str) -> None:
    survivor = start()
    await survivor.presence.start()
    member("7").send_signal(signal.SIGKILL)
    await eventually(lambda: survivor.went == ["7"])

    async def nothing_is_claimed() -> bool:
        return [key async for key in redis.scan_iter(f"{prefix}claims:*")] == []

    await eventually(nothing_is_claimed)


async def test_an_announcement_that_fails_holds_up_neither_the_others_nor_the_heartbeat(
    start: Start, member: Member, caplog: pytest.LogCaptureFixture
) -> None:
    survivor = start()
    survivor.cannot_announce = "7"
    await survivor.presence.start()
    member("7", "8", "9").send_signal(signal.SIGKILL)
    await eventually(lambda: sorted(survivor.went) == ["8", "9"])
    assert "could not be announced" in caplog.text
    await asyncio.sleep(EXPIRY * 2)
    assert await start().presence.online(["7"]) == set()


async def test_a_death_is_announced_once(start: Start, member: Member) -> None:
    survivors = [start() for _ in range(3)]
    for survivor in survivors:
        await survivor.presence.start()
    member("7").send_signal(signal.SIGKILL)
    await eventually(lambda: any(survivor.died for survivor in survivors))
    await asyncio.sleep(EXPIRY)
    assert sum(len(survivor.died) for survivor in survivors) == 1


async def test_a_death_that_could_not_be_announced_is_announced_at_a_later_heartbeat(
    start: Start, member: Member
) -> None:
    survivor = start()
    survivor.failures = 2
    await survivor.presence.start()
    member("7").send_signal(signal.SIGKILL)
    await eventually(lambda: len(survivor.died) == 1)
    assert survivor.failures == 0


async def test_a_process_killed_before_it_has_announced_a_death_leaves_it_to_another(
    start: Start, member: Member
) -> None:
    first, second = member("--never-buries"), start()
    member("7").send_signal(signal.SIGKILL)
    assert first.stdout is not None
    assert await asyncio.wait_for(asyncio.to_thread(first.stdout.readline), 5) == "died\n"
    first.send_signal(signal.SIGKILL)
    await second.presence.start()
    await eventually(lambda: len(set(second.died)) == 2)
