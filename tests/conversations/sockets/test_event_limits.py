"""What a socket may send: the first that are too many are refused, and who goes on is disconnected."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from conversations.errors import TooSoon
from conversations.signals import limit_reached
from conversations.sockets import event_limits
from conversations.sockets.event_limits import LimitedNamespace, count_connect, proving
from identity import IdentityRefused, Role
from persistence import rate_limits as rates
from persistence.redis_client import redis
from socketio_bridge import Socket, SocketIOServer, event
from socketio_bridge.rates import Rate
from socketio_bridge.testing import Disconnected, SocketIOCommunicator
from tests.conversations.conftest import person

ADDRESS = "203.0.113.9"


class Counting(LimitedNamespace):
    """Says how many events reached its handlers."""

    path = "/counting"

    def __init__(self) -> None:
        super().__init__()
        self.handled: list[str] = []

    async def on_connect(self, socket: Socket) -> None:
        if user_id := socket.handshake.query.get("user_id"):
            socket.data.identity = person(user_id, Role.BUYER)

    @event("new_message")
    async def new_message(self, socket: Socket) -> str:
        self.handled.append("new_message")
        return "done"

    @event("typing")
    async def typing(self, socket: Socket) -> str:
        self.handled.append("typing")
        return "done"

    @event("create_room")
    async def create_room(self, socket: Socket) -> str:
        self.handled.append("create_room")
        return "done"

    async def on_error(self, socket: Socket, event: str, arguments: Any, error: Exception) -> Any:
        assert isinstance(error, TooSoon), error
        return {"code": error.code, "retry_after": error.retry_after}


@pytest.fixture(autouse=True)
def limits(redis_server: None, settings: Settings) -> None:
    """None but those that a test names, and nothing counted yet."""
    settings.EVENT_RATE_USER = settings.EVENT_RATE_ADDRESS = settings.EVENT_RATE_MESSAGES = "0"
    settings.EVENT_RATE_CONNECTS = settings.EVENT_RATE_COSTLY = settings.AUTH_FAILURES = "0"
    for key in redis().scan_iter(f"{rates.PREFIX}*"):
        redis().delete(key)


@pytest.fixture
def namespace() -> Counting:
    return Counting()


def client_of(namespace: Counting, user_id: str = "7") -> SocketIOCommunicator:
    return SocketIOCommunicator(SocketIOServer([namespace]), "/counting", query={"user_id": user_id})


async def answers(client: SocketIOCommunicator, event: str, times: int) -> list[Any]:
    return [(await client.call(event))[0] for _ in range(times)]


async def test_a_user_has_so_many_events_on_all_devices_together(namespace: Counting, settings: Settings) -> None:
    settings.EVENT_RATE_USER = "3/m"
    async with client_of(namespace) as phone, client_of(namespace) as laptop, client_of(namespace, "9") as other:
        assert await answers(phone, "typing", 2) == ["done", "done"]
        assert await answers(laptop, "new_message", 2) == ["done", {"code": "rate_limited", "retry_after": 20}]
        assert await answers(other, "typing", 1) == ["done"]
    assert namespace.handled == ["typing", "typing", "new_message", "typing"]


async def test_messages_have_a_rate_of_their_own(namespace: Counting, settings: Settings) -> None:
    settings.EVENT_RATE_MESSAGES = "2/m"
    async with client_of(namespace) as client:
        assert await answers(client, "new_message", 3) == ["done", "done", {"code": "rate_limited", "retry_after": 30}]
        assert await answers(client, "typing", 1) == ["done"]


async def test_an_address_has_so_many_events_whoever_sends_them(namespace: Counting, settings: Settings) -> None:
    """Also events that there are none of, and sockets that say no user."""
    settings.EVENT_RATE_ADDRESS = "3/m"
    async with client_of(namespace) as one, client_of(namespace, "") as another:
        assert await answers(one, "typing", 2) + await answers(another, "typing", 1) == ["done"] * 3
        assert (await answers(another, "no such event", 1))[0]["code"] == "rate_limited"


async def test_what_makes_others_work_is_counted_for_all_processes_together(
    namespace: Counting, settings: Settings
) -> None:
    settings.EVENT_RATE_COSTLY = "2/d"
    assert rates.wait_for_turn_sync("create_room", "7", Rate(2, 86_400)) == 0  # another process, or REST
    async with client_of(namespace) as client, client_of(namespace, "9") as other:
        (done, refused), (elsewhere,) = await answers(client, "create_room", 2), await answers(other, "create_room", 1)
        assert (done, refused["code"], elsewhere) == ("done", "rate_limited", "done")
        assert 0 < refused["retry_after"] <= 86_400
        assert await answers(client, "typing", 100) == ["done"] * 100


async def test_the_usual_event_asks_no_store(
    namespace: Counting, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EVENT_RATE_USER = settings.EVENT_RATE_ADDRESS = settings.EVENT_RATE_MESSAGES = "1000/m"
    settings.EVENT_RATE_COSTLY = "5/m"
    settings.REDIS_ADDRESS = "redis://127.0.0.1:1/0"
    asked: list[str] = []

    def ask(kind: str, caller: str, rate: Rate) -> float:
        asked.append(kind)
        return 0.0

    monkeypatch.setattr(event_limits, "wait_for_turn", ask)
    async with client_of(namespace) as client:
        await answers(client, "new_message", 20)
        await answers(client, "typing", 20)
    assert asked == []


async def test_who_goes_on_regardless_is_disconnected(namespace: Counting, settings: Settings) -> None:
    settings.EVENT_RATE_MESSAGES = "1/h"
    async with client_of(namespace) as client, client_of(namespace) as patient:
        refusals = await answers(client, "new_message", 1 + event_limits.PATIENCE.calls)
        assert refusals[0] == "done" and all(refusal["code"] == "rate_limited" for refusal in refusals[1:])
        with pytest.raises(Disconnected):
            await answers(client, "new_message", 3)
        assert (await answers(patient, "new_message", 1))[0]["code"] == "rate_limited"
        assert await answers(patient, "typing", 1) == ["done"]
    assert namespace.handled == ["new_message", "typing"]


async def test_a_user_connects_so_often(settings: Settings) -> None:
    settings.EVENT_RATE_CONNECTS = "2/m"
    count_connect("7")
    count_connect("7")
    count_connect("9")
    with pytest.raises(TooSoon, match="too many connections: try again in 30 s"):
        count_connect("7")


async def prove(address: str = ADDRESS, code: str | None = None) -> None:
    """Somebody at an address shows a token that is good, or is refused with `code`."""
    async with proving(address):
        if code:
            raise IdentityRefused(code, "…")  # type: ignore[arg-type]


async def test_an_address_has_so_many_bad_tokens(settings: Settings) -> None:
    settings.AUTH_FAILURES = "3/h"
    for _ in range(20):
        await prove()
        with pytest.raises(IdentityRefused):
            await prove(code="token_expired")
    for _ in range(3):
        with pytest.raises(IdentityRefused):
            await prove(code="token_invalid")
    with pytest.raises(TooSoon) as refused:
        await prove()
    assert (refused.value.code, refused.value.retry_after) == ("rate_limited", 1200)
    await prove("198.51.100.1")


async def test_bad_tokens_are_counted_for_all_processes_together(settings: Settings) -> None:
    settings.AUTH_FAILURES = "3/d"
    for _ in range(3):
        rates.wait_for_turn_sync("token_invalid", ADDRESS, Rate(3, 86_400))  # in other processes
    with pytest.raises(IdentityRefused):
        await prove(code="token_invalid")
    with pytest.raises(TooSoon):
        await prove()


async def test_many_at_once_are_no_way_around(settings: Settings) -> None:
    """Those that are being asked about count before the answer is there."""
    settings.AUTH_FAILURES = "3/h"
    async with proving(ADDRESS), proving(ADDRESS), proving(ADDRESS):
        with pytest.raises(TooSoon):
            await prove()
    await prove()


def test_the_chats_namespaces_are_limited() -> None:
    from auctions.namespaces import AuctionResultEvents, AuctionResultListEvents
    from moderation.events import ModeratedConversationEvents
    from moderation.staff_site.namespace import StaffEvents

    namespaces = (ModeratedConversationEvents, StaffEvents, AuctionResultEvents, AuctionResultListEvents)
    assert all(issubclass(namespace, LimitedNamespace) for namespace in namespaces)
    assert set(ModeratedConversationEvents().handlers) >= event_limits.COSTLY


async def test_which_limit_refuses_is_told_to_who_measures(namespace: Counting, settings: Settings) -> None:
    reached: list[str] = []

    def note(limit: str, **kwargs: Any) -> None:
        reached.append(limit)

    limit_reached.connect(note)
    try:
        for limit in ("EVENT_RATE_ADDRESS", "EVENT_RATE_USER", "EVENT_RATE_MESSAGES"):
            setattr(settings, limit, "1/h")
            async with client_of(namespace) as client:
                await answers(client, "new_message", 3)
            setattr(settings, limit, "0")
        settings.EVENT_RATE_COSTLY = "1/d"
        async with client_of(namespace) as client:
            await answers(client, "create_room", 2)
        settings.EVENT_RATE_CONNECTS = "1/h"
        count_connect("7")
        with pytest.raises(TooSoon):
            count_connect("7")
        settings.AUTH_FAILURES = "1/h"
        for refusal in (IdentityRefused, TooSoon):
            with pytest.raises(refusal):
                async with proving(ADDRESS):
                    raise IdentityRefused("token_invalid", "bad")
    finally:
        limit_reached.disconnect(note)
    of_events = ["EVENT_RATE_ADDRESS"] * 2 + ["EVENT_RATE_USER"] * 2 + ["EVENT_RATE_MESSAGES"] * 2
    assert reached == [*of_events, "EVENT_RATE_COSTLY", "EVENT_RATE_CONNECTS", "AUTH_FAILURES"]
