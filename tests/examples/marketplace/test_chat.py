"""The chat in the example project, in a browser: a buyer asks, a seller answers, staff moderate."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect
from pymongo import MongoClient

from tests.browser.conftest import browser  # noqa: F401  a fixture
from tests.eventually import eventually
from tests.examples.marketplace.project import PASSWORD, Marketplace

pytestmark = pytest.mark.slow

VASES = "/shops/gom-bat-trang/"
LogIn = Callable[[str, str], Awaitable[Page]]


@pytest_asyncio.fixture(loop_scope="session")
async def log_in(
    browser: Browser,  # noqa: F811
    marketplace: Marketplace,
) -> AsyncIterator[LogIn]:
    """Logs a user in, in a window of their own, and opens a page. What its scripts complain of fails the test."""
    windows: list[BrowserContext] = []
    complaints: list[str] = []

    async def log_in(username: str, path: str) -> Page:
        window = await browser.new_context()
        windows.append(window)
        page = await window.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{marketplace.url}/login/?next={path}")
        await page.fill("[name=username]", username)
        await page.fill("[name=password]", PASSWORD)
        await page.click("main button")
        await page.wait_for_url(f"{marketplace.url}{path}")
        return page

    yield log_in
    for window in windows:
        await window.close()
    assert complaints == []


async def asking(log_in: LogIn, buyer: str) -> Page:
    """A buyer on a shop's page, with the chat open."""
    page = await log_in(buyer, VASES)
    await page.click("summary")
    await expect(page.locator(".chat .state")).to_have_text("Online")
    return page


async def write(page: Page, content: str) -> None:
    await page.fill(".chat [name=content]", content)
    await page.click(".chat form button")
    await expect(page.locator(".chat .log .mine").last).to_have_text(content)


