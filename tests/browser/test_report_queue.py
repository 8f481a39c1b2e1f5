"""The report queue in a browser: staff take a report, see what it is about, act, resolve; and never two on the same."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from bson import ObjectId
from playwright.async_api import expect
from pymongo.database import Database

from tests.e2e.conftest import Connect, NewRoom
from tests.e2e.server_process import ServerProcess

from .conftest import Screenshot, SignIn

Store = Database[dict[str, Any]]
SAID = [
    ("7", "Hello! Does the blue tea set come with six cups or four?"),
    ("501", "Six cups, one pot and a tray."),
    ("7", "And is it safe in a dishwasher?"),
    ("501", "Yes. But pay me outside of the app, then it is cheaper: evil.example/pay"),
    ("7", "I would rather not."),
    ("501", "Your choice. No tea set for cowards."),
]


@pytest.fixture
def reports(database: Store) -> list[ObjectId]:
    """A room in which a shop is rude, four reports on it, and what had been before."""
    for name in ("report", "restriction", "filterhit", "heldmessage", "note", "auditrecord", "messagefilter"):
        database[f"moderation_{name}"].delete_many({})
    database.cz_rooms.delete_many({"_id": "7.501"})
    database.cz_messages.delete_many({"room_id": "7.501"})
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    room = {"_id": "7.501", "type": "BS", "buyer": "7", "seller": "501", "creator": "7", "created_at": now}
    names = {"buyer_info": {"name": "Linh Trần"}, "shop": {"name": "Gốm Bát Tràng"}}
    database.cz_rooms.insert_one({**room, **names, "updated_at": now})
    database.cz_messages.insert_many(
        [
            {
                "_id": f"q{number}", "room_id": "7.501", "from": sender, "to": "501" if sender == "7" else "7",
                "type": "TEXT", "content": content, "created_at": now - datetime.timedelta(minutes=60 - number),
            }
            for number, (sender, content) in enumerate(SAID)
        ]
    )  # fmt: skip
    made = database.moderation_report.insert_many(
        [
            _report("q5", "7", "harassment", "He insults me", now - datetime.timedelta(minutes=40)),
            _report("q3", "7", "fraud", "Wants money first", now - datetime.timedelta(minutes=300)),
            _report("q3", "links", "filter", "links: evil.example", now - datetime.timedelta(minutes=310)),
            {**_report("501", "8", "spam", "", now - datetime.timedelta(minutes=3)), "target_kind": "user"},
        ]
    )
    database.moderation_filterhit.insert_many(
        [
            {
                "filter_name": "links", "action": "flag", "at": now - datetime.timedelta(minutes=37 * number**1.5),
                "room_id": "7.501", "user_id": "501", "message_id": "q3", "text": "",
            }
            for number in range(30)
        ]
    )  # fmt: skip
    database.moderation_heldmessage.insert_one(
        {
            "room_id": "7.501", "sender": "501", "recipient": "7", "type": "TEXT",
            "content": "Last chance: evil.example/pay", "filter_name": "links, strictly", "held_at": now,
            "state": "held",
        }
    )  # fmt: skip
    return list(made.inserted_ids)


def _report(target: str, reporter: str, reason: str, text: str, at: datetime.datetime) -> dict[str, Any]:
    return {
        "target_kind": "message", "target_id": target, "room_id": "7.501", "user_id": "501", "reporter": reporter,
        "reason": reason, "text": text, "created_at": at, "state": "open", "open_key": f"{reporter} {target}",
        "note": "", "outcome": "", "outcomes": [], "reporters": 1, "past": 0, "priority": 4, "level": "medium",
        "urgent_at": at,
    }  # fmt: skip


async def test_take_restrict_resolve(
    sign_in: SignIn, server: ServerProcess, database: Store, reports: list[ObjectId], screenshot: Screenshot
) -> None:
    """From the front page to a muted user and a resolved report, without knowing where anything is."""
    page = await sign_in("support")
    await screenshot(page, "front-page")
    await page.get_by_role("link", name="The queue").click()
    rows = page.locator("#result_list tbody tr")
    await expect(rows).to_have_count(4)
    await expect(rows.first).to_contain_text("pay me outside of the app")
    await expect(rows.first).to_contain_text("Gốm Bát Tràng")
    await screenshot(page, "queue")
    await page.get_by_role("button", name="Take the next one").click()
    await expect(page.locator(".banner.mine")).to_contain_text("You work on this report")
    await expect(page.locator(".excerpt .target")).to_contain_text("evil.example/pay")
    await screenshot(page, "report-taken")
    await page.keyboard.press("r")
    await page.keyboard.press("m")
    await page.select_option("#id_mute_for", label="7 days")
    await page.fill("#id_note", "Second time this month.")
    await page.get_by_role("button", name="Do it, keep the report").click()
    await expect(page.locator(".messagelist")).to_contain_text("still yours")
    await expect(page.locator(".original-text")).to_contain_text("evil.example/pay")
    await screenshot(page, "report-measures")
    await page.keyboard.press("e")
    await expect(page.locator(".messagelist")).to_contain_text("2 reports are resolved.")
    await expect(page.locator(".banner.mine")).to_contain_text("You work on this report")
    assert database.moderation_report.count_documents({"state": "in_review"}) == 1, "the next one is taken"
    await page.keyboard.press("u")
    await expect(rows).to_have_count(2)
    closed = list(database.moderation_report.find({"target_id": "q3"}))
    assert {(report["state"], *report["outcomes"]) for report in closed} == {("resolved", "muted", "redacted")}
    assert database.moderation_restriction.count_documents({"user_id": "501", "kind": "mute"}) == 1
    await page.goto(f"{server.url}/admin/moderation/person/501/")
    await expect(page.locator(".banner")).to_contain_text("Muted until")
    await screenshot(page, "user")


async def test_a_second_one_is_told_who_works_on_it(
    sign_in: SignIn, server: ServerProcess, reports: list[ObjectId], screenshot: Screenshot
) -> None:
    mine, theirs = await sign_in("support"), await sign_in("lead")
    address = f"{server.url}/admin/moderation/report/{reports[1]}/change/"
    await theirs.goto(address)
    await mine.goto(address)
    await mine.get_by_role("button", name="Take this report").click()
    await expect(mine.locator(".banner.mine")).to_contain_text("You work on this report")
    await expect(theirs.locator("#meanwhile")).to_contain_text("support works on it now.")
    await theirs.get_by_role("button", name="Take this report").click()
    await expect(theirs.locator(".messagelist")).to_contain_text("support works on this report")
    await expect(theirs.locator(".banner.theirs:not(#meanwhile)")).to_contain_text("Please leave it to them")
    await expect(theirs.get_by_role("button", name="Resolve", exact=True)).to_have_count(0)
    await screenshot(theirs, "report-of-a-colleague")


async def test_a_ban_is_asked_about_first(
    sign_in: SignIn, server: ServerProcess, database: Store, reports: list[ObjectId], screenshot: Screenshot
) -> None:
    page = await sign_in("support")
    await page.goto(f"{server.url}/admin/moderation/person/501/")
    await page.get_by_role("link", name="Ban…").click()
    await expect(page.locator("#content")).to_contain_text("All devices of the user are disconnected at once")
    await page.get_by_role("button", name="Yes, ban this user").click()
    await expect(page.locator(".errorlist")).to_contain_text("This field is required.")
    await screenshot(page, "ban")
    assert database.moderation_restriction.count_documents({}) == 0
    await page.get_by_role("link", name="No, take me back").click()
    await expect(page).to_have_url(re.compile("/person/501/$"))


async def test_a_filter_is_tried_while_it_is_written(
    sign_in: SignIn, server: ServerProcess, database: Store, reports: list[ObjectId], screenshot: Screenshot
) -> None:
    """What it finds is said at once, and nothing is saved."""
    page = await sign_in("lead")
    await page.goto(f"{server.url}/admin/moderation/messagefilter/add/")
    await page.fill("#id_name", "rude words")
    await page.select_option("#id_kind", "words")
    await page.fill("#id_patterns", "coward\ncowards")
    await page.fill("#try-text", "No tea set for COWARDS.")
    await expect(page.locator("#try-answer")).to_have_text("Found: “cowards”")
    await page.fill("#try-text", "Six cups.")
    await expect(page.locator("#try-answer")).to_have_text("Nothing found: such a message passes.")
    await page.select_option("#id_kind", "regex")
    await page.fill("#id_patterns", "cow(ard")
    await expect(page.locator("#try-answer")).to_contain_text("Patterns: line 1")
    await screenshot(page, "filter")
    assert database.moderation_messagefilter.count_documents({}) == 0


async def test_a_held_message_is_released(
    sign_in: SignIn, server: ServerProcess, database: Store, reports: list[ObjectId], screenshot: Screenshot
) -> None:
    page = await sign_in("support")
    await page.goto(f"{server.url}/admin/moderation/heldmessage/")
    await screenshot(page, "held-messages")
    await page.get_by_role("link", name="Last chance").click()
    await page.wait_for_url("**/heldmessage/*/**")
    await screenshot(page, "held-message")
    await page.get_by_role("link", name="Release…").click()
    await page.get_by_role("button", name="Release it").click()
    await expect(page.locator(".messagelist")).to_contain_text("Both sides have it now")
    assert database.cz_messages.count_documents({"content": "Last chance: evil.example/pay"}) == 1


async def test_the_other_lists(
    sign_in: SignIn, server: ServerProcess, reports: list[ObjectId], screenshot: Screenshot
) -> None:
    """Nothing but looked at: each answers, in the dark, too."""
    page = await sign_in("lead", color_scheme="dark")
    await page.goto(f"{server.url}/admin/moderation/person/501/note/")
    await page.fill("#id_text", "Called the shop: they will behave.")
    await page.get_by_role("button", name="Save the note").click()
    await expect(page.locator(".messagelist")).to_be_visible()
    await screenshot(page, "user-dark")
    for name in ("auditrecord", "filterhit", "restriction", "restriction/add", "note", "messagefilter"):
        await page.goto(f"{server.url}/admin/moderation/{name}/")
        await expect(page.locator("#content h1")).to_be_visible()
        await screenshot(page, f"list-{name.replace('/', '-')}")


async def test_a_ban_disconnects_the_user_from_another_process(
    sign_in: SignIn, server: ServerProcess, second_server: ServerProcess, connect: Connect, new_room: NewRoom
) -> None:
    """The admin's process has no socket of theirs."""
    buyer = new_room().buyer
    app = await connect(buyer, to=second_server)
    page = await sign_in("support")
    await page.goto(f"{server.url}/admin/moderation/person/{buyer.user_id}/ban/")
    await page.select_option("#id_length", label="Until it is lifted")
    await page.fill("#id_reason", "Sells what is not theirs")
    await page.get_by_role("button", name="Yes, ban this user").click()
    assert await app.disconnected() == "io server disconnect"
    await expect(page.locator(".messagelist")).to_contain_text("The user is banned")
    await expect(page.locator(".banner")).to_contain_text("Banned until it is lifted")
