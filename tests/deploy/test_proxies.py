"""Stock clients, browsers' requests and a process that stops, behind the proxies as `deploy/` configures them."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.clients.client import PATH, Client
from tests.clients.driver import Driver
from tests.e2e.conftest import Connect, NewRoom
from tests.e2e.exchange import exchange
from tests.e2e.people import Person, Room, new_buyer
from tests.e2e.server_process import ServerProcess
from tests.eventually import eventually

from .conftest import CALLS
from .proxies import Proxy

pytestmark = pytest.mark.slow

TRANSPORTS = {"websocket": ("websocket",), "polling": ("polling",), "upgrade": ("polling", "websocket")}
_addresses = (f"127.0.1.{number}" for number in itertools.count(1))


@asynccontextmanager
async def http_client(
    proxy: Proxy, *, address: str | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client from an address of loopback."""
    transport = httpx.AsyncHTTPTransport(verify=proxy.trust, local_address=address)
    async with httpx.AsyncClient(transport=transport, base_url=f"https://{host}:{proxy.port}") as http:
        yield http


def over_tls(proxy: Proxy) -> dict[str, str]:
    """Options of a stock client that verifies the proxy's certificate."""
    return {"ca": proxy.certificate.read_text()}


@pytest.mark.parametrize("transports", TRANSPORTS)
@pytest.mark.parametrize("generation", ["2.3.1", "4.8"])
async def test_stock_clients_lose_nothing_wherever_requests_land(
    proxy: Proxy, connect: Connect, room: Room, generation: str, transports: str
) -> None:
    carried = {"transports": TRANSPORTS[transports], "options": over_tls(proxy)}
    buyer = await connect(room.buyer, generation, to=proxy, **carried)
    seller = await connect(room.seller, generation, to=proxy, **carried)
    before = len(proxy.requests())
    await exchange(room, buyer, seller, each=40)
    if transports == "polling":
        requests = proxy.requests()[before:]
        for process in (0, 1):
            assert any(proxy.went_to(process, line) for line in requests), f"none went to process {process}"


async def test_clients_come_by_ipv6(proxy: Proxy, driver: Driver, room: Room) -> None:
    url = f"https://[::1]:{proxy.port}"
    async with Client(driver, version="4.8", url=url, query=room.buyer.identity(), options=over_tls(proxy)) as buyer:
        assert (await buyer.ask("new_message", room.message(room.buyer, "by IPv6")))["status"] is True


async def test_pages_of_the_servers_own_origin_may_connect_and_others_may_not(proxy: Proxy) -> None:
    """So `Host` and `X-Forwarded-Proto` come through, and what a client says of the latter does not."""
    handshake = f"{PATH}/?EIO=4&transport=polling"
    async with http_client(proxy) as http:
        for origin, status in {
            f"https://127.0.0.1:{proxy.port}": 200,
            f"http://127.0.0.1:{proxy.port}": 403,
            "https://shop.example": 403,
        }.items():
            for claim in ({}, {"X-Forwarded-Proto": "http"}):
                answer = await http.get(handshake, headers={"Origin": origin, **claim})
                assert answer.status_code == status, (origin, claim, answer.text)


async def test_the_admins_forms_are_taken_and_browsers_keep_to_https(proxy: Proxy) -> None:
    async with http_client(proxy) as http:
        page = await http.get("/admin/login/")
        assert "max-age=31536000" in page.headers["strict-transport-security"]
        assert all("; Secure" in cookie for cookie in page.headers.get_list("set-cookie"))
        token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[0]
        form = {"username": "nobody", "password": "wrong", "csrfmiddlewaretoken": token}
        own = f"https://127.0.0.1:{proxy.port}"
        answer = await http.post("/admin/login/", data=form, headers={"Origin": own, "Referer": f"{own}/admin/login/"})
        assert answer.status_code == 200, answer.text
        assert "Please enter the correct username" in answer.text
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"http://127.0.0.1:{proxy.http_port}/admin/?next=1")
        assert answer.status_code == 308
        assert answer.headers["location"].startswith("https://127.0.0.1")
        assert answer.headers["location"].endswith("/admin/?next=1")


