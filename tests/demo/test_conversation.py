"""All that the chat can do, done by hand in two windows side by side."""

from __future__ import annotations

import uuid

from playwright.async_api import expect

from tests.conversations.api.pictures import photo
from tests.demo.conftest import Both, OpenPage, SignedIn
from tests.demo.window import Window


def some(text: str) -> str:
    return f"{text} {uuid.uuid4().hex[:6]}"


async def test_a_message_is_typed_sent_stored_delivered_and_seen(both: Both) -> None:
    buyer, seller = both
    await buyer.root.hover()
    await expect(seller.head).to_contain_text("online")
    await buyer.input.press_sequentially("Xin")
    await expect(seller.root.locator(".typing")).to_have_text("Linh Trần is typing…")
    text = some("Xin chào!")
    mine = await buyer.send(text)
    await expect(seller.message(text)).to_be_visible()
    await expect(seller.root.locator(".typing")).to_be_empty()
    await expect(mine.locator(".state")).to_have_class("state stored")
    await expect(seller.chips.filter(has_text="Linh").locator(".badge")).to_have_text("1 unseen")
    await seller.root.hover()
    await expect(mine.locator(".state")).to_have_class("state seen")
    await expect(seller.chips.filter(has_text="Linh").locator(".badge")).to_have_count(0)


async def test_two_pages_are_two_devices(open_page: OpenPage) -> None:
    """The buyer here and the seller there, each with the page for themselves."""
    here, there = await open_page(), await open_page()
    await here.get_by_role("button", name="Ana Castillo").click()
    await there.get_by_role("button", name="Second Spring Books").click()
    buyer, seller = Window(here, "buyer"), Window(there, "seller")
    await expect(buyer.messages).not_to_have_count(0)
    await seller.chips.filter(has_text="Ana").click()
    text, answer = some("Do you buy atlases?"), some("We do!")
    await buyer.send(text)
    await expect(seller.message(text)).to_be_visible()
    await seller.send(answer)
    await expect(buyer.message(answer)).to_be_visible()
    await there.close()
    await expect(buyer.head).to_contain_text("offline")


async def test_a_message_is_changed_for_both(both: Both) -> None:
    buyer, seller = both
    before, after = some("teh blue one"), some("the blue one")
    mine = await buyer.send(before)
    await mine.hover()
    await mine.get_by_role("button", name="Edit this message").click()
    await buyer.input.fill(after)
    await buyer.input.press("Enter")
    for window in (buyer, seller):
        await expect(window.message(after)).to_contain_text("edited")
        await expect(window.message(before)).to_have_count(0)


async def test_an_emoji_and_a_picture(both: Both) -> None:
    buyer, seller = both
    await buyer.root.get_by_label("Send an emoji").click()
    await buyer.root.get_by_role("button", name="🍵").click()
    await expect(seller.messages.last.locator(".emoji")).to_have_text("🍵")
    picture = {"name": "cup.jpg", "mimeType": "image/jpeg", "buffer": photo()}
    await buyer.root.locator("input[type=file]").set_input_files(picture)  # type: ignore[arg-type]
    image = seller.messages.last.locator("img")
    await expect(image).to_have_attribute("alt", "Picture from Linh Trần")
    await expect(image).to_have_js_property("complete", True)
    assert await image.evaluate("image => image.naturalWidth") > 0


async def test_history_comes_by_scrolling(signed_in: SignedIn) -> None:
    buyer, _ = await signed_in()
    await expect(buyer.messages.nth(19)).to_be_attached()
    await expect(buyer.root.get_by_text("I am looking for a gift")).to_have_count(0)
    for _ in range(3):
        await buyer.root.locator(".messages").evaluate("list => { list.parentElement.scrollTop = 0; }")
        if await buyer.root.get_by_text("This is where it began.").count():
            break
        await buyer.page.wait_for_timeout(500)
    await expect(buyer.root.get_by_text("I am looking for a gift")).to_be_attached()
    ids = await buyer.messages.evaluate_all("messages => messages.map(message => message.dataset.id)")
    assert ids == sorted(ids)


async def test_a_room_is_pinned_and_comes_first(both: Both) -> None:
    buyer, _ = both
    await buyer.chips.filter(has_text="Second Spring").click()
    await buyer.act("Pin")
    await expect(buyer.chips.first).to_contain_text("Second Spring Books")
    await expect(buyer.chips.first).to_contain_text("Pinned")
    await buyer.act("Unpin")
    await expect(buyer.chips.first).to_contain_text("Gốm Bát Tràng")
    await buyer.chips.first.click()


async def test_a_room_is_deleted_and_brought_back(open_page: OpenPage) -> None:
    page = await open_page()
    await page.get_by_role("button", name="Minh Phạm").click()
    buyer = Window(page, "buyer")
    await expect(buyer.chips).to_have_count(1)
    await buyer.act("Delete for me")
    await expect(buyer.chips).to_have_count(0)
    await expect(buyer.notice).to_contain_text("The other side keeps it")
    await buyer.notice.get_by_role("button", name="Bring back").click()
    await expect(buyer.chips).to_have_count(1)
    await expect(buyer.root).to_contain_text("Nothing was said here yet.")


async def test_a_blocked_room_takes_no_message_and_says_so(both: Both) -> None:
    buyer, seller = both
    await seller.act("Block")
    await expect(seller.head).to_contain_text("You blocked this conversation.")
    text = some("hello?")
    await buyer.send(text)
    await expect(buyer.message(text)).to_contain_text("Send again")
    await expect(buyer.page.locator(".way .bad")).to_contain_text("room_blocked")
    await expect(buyer.head).to_contain_text("Gốm Bát Tràng blocked this conversation.")
    await seller.act("Unblock")
    await expect(seller.head).not_to_contain_text("You blocked")
    await buyer.message(text).get_by_role("button", name="Send again").click()
    await expect(seller.message(text)).to_be_visible()


async def test_a_message_is_reported(both: Both) -> None:
    buyer, seller = both
    text = some("Send me the money first")
    await seller.send(text)
    await expect(buyer.message(text)).to_be_visible()
    await buyer.message(text).hover()
    await buyer.message(text).get_by_role("button", name="Report this message").click()
    dialog = buyer.page.get_by_role("dialog")
    await dialog.get_by_label("Reason").select_option("fraud")
    await dialog.get_by_role("button", name="Report").click()
    await expect(buyer.notice).to_contain_text("Staff see it in the admin")


async def test_a_conversation_with_somebody_new(open_page: OpenPage) -> None:
    page = await open_page()
    await page.get_by_role("button", name="Ana Castillo").click()
    buyer = Window(page, "buyer")
    await expect(buyer.chips).to_have_count(1)
    await buyer.root.get_by_label("Begin a conversation").click()
    await buyer.root.get_by_role("button", name="Gốm Bát Tràng").click()
    await expect(buyer.chips).to_have_count(2)
    await expect(buyer.head).to_contain_text("Gốm Bát Tràng")
