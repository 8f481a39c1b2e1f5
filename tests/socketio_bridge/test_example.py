"""The example project, started as its first lines say, behind a real Redis, with real clients."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.clients.client import GENERATIONS, Client, Refused
from tests.clients.driver import Driver
from tests.eventually import eventually
from tests.socketio_bridge.counter_process import start  # noqa: F401  a fixture

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]  # the loop of the clients' driver


@pytest.fixture(scope="module")
def url(start: Callable[[], str]) -> str:  # noqa: F811
    return start()


class Visitor:
    """A browser: one jar of cookies for pages and sockets."""

    def __init__(self, url: str, driver: Driver) -> None:
        self.url = url
        self._driver = driver
        self._browser = httpx.Client(base_url=url, follow_redirects=True)
        self.page = self._browser.get("/").text

    def post(self, path: str, **form: str) -> httpx.Response:
        answer = self._browser.post(path, data=form, headers={"X-CSRFToken": self._browser.cookies["csrftoken"]})
        assert answer.status_code in (200, 204), answer.text[:500]
        return answer

    def enter(self, name: str) -> Visitor:
        self.page = self.post("/enter", name=name).text
        return self

    def connect(self, version: str = "4.8", url: str = "") -> Client:
        cookies = "; ".join(f"{name}={value}" for name, value in self._browser.cookies.items())
        return Client(
            self._driver,
            version=version,
            url=url or self.url,
            namespace="/counter",
            path="/socket.io/",
            transports=("polling", "websocket"),
            options={"extraHeaders": {"Cookie": cookies}},
        )


@pytest.mark.parametrize("version", GENERATIONS)
async def test_visitors_share_the_counter(url: str, driver: Driver, version: str) -> None:
    async with Visitor(url, driver).enter("ann").connect(version) as ann:
        before = await ann.expect("count")
        async with Visitor(url, driver).enter("bob").connect(version) as bob:
            assert await bob.expect("count") == before
            assert await bob.ask("step", {"by": 2}) == before + 2
            assert await ann.expect("count") == before + 2
            assert [event.args for event in ann.events] == [[before], [before + 2, "bob"]]


@pytest.mark.parametrize("version", GENERATIONS)
async def test_who_has_not_logged_in_stays_out(url: str, driver: Driver, version: str) -> None:
    with pytest.raises(Refused, match="Log in first"):
        async with Visitor(url, driver).connect(version):
            pass


async def test_a_view_emits_to_the_sockets_of_every_process(
    start: Callable[[], str],  # noqa: F811
    url: str,
    driver: Driver,
) -> None:
    ann = Visitor(url, driver).enter("ann")
    async with ann.connect() as here, ann.connect(url=start()) as there:
        assert await here.ask("step", {"by": 7})
        ann.post("/reset")
        for client in (here, there):
            await eventually(lambda: client.events and client.events[-1].args == [0, "ann"])  # noqa: B023  asked now


async def test_the_page_is_the_form_or_the_client(url: str, driver: Driver) -> None:
    visitor = Visitor(url, driver)
    assert 'action="/enter"' in visitor.page
    assert 'io("/counter")' in visitor.enter("ann").page
    assert '<script src="/socket.io/socket.io.min.js">' in visitor.page
    assert "Socket.IO v4" in httpx.get(f"{url}/socket.io/socket.io.min.js").text[:50]
