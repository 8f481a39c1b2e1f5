"""The page of a room, in a browser: staff read along, and what they do there, both sides have at once."""

import datetime
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from pymongo.database import Database

from tests.clients.client import Client
from tests.e2e.cluster import Cluster
from tests.e2e.conftest import Connect
from tests.e2e.people import Room
from tests.e2e.server_process import ServerProcess

from .conftest import Screenshot, SignIn

PICTURE = "/v1/conversations/media/2026/01/0123456789abcdef0123456789abcdef.png"
DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="240" height="150">'
    '<rect width="240" height="150" fill="#4a8f3a"/></svg>'
)
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
SAID = [
    ("buyer", "Hello! Is the oolong tea still available? 🍵"),
    ("seller", "Yes, we have 12 boxes left. How many would you like?"),
    ("buyer", "Two, please. Could you send a picture of the box?"),
    ("seller", "IMAGE"),
    ("buyer", "Lovely. Can I pay you directly at http://pay.example.net/x instead? It's cheaper for both of us."),
    ("seller", "Sorry, only through the shop.\nThat way you get your money back if something goes wrong."),
    ("buyer", "ok"),
]

HELLO = "Hello from Support.\nPlease pay through the shop only."


def told(room: Room, database: Database[dict[str, Any]], said: list[tuple[str, str]], **fields: Any) -> list[str]:
    """Store a conversation, the last line a minute ago; the ids of its messages."""
    people = {"buyer": room.buyer, "seller": room.seller}
    documents: list[dict[str, Any]] = []
    for number, (side, content) in enumerate(said):
        ago = (len(said) - number) * 37 + (1440 if number < 2 else 0)
        speaker = people[side]
        at = NOW - datetime.timedelta(minutes=ago)
        documents.append(
            {
                "_id": f"{room.id}-{number:04}",
                "room_id": room.id,
                "from": speaker.user_id,
                "to": room.other(speaker).user_id,
                "type": "IMAGE" if content == "IMAGE" else "TEXT",
                "content": PICTURE if content == "IMAGE" else content,
                "is_seen": number < len(said) - 1,
                "created_at": at,
                "updated_at": at,
            }
        )
    database.cz_messages.insert_many(documents)
    names = {"buyer_info": {"name": "Nguyễn Văn An"}, "shop": {"id": "9", "name": "Trà Cổ Thụ"}}
    database.cz_rooms.update_one(
        {"_id": room.id},
        {"$set": {"updated_at": at, "buyer_last_message": documents[-1], **names, **fields}},
    )
    return [document["_id"] for document in documents]


async def open_room(page: Page, server: ServerProcess, room: Room, query: str = "") -> None:
    """Load a room's page, and wait until it is live."""
    await page.route(f"**{PICTURE}", lambda route: route.fulfill(body=DRAWING, content_type="image/svg+xml"))
    await page.goto(f"{server.url}/admin/conversations/room/{room.id}/change/{query}")
    await expect(page.locator("#live")).to_have_text("Live")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_room_reads_as_a_conversation(
    theme: Any,
    sign_in: SignIn,
    server: ServerProcess,
    room: Room,
    database: Database[dict[str, Any]],
    screenshot: Screenshot,
) -> None:
    """Lines in order, each on its side, under the names of the two; pictures as pictures."""
    ids = told(room, database, SAID)
    page = await sign_in("lead", color_scheme=theme)
    await open_room(page, server, room)
    lines = page.locator(".line")
    assert [await line.get_attribute("data-id") for line in await lines.all()] == ids
    await expect(lines.nth(0)).to_contain_text("Nguyễn Văn An")
    await expect(lines.nth(1)).to_contain_text("Trà Cổ Thụ")
    await expect(lines.nth(3).locator("img")).to_have_js_property("complete", True)
    await screenshot(page, f"room-{theme}")


@pytest_asyncio.fixture(loop_scope="session")
async def people(connect: Connect, second_server: ServerProcess, room: Room) -> tuple[Client, Client]:
    """The buyer with an old app and the seller with a new one, both on another process than the admin."""
    buyer = await connect(room.buyer, "2.3.1", to=second_server)
    return buyer, await connect(room.seller, to=second_server)


async def test_what_is_said_appears_by_itself(
    sign_in: SignIn, server: ServerProcess, room: Room, people: tuple[Client, Client]
) -> None:
    """A message, and that the other has seen it."""
    buyer, seller = people
    page = await sign_in()
    await open_room(page, server, room)
    await expect(page.locator("#lines")).to_have_text("Nothing was said here.")
    buyer.emit("new_message", room.message(room.buyer, "<b>Good morning</b>"))
    line = page.locator(".line.buyer")
    await expect(line.locator(".said")).to_have_text("<b>Good morning</b>")
    await expect(line.locator(".seen")).to_have_text("Not seen")
    message = await seller.expect("new_message")
    seller.emit("seen_messages", room.seen(room.seller, message))
    await expect(line.locator(".seen")).to_have_text("Seen")
    await expect(page.locator("#lines")).not_to_contain_text("Nothing was said here")


