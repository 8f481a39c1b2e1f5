"""The namespaces in which clients watch auctions: one auction, or several with the names of their leaders."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from redis.exceptions import RedisError

from auctions.configuration import AuctionSettings
from auctions.latest_results import LatestResults
from auctions.results import NamedAuctionResult, new_named_result, new_result
from conversations.errors import TooSoon
from conversations.sockets.event_limits import LimitedNamespace, proving
from conversations.sockets.refusals import refused_connection
from identity import IdentityRefused, let_pass, verify_token
from persistence.configuration import StoreSettings
from persistence.per_event_loop import PerLoop
from persistence.redis_client import say_away
from socketio_bridge import ConnectionRefused, Outgoing, Socket

logger = logging.getLogger(__name__)

MOST_AUCTIONS = 500
"""Auctions that one socket may watch."""
LONGEST_ID = 64
REFUSED = "Unauthorization or Missing auction id"
"""The message of `connect_error`, as the old service had it."""


class WatchAuction(Struct):
    """The handshake for one auction.

    Attributes:
        token: The client's token.
        auction_id: The auction that it watches.
    """

    token: str
    auction_id: str


class WatchAuctions(Struct):
    """The handshake for several auctions.

    Attributes:
        token: The client's token.
        auction_ids: The auctions that it watches, such as "3753,4523".
    """

    token: str
    auction_ids: str


class WatchedAuctions(LimitedNamespace):
    """What both namespaces share: a verified token, and a room for each auction that the socket watches."""

    query_name: str
    """The part of the query that names the auctions."""

    def auctions(self, named: str) -> list[str]:
        """The auctions' ids in the query."""
        raise NotImplementedError

    def shown(self, result: NamedAuctionResult) -> Outgoing[None]:
        """A result as this namespace's clients get it."""
        raise NotImplementedError

    async def on_shutdown(self) -> None:
        """Close the connection to Redis."""
        latest = _latest.forget()
        if latest is not None:
            await latest.close()

    async def on_connect(self, socket: Socket) -> None:
        """Verify the token, enter the auctions' rooms, and send their latest results."""
        await self._let_in(socket, {**socket.handshake.query, **socket.handshake.auth})

    async def on_disconnect(self, socket: Socket, reason: str) -> None:
        """Cancel the timer of the token's expiry."""
        socket.data.expiry.cancel()

    def save(self, socket: Socket) -> dict[str, str]:
        """What recovery stores of a socket."""
        return {"token": socket.data.token, self.query_name: ",".join(socket.data.auctions)}

    async def on_recover(self, socket: Socket, saved: dict[str, str]) -> None:
        """Do as `on_connect`, with what was stored."""
        await self._let_in(socket, saved)

    async def _let_in(self, socket: Socket, claim: Mapping[str, Any]) -> None:
        auctions = self.auctions(str(claim.get(self.query_name, "")))
        if not auctions:
            raise _refused("auction_missing", f"{self.query_name} names no auction")
        if len(auctions) > MOST_AUCTIONS or max(map(len, auctions)) > LONGEST_ID:
            raise _refused(
                "validation_failed",
                f"{self.query_name} may name {MOST_AUCTIONS} auctions, each of {LONGEST_ID} characters, at most",
            )
        expires_at = await _expiry_of(claim.get("token", ""), socket.handshake.address)
        socket.data.token = claim["token"]
        socket.data.auctions = auctions
        left = expires_at - time.time()
        socket.data.expiry = asyncio.get_running_loop().call_later(left, _expire, socket)
        for auction in auctions:
            await socket.enter_room(auction)
        await self._send_latest(socket, auctions)

    async def _send_latest(self, socket: Socket, auctions: Sequence[str]) -> None:
        """Send the latest results, reading them twice: one that came between the two is sent last, as the newer one.

        A result is stored before it is emitted, so one that comes after the second reading reaches the room after this.
        """
        sent: dict[int, NamedAuctionResult] = {}
        try:
            for _ in range(2):
                for result in await _latest.get().of(auctions):
                    if sent.get(result.id) != result:
                        sent[result.id] = result
                        await socket.emit(self.shown(result))
        except RedisError as error:  # it will see the results to come
            say_away("who begins to watch an auction does not get its latest result", error)


class AuctionResultEvents(WatchedAuctions):
    """The results of one auction. A client that connects gets the latest one at once."""

    path = AuctionSettings.current().AUCTION_RESULT_NAMESPACE
    emits = (new_result,)
    handshake_type = WatchAuction
    query_name = "auction_id"

    def auctions(self, named: str) -> list[str]:
        """The one id, if there is one."""
        return [named.strip()] if named.strip() else []

    def shown(self, result: NamedAuctionResult) -> Outgoing[None]:
        """Without the leader's name."""
        return new_result(result.anonymous())


class AuctionResultListEvents(WatchedAuctions):
    """The results of several auctions, with the leaders' names. Clients that connect get the latest of each at once."""

    path = AuctionSettings.current().AUCTIONS_RESULT_NAMESPACE
    emits = (new_named_result,)
    handshake_type = WatchAuctions
    query_name = "auction_ids"

    def auctions(self, named: str) -> list[str]:
        """Each id once."""
        return list(dict.fromkeys(part.strip() for part in named.split(",") if part.strip()))

    def shown(self, result: NamedAuctionResult) -> Outgoing[None]:
        """With the leader's name."""
        return new_named_result(result)


def _refused(code: str, message: str) -> ConnectionRefused:
    return ConnectionRefused(REFUSED, {"code": code, "message": message})


async def _expiry_of(token: str, address: str) -> float:
    """The Unix time until which a token is valid. ConnectionRefused: it is not; TryAgainLater: that is not known."""
    try:
        async with proving(address):
            return (await verify_token(token)).expires_at
    except (IdentityRefused, TooSoon) as refusal:
        if isinstance(refusal, IdentityRefused) and refusal.code != "token_missing" and let_pass(refusal, user_id=""):
            return math.inf
        raise refused_connection(REFUSED, refusal) from refusal


def _expire(socket: Socket) -> None:
    task = asyncio.get_running_loop().create_task(socket.disconnect())
    _leaving.add(task)
    task.add_done_callback(_leaving.discard)


_leaving: set[asyncio.Task[None]] = set()
_latest: PerLoop[LatestResults] = PerLoop(lambda: LatestResults(StoreSettings.current().REDIS_ADDRESS))
