"""A side's window of the demo, as a test uses it."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect


class Window:
    """The window of the buyer or of the seller on a page."""

    def __init__(self, page: Page, side: str) -> None:
        self.page = page
        self.root = page.locator(f"#{side}")
        self.lamp = self.root.locator(".lamp")
        self.messages = self.root.locator(".message")
        self.input = self.root.locator("textarea[aria-label='Write a message']")
        self.notice = self.root.locator(".notice")
        self.chips = self.root.locator(".chip")
        self.head = self.root.locator(".head")

    def message(self, text: str) -> Locator:
        return self.messages.filter(has_text=text)

    async def send(self, text: str) -> Locator:
        """Write a message and send it. It may still wait for its acknowledgement."""
        await self.input.fill(text)
        await self.input.press("Enter")
        await expect(self.message(text)).to_be_visible()
        return self.message(text)

    async def act(self, name: str) -> None:
        """Choose what to do with the room that is open."""
        await self.head.locator("summary").click()
        await self.head.get_by_role("button", name=name, exact=True).click()
