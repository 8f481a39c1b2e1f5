"""Every kind of page works under its Content-Security-Policy: what it stops, fails the test (`sign_in`)."""

from playwright.async_api import expect

from tests.browser.conftest import PASSWORD, SignIn
from tests.e2e.cluster import Cluster
from tests.e2e.server_process import ServerProcess


async def test_the_page_about_the_api_shows_its_calls(sign_in: SignIn, server: ServerProcess) -> None:
    page = await sign_in()
    await page.goto(f"{server.url}/v1/conversations/docs/")
    await expect(page.locator(".opblock").first).to_be_visible()


async def test_the_pages_of_djangos_own_scripts_work(sign_in: SignIn, cluster: Cluster, server: ServerProcess) -> None:
    cluster.manage(
        "shell",
        "--no-imports",
        "--command",
        "from django.contrib.auth.models import Group, User\n"
        f"User.objects.create_superuser('root', password={PASSWORD!r})",
    )
    page = await sign_in("root")
    await page.goto(f"{server.url}/admin/auth/user/")
    await page.locator("#searchbar").fill("root")
    await page.get_by_role("link", name="root", exact=True).first.click()
    await expect(page.locator("#id_groups_from")).to_be_visible()  # Django's script made the box of two halves
    await page.locator(".datetimeshortcuts a").first.click()
    await page.locator(".clockbox, .calendarbox").first.wait_for(state="attached")
    for path in ("auth/group/add/", "auth/user/add/", "password_change/", "moderation/messagefilter/add/"):
        await page.goto(f"{server.url}/admin/{path}")
        await expect(page.locator("form input[type=submit], form button[type=submit]").first).to_be_visible()