async def act(page: Page, within: str, label: str, **fields: str) -> None:
    """Open the form of an act, fill it in, and send it."""
    form = page.locator(f"{within} details.act", has=page.get_by_text(label, exact=True)).first
    await form.locator("summary").click()
    for name, value in fields.items():
        await form.locator(f"[name={name}]").fill(value)
    await form.locator("[type=submit]").click()


async def test_a_redacted_message_vanishes_for_both(
    sign_in: SignIn,
    server: ServerProcess,
    room: Room,
    people: tuple[Client, Client],
    database: Database[dict[str, Any]],
    screenshot: Screenshot,
) -> None:
    """Its words are on no device and not on the page; who may, reads them again, and that is recorded."""
    ids = told(room, database, SAID)
    page = await sign_in("lead")
    await open_room(page, server, room)
    line = f"[id='message-{ids[4]}']"
    await page.locator(line).hover()
    await page.locator(f"{line} summary").click()
    await page.fill(f"{line} [name=reason]", "asks to pay outside")
    await screenshot(page, "room-redacting")
    await page.click(f"{line} [type=submit]")
    for device in people:
        redacted = await device.expect("message_redacted", _id=ids[4])
        assert "pay.example.net" not in redacted["content"]
    await expect(page.locator(f"{line} .gone")).to_contain_text("Redacted by lead")
    await expect(page.locator(f"{line} .gone")).to_contain_text("asks to pay outside")
    await expect(page.locator("#lines")).not_to_contain_text("pay.example.net")
    await expect(page.locator("#state")).to_contain_text("asks to pay outside")
    await act(page, line, "Show original", reason="the buyer complains")
    await expect(page.locator(f"{line} .original")).to_contain_text("pay.example.net")
    await expect(page.locator("#state")).to_contain_text("the buyer complains")
    await screenshot(page, "room-redacted")
    await act(page, line, "Restore", reason="it was a mistake")
    for device in people:
        assert "pay.example.net" in (await device.expect("message_updated", _id=ids[4]))["content"]
    await expect(page.locator(f"{line} .said")).to_contain_text("pay.example.net")


async def test_a_colleague_sees_a_redaction_at_once(
    sign_in: SignIn, server: ServerProcess, room: Room, database: Database[dict[str, Any]]
) -> None:
    """Two of the staff who look at one room see the same."""
    ids = told(room, database, SAID)
    page, other = await sign_in("support"), await sign_in("lead")
    await open_room(page, server, room)
    await open_room(other, server, room)
    await page.locator(f"[id='message-{ids[0]}']").hover()
    await act(page, f"[id='message-{ids[0]}']", "Redact", reason="spam")
    await expect(other.locator(f"[id='message-{ids[0]}']")).to_contain_text("Redacted by support")


async def test_support_writes_to_both(
    sign_in: SignIn,
    server: ServerProcess,
    room: Room,
    people: tuple[Client, Client],
    database: Database[dict[str, Any]],
    screenshot: Screenshot,
) -> None:
    """Both get a text from `support`; the page shows it between the sides."""
    told(room, database, SAID)
    page = await sign_in()
    await open_room(page, server, room)
    await page.fill("#support-content", HELLO)
    await page.keyboard.press("Control+Enter")
    for device in people:
        message = await device.expect("new_message", from_="support")
        assert (message["type"], message["content"]) == ("TEXT", HELLO)
    await expect(page.locator(".line.support .said")).to_have_text(HELLO)
    await expect(page.locator("#support-content")).to_be_empty()
    await screenshot(page, "room-support")


async def test_acts_beside_the_conversation(
    sign_in: SignIn,
    server: ServerProcess,
    room: Room,
    people: tuple[Client, Client],
    database: Database[dict[str, Any]],
    screenshot: Screenshot,
) -> None:
    """Muting, banning, slow mode, closing, notes: done without loading the page anew, and shown when done."""
    buyer, seller = people
    told(room, database, SAID)
    page = await sign_in()
    await open_room(page, server, room)
    await act(page, "#state .side.seller", "Mute", reason="insults")
    await expect(page.locator("#state .side.seller")).to_contain_text("insults")
    refusal = await seller.ask("new_message", room.message(room.seller, "you fool"))
    assert refusal["error"]["code"] == "muted"
    await act(page, "#state", "Close", reason="both calm down")
    assert (await buyer.expect("room_closed"))["room_id"] == room.id
    await expect(page.locator("#state")).to_contain_text("Closed since")
    await act(page, "#state", "Slow mode", reason="a flood", interval="20")
    await expect(page.locator("#state")).to_contain_text("every 20 s")
    await act(page, "#state", "Add a note", text="Called the seller, waiting.")
    await expect(page.locator("#state")).to_contain_text("Called the seller, waiting.")
    await screenshot(page, "room-acts")
    await act(page, "#state", "Reopen", reason="they made up")
    assert (await buyer.expect("room_opened"))["room_id"] == room.id
    await act(page, "#state .side.seller", "Lift", reason="they made up")
    await expect(page.locator("#state .side.seller")).not_to_contain_text("insults")
    await act(page, "#state .side.buyer", "Ban", reason="fraud")
    await buyer.disconnected()
    await expect(page.locator("#notice")).to_contain_text("banned")


