"""Packets as they pass, the way of a message, and what becomes of it when a connection, or the server, is away."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.demo.conftest import OpenPage, SignedIn
from tests.demo.test_conversation import some
from tests.demo.window import Window
from tests.e2e.cluster import Cluster
from tests.e2e.server_process import ServerProcess
from tests.eventually import eventually


async def test_each_generation_by_each_transport(signed_in: SignedIn) -> None:
    """One after the other, with the seller on a client 4.x; each finds the conversation as it was left."""
    buyer, seller = await signed_in()
    client, transport = buyer.root.get_by_label("Client"), buyer.root.get_by_label("Transport")
    for version, revision in (("2.3.1", 3), ("3.1.3", 4), ("4.8.4", 4)):
        await client.select_option(version)
        for name in ("polling", "websocket"):
            await transport.select_option(name)
            await expect(buyer.lamp).to_have_text(f"Connected · {name} · EIO {revision}")
            text, answer = some(f"from {version} by {name}"), some("from a new one")
            await buyer.send(text)
            await expect(seller.message(text)).to_be_visible()
            await seller.send(answer)
            await expect(buyer.message(answer)).to_be_visible()
    await transport.select_option("upgrade")
    await expect(buyer.page.locator("#wire")).to_contain_text("Changed over to websocket")


async def test_the_way_of_a_message_lights_up(signed_in: SignedIn) -> None:
    buyer, seller = await signed_in()
    text = some("Look at me")
    await buyer.send(text)
    way = buyer.page.locator(".way li")
    for station in range(3):
        await expect(way.nth(station)).to_have_class("lit")
    await expect(way.nth(3)).not_to_have_class("lit")
    lit = buyer.page.locator(".packet.lit")
    names = await lit.evaluate_all("rows => rows.map(row => [row.classList[1], row.classList[2], row.dataset.name])")
    assert sorted(map(tuple, names)) == [
        ("buyer", "in", "ACK"),
        ("buyer", "in", "new_message"),
        ("buyer", "out", "new_message"),
        ("seller", "in", "new_message"),
    ]
    await seller.root.hover()
    await expect(way.nth(3)).to_have_class("lit")
    await expect(buyer.page.locator(".way")).to_contain_text("ms")


async def test_a_packet_shows_what_is_in_it_but_no_token(signed_in: SignedIn) -> None:
    buyer, _ = await signed_in()
    text = some("Inside")
    await buyer.send(text)
    packets = buyer.page.locator(".packet.buyer.out[data-name=new_message]")
    await packets.get_by_role("button").click()
    await expect(packets.locator("pre")).to_contain_text("42/v1/conversations/events,")
    await expect(packets.locator("pre")).to_contain_text(f'"content": "{text}"')
    connects = buyer.page.locator(".packet.buyer.out[data-name=CONNECT]")
    await connects.get_by_role("button").click()
    said = await connects.locator("pre").text_content() or ""
    assert '"token": "eyJ' in said
    assert "." not in said.split('"token": "')[1].split('"')[0]


@pytest.mark.parametrize("client", ["2.3.1", "4.8.4"])
async def test_a_broken_connection_comes_back_with_what_was_missed(client: str, signed_in: SignedIn) -> None:
    """A client 2.x syncs; a client 4.x comes back as the socket that it was."""
    buyer, seller = await signed_in()
    if client == "2.3.1":
        await buyer.root.get_by_label("Client").select_option(client)
        await expect(buyer.lamp).to_contain_text("EIO 3")
    await buyer.root.get_by_role("button", name="Break for 5 s").click()
    await expect(buyer.lamp).to_contain_text("Broken: back in")
    missed, waiting = some("Are you in a tunnel?"), some("Written in the tunnel")
    await seller.send(missed)
    mine = await buyer.send(waiting)
    await expect(mine.locator(".state")).to_have_class("state waiting")
    await expect(buyer.lamp).to_contain_text("Connected")
    await expect(buyer.message(missed)).to_be_visible()
    if client == "2.3.1":
        await expect(buyer.notice).to_contain_text("Back. Messages missed, and here now: 1")
    else:
        await expect(buyer.lamp).to_contain_text("recovered")
    await expect(seller.message(waiting)).to_be_visible()
    await expect(mine.locator(".state")).not_to_have_class("state waiting")


async def test_both_come_back_after_a_restart_of_the_server(signed_in: SignedIn, server: ServerProcess) -> None:
    buyer, seller = await signed_in()
    server.kill()
    for window in (buyer, seller):
        await expect(window.lamp).to_contain_text("Offline")
    text, answer = some("Is anybody there?"), some("Here I am")
    await buyer.send(text)
    await server.start()
    for window in (buyer, seller):
        await expect(window.lamp).to_contain_text("Connected", timeout=60_000)
    await expect(seller.message(text)).to_be_visible()
    await seller.send(answer)
    await expect(buyer.message(answer)).to_be_visible()
    assert await seller.message(text).count() == 1


async def test_the_server_can_be_killed_where_a_supervisor_watches_it(
    signed_in: SignedIn, server: ServerProcess, cluster: Cluster
) -> None:
    watched = Path(cluster.environment["DATA_DIR"], "serve.pid")
    watched.write_text(str(server.pid))
    try:
        buyer, _ = await signed_in()
        await buyer.page.get_by_role("button", name="Kill the server").click()
        await expect(buyer.lamp).to_contain_text("Offline")
        await eventually(lambda: not server.alive(), "the server's end")
    finally:
        watched.unlink()
        await server.start()
    await expect(buyer.lamp).to_contain_text("Connected", timeout=60_000)


async def test_a_message_from_another_process(signed_in: SignedIn) -> None:
    buyer, seller = await signed_in()
    await buyer.page.get_by_role("button", name="Other process").click()
    await expect(buyer.page.locator("#wire .notice")).to_contain_text("A process is starting")
    for window in (buyer, seller):
        await expect(window.messages.last).to_contain_text("It serves no sockets")
    await expect(buyer.page.locator(".way li").first).to_contain_text("Another process")


async def test_the_page_finds_its_people_again_when_it_is_loaded_anew(open_page: OpenPage) -> None:
    page = await open_page()
    await page.get_by_role("button", name="Linh Trần").click()
    buyer = Window(page, "buyer")
    await expect(buyer.lamp).to_contain_text("Connected")
    await page.reload()
    await expect(buyer.lamp).to_contain_text("Connected")
    await buyer.root.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("button", name="Linh Trần")).to_be_visible()


async def test_staff_see_the_room(signed_in: SignedIn) -> None:
    buyer, _ = await signed_in()
    link = buyer.page.get_by_role("link", name="As staff see it")
    await expect(link).to_have_attribute("href", "/admin/conversations/room/7.501/change/")
