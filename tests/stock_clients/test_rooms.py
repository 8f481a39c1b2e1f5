"""Rooms, as clients of all generations see them."""

from tests.clients.client import GENERATIONS

from .conftest import Connect


async def test_a_room_gets_what_is_said_in_it_whatever_its_clients_are(
    transports: tuple[str, ...], connect: Connect
) -> None:
    inside = [await connect(version, transports=transports) for version in GENERATIONS]
    outside = await connect(transports=transports)
    for client in inside:
        assert await client.ask("enter", "kitchen")
    assert await outside.ask("say", "kitchen", {"text": "tea?", "image": b"\x89PNG"})
    for client in inside:
        assert await client.expect("said") == {"text": "tea?", "image": b"\x89PNG"}
    leaving, *staying = inside
    assert await leaving.ask("leave", "kitchen")
    assert await outside.ask("say", "kitchen", "again")
    for client in staying:
        assert await client.expect("said") == "again"
    await leaving.ask("ack")  # whatever was sent before this has arrived
    assert len(leaving.received("said")) == 1
    assert not outside.received("said")
