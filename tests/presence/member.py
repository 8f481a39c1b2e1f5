"""A process of the cluster, to be killed.

    python -m tests.presence.member REDIS_URL PREFIX EXPIRY [--never-done | --never-buries] USER…

Enters the users, prints "here", then a line for each user it is told about, and stays until it is killed. With
`--never-done` no announcement that a user went offline comes to its end. With `--never-buries` it prints "died" for a
process that died, and that announcement does not come to its end.
"""

from __future__ import annotations

import asyncio
import sys

from presence import Presence


async def main(url: str, prefix: str, expiry: float, users: list[str], never_done: bool, never_buries: bool) -> None:
    async def went(user_id: str) -> None:
        print("went", user_id, flush=True)
        if never_done:
            await asyncio.Event().wait()

    async def came(user_id: str) -> None:
        print("came", user_id, flush=True)

    async def died(process_id: str) -> None:
        print("died", flush=True)
        await asyncio.Event().wait()

    presence = Presence(
        url,
        on_offline=went,
        on_online=came,
        on_death=died if never_buries else None,
        heartbeat=expiry / 5,
        expiry=expiry,
        prefix=prefix,
    )
    await presence.start()
    await asyncio.gather(*(presence.enter(user, "socket") for user in users))
    print("here", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    users = [argument for argument in sys.argv[4:] if not argument.startswith("--")]
    flags = "--never-done" in sys.argv, "--never-buries" in sys.argv
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), users, *flags))
