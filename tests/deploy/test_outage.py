"""MongoDB is away, so that no process is ready: proxies leave those who are connected where they are."""

import asyncio
from urllib.parse import urlsplit

import httpx
import pytest

from tests.clients.network import Network
from tests.e2e.cluster import Cluster
from tests.e2e.conftest import Connect, NewRoom
from tests.eventually import eventually

from .proxies import HAProxy, Nginx, Proxy

pytestmark = pytest.mark.slow

AWAY = 4.0  # seconds: several of HAProxy's checks, and of all that counts failures


async def test_an_outage_of_mongodb_disconnects_nobody(
    cluster: Cluster, stores: tuple[str, str], connect: Connect, new_room: NewRoom
) -> None:
    target = urlsplit(stores[0])
    async with Network(f"http://{target.netloc}") as mongodb:
        uri = f"mongodb://{mongodb.address}{target.path}?directConnection=true"
        server = await cluster.server("behind an outage", MONGODB_URI=uri, MONGODB_PATIENCE="1")
        proxies: list[Proxy] = [Nginx([server.url] * 2), HAProxy([server.url] * 2)]
        try:
            connected = []
            for proxy in proxies:
                proxy.start()
                for transport in ("websocket", "polling"):
                    room, options = new_room(), {"ca": proxy.certificate.read_text()}
                    client = await connect(room.buyer, "4.8", to=proxy, transports=(transport,), options=options)
                    connected.append((room, client, (await client.look())["sessionId"]))
            mongodb.cut()
            async with httpx.AsyncClient() as http:

                async def unready() -> bool:
                    return (await http.get(f"{server.url}/readyz", timeout=10)).status_code == 503

                await eventually(unready, "the process is not ready", within=20)
            await asyncio.sleep(AWAY)
            for proxy in proxies:
                await is_refused_by_the_server(proxy, new_room().buyer.token())
            mongodb.mend()
            for room, client, session in connected:

                async def sent() -> bool:
                    return bool((await client.ask("new_message", room.message(room.buyer, "after")))["status"])  # noqa: B023

                await eventually(sent, "messages are taken again", within=20)
                assert (await client.look())["sessionId"] == session, "the connection is the one of before"
        finally:
            for proxy in proxies:
                proxy.remove()
            server.stop()


async def is_refused_by_the_server(proxy: Proxy, token: str) -> None:
    """The API's own answer, and not a page of the proxy's."""
    async with httpx.AsyncClient(verify=proxy.trust, timeout=20) as http:
        headers = {"Authorization": f"Bearer {token}"}
        answer = await http.get(f"{proxy.url}/v1/conversations/rooms", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
        assert (await http.get(f"{proxy.url}/healthz")).status_code == 200