def sql(marketplace: Marketplace, asked: str) -> object:
    """What a statement in the project's shell prints, as JSON."""
    done = marketplace.manage("shell", "--no-imports", "--command", f"import json\n{asked}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.asyncio(loop_scope="session")
async def test_a_buyer_asks_and_the_owner_answers(log_in: LogIn, marketplace: Marketplace) -> None:
    lan = await asking(log_in, "lan")
    await write(lan, "Is the vase still there?")
    hoa = await log_in("hoa", "/account/")
    await hoa.click(".chat .rooms button:has-text('Nguyễn Thị Lan')")
    await expect(hoa.locator(".chat .log li").last).to_have_text("Is the vase still there?")
    await write(hoa, "Four of them.")
    await expect(lan.locator(".chat .log li").last).to_have_text("Four of them.")
    key, seller = [await lan.get_attribute(".chat", f"data-{side}") for side in ("user", "seller")]
    asked = (
        "from conversations.models import Room\n"
        f"room = Room.objects.get(pk='{key}.{seller}')\n"
        "print(json.dumps([room.buyer_unseen_messages, room.seller_unseen_messages]))"
    )
    await eventually(lambda: sql(marketplace, asked) == [0, 0], "both have seen all")
    await lan.reload()
    await lan.click("summary")
    await expect(lan.locator(".chat .log li").last).to_have_text("Four of them.")


@pytest.mark.asyncio(loop_scope="session")
async def test_staff_moderate_in_the_projects_own_admin(log_in: LogIn, marketplace: Marketplace) -> None:
    minh = await asking(log_in, "minh")
    await write(minh, "You thief!")
    support = await log_in("support", "/admin/")
    await expect(support.locator("#site-name")).to_have_text("Chợ Nhỏ, the back office")
    key, seller = [await minh.get_attribute(".chat", f"data-{side}") for side in ("user", "seller")]
    await support.goto(f"{marketplace.url}/admin/conversations/room/{key}.{seller}/change/")
    await expect(support.locator("#live")).to_have_text("Live")
    await write(minh, "Thief, I say!")
    await expect(support.locator("#lines")).to_contain_text("Thief, I say!")
    await support.goto(f"{marketplace.url}/admin/")
    await support.click("a:has-text('Users of the chat')")
    await support.goto(f"{marketplace.url}/admin/moderation/person/{key}/mute/")
    await support.fill("[name=reason]", "insults")
    await support.click("input[type=submit]")
    await expect(support.locator(".messagelist")).to_contain_text("muted")
    await minh.fill(".chat [name=content]", "And still a thief!")
    await minh.click(".chat form button")
    end = sql(
        marketplace,
        "from moderation.models import Restriction\nprint(json.dumps(str(Restriction.objects.get().ends_at)))",
    )
    shown = await minh.evaluate("end => new Date(end).toLocaleString()", end)
    await expect(minh.locator(".chat .problem")).to_have_text(f"You may read, but not write until {shown}.")
    assert sql(
        marketplace,
        "from moderation.models import AuditRecord\n"
        "from accounts.models import User\n"
        "minh, support = (str(User.objects.get(username=name).pk) for name in ('minh', 'support'))\n"
        "record = AuditRecord.objects.get(user_id=minh)\n"
        "print(json.dumps([record.act, record.staff_name, record.staff_id == support]))",
    ) == ["user.muted", "support", True]


@pytest.mark.asyncio(loop_scope="session")
async def test_who_logs_out_is_put_out_in_all_windows(log_in: LogIn, marketplace: Marketplace) -> None:
    first = await asking(log_in, "lan")
    second = await first.context.new_page()
    await second.goto(f"{marketplace.url}/products/1/")
    await second.click("summary")
    await expect(second.locator(".chat .state")).to_have_text("Online")
    await second.click("header button")
    await expect(first.locator(".chat .state")).to_have_text("You are logged out.")
    await first.reload()
    await expect(first.locator(".chat")).to_have_count(0)


@pytest.mark.asyncio(loop_scope="session")
async def test_nobody_speaks_for_somebody_else(log_in: LogIn) -> None:
    lan = await asking(log_in, "lan")
    refused = await lan.evaluate(
        """() => new Promise((resolve) => {
            const auth = { user_id: "1000", user_role: "BUYER" };
            const socket = io("/v1/conversations/events", { path: "/v1/conversations/sockets", auth, forceNew: true });
            socket.on("connect_error", (error) => { socket.close(); resolve(error.data.code); });
            socket.on("connect", () => { socket.close(); resolve("connected"); });
        })"""
    )
    assert refused == "user_mismatch"
    of_another = await lan.evaluate(
        """() => new Promise((resolve) => {
            const auth = { user_role: "BUYER" };
            const socket = io("/v1/conversations/events", { path: "/v1/conversations/sockets", auth, forceNew: true });
            socket.on("connect", async () => {
                const { user, shop } = document.querySelector(".chat").dataset;
                const asked = { type: "BS", buyer: user, seller: "2", shop_id: shop };
                const answer = await socket.emitWithAck("create_room", asked);
                socket.close();
                resolve(answer.error.code);
            });
        })"""
    )
    assert of_another == "shop_not_of_seller"
    without_csrf_token = await lan.evaluate(
        """() => fetch("/v1/conversations/rooms", { method: "POST", body: "{}",
            headers: { "Content-Type": "application/json" } }).then((answer) => answer.status)"""
    )
    assert without_csrf_token == 403
    stranger = await lan.context.browser.new_context() if lan.context.browser else None
    assert stranger is not None
    answer = await stranger.request.get(f"{lan.url.split('/shops')[0]}/v1/conversations/rooms?role=BUYER")
    assert answer.status == 401
    await stranger.close()


def test_each_database_has_its_own_and_nothing_of_the_other(marketplace: Marketplace) -> None:
    tables = sql(marketplace, "from django.db import connection as c\nprint(json.dumps(c.introspection.table_names()))")
    assert isinstance(tables, list)
    assert {"accounts_user", "auth_permission", "django_session", "django_admin_log"} <= set(tables)
    assert not [name for name in tables if name.startswith(("cz_", "moderation_", "conversations_"))]
    with MongoClient[dict[str, object]](marketplace.environment["MONGODB_URI"]) as client:
        collections = set(client.get_default_database().list_collection_names())
    assert {"cz_rooms", "cz_messages", "moderation_auditrecord"} <= collections
    assert not [
        name for name in collections if name.startswith(("accounts_", "auth_", "shops_", "django_s", "django_a"))
    ]
    roles = sql(
        marketplace,
        "from django.contrib.auth.models import Group\n"
        "groups = Group.objects.filter(permissions__codename='change_report')\n"
        "print(json.dumps(sorted(group.name for group in groups)))",
    )
    assert roles == ["Moderation lead", "Support"]


def test_a_transaction_of_sql_is_one_beside_the_chat(marketplace: Marketplace) -> None:
    assert (
        sql(
            marketplace,
            "from django.db import transaction\n"
            "from accounts.models import User\n"
            "try:\n"
            "    with transaction.atomic():\n"
            "        User.objects.create_user('ghost')\n"
            "        raise KeyError\n"
            "except KeyError:\n"
            "    print(json.dumps(User.objects.filter(username='ghost').exists()))",
        )
        is False
    )


def test_both_forms_have_all_their_migrations(marketplace: Marketplace) -> None:
    assert marketplace.manage("makemigrations", "--check", "--dry-run").returncode == 0
    for database in ("default", "chat"):
        done = marketplace.manage("migrate", "--check", "--database", database)
        assert done.returncode == 0, done.stdout
    assert os.environ["MONGODB_URI"] != marketplace.environment["MONGODB_URI"]


def test_each_database_is_dumped(marketplace: Marketplace) -> None:
    for database in ("default", "chat"):
        done = marketplace.manage("dumpdata", "--database", database)
        assert done.returncode == 0, done.stderr
        assert isinstance(json.loads(done.stdout), list)
