"""The example project in a real browser: on a phone, and in the dark. What it looked like is kept for people to see."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.async_api import Browser

from tests.browser.conftest import SCREENSHOTS, browser  # noqa: F401  a fixture
from tests.examples.marketplace.project import PASSWORD, Marketplace

PAGES = {"products": "/", "product": "/products/1/", "shop": "/shops/lua-hoi-an/", "account": "/account/"}

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("marketplace", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("scheme", "width"), [("dark", 320), ("light", 1280)])
async def test_each_page_fits(
    marketplace: Marketplace,
    browser: Browser,  # noqa: F811
    scheme: Literal["dark", "light"],
    width: int,
) -> None:
    window = await browser.new_context(viewport={"width": width, "height": 740}, color_scheme=scheme)
    page = await window.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(f"{marketplace.url}/login/?next=/account/")
    await page.get_by_label("Username").fill("hoa")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url("**/account/")

    SCREENSHOTS.mkdir(exist_ok=True)
    for name, path in PAGES.items():
        await page.goto(marketplace.url + path)
        await page.screenshot(path=SCREENSHOTS / f"marketplace-{name}-{scheme}-{width}.png")
        assert await page.evaluate("document.documentElement.scrollWidth") == width, path
        red = await page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
        assert (int(red) < 60) is (scheme == "dark")
    assert complaints == []
    await window.close()
