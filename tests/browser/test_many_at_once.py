"""Many at once, and the live queue, in a browser: few clicks, a preview, progress that can be stopped."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import pytest
from playwright.async_api import Page, expect
from pymongo.database import Database

from tests.e2e.conftest import Connect, NewRoom
from tests.e2e.people import Room
from tests.e2e.server_process import ServerProcess

from .conftest import Screenshot, SignIn

Store = Database[dict[str, Any]]
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
HELD = 49


@pytest.fixture
def room_of_moderation(database: Store, new_room: NewRoom) -> Room:
    """A room, and empty queues."""
    for name in ("report", "restriction", "filterhit", "heldmessage", "note", "auditrecord", "messagefilter"):
        database[f"moderation_{name}"].delete_many({})
    return new_room(buyer_info={"name": "Linh Trần"}, shop={"name": "Gốm Bát Tràng"})


def hold(database: Store, room: Room, count: int) -> None:
    """Held messages of the seller, each a minute older than the next."""
    database.moderation_heldmessage.insert_many(
        [
            {
                "room_id": room.id, "sender": room.seller.user_id, "recipient": room.buyer.user_id, "type": "TEXT",
                "content": f"held {number}", "filter_name": "links", "state": "held",
                "held_at": NOW - datetime.timedelta(minutes=count - number),
            }
            for number in range(count)
        ]
    )  # fmt: skip


class Clicks:
    """Clicks and page loads of somebody who works."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0
        self.loads = 0
        page.on("load", lambda _: setattr(self, "loads", self.loads + 1))

    async def on(self, selector: str) -> None:
        self.clicks += 1
        await self.page.locator(selector).click()


async def test_49_held_messages_are_released_with_three_clicks(
    sign_in: SignIn, server: ServerProcess, database: Store, room_of_moderation: Room, screenshot: Screenshot
) -> None:
    """Where each took three clicks and a page load for each: open, "Release…", "Release it"."""
    hold(database, room_of_moderation, HELD)
    page = await sign_in("support")
    await page.goto(f"{server.url}/admin/moderation/heldmessage/")
    await expect(page.locator("#result_list tbody tr")).to_have_count(HELD)
    worker = Clicks(page)
    await worker.on("#choose-all")
    await expect(page.locator("#chosen")).to_have_text(f"{HELD} chosen")
    await screenshot(page, "many-chosen")
    await worker.on("button:has-text('Release…')")
    await expect(page.locator(".previewed li")).to_have_count(HELD)
    await screenshot(page, "many-preview")
    await worker.on("#do-it")
    await expect(page.locator(".messagelist")).to_contain_text(f"{HELD} messages are sent.")
    assert (worker.clicks, worker.loads) == (3, 2)
    assert database.cz_messages.count_documents({"room_id": room_of_moderation.id}) == HELD
    released = database.moderation_auditrecord.count_documents({"act": "held.released"})
    assert released == HELD, "each has its own record"


async def test_what_is_done_stays_done_when_it_is_stopped(
    sign_in: SignIn, server: ServerProcess, database: Store, room_of_moderation: Room, screenshot: Screenshot
) -> None:
    hold(database, room_of_moderation, 60)
    page = await sign_in("support")
    await page.goto(f"{server.url}/admin/moderation/heldmessage/")
    await page.check("#everything")
    await page.get_by_role("button", name="Drop…").click()
    await expect(page.locator("#content")).to_contain_text("60 in all:")
    await page.click("#do-it")
    await page.get_by_role("button", name="Stop").click()
    await expect(page.locator("#progress [role=status]")).to_contain_text("Stopped. Done: ")
    await screenshot(page, "many-stopped")
    dropped = database.moderation_heldmessage.count_documents({"state": "dropped"})
    assert 0 < dropped < 60
    assert f"Done: {dropped} of 60" in await page.locator("#progress [role=status]").inner_text()
    await page.get_by_role("link", name="Back to the list").click()
    await expect(page.locator("#result_list tbody tr")).to_have_count(min(50, 60 - dropped))


