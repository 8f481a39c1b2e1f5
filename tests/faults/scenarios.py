"""The faults: what is done to the system, and for how long."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis

from devstack.embedded import EmbeddedStore
from tests.e2e.people import Room, new_buyer, new_seller
from tests.e2e.server_process import PROJECT, ServerProcess

from .system import System
from .traffic import Traffic

CLOCK_AHEAD = {"PYTHONPATH": str(Path(__file__).parent / "clock_ahead"), "SECONDS_AHEAD": "3600"}
LEEWAY = 120.0
"""Seconds beyond its own in which a crowd has come and gone."""
WITHOUT_LIMITS = {"EVENT_RATE_USER": "0", "EVENT_RATE_MESSAGES": "0", "EVENT_RATE_CONNECTS": "0"}


@dataclass(slots=True)
class Stage:
    """What a fault has before it. `scale`: 1 in full, less in the short form; it goes for numbers of sockets."""

    system: System
    traffic: Traffic
    servers: tuple[ServerProcess, ServerProcess]
    seconds: float
    scale: float = 1.0
    crowd: dict[str, Any] = field(default_factory=dict)
    """What the crowd of the fault did, where it has one."""

    async def hold(self) -> None:
        """Let the fault last; some users come and go meanwhile."""
        await asyncio.sleep(self.seconds / 3)
        self.traffic.come_and_go()
        await asyncio.sleep(self.seconds * 2 / 3)

    def new_rooms(self, count: int) -> list[tuple[str, str]]:
        """Rooms for a crowd, in the store."""
        rooms = [Room(new_buyer(), new_seller()) for _ in range(count)]
        self.system.database["cz_rooms"].insert_many([room.document() for room in rooms])
        return [(room.buyer.user_id, room.seller.user_id) for room in rooms]

    async def call_crowd(self, kind: str, seconds: float | None = None, **order: Any) -> dict[str, Any]:
        """Have a crowd (`crowd.py`) do its worst, and return what it counted."""
        order |= {"urls": [server.url for server in self.servers], "seconds": seconds or self.seconds}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.crowd", kind, json.dumps(order)),
            cwd=PROJECT,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(order["seconds"] + LEEWAY):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        return dict(json.loads(output or "{}"))


Fault = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A row. `about_recovery`: whether it is also run with connection state recovery on."""

    name: str
    fault: Fault
    seconds: float
    short_seconds: float = 4.0
    about_recovery: bool = False
    kills_first: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    first_settings: Mapping[str, str] = field(default_factory=dict)


async def nothing(stage: Stage) -> None:
    await stage.hold()


async def _kill(stage: Stage, store: EmbeddedStore) -> None:
    stage.system.kill(store)
    await stage.hold()
    await stage.system.start(store)


async def _pause(stage: Stage, process: int) -> None:
    stage.system.pause(process)
    try:
        await stage.hold()
    finally:
        stage.system.go_on(process)


def _pid(store: EmbeddedStore) -> int:
    assert store.process is not None
    return store.process.pid


async def redis_killed(stage: Stage) -> None:
    await _kill(stage, stage.system.redis)


async def redis_paused(stage: Stage) -> None:
    await _pause(stage, _pid(stage.system.redis))


async def redis_flushed(stage: Stage) -> None:
    with Redis.from_url(stage.system.redis.address) as client:
        client.flushall()
    await stage.hold()


async def redis_cut(stage: Stage) -> None:
    """All connections break in mid-stream, five times, and can be opened again at once."""
    for _ in range(5):
        for way in stage.system.to_redis:
            way.reset()
        await asyncio.sleep(stage.seconds / 5)
    stage.traffic.come_and_go()


async def redis_slow(stage: Stage) -> None:
    for way in stage.system.to_redis:
        way.slow(0.2)
    await stage.hold()
    for way in stage.system.to_redis:
        way.mend()


async def one_cut_from_redis(stage: Stage) -> None:
    """The connections of one process to Redis break, and none comes about; the other process keeps its own."""
    stage.system.to_redis[0].cut()
    await stage.hold()
    stage.system.to_redis[0].mend()


async def one_hears_nothing_of_redis(stage: Stage) -> None:
    """Nothing passes between one process and Redis in either direction, and neither is told of it."""
    stage.system.to_redis[0].silence()
    await stage.hold()
    stage.system.to_redis[0].mend()


