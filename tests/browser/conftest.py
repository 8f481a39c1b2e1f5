"""A Chromium, the servers it looks at, staff of each role, and where screenshots go: `test-artefacts/`, not in git.

The Chromium is Debian's package, or the one that CHROMIUM names.
"""

import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, StorageState, async_playwright, expect

from tests.e2e.cluster import Cluster
from tests.e2e.conftest import connect, database, new_room, pytest_runtest_makereport, room  # noqa: F401  fixtures
from tests.e2e.server_process import PROJECT, ServerProcess

PASSWORD = "only for these tests"
ROLES = {"support": "Support", "lead": "Moderation lead", "newcomer": None}
"""Staff accounts, and the group that each is in."""
SCREENSHOTS = PROJECT / "test-artefacts"
expect.set_options(timeout=30_000)  # milliseconds that a page has on a busy machine; a quick one is not waited for
_HERE = Path(__file__).parent

SignIn = Callable[..., Awaitable[Page]]
Screenshot = Callable[[Page, str], Awaitable[None]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for the session: all tests of this folder share the browser and the servers."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def stores(mongodb_server: None, redis_server: None) -> tuple[str, str]:
    """A MongoDB URI and a Redis URL for these servers alone, on the session's stores."""
    mongodb, redis = os.environ["MONGODB_URI"], os.environ["REDIS_ADDRESS"]
    return f"{mongodb.rsplit('/', 1)[0]}/browser", f"{redis.rsplit('/', 1)[0]}/2"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster(stores: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """Server processes behind one MongoDB and one Redis, and the accounts of staff."""
    async with Cluster(*stores, tmp_path_factory.mktemp("servers")) as cluster:
        cluster.manage(
            "shell",
            "--no-imports",
            "--command",
            "from django.contrib.auth.models import Group, User\n"
            f"for name, group in {ROLES!r}.items():\n"
            f"    user = User.objects.create_user(name, password={PASSWORD!r}, is_staff=True)\n"
            "    user.groups.set(Group.objects.filter(name=group))\n",
        )
        yield cluster


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(cluster: Cluster) -> ServerProcess:
    """The server whose admin is looked at."""
    return await cluster.server("admin")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def second_server(cluster: Cluster) -> ServerProcess:
    """Another process, to which buyers and sellers are connected."""
    return await cluster.server("chat")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests."""
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if executable is None:
        pytest.skip("there is no chromium: install Debian's package, or name one in CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def signed_in() -> dict[str, StorageState]:
    """The cookies of accounts that have signed in already."""
    return {}


@pytest_asyncio.fixture(loop_scope="session")
async def sign_in(browser: Browser, server: ServerProcess, signed_in: dict[str, StorageState]) -> AsyncIterator[SignIn]:
    """Signs staff in: awaiting it with an account gives a page of the admin, in a browser window of its own.

    An account gives its password once, and is then known by its cookies; `anew`: it gives it again, for a session that
    the test may end. Further arguments: those of a browser context (`color_scheme`, `viewport`). What a page's scripts
    complain of, and what its security policy stops, fails the test.
    """
    windows: list[BrowserContext] = []
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and not re.search(r"WebSocket|ERR_|status of 4\d\d", message.text):
            complaints.append(message.text)

    async def sign_in(name: str = "support", *, anew: bool = False, **options: Any) -> Page:
        known = None if anew else signed_in.get(name)
        options = {"viewport": {"width": 1360, "height": 860}, "storage_state": known, **options}
        window = await browser.new_context(**options)
        windows.append(window)
        page = await window.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{server.url}/admin/")
        if known is None:
            await page.fill("#id_username", name)
            await page.fill("#id_password", PASSWORD)
            await page.click("[type=submit]")
            await page.wait_for_url(f"{server.url}/admin/")
            if not anew:
                signed_in[name] = await window.storage_state()
        return page

    yield sign_in
    for window in windows:
        await window.close()
    assert complaints == []


@pytest.fixture
def screenshot() -> Screenshot:
    """Keeps what a page looks like, for people to look at."""

    async def keep(page: Page, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        await page.screenshot(path=SCREENSHOTS / f"{name}.png")

    return keep
