"""How long staff wait for rooms and messages in the admin, with 1,000,000 messages in 20,000 rooms of half a year.

`python -m benchmarks.staff_lists` starts an embedded MongoDB of its own, fills it, and asks for each page several
times, in this process, without a network between: the whole view, with sessions, permissions and templates. `--uri`
names another MongoDB, whose database it fills.
"""

from __future__ import annotations

import datetime
import html
import re
import statistics
import time

import psutil

from .rest_lists import LONG_ROOM, ROOMS, SELLER, main

NOW = datetime.datetime.now(datetime.UTC)
HALF_A_YEAR = datetime.timedelta(days=180)
TOLD = 30
"""Pages after which a search that goes on is not followed further."""


def spread(position: int) -> datetime.datetime:
    """The latest rooms are the most; the longest, which is the first, was told over two weeks."""
    if position == 0:
        return NOW - datetime.timedelta(days=15)
    return NOW - datetime.timedelta(hours=1) - HALF_A_YEAR * (position * 7919 % ROOMS / ROOMS) ** 2


async def measure() -> None:
    """Ask, and print the middle of several times in milliseconds."""
    from asgiref.sync import sync_to_async

    await sync_to_async(_measure)()


def _measure() -> None:
    from django.contrib.auth.models import Group, User
    from django.test import Client

    User.objects.filter(username="benchmark").delete()
    staff = User.objects.create_user("benchmark", is_staff=True)
    staff.groups.set(Group.objects.filter(name="Moderation lead"))
    client = Client()
    client.force_login(staff)

    def get(path: str, query: str = "") -> str:
        answer = client.get(path if path.startswith("/") else f"/admin/conversations/{path}{query}")
        assert answer.status_code == 200, answer.status_code
        return answer.content.decode()

    this_process = psutil.Process()
    processes = [this_process, *this_process.children(recursive=True)]

    def worked() -> float:
        """Seconds of processors that this process and the stores had, without what waiting for one adds."""
        return sum(times.user + times.system for times in (process.cpu_times() for process in processes))

    def timed(what: str, path: str, query: str = "", times: int = 9) -> str:
        taken, work, body = [], worked(), ""
        for _ in range(times):
            begun = time.perf_counter()
            body = get(path, query)
            taken.append((time.perf_counter() - begun) * 1000)
        work = (worked() - work) / times * 1000
        print(
            f"{what:44} {statistics.median(taken):8.1f} ms, longest {max(taken):8.1f}; worked {work:6.1f}", flush=True
        )
        return body

    def following(body: str) -> str:
        links = re.findall(r'href="(\?[^"]*before=[^"]*)"', body)
        return html.unescape(links[-1]) if links else ""

    def to_the_end(what: str, path: str, query: str) -> None:
        taken, work, body = [], worked(), ""
        while query and len(taken) < TOLD:
            begun = time.perf_counter()
            body = get(path, query)
            taken.append((time.perf_counter() - begun) * 1000)
            query = following(body) if "Look further back" in body else ""
        work = (worked() - work) / len(taken) * 1000
        end = f"{len(taken)} pages" + (", and more" if query else "")
        print(
            f"{what:44} {statistics.median(taken):8.1f} ms, longest {max(taken):8.1f}; worked {work:6.1f}; {end}",
            flush=True,
        )

    timed("a page that reads nothing but the session", "/admin/password_change/")
    body = timed("rooms", "room/")
    for _ in range(100):
        body = get("room/", following(body))
    timed("rooms, page 102", "room/", following(body))
    timed("rooms of a user with 5,000", "room/", f"?q={SELLER}", 5)
    timed("rooms of a user with 30", "room/", "?q=80007")
    timed("room by id", "room/", f"?q={LONG_ROOM}")
    timed("rooms unseen by the seller", "room/", "?unseen=SELLER")
    timed("rooms from one day to another", "room/", f"?until={NOW - datetime.timedelta(days=60):%Y-%m-%d}")
    to_the_end("rooms by a frequent name", "room/", "?q=Buyer+77")
    to_the_end("rooms by a rare name", "room/", "?q=Buyer+7777")
    to_the_end("rooms that are closed: there are none", "room/", "?state=closed")
    timed("messages", "message/")
    timed("messages of the room of 20,000", "message/", f"?room={LONG_ROOM}")
    timed("messages of a user with 30 rooms", "message/", "?user=80007")
    to_the_end("messages by a frequent text", "message/", "?q=message+4")
    to_the_end("messages by a text that nobody wrote", "message/", "?q=zebra")
    timed("a room's page", "room/", f"{LONG_ROOM}/change/")
    body = get("room/", f"{LONG_ROOM}/lines/")
    for _ in range(100):
        earlier = re.findall(r'"earlier": "([^"]*)"', body)[0]
        body = get("room/", f"{LONG_ROOM}/lines/?before={earlier}")
    timed("its messages, 4,000 back", "room/", f"{LONG_ROOM}/lines/?before={earlier}")


if __name__ == "__main__":
    main(measure, __doc__, spread)
