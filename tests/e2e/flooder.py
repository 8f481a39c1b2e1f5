"""A process that floods a server: `python -m tests.e2e.flooder URL SECONDS SOCKETS ROOM BUYER SELLER QUERY`.

Each socket sends messages as fast as the server takes them. Prints how many were sent, stored, and `overloaded`.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

from websockets.exceptions import ConnectionClosed

from tests.clients.client import CHAT
from tests.clients.raw import RawSocket


async def main(url: str, seconds: float, sockets: int, room_id: str, buyer: str, seller: str, query: str) -> None:
    counts = Counter(sent=0, stored=0, overloaded=0)
    message = {"room_id": room_id, "from": buyer, "to": seller, "type": "TEXT", "content": "flood " * 10}
    until = time.monotonic() + seconds
    await asyncio.gather(
        *(_flood(url, json.loads(query), message, f"s{number}", until, counts) for number in range(sockets))
    )
    print(json.dumps(counts))


async def _flood(
    url: str, query: dict[str, Any], message: dict[str, Any], name: str, until: float, counts: Counter[str]
) -> None:
    async with RawSocket(url, engine=4, query=query) as socket:
        await socket.join()
        reading = asyncio.create_task(_read(socket, counts))
        number = 0
        while (left := until - time.monotonic()) > 0:
            payload = {**message, "client_message_id": f"{name} {number}"}
            try:  # a server that reads no more from this socket holds it up
                async with asyncio.timeout(left):
                    await socket.send(f"42{CHAT},{number}{json.dumps(['new_message', payload])}")
            except TimeoutError:
                break
            counts["sent"] += 1
            if (number := number + 1) % 20 == 0:
                await asyncio.sleep(0)
        reading.cancel()


async def _read(socket: RawSocket, counts: Counter[str]) -> None:
    while True:
        try:
            frame = await socket.receive(60)
        except ConnectionClosed:
            return
        if frame == "2":
            await socket.send("3")
        elif frame.startswith("43"):
            counts["stored"] += '"status":true' in frame
            counts["overloaded"] += '"overloaded"' in frame


if __name__ == "__main__":
    url, seconds, sockets, *rest = sys.argv[1:]
    asyncio.run(main(url, float(seconds), int(sockets), *rest))