async def mongodb_killed(stage: Stage) -> None:
    await _kill(stage, stage.system.mongodb)


async def mongodb_paused(stage: Stage) -> None:
    await _pause(stage, _pid(stage.system.mongodb))


async def mongodb_slow(stage: Stage) -> None:
    stage.system.to_mongodb.slow(0.2)
    await stage.hold()
    stage.system.to_mongodb.mend()


async def primary_steps_down(stage: Stage) -> None:
    stage.system.member.step_down()
    await stage.hold()
    stage.system.member.elect()


async def disk_full(stage: Stage) -> None:
    stage.system.member.fill_disk()
    await stage.hold()
    stage.system.member.make_room()


async def server_killed(stage: Stage) -> None:
    stage.servers[0].kill()
    await stage.hold()
    await stage.servers[0].start()


async def server_paused(stage: Stage) -> None:
    await _pause(stage, stage.servers[0].pid)


async def server_restarted(stage: Stage) -> None:
    await asyncio.to_thread(stage.servers[0].stop)
    await stage.servers[0].start()
    stage.traffic.come_and_go()


async def overload(stage: Stage) -> None:
    """Three times the messages that it carries, measured just before."""
    rooms = stage.new_rooms(30)
    carried = (await stage.call_crowd("overload", 4.0, rooms=rooms, rate=0)).get("stored", 0) / 4.0
    stage.traffic.come_and_go()
    stage.crowd = await stage.call_crowd("overload", rooms=rooms, rate=3 * max(carried, 10.0))
    stage.crowd["carried_a_second"] = int(carried)


async def abusive_user(stage: Stage) -> None:
    stage.traffic.come_and_go()
    stage.crowd = await stage.call_crowd("abuse", rooms=stage.new_rooms(1), rate=5000)


async def peers_that_never_read(stage: Stage) -> None:
    stage.traffic.come_and_go()
    stage.crowd = await stage.call_crowd("deaf", rooms=stage.new_rooms(5), sockets=4)


async def idle_sockets(stage: Stage) -> None:
    stage.traffic.come_and_go()
    stage.crowd = await stage.call_crowd("idle", sockets=int(3000 * stage.scale))


async def storm(stage: Stage) -> None:
    stage.traffic.come_and_go()
    stage.crowd = await stage.call_crowd("storm", sockets=int(600 * stage.scale))


SCENARIOS = (
    Scenario("No fault", nothing, 10),
    Scenario("Redis killed, back after 10 s", redis_killed, 10, about_recovery=True),
    Scenario("Redis paused for 20 s", redis_paused, 20, about_recovery=True),
    Scenario("Redis loses its data (FLUSHALL)", redis_flushed, 3, 2, about_recovery=True),
    Scenario("Redis cut in mid-stream, five times", redis_cut, 5, about_recovery=True),
    Scenario("Redis slow by 200 ms", redis_slow, 10, about_recovery=True),
    Scenario("One process cut from Redis for 10 s", one_cut_from_redis, 10, about_recovery=True),
    Scenario("One process hears nothing of Redis for 10 s", one_hears_nothing_of_redis, 10, about_recovery=True),
    Scenario("MongoDB killed, back after 10 s", mongodb_killed, 10),
    Scenario("MongoDB paused for 10 s", mongodb_paused, 10),
    Scenario("MongoDB slow by 200 ms", mongodb_slow, 10),
    Scenario("MongoDB without a primary for 8 s", primary_steps_down, 8),
    Scenario("MongoDB's disk full for 10 s", disk_full, 10),
    Scenario("A server killed, back after 5 s", server_killed, 5, about_recovery=True, kills_first=True),
    Scenario("A server paused for 10 s", server_paused, 10, about_recovery=True),
    Scenario("A server restarted", server_restarted, 0, 0, about_recovery=True, kills_first=True),
    Scenario("A server's clock an hour ahead", nothing, 10, first_settings=CLOCK_AHEAD),
    Scenario("Three times the load that it carries", overload, 60, 6, settings=WITHOUT_LIMITS),
    Scenario("One abusive user, 5,000 events a second", abusive_user, 20),
    Scenario("Twenty peers that never read", peers_that_never_read, 20),
    Scenario("3,000 idle sockets", idle_sockets, 20),
    Scenario("A storm: 600 sockets reconnect at once, on and on", storm, 15),
)
