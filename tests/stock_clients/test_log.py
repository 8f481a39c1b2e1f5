"""What the log says of a day on which clients come, go, and are cut off: nothing that somebody should look at."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from .application import PATH
from .process import Process

ALARMS = ("ERROR", "CRITICAL", "Traceback", "never retrieved", "Exception")


@pytest_asyncio.fixture(loop_scope="session")
async def pair(redis_server: None, tmp_path: Path) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes of one cluster, whose logs nobody else writes to."""
    redis = f"{os.environ['REDIS_ADDRESS'].rsplit('/', 1)[0]}/8"
    owner, other = (Process(tmp_path, redis, {"ping_interval": 1.0}, "quiet") for _ in range(2))
    await owner.start()
    await other.start()
    yield owner, other
    await owner.kill()
    await other.kill()


async def test_ordinary_life_is_no_error(pair: tuple[Process, Process]) -> None:
    owner, other = pair
    await _cut_off_while_polling(owner, other)
    announcer = await _joined(owner)
    announcing = asyncio.create_task(_announce(announcer))
    for carried_by in (owner, other) * 4:
        await _cut_off_in_every_way(owner, carried_by)
    await _denied(other)
    last = [await _changed_over(owner, other) for _ in range(3)]
    announcing.cancel()
    await owner.stop()
    for websocket in (*last, announcer):
        await websocket.wait_closed()
    await other.stop()
    for process in pair:
        lines = process.log.read_text().splitlines()
        assert [line for line in lines if any(alarm in line for alarm in ALARMS)] == [], "\n".join(lines[-80:])


async def _cut_off_in_every_way(owner: Process, carried_by: Process) -> None:
    websocket = await _changed_over(owner, carried_by)
    while '"said"' not in str(await websocket.recv()):
        pass
    websocket.transport.abort()  # with more on its way
    websocket = await _changed_over(owner, carried_by)
    await websocket.close()
    websocket = await _changed_over(owner, carried_by)
    await websocket.send("42/nowhere,[]")
    await websocket.wait_closed()
    websocket = await _probing(owner, carried_by, await _opened(owner))
    websocket.transport.abort()


async def _denied(process: Process) -> None:
    for query in ("EIO=4&transport=websocket&sid=nobody", "EIO=2&transport=websocket", "EIO=4&transport=pigeon"):
        for path in (PATH, "/elsewhere"):
            with pytest.raises(InvalidStatus):
                await connect(f"{process.url.replace('http', 'ws')}{path}/?{query}", proxy=None)


async def _cut_off_while_polling(owner: Process, other: Process) -> None:
    async with httpx.AsyncClient(timeout=10) as http:
        for process in (owner, other):
            query = _polling(await _opened(owner))
            with pytest.raises(httpx.ReadTimeout):
                await http.get(f"{process.url}{PATH}/", params=query, timeout=0.2)
            query = _polling(await _opened(owner))
            assert (await http.post(f"{process.url}{PATH}/", params=query, content="rubbish")).status_code in (200, 400)


def _polling(sid: str) -> dict[str, str]:
    return {"EIO": "4", "transport": "polling", "sid": sid}


async def _opened(process: Process) -> str:
    """A session of the process that nobody polls, in "/"; its id."""
    async with httpx.AsyncClient(base_url=process.url, timeout=10) as http:
        opened = await http.get(f"{PATH}/", params={"EIO": "4", "transport": "polling"})
        sid = opened.text.partition('"sid":"')[2].partition('"')[0]
        await http.post(f"{PATH}/", params=_polling(sid), content="40")
        await http.get(f"{PATH}/", params=_polling(sid))
        return sid


async def _probing(owner: Process, carried_by: Process, sid: str) -> ClientConnection:
    """A WebSocket at one process that may carry a session of another."""
    address = f"{carried_by.url.replace('http', 'ws')}{PATH}/?EIO=4&transport=websocket&sid={sid}"
    websocket = await connect(address, proxy=None, ping_interval=None, max_queue=None)
    await websocket.send("2probe")
    assert await websocket.recv() == "3probe"
    return websocket


async def _changed_over(owner: Process, carried_by: Process) -> ClientConnection:
    sid = await _opened(owner)
    websocket = await _probing(owner, carried_by, sid)
    async with httpx.AsyncClient(base_url=owner.url) as http:
        while (await http.get(f"{PATH}/", params=_polling(sid))).text != "6":
            pass
    await websocket.send("5")
    await websocket.send('420["ack"]')
    while await websocket.recv() != "430[]":
        pass
    return websocket


async def _joined(process: Process) -> ClientConnection:
    address = f"{process.url.replace('http', 'ws')}{PATH}/?EIO=4&transport=websocket"
    websocket = await connect(address, proxy=None, ping_interval=None, max_queue=None)
    await websocket.send("40")
    return websocket


async def _announce(announcer: ClientConnection) -> None:
    """Have something on its way to everybody all the time."""
    text = "x" * 10_000
    while True:
        await announcer.send(f'42["say",null,"{text}"]')
        while '"said"' not in (received := str(await announcer.recv())):
            if received == "2":
                await announcer.send("3")
        await asyncio.sleep(0.01)
