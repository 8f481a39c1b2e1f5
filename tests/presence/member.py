"""A process of the cluster, to be killed.

    python -m tests.presence.member REDIS_URL PREFIX EXPIRY [--never-done] USER…

Enters the users, prints "here", then a line for each user it is told about, and stays until it is killed. With
`--never-done` no announcement that a user went offline comes to its end.
"""

from __future__ import annotations

import asyncio
import sys

from presence import Presence


async def main(url: str, prefix: str, expiry: float, users: list[str], never_done: bool) -> None:
    async def went(user_id: str) -> None:
        print("went", user_id, flush=True)
        if never_done:
            await asyncio.Event().wait()

    async def came(user_id: str) -> None:
        print("came", user_id, flush=True)

    presence = Presence(url, on_offline=went, on_online=came, heartbeat=expiry / 5, expiry=expiry, prefix=prefix)
    await presence.start()
    await asyncio.gather(*(presence.enter(user, "socket") for user in users))
    print("here", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    users = [argument for argument in sys.argv[4:] if argument != "--never-done"]
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), users, "--never-done" in sys.argv))