async def test_what_is_refused_is_said_and_the_rest_is_done(
    sign_in: SignIn, server: ServerProcess, database: Store, room_of_moderation: Room, new_room: NewRoom
) -> None:
    hold(database, room_of_moderation, 2)
    hold(database, new_room(closed_at=NOW), 1)
    page = await sign_in("support")
    await page.goto(f"{server.url}/admin/moderation/heldmessage/")
    await page.keyboard.press("a")
    await page.keyboard.press("r")
    await page.wait_for_url("**/act-on-many/to/release/**")
    await page.click("#do-it")
    await expect(page.locator("#progress")).to_contain_text("Done: 2 of 3. Not done:")
    await expect(page.locator("#progress li")).to_contain_text("takes no messages now")


async def test_the_queue_says_what_happens_meanwhile(
    sign_in: SignIn, server: ServerProcess, second_server: ServerProcess, database: Store, room_of_moderation: Room,
    connect: Connect, screenshot: Screenshot,
) -> None:  # fmt: skip
    """Reports that come by another process, and colleagues that take and close them."""
    room = room_of_moderation
    mine = await sign_in("support")
    await mine.goto(f"{server.url}/admin/moderation/report/")
    await expect(mine.locator("#live")).to_have_text("Live")
    app = await connect(room.buyer, to=second_server)
    report = {"target_type": "user", "target_id": room.seller.user_id, "reason": "fraud", "text": "wants money"}
    assert (await app.ask("report", report))["status"]
    await expect(mine.locator("#show-new")).to_have_text("1 new: show")
    await expect(mine).to_have_title("(1) Reports | Chat support")
    await expect(mine.locator("#nav-sidebar .model-report .count")).to_have_text("1")
    await mine.click("#show-new")
    row = mine.locator("#result_list tbody tr")
    await expect(row).to_contain_text("wants money")
    theirs = await sign_in("lead")
    await theirs.goto(f"{server.url}/admin/moderation/report/")
    await theirs.keyboard.press("t")
    await expect(theirs.locator(".banner.mine")).to_be_visible()
    await expect(row.locator(".assignee")).to_have_text("lead")
    await screenshot(mine, "queue-live")
    await theirs.keyboard.press("d")
    await expect(row.locator(".assignee")).to_have_text("Done by lead")
    await expect(mine.locator("#nav-sidebar .model-report .count")).to_be_hidden()


async def test_the_list_is_walked_by_keys_and_they_are_explained(
    sign_in: SignIn, server: ServerProcess, database: Store, room_of_moderation: Room, screenshot: Screenshot
) -> None:
    hold(database, room_of_moderation, 3)
    page = await sign_in("support")
    await page.goto(f"{server.url}/admin/moderation/heldmessage/")
    for key in "jjx":
        await page.keyboard.press(key)
    await expect(page.locator("tr.is-current")).to_contain_text("held 1")
    await expect(page.locator("#chosen")).to_have_text("1 chosen")
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_contain_text("Choose the row")
    await screenshot(page, "keys")
    await page.keyboard.press("Escape")
    await expect(page.locator("#keys")).to_have_count(0)
    await page.keyboard.press("k")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/heldmessage/*/change/")
    await expect(page.locator("#content")).to_contain_text("held 0")
    await page.go_back()
    await page.fill("#searchbar", "nobody")
    await page.locator("#changelist-search [type=submit]").press("Enter")
    await page.wait_for_url("**q=nobody**")


@pytest.mark.parametrize("width", [1366, 390])
async def test_the_lists_fit_their_window(
    sign_in: SignIn,
    server: ServerProcess,
    database: Store,
    room_of_moderation: Room,
    screenshot: Screenshot,
    width: int,
) -> None:
    """No page is wider than a phone, and filters stand above the list there."""
    hold(database, room_of_moderation, 3)
    page = await sign_in("support", viewport={"width": width, "height": 844})
    for name in ("report", "heldmessage", "filterhit"):
        await page.goto(f"{server.url}/admin/moderation/{name}/")
        await asyncio.sleep(0.2)
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        filters, rows = await page.locator("#changelist-filter").bounding_box(), page.locator("#worklist")
        box = await rows.bounding_box()
        assert filters is not None and box is not None
        assert (filters["y"] < box["y"] and filters["height"] < 200) if width < 768 else filters["x"] > box["x"]
        await screenshot(page, f"worklist-{name}-{width}")