async def test_a_refusal_is_said_and_what_was_typed_stays(
    sign_in: SignIn, server: ServerProcess, room: Room, database: Database[dict[str, Any]]
) -> None:
    """A colleague was quicker, say."""
    told(room, database, SAID)
    page = await sign_in()
    await open_room(page, server, room)
    await page.locator("#state summary", has_text="Close").click()
    await page.fill("#state details[open] [name=reason]", "both calm down")
    database.cz_rooms.update_one({"_id": room.id}, {"$set": {"closed_at": NOW}})
    await page.click("#state details[open] [type=submit]")
    await expect(page.locator("#notice")).to_contain_text("is closed already")
    await expect(page.locator("#state details[open] [name=reason]")).to_have_value("both calm down")


async def test_earlier_messages_come_on_demand_and_in_order(
    sign_in: SignIn, server: ServerProcess, room: Room, database: Database[dict[str, Any]]
) -> None:
    """Page by page, without losing the place where one reads."""
    ids = told(room, database, [("buyer" if number % 3 else "seller", f"line {number}") for number in range(100)])
    page = await sign_in()
    await open_room(page, server, room)
    lines = page.locator(".line")
    await expect(lines).to_have_count(40)
    await page.locator("#more a").click()
    await expect(lines).to_have_count(80)
    await page.locator("#more a").click()
    await expect(lines).to_have_count(100)
    assert [await line.get_attribute("data-id") for line in await lines.all()] == ids
    await expect(page.locator("#more")).to_be_hidden()
    days = await page.locator(".day").evaluate_all("days => days.map(day => day.dataset.day)")
    assert days == sorted(set(days))


async def test_the_place_of_a_message(
    sign_in: SignIn, server: ServerProcess, room: Room, database: Database[dict[str, Any]]
) -> None:
    """A link to a message shows it among those around it, also far back."""
    ids = told(room, database, [("buyer", f"line {number}") for number in range(100)])
    page = await sign_in()
    await open_room(page, server, room, f"?message={ids[30]}")
    target = page.locator(".line.target")
    await expect(target).to_have_attribute("data-id", ids[30])
    await expect(target).to_be_in_viewport()
    await expect(page.locator(f"[id='message-{ids[29]}']")).to_be_attached()
    await expect(page.locator(f"[id='message-{ids[31]}']")).to_be_attached()


async def test_a_page_that_was_cut_off_catches_up(
    sign_in: SignIn, cluster: Cluster, room: Room, people: tuple[Client, Client], database: Database[dict[str, Any]]
) -> None:
    """What was said and redacted meanwhile is there when it is live again: its server had died and came back."""
    buyer, _ = people
    ids = told(room, database, SAID)
    server = await cluster.server("admin")
    page = await sign_in()
    await open_room(page, server, room)
    server.kill()
    await expect(page.locator("#live")).to_contain_text("Not live")
    answer = await buyer.ask("new_message", room.message(room.buyer, "are you there?"))
    database.cz_messages.update_one({"_id": ids[1]}, {"$set": {"redacted_at": NOW, "content": "gone"}})
    database.cz_messages.delete_one({"_id": ids[2]})
    await server.start()
    await expect(page.locator("#live")).to_have_text("Live", timeout=40_000)
    await expect(page.locator(f"[id='message-{answer['message']['_id']}']")).to_contain_text("are you there?")
    await expect(page.locator(f"[id='message-{ids[1]}']")).to_contain_text("Redacted")
    await expect(page.locator(f"[id='message-{ids[2]}']")).to_have_count(0)


async def test_who_is_signed_out_sees_nothing_new(
    sign_in: SignIn, server: ServerProcess, room: Room, people: tuple[Client, Client]
) -> None:
    """Signing out in another tab ends the page's connection, too."""
    buyer, _ = people
    page = await sign_in(anew=True)
    await open_room(page, server, room)
    tab = await page.context.new_page()
    await tab.goto(f"{server.url}/admin/")
    await tab.click("#logout-form button")
    await expect(page.locator("#live")).to_contain_text("signed out", timeout=20_000)
    await buyer.ask("new_message", room.message(room.buyer, "a secret"))
    await expect(page.locator("#lines")).not_to_contain_text("a secret")
