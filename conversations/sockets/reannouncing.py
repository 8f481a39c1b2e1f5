"""Statuses announced once more: those that could not be announced, and those that may have been wrong.

While MongoDB is away nobody knows whose rooms a user is in: who came or went, and whose list is due, is remembered
until it is back. When Redis was away or lost something, or the processes did not hear each other, nobody knows which
statuses were wrong: each process sends its own users all statuses anew, by `active_user_list`.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Hashable
from functools import partial
from typing import TypeAlias, TypeVar

from conversations.services import visible_rooms_of
from conversations.sockets.statuses import begin_announcing, send_active_user_list, send_active_user_lists
from identity import Identity, Role
from persistence.availability import AVAILABILITY, StoreUnavailable
from persistence.per_event_loop import PerLoop
from presence import on_change, on_restored

Key = TypeVar("Key", bound=Hashable)
User: TypeAlias = tuple[str, Role]
"""A user's id, and a side that the user is connected on."""

logger = logging.getLogger(__name__)

MOST_REMEMBERED = 100_000
"""Users who came or went while MongoDB was away. Of those beyond, the other sides learn when they connect again."""
LISTS_AT_ONCE = 20
"""Users whose rooms are read, and the others in them looked for, in one go; a seller has thousands."""
_ANNOUNCEMENTS_AT_ONCE = 16
_RETRY = 1.0  # seconds between attempts while MongoDB is away
_GAP_PATIENCE = 3.0  # seconds after a gap, which seldom comes alone


class Reannouncing:
    """The statuses that this process has to announce once more; one object an event loop."""

    def __init__(self) -> None:
        self._here: dict[str, tuple[User, float]] = {}  # whom each socket speaks for, and since when, by presence's id
        self._unannounced: dict[str, None] = {}  # in the order in which they came or went
        self._unlisted: dict[User, None] = {}
        self._worker: asyncio.Task[None] | None = None
        self._gap: asyncio.TimerHandle | None = None
        self._overflown = False

    def signed_in(self, presence_id: str, identity: Identity, heard_from: float) -> None:
        """Note a socket of this process.

        Args:
            presence_id: Its id in presence.
            identity: Whom it speaks for.
            heard_from: The instant (`time.monotonic()`) from which it hears events.
        """
        self._here[presence_id] = (identity.user_id, identity.role), heard_from

    def signed_out(self, presence_id: str) -> None:
        """Forget a socket."""
        self._here.pop(presence_id, None)

    def announce(self, user_id: str) -> asyncio.Future[None]:
        """`announce_status`, now or when MongoDB is back.

        Returns:
            A future that is done when that is done, or fails, which is noted here.
        """
        announced = begin_announcing(user_id)
        announced.add_done_callback(partial(self._announced, user_id))
        return announced

    def _announced(self, user_id: str, announced: asyncio.Future[None]) -> None:
        error = None if announced.cancelled() else announced.exception()
        if isinstance(error, StoreUnavailable):
            if len(self._unannounced) < MOST_REMEMBERED:
                self._unannounced[user_id] = None
                self._begin()
            elif not self._overflown:
                self._overflown = True
                logger.error(
                    "More than %d users came or went while MongoDB was away: not all are announced.", MOST_REMEMBERED
                )
        elif error is not None:
            logger.error("The other sides of user %s's rooms could not be told of a change.", user_id, exc_info=error)

    def list_users(self, identity: Identity, heard_from: float) -> asyncio.Future[None]:
        """`send_active_user_list`, now or when MongoDB is back.

        Returns:
            As `announce`.
        """
        listed = send_active_user_list(identity, heard_from)
        listed.add_done_callback(partial(self._listed, (identity.user_id, identity.role)))
        return listed

    def _listed(self, user: User, listed: asyncio.Future[None]) -> None:
        error = None if listed.cancelled() else listed.exception()
        if isinstance(error, StoreUnavailable):
            self._unlisted[user] = None
            self._begin()
        elif error is not None:
            logger.error("User %s could not be told who is online.", user[0], exc_info=error)

    def list_all(self) -> None:
        """Tell all users of this process who is online, soon."""
        self._unlisted |= {user: None for user, _ in self._here.values()}
        self._begin()

    def noticed_gap(self) -> None:
        """Tell all users of this process who is online, when the processes hear each other again."""
        if self._gap is None:
            self._gap = asyncio.get_running_loop().call_later(_GAP_PATIENCE, self._after_gap)

    def stop(self) -> None:
        """Tell no more."""
        if self._gap is not None:
            self._gap.cancel()
        if self._worker is not None:
            self._worker.cancel()

    def _after_gap(self) -> None:
        self._gap = None
        self.list_all()

    def _begin(self) -> None:
        if self._worker is None and (self._unannounced or self._unlisted):
            self._worker = asyncio.get_running_loop().create_task(self._work(), name="reannounce statuses")

    async def _work(self) -> None:
        try:
            while self._unannounced or self._unlisted:
                at_once = _ANNOUNCEMENTS_AT_ONCE
                if AVAILABILITY.away_for() is not None:
                    await asyncio.sleep(_RETRY)
                    at_once = 1  # which finds out whether it is back
                announced = [self.announce(user_id) for user_id in _taken(self._unannounced, at_once)]
                if announced:
                    await asyncio.wait(announced)
                await self._list_some()
            self._overflown = False
        finally:
            self._worker = None

    async def _list_some(self) -> None:
        users = _taken(self._unlisted, LISTS_AT_ONCE)
        wanted, heard_from = set(users), dict[User, float]()
        for user, instant in self._here.values():
            if user in wanted:
                heard_from[user] = min(instant, heard_from.get(user, instant))
        try:
            for side in Role:
                of_side = {user_id: instant for (user_id, role), instant in heard_from.items() if role is side}
                if of_side:
                    rooms = await asyncio.gather(*(visible_rooms_of(user_id, side) for user_id in of_side))
                    await send_active_user_lists(side, dict(zip(of_side, rooms, strict=True)), of_side)
        except StoreUnavailable:
            self._unlisted |= dict.fromkeys(users)
        except Exception:
            logger.exception("Users could not be told who is online.")


def _taken(keys: dict[Key, None], most: int) -> list[Key]:
    """Take the first ones out."""
    taken = list(itertools.islice(keys, most))
    for key in taken:
        del keys[key]
    return taken


reannouncing = PerLoop(Reannouncing)
"""The running loop's, by `get`."""


@on_change
async def announce_change(user_id: str) -> None:
    """Announce a change that no socket of this process caused."""
    await asyncio.wait([reannouncing.get().announce(user_id)])


@on_restored
async def tell_all_anew() -> None:
    """Correct the statuses that may have been wrong while Redis was away, or had lost something."""
    reannouncing.get().list_all()
