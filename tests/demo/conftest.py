"""A server with the demo, and pages of it in Chromium: what a page complains of, or asks elsewhere, fails the test."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.browser.conftest import browser, screenshot  # noqa: F401  fixtures
from tests.demo.window import Window
from tests.e2e.cluster import Cluster
from tests.e2e.server_process import ServerProcess

WIDE = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}
_OF_CHROMIUM = re.compile(r"^WebSocket connection to|ERR_|status of 4\d\d")
"""What it says itself when a server is away, or refuses; a page cannot keep it from that."""
_HERE = Path(__file__).parent

OpenPage = Callable[..., Awaitable[Page]]
Both = tuple[Window, Window]
SignedIn = Callable[..., Awaitable[Both]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for the session: all tests of this folder share the browser and the server."""
    for item in items:
        if _HERE in item.path.parents and isinstance(item, pytest.Function) and "cluster" in item.fixturenames:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            item.add_marker(pytest.mark.slow)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster(
    mongodb_server: None, redis_server: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cluster]:
    """One server with the demo and its people, on the session's stores."""
    mongodb, redis = (os.environ[name].rsplit("/", 1)[0] for name in ("MONGODB_URI", "REDIS_ADDRESS"))
    servers = Cluster(f"{mongodb}/demo", f"{redis}/10", tmp_path_factory.mktemp("demo"))
    servers.environment |= {"DEMO": "true", "AUTH_JWT_KEY": "", "MAX_DISCONNECTION_DURATION": "120"}
    async with servers as cluster:
        cluster.manage("seed_demo")
        yield cluster


@pytest_asyncio.fixture(loop_scope="session")
async def server(cluster: Cluster) -> ServerProcess:
    """The server, running."""
    return await cluster.server("demo")


@asynccontextmanager
async def opening(browser: Browser, url: str) -> AsyncIterator[OpenPage]:  # noqa: F811
    """Opens the demo in browsers of their own; arguments are those of a browser context."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _OF_CHROMIUM.search(message.text):
            complaints.append(message.text)

    def watch(request: Request) -> None:
        if not request.url.startswith((url, "data:")):
            complaints.append(f"asks {request.url}")

    async def open_page(**options: Any) -> Page:
        context = await browser.new_context(**{"viewport": WIDE, "locale": "en-GB", **options})
        contexts.append(context)
        page = await context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", watch)
        await page.goto(url)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert complaints == []


async def sign_both_in(open_page: OpenPage, **options: Any) -> Both:
    """Open the demo and sign both sides in: their windows, connected and with their common room open."""
    page = await open_page(**options)
    await page.get_by_role("button", name="Sign both in").click()
    buyer, seller = Window(page, "buyer"), Window(page, "seller")
    for window in (buyer, seller):
        await expect(window.lamp).to_contain_text("Connected")
        await expect(window.messages.last).to_be_attached()
    return buyer, seller


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser, server: ServerProcess) -> AsyncIterator[OpenPage]:  # noqa: F811
    """Opens pages of this test alone."""
    async with opening(browser, server.url) as open_page:
        yield open_page


@pytest.fixture
def signed_in(open_page: OpenPage) -> SignedIn:
    """Opens a page of this test alone, and signs both sides in."""
    return partial(sign_both_in, open_page)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def both(browser: Browser, cluster: Cluster) -> AsyncIterator[Both]:  # noqa: F811
    """Both sides on a page that the file's tests share: each looks for its own messages, and leaves the room open."""
    async with opening(browser, (await cluster.server("demo")).url) as open_page:
        yield await sign_both_in(open_page)
