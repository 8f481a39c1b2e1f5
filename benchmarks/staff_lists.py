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
    """The latest rooms are the most; the longest, which is the first, was written over two weeks."""
    if position == 0:
        return NOW - datetime.timedelta(days=15)
    return NOW - datetime.timedelta(hours=1) - HALF_A_YEAR * (position * 7919 % ROOMS / ROOMS) ** 2


async def measure() -> None:
    """Ask, and print the middle of several times in milliseconds."""
    from asgiref.sync import sync_to_async

    await sync_to_async(_measure)()


def _measure() -> None:
    staff = Staff()
    staff.timed("a page that reads nothing but the session", "/admin/password_change/")
    body = staff.timed("rooms", "room/")
    for _ in range(100):
        body = staff.get("room/", following(body))
    staff.timed("rooms, page 102", "room/", following(body))
    staff.timed("rooms of a user with 5,000", "room/", f"?q={SELLER}", 5)
    staff.timed("rooms of a user with 30", "room/", "?q=80007")
    staff.timed("room by id", "room/", f"?q={LONG_ROOM}")
    staff.timed("rooms unseen by the seller", "room/", "?unseen=SELLER")
    staff.timed("rooms from one day to another", "room/", f"?until={NOW - datetime.timedelta(days=60):%Y-%m-%d}")
    staff.to_the_end("rooms by a frequent name", "room/", "?q=Buyer+77")
    staff.to_the_end("rooms by a rare name", "room/", "?q=Buyer+7777")
    staff.to_the_end("rooms that are closed: there are none", "room/", "?state=closed")
    staff.timed("messages", "message/")
    staff.timed("messages of the room of 20,000", "message/", f"?room={LONG_ROOM}")
    staff.timed("messages of a user with 30 rooms", "message/", "?user=80007")
    staff.to_the_end("messages by a frequent text", "message/", "?q=message+4")
    staff.to_the_end("messages by a text that nobody wrote", "message/", "?q=zebra")
    staff.timed("a room's page", "room/", f"{LONG_ROOM}/change/")
    body = staff.get("room/", f"{LONG_ROOM}/lines/")
    for _ in range(100):
        earlier = re.findall(r'"earlier": "([^"]*)"', body)[0]
        body = staff.get("room/", f"{LONG_ROOM}/lines/?before={earlier}")
    staff.timed("its messages, 4,000 back", "room/", f"{LONG_ROOM}/lines/?before={earlier}")


class Staff:
    """One who moderates, in the admin."""

    def __init__(self) -> None:
        from django.contrib.auth.models import Group, User
        from django.test import Client

        User.objects.filter(username="benchmark").delete()
        user = User.objects.create_user("benchmark", is_staff=True)
        user.groups.set(Group.objects.filter(name="Moderation lead"))
        self._client = Client()
        self._client.force_login(user)

    def get(self, path: str, query: str = "") -> str:
        """The text of a page of the chat's, or, with a slash at its head, of any."""
        answer = self._client.get(path if path.startswith("/") else f"/admin/conversations/{path}{query}")
        assert answer.status_code == 200, answer.status_code
        return answer.content.decode()

    def timed(self, what: str, path: str, query: str = "", times: int = 9) -> str:
        """Wait for a page several times; its text."""
        waits, body = Waits(), ""
        for _ in range(times):
            with waits:
                body = self.get(path, query)
        waits.tell(what)
        return body

    def to_the_end(self, what: str, path: str, query: str) -> None:
        """Wait for a page, and for all to which a search leads on from there."""
        waits = Waits()
        while query and len(waits.taken) < TOLD:
            with waits:
                body = self.get(path, query)
            query = following(body) if 'id="further" data-next=' in body else ""
        waits.tell(what, f"; {len(waits.taken)} pages" + (", and more" if query else ""))


class Waits:
    """How long one waited, each time (ms), and how long the processors of this process and the stores worked."""

    def __init__(self) -> None:
        this_process = psutil.Process()
        self._processes = [this_process, *this_process.children(recursive=True)]
        self.taken: list[float] = []
        self._worked = self._work()

    def __enter__(self) -> None:
        self._begun = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.taken.append((time.perf_counter() - self._begun) * 1000)

    def tell(self, what: str, more: str = "") -> None:
        """Print the middle and the longest, and the work, which has no waiting for a processor in it."""
        median, longest = statistics.median(self.taken), max(self.taken)
        worked = (self._work() - self._worked) / len(self.taken) * 1000
        print(f"{what:44} {median:8.1f} ms, longest {longest:8.1f}; worked {worked:6.1f}{more}", flush=True)

    def _work(self) -> float:
        return sum(times.user + times.system for times in (process.cpu_times() for process in self._processes))


def following(body: str) -> str:
    """The query of the page that follows; none: it is the last."""
    links = re.findall(r'href="(\?[^"]*before=[^"]*)"', body)
    return html.unescape(links[-1]) if links else ""


if __name__ == "__main__":
    main(measure, __doc__, spread)