async def test_limits_count_the_clients_address_and_not_what_it_claims(proxy: Proxy) -> None:
    one, other = next(_addresses), next(_addresses)
    headers = {"Authorization": f"Bearer {new_buyer().token()}"}
    path = "/v1/conversations/rooms"
    async with http_client(proxy, address=one) as http:
        for number in range(CALLS):
            claimed = {"X-Forwarded-For": f"192.0.2.{number}", "Forwarded": f"for=192.0.2.{number}"}
            assert (await http.get(path, headers=headers | claimed)).status_code == 200
        assert (await http.get(path, headers=headers | {"X-Forwarded-For": "192.0.2.99"})).status_code == 429
    async with http_client(proxy, address=other) as http:
        assert (await http.get(path, headers=headers)).status_code == 200
    async with http_client(proxy, host="[::1]") as http:
        assert (await http.get(path, headers=headers)).status_code == 200


async def test_a_body_that_is_too_large_is_refused_as_the_api_refuses(proxy: Proxy) -> None:
    async with http_client(proxy, address=next(_addresses)) as http:
        headers = {"Authorization": f"Bearer {new_buyer().token()}"}
        answer = await http.post("/v1/conversations/uploads", content=b"x" * 10_100_000, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "upload_too_large")
        assert (await http.get("/v1/conversations/rooms", headers=headers)).status_code == 200


async def test_the_public_does_not_learn_which_store_is_away(proxy: Proxy) -> None:
    async with http_client(proxy) as http:
        assert (await http.get("/readyz")).status_code == 404
        assert (await http.get("/healthz")).json() == {"status": "ok"}


async def test_a_process_drains_while_people_write_and_come(
    proxy: Proxy, connect: Connect, servers: list[ServerProcess], new_room: NewRoom
) -> None:
    """Whoever was connected is back, and whoever comes meanwhile is let in at the first attempt."""
    kinds = [(generation, carried) for generation in ("2.3.1", "4.8") for carried in ("websocket", "polling")]
    again: dict[str, Any] = {"reconnection": True, "reconnectionDelay": 200, "reconnectionDelayMax": 1000}

    async def come(person: Person, generation: str, transports: str, **options: Any) -> Client:
        carried = {"transports": TRANSPORTS[transports], "options": over_tls(proxy) | options}
        client: Client = await connect(person, generation, to=proxy, **carried)
        return client

    pairs: list[tuple[Room, Client, Client]] = []
    for kind in kinds:
        room = new_room()
        pairs.append((room, await come(room.buyer, *kind, **again), await come(room.seller, *kind, **again)))
    stopping = asyncio.create_task(asyncio.to_thread(servers[0].stop))
    for came in itertools.count():
        if stopping.done() and came >= 2 * len(kinds):
            break
        await come(new_room().buyer, *kinds[came % len(kinds)])
        await asyncio.sleep(0.05)
    await stopping
    for room, buyer, seller in pairs:
        await eventually(lambda: is_connected(buyer), "the buyer is back", within=20)  # noqa: B023  (awaited here)
        await eventually(lambda: is_connected(seller), "the seller is back", within=20)  # noqa: B023  (awaited here)
        assert (await buyer.ask("new_message", room.message(room.buyer, "after")))["status"] is True
        await seller.expect("new_message", content="after")
    await servers[0].start()
    await eventually(lambda: is_used(proxy, 0), "the process gets requests again", within=20)


async def is_connected(client: Client) -> bool:
    report = await client.look()
    return bool(report["connected"])


async def is_used(proxy: Proxy, process: int) -> bool:
    before = len(proxy.requests())
    async with http_client(proxy) as http:
        await asyncio.gather(*(http.get("/healthz") for _ in range(4)))
    return any(proxy.went_to(process, line) for line in proxy.requests()[before:])


async def test_a_process_that_was_killed_is_passed_over(
    proxy: Proxy, servers: list[ServerProcess], connect: Connect, new_room: NewRoom
) -> None:
    servers[1].kill()
    try:
        for transports in ("websocket", "polling") * 3:
            carried = {"transports": TRANSPORTS[transports], "options": over_tls(proxy)}
            room = new_room()
            buyer = await connect(room.buyer, "4.8", to=proxy, **carried)
            assert (await buyer.ask("new_message", room.message(room.buyer, "on the other one")))["status"] is True
    finally:
        await servers[1].start()


async def test_no_log_of_the_proxy_has_a_token_in_it(proxy: Proxy, connect: Connect, room: Room) -> None:
    """Also not of requests whose process did not answer, as in the tests before."""
    buyer = await connect(room.buyer, "2.3.1", to=proxy, transports=("polling",), options=over_tls(proxy))
    await buyer.ask("new_message", room.message(room.buyer, "said"))
    assert any(PATH in line for line in proxy.requests())
    assert "eyJ" not in proxy.logs()
    assert "token=" not in proxy.logs()
