"""On a phone, by the keyboard, in the dark, in both languages, and for those who do not see it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Screenshot
from tests.clients.node import installed_clients
from tests.demo.conftest import PHONE, WIDE, OpenPage, SignedIn
from tests.demo.test_conversation import some

STATIC = Path(__file__).resolve().parents[2] / "demo" / "static" / "demo"


async def findings(page: Page) -> list[str]:
    """What axe-core finds that keeps people out."""
    axe = (installed_clients() / "node_modules" / "axe-core" / "axe.min.js").read_text()
    await page.evaluate(axe)
    found: list[dict[str, Any]] = await page.evaluate("axe.run().then(({ violations }) => violations)")
    return [
        f"{each['id']}: {each['help']}: {[node['target'] for node in each['nodes']]}"
        for each in found
        if each["impact"] in ("serious", "critical", "moderate")
    ]


@pytest.mark.parametrize(("theme", "size"), [("light", WIDE), ("dark", WIDE), ("light", PHONE), ("dark", PHONE)])
async def test_it_fits_and_axe_finds_nothing_serious(
    theme: Literal["light", "dark"], size: dict[str, int], signed_in: SignedIn, screenshot: Screenshot
) -> None:
    buyer, _ = await signed_in(color_scheme=theme, viewport=size, reduced_motion="reduce")
    page = buyer.page
    is_phone = size is PHONE
    await buyer.send(some("Is this still there?"))
    for name in ("wire", "seller", "buyer") if is_phone else ("",):
        if name:
            await page.locator(f"[data-shows={name}]").click()
            await expect(page.locator(f"main > .{name}")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") == size["width"]
        assert await page.evaluate("document.documentElement.scrollHeight") == size["height"]
        if theme == "dark" or not is_phone:  # the phone has the same colours, and the parts in other places
            assert await findings(page) == []
        await screenshot(page, f"demo-{theme}-{size['width']}{name and f'-{name}'}")
    red = await page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert (int(red) < 60) is (theme == "dark")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_greeting_and_the_dialog(
    theme: Literal["light", "dark"], open_page: OpenPage, screenshot: Screenshot
) -> None:
    page = await open_page(color_scheme=theme)
    assert await findings(page) == []
    await screenshot(page, f"demo-{theme}-greeting")
    await page.get_by_role("button", name="Sign both in").click()
    await page.locator("#buyer .head summary").click()
    await page.locator("#buyer .head").get_by_role("button", name="Report").click()
    assert await findings(page) == []
    await screenshot(page, f"demo-{theme}-report")


async def test_by_the_keyboard_alone(open_page: OpenPage) -> None:
    page = await open_page()
    await page.get_by_role("button", name="Minh Phạm").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#buyer .lamp")).to_contain_text("Connected")
    await expect(page.locator("#buyer .head summary")).to_be_visible()
    await page.locator("#buyer .head summary").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#buyer .head .items")).to_be_visible()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Escape")
    await expect(page.locator("#buyer .head .items")).to_be_hidden()
    assert await page.evaluate("document.activeElement.matches('.head summary')")
    text = some("no mouse here")
    await page.locator("#buyer textarea[aria-label]").focus()
    await page.keyboard.type(text)
    await page.keyboard.press("Enter")
    await expect(page.locator("#buyer .message").filter(has_text=text)).to_be_visible()


async def test_it_speaks_vietnamese(open_page: OpenPage, screenshot: Screenshot) -> None:
    page = await open_page(locale="vi-VN")
    await page.get_by_role("button", name="Cho cả hai đăng nhập").click()
    await expect(page.locator("#buyer .lamp")).to_contain_text("Đã kết nối")
    assert await page.locator("html").get_attribute("lang") == "vi"
    await expect(page.locator("#buyer .message").last).to_be_visible()
    await screenshot(page, "demo-vietnamese")
    await page.get_by_role("button", name="English").click()
    await expect(page.locator("#buyer .lamp")).to_contain_text("Connected")


async def test_the_theme_can_be_chosen(open_page: OpenPage) -> None:
    page = await open_page(color_scheme="dark")
    await page.get_by_role("button", name="Theme: as the system").click()
    await page.get_by_role("button", name="Theme: light").wait_for()
    assert await page.evaluate("getComputedStyle(document.body).colorScheme") == "light"
    await page.reload()
    await page.get_by_role("button", name="Theme: light").wait_for()


async def test_both_languages_have_words_for_all_that_is_said(open_page: OpenPage) -> None:
    page = await open_page()
    words: dict[str, dict[str, str]] = await page.evaluate(
        "import('/static/demo/words.js').then(({ LANGUAGES }) => LANGUAGES)"
    )
    assert words["en"].keys() == words["vi"].keys()
    places = {key: sorted(re.findall(r"\{\w+\}", text)) for key, text in words["en"].items()}
    assert places == {key: sorted(re.findall(r"\{\w+\}", text)) for key, text in words["vi"].items()}
    modules = "".join(path.read_text() for path in STATIC.glob("*.js") if path.name != "words.js")
    page_template = (STATIC.parents[1] / "templates" / "demo" / "page.html").read_text()
    used = set(re.findall(r'\bt\("(\w+)"', modules)) | set(re.findall(r'data-word="(\w+)"', page_template))
    assert used <= words["en"].keys()
    named = set(re.findall(r"\w+", modules + page_template))
    made = re.compile(r"reason_|state_|theme_|way_|who_")
    assert {key for key in words["en"] if key not in named and not made.match(key)} == set()


def test_the_client_builds_are_those_of_npm() -> None:
    packages = installed_clients() / "node_modules"
    for package, build, kept in (
        ("socket.io-client-2", "socket.io.js", "socket.io-2.3.1.js"),
        ("socket.io-client-3", "socket.io.min.js", "socket.io-3.1.3.min.js"),
    ):
        assert json.loads((packages / package / "package.json").read_text())["version"] in kept
        assert (STATIC / "clients" / kept).read_bytes() == (packages / package / "dist" / build).read_bytes()
        assert (STATIC / "clients" / "LICENSE").read_bytes() == (packages / package / "LICENSE").read_bytes()
