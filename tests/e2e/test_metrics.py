"""`/metrics` of a server process, as Prometheus reads it, after people have written to each other."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from devstack.embedded import free_port
from tests.clients.client import CHAT

from .cluster import Cluster
from .conftest import Connect, NewRoom
from .server_process import ServerProcess

pytestmark = pytest.mark.slow

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest_asyncio.fixture(loop_scope="session")
async def measured(cluster: Cluster) -> AsyncIterator[tuple[ServerProcess, int]]:
    """A server, and the port of its metrics; the first port that it may take is taken."""
    port = free_port()
    taken = await cluster.server("measured first", METRICS_PORT=str(port), WEB_CONCURRENCY="1")
    low = {"EVENT_RATE_COSTLY": "1/h", "API_RATE_USER": "1/h", "MAX_DISCONNECTION_DURATION": "120"}
    server = await cluster.server("measured", METRICS_PORT=str(port), WEB_CONCURRENCY="1", **low)
    yield server, port + 1
    server.stop()
    taken.stop()


async def scrape(port: int) -> Samples:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"http://127.0.0.1:{port}/metrics")
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


async def test_what_people_do_is_counted(
    connect: Connect, new_room: NewRoom, measured: tuple[ServerProcess, int]
) -> None:
    server, port = measured
    room = new_room()
    seller = await connect(room.seller, "2.3.1", to=server)
    buyer = await connect(room.buyer, "4.8", to=server)
    for number in range(20):
        assert (await buyer.ask("new_message", room.message(room.buyer, f"number {number}")))["status"] is True
    await seller.expect("new_message", content="number 19")
    assert (await buyer.ask("new_message", new_room().message(room.buyer, "not mine")))["status"] is False
    await buyer.ask("an event of a client's own making", {})
    for _ in range(2):  # the second one is one too many
        await buyer.ask("report", {"target_type": "user", "target_id": room.seller.user_id, "reason": "spam"})
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {room.buyer.token()}"}) as http:
        statuses = [(await http.get(f"{server.url}/v1/conversations/rooms")).status_code for _ in range(2)]
        assert statuses == [200, 429]
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{server.url}/metrics")).status_code == 404, "not for the public"
        assert (await http.get(f"{server.url}/v1/conversations/rooms")).status_code == 401
    found = await scrape(port)

    def value(name: str, **labels: str) -> float:
        return found[name, frozenset(labels.items())]

    assert value("socketio_sockets", protocol="3", transport="websocket", namespace=CHAT) == 1
    assert value("socketio_sockets", protocol="4", transport="websocket", namespace=CHAT) == 1
    assert value("socketio_connections") == value("presence_users") == 2
    assert value("socketio_nodes") >= 1
    event = {"namespace": CHAT, "event": "new_message"}
    assert value("socketio_event_seconds_count", outcome="ok", **event) == 20
    assert value("socketio_event_seconds_count", outcome="not_a_member", **event) == 1
    assert value("socketio_event_seconds_count", namespace=CHAT, event="", outcome="UnknownEvent") == 1
    assert value("socketio_event_answer_seconds_count") >= 1, "of 16"
    assert value("chat_batch_messages_sum") == 20
    assert value("chat_batch_seconds_count") == value("chat_batch_wait_seconds_count") == 20
    assert value("mongodb_command_seconds_count", command="insert", outcome="ok") >= 20
    for part in ("chat", "channel_layer", "recovery"):
        assert value("redis_call_seconds_count", part=part, outcome="ok") > 0
    assert value("redis_call_seconds_sum", part="recovery", outcome="ok") < 60, "no read that waits is among them"
    assert value("limits_reached_total", limit="EVENT_RATE_COSTLY") == 1
    assert value("limits_reached_total", limit="API_RATE_USER") == 1
    assert value("moderation_reports_total", reason="spam") == 1
    assert value("moderation_open_reports") >= 0
    assert value("chat_refusals_total", door="rest", code="token_missing") == 1
    assert value("process_open_fds") > 0
    labels = {text for _, pairs in found for _, text in pairs}
    assert not any(secret in text for text in labels for secret in (room.buyer.user_id, "making", "127.0.0.1"))
