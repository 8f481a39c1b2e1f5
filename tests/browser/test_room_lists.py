"""The lists of rooms and messages, in a browser: staff find what they need, and what takes long goes on by itself."""

import datetime
import itertools
from typing import Any

import pytest
from playwright.async_api import Page, expect
from pymongo.database import Database

from tests.e2e.server_process import ServerProcess

from .conftest import Screenshot, SignIn

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
BUYERS = itertools.cycle(["An", "Bình", "Chi", "Dũng", "Giang"])
FULL = 50  # rows that fill a page; one that was put together from several looks may have some more
SHOPS = itertools.cycle(["Trà Cổ Thụ", "Gốm Bát Tràng", "Lụa Vạn Phúc"])


@pytest.fixture
def rooms(database: Database[dict[str, Any]]) -> list[str]:
    """The ids of a good hundred rooms, the one of the latest activity first."""
    database.cz_rooms.delete_many({})
    database.cz_messages.delete_many({})
    ids = [f"{1000 + number}.{90 + number % 3}" for number in range(120)]
    for number, room_id in enumerate(ids):
        buyer, seller = room_id.split(".")
        at = NOW - datetime.timedelta(minutes=7 * number**1.6)
        message = {
            "created_at": at, "_id": f"m-{room_id}", "room_id": room_id, "from": buyer, "to": seller, "type": "TEXT",
            "content": f"Is number {number} still there?", "is_seen": number > 9, "updated_at": at,
        }  # fmt: skip
        database.cz_messages.insert_one(message)
        database.cz_rooms.insert_one(
            {
                "_id": room_id, "type": "BS", "buyer": buyer, "seller": seller, "creator": buyer,
                "buyer_info": {"name": next(BUYERS)}, "shop": {"name": next(SHOPS)},
                "buyer_last_message": message, "seller_last_message": message,
                "seller_unseen_messages": int(number <= 9), "created_at": at, "updated_at": at,
                **({"blocked_by": "SELLER"} if number % 40 == 3 else {}),
                **({"closed_at": at} if number % 50 == 5 else {}),
            }
        )  # fmt: skip
    return ids


async def settled(page: Page) -> None:
    """Return when a page has all its rows: a list that was cut short goes on by itself until it is full."""
    await page.wait_for_function(
        """full => {
            const further = document.getElementById("further");
            const isFull = document.querySelectorAll("#rows tr").length >= full;
            return further && !further.querySelector("button") && (isFull || !further.dataset.next);
        }""",
        arg=FULL,
    )


async def test_the_list_of_rooms(
    sign_in: SignIn, server: ServerProcess, rooms: list[str], screenshot: Screenshot
) -> None:
    """Page by page; by name, by user, by state; from there to the room."""
    page = await sign_in()
    await page.goto(f"{server.url}/admin/conversations/room/")
    rows = page.locator("#rows tr")
    await settled(page)
    await screenshot(page, "rooms")
    shown = await rows.count()
    assert shown >= FULL
    while not await page.get_by_text("That is all.").is_visible():
        before = page.url
        await page.locator("#further a").last.click()
        await expect(page).not_to_have_url(before)
        await settled(page)
        shown += await rows.count()
    assert shown == len(rooms)
    await expect(rows.last).to_contain_text(rooms[-1].split(".")[0])
    await page.select_option("#look_state", "closed")
    await page.get_by_role("button", name="Search").click()
    await expect(rows).to_have_count(3)
    await screenshot(page, "rooms-closed")
    await page.get_by_text("Clear").click()
    await page.fill("#look_q", "binh")
    await page.keyboard.press("Enter")
    await expect(rows).to_have_count(24)
    await page.fill("#look_q", "nobody of this name")
    await page.keyboard.press("Enter")
    await expect(page.locator("#further")).to_have_text("Nothing found.")
    await page.fill("#look_q", rooms[7])
    await page.keyboard.press("Enter")
    await expect(rows).to_have_count(1)
    await rows.locator("a").first.click()
    await expect(page.locator("#live")).to_have_text("Live")


async def test_the_list_of_messages(
    sign_in: SignIn, server: ServerProcess, rooms: list[str], screenshot: Screenshot
) -> None:
    """By text, by conversation; from there to the message's page, and to its place in the room."""
    page = await sign_in()
    await page.goto(f"{server.url}/admin/conversations/message/?q=still+there")
    rows = page.locator("#rows tr")
    await settled(page)
    assert await rows.count() >= FULL
    await screenshot(page, "messages")
    await page.fill("#look_q", "number 77 still")
    await page.keyboard.press("Enter")
    await expect(rows).to_have_count(1)
    await rows.locator("a").first.click()
    await expect(page.locator(".line.target")).to_have_attribute("data-id", f"m-{rooms[77]}")
    await page.goto(f"{server.url}/admin/conversations/message/m-{rooms[77]}/change/")
    await screenshot(page, "message")
    await page.get_by_text("Show it in its room").click()
    await expect(page.locator(".line.target")).to_have_attribute("data-id", f"m-{rooms[77]}")
