"""A user is online while any socket of theirs is open, on any process: the rules while everything works."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest
from redis.asyncio import Redis

from persistence.configuration import value_of
from presence import Presence
from tests.eventually import eventually
from tests.presence.conftest import EXPIRY, HEARTBEAT, Member, Process, Start, processes_in


async def test_the_first_socket_brings_a_user_online_and_the_last_takes_them_off(start: Start) -> None:
    here = start().presence
    assert await here.online(["7"]) == set()
    assert await here.enter("7", "phone")
    assert not await here.enter("7", "laptop")
    assert await here.online(["7", "8"]) == {"7"}
    assert not await here.leave("7", "phone")
    assert await here.online(["7"]) == {"7"}
    assert await here.leave("7", "laptop")
    assert await here.online(["7"]) == set()


async def test_devices_on_several_processes_count_as_one_user(start: Start) -> None:
    one, two, watcher = (start().presence for _ in range(3))
    assert await one.enter("7", "phone")
    assert not await two.enter("7", "laptop")
    assert not await one.leave("7", "phone")
    assert await watcher.online(["7"]) == {"7"}
    assert await two.leave("7", "laptop")
    assert await watcher.online(["7"]) == set()


async def test_users_are_counted_once_on_however_many_processes_they_are(start: Start) -> None:
    one, two = start().presence, start().presence
    assert await one.count() == 0
    await one.enter("7", "phone")
    await one.enter("7", "laptop")
    assert await one.count() == 1
    await two.enter("7", "tablet")
    await two.enter("8", "phone")
    assert (await one.count(), await two.count()) == (2, 2)
    await two.leave("8", "phone")
    assert await one.count() == 1


async def test_a_process_knows_how_many_others_are_alive(start: Start, member: Member) -> None:
    one, two = start(), start()
    assert await one.presence.other_processes(60) == 0
    three = member()
    for process in (one, two):
        await process.presence.start()

    async def others(number: int, seconds: float = 60) -> bool:
        return await one.presence.other_processes(seconds) == number

    await eventually(lambda: others(2))
    await two.presence.stop()
    assert await others(1)
    three.kill()
    await eventually(lambda: others(0, 2 * HEARTBEAT))


async def test_entering_or_leaving_twice_is_once(start: Start) -> None:
    here = start().presence
    assert await here.enter("7", "phone")
    assert not await here.enter("7", "phone")
    assert await here.leave("7", "phone")
    assert not await here.leave("7", "phone")
    assert not await here.leave("8", "never seen")
    assert await here.online(["7", "8"]) == set()


async def test_ids_are_any_text(start: Start) -> None:
    one, two = start().presence, start().presence
    users = ["7", "ü 🙂", "a:b.c\x00\n", "\ud800", "1" * 500]
    for user in users:
        assert await one.enter(user, "phone")
    assert await two.online([*users, "x"]) == set(users)
    with pytest.raises(ValueError, match="user_id is empty"):
        await one.enter("", "phone")
    assert await two.online([""]) == set()


async def test_a_list_of_any_length_is_one_round_trip(start: Start, redis: Redis) -> None:
    """5,000 rooms, 2 other processes that share the users between them."""
    one, two, asking = (start().presence for _ in range(3))
    users = [str(number) for number in range(5_000)]
    await asyncio.gather(*(one.enter(user, "s") for user in users[:2000]))
    await asyncio.gather(*(two.enter(user, "s") for user in users[1500:3500]))
    await asking.online(["x"])  # connects, and loads the script
    sent: list[str] = []
    async with redis.monitor() as monitor:
        answer = await asking.online(users)
        await redis.echo("end")
        async for command in monitor.listen():
            if command["command"].startswith("ECHO"):
                break
            if command["client_type"] == "tcp":  # and not one that a script sends inside the server
                sent.append(command["command"])
    assert answer == set(users[:3500])
    assert len([command for command in sent if len(command.split()) > 5_000]) == 1
    assert len(sent) < 20, "the rest are heartbeats"


async def test_users_who_are_here_cost_no_round_trip(start: Start, redis: Redis) -> None:
    here = start(expiry=30, heartbeat=15).presence
    await here.enter("7", "phone")
    await here.online(["8"])
    before = (await redis.info("stats"))["total_commands_processed"]
    assert await here.online(["7"]) == {"7"}
    assert not await here.enter("7", "laptop")
    assert not await here.leave("7", "laptop")
    assert (await redis.info("stats"))["total_commands_processed"] - before <= 1, "the question itself"


async def test_connects_at_once_share_round_trips(start: Start, redis: Redis) -> None:
    here = start().presence
    await here.enter("x", "s")
    before = (await redis.info("commandstats")).get("cmdstat_evalsha", {"calls": 0})["calls"]
    answers = await asyncio.gather(*(here.enter(str(number), "s") for number in range(2_000)))
    after = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    assert all(answers)
    assert after - before < 50
    assert await start().presence.online(map(str, range(2_000))) == set(map(str, range(2_000)))


async def test_of_devices_that_come_at_once_one_is_told_that_it_made_the_difference(start: Start) -> None:
    processes = [start().presence for _ in range(4)]
    entered = await asyncio.gather(
        *(process.enter("7", f"{place}.{socket}") for place, process in enumerate(processes) for socket in range(5))
    )
    assert entered.count(True) == 1
    left = await asyncio.gather(
        *(process.leave("7", f"{place}.{socket}") for place, process in enumerate(processes) for socket in range(5))
    )
    assert left.count(True) == 1


@pytest.mark.parametrize("seed", range(5))
async def test_flapping_leaves_redis_as_the_sockets_are(start: Start, redis: Redis, prefix: str, seed: int) -> None:
    """Sockets of a few users come and go on three processes, nobody waiting for anybody: changes of one user alternate
    between online and offline, and in the end Redis says what is open.
    """
    chance = random.Random(seed)
    processes = [start() for _ in range(3)]
    watcher = start().presence
    open_sockets: dict[tuple[int, str], set[int]] = {}
    changes: dict[str, list[bool]] = {}

    async def enter(place: int, user: str, socket: int) -> None:
        if await processes[place].presence.enter(user, str(socket)):
            changes.setdefault(user, []).append(True)

    async def leave(place: int, user: str, socket: int) -> None:
        if await processes[place].presence.leave(user, str(socket)):
            changes.setdefault(user, []).append(False)

    moves = []
    for _ in range(1_500):
        place, user, socket = chance.randrange(3), chance.choice("abcd"), chance.randrange(3)
        sockets = open_sockets.setdefault((place, user), set())
        if socket in sockets:
            sockets.discard(socket)
            moves.append(asyncio.create_task(leave(place, user, socket)))
        else:
            sockets.add(socket)
            moves.append(asyncio.create_task(enter(place, user, socket)))
        if chance.random() < 0.3:
            await asyncio.sleep(chance.random() * 0.003)
    await asyncio.gather(*moves)
    await asyncio.sleep(HEARTBEAT)  # for announcements that nobody awaits, one too many among them

    online = {user for (_, user), sockets in open_sockets.items() if sockets}
    assert await watcher.online("abcd") == online
    held = [{user for (at, user), sockets in open_sockets.items() if at == place and sockets} for place in range(3)]
    assert sorted(map(sorted, (await processes_in(redis, prefix)).values())) == sorted(map(sorted, held))

    def balance(user: str) -> int:
        told = Counter(changes.get(user, []))
        for process in processes:
            told[True] += process.came.count(user)
            told[False] += process.went.count(user)
        return told[True] - told[False]

    for user in "abcd":
        await eventually(lambda user=user: balance(user) == (user in online), "each coming and going is told once")  # type: ignore[misc]


async def test_a_socket_that_is_cancelled_while_it_enters_can_leave(start: Start) -> None:
    here, watcher = start().presence, start().presence
    entering = asyncio.create_task(here.enter("7", "phone"))
    await asyncio.sleep(0)
    entering.cancel()
    await here.leave("7", "phone")

    async def is_offline() -> bool:
        return await watcher.online(["7"]) == set()

    await eventually(is_offline)
    await asyncio.sleep(HEARTBEAT * 2)
    assert await is_offline(), "and stays so"


async def test_every_key_expires_and_a_cluster_that_stopped_leaves_nothing(
    start: Start, redis: Redis, prefix: str
) -> None:
    one, two = start(expiry=0.2), start(expiry=0.2)
    await one.presence.enter("7", "phone")
    await two.presence.enter("8", "phone")
    keys = [key async for key in redis.scan_iter(f"{prefix}*")]
    assert keys
    for key in keys:
        assert 0 < await redis.pttl(key) <= 4_000
    await one.presence.stop()
    await eventually(lambda: two.went == ["7"])
    await two.presence.stop()

    async def nothing_is_left() -> bool:
        return [key async for key in redis.scan_iter(f"{prefix}*")] == []

    await eventually(nothing_is_left, within=4.1)


async def test_a_heartbeat_keeps_a_quiet_process_alive(start: Start) -> None:
    here, watcher = start(), start()
    await here.presence.enter("7", "phone")
    await watcher.presence.start()
    await asyncio.sleep(EXPIRY * 3)
    assert await watcher.presence.online(["7"]) == {"7"}
    assert not watcher.went


async def test_an_expiry_that_a_late_heartbeat_would_miss_is_refused() -> None:
    async def nothing(user_id: str) -> None: ...

    with pytest.raises(ValueError, match="at least two heartbeats"):
        Presence("redis://127.0.0.1:1/0", on_offline=nothing, on_online=nothing, heartbeat=10, expiry=15)


async def test_two_clusters_on_one_redis_know_nothing_of_each_other(start: Start, prefix: str) -> None:
    here, stranger = start(), Process(value_of("REDIS_ADDRESS"), f"{prefix}other:")
    try:
        await here.presence.enter("7", "phone")
        assert await stranger.presence.online(["7"]) == set()
    finally:
        await stranger.presence.stop()
