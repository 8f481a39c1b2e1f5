"""`verify_user`, and what happens when the token of a connected socket expires (contract, sections 2 and 7)."""

from typing import Any

import pytest

from tests.eventually import eventually

from .cluster import Cluster
from .conftest import Connect
from .people import Person, Room, new_seller


async def test_a_good_identity_is_confirmed(version: str, connect: Connect, room: Room) -> None:
    """Answered to that socket alone; the socket goes on as before."""
    seller, other_device = await connect(room.seller, version), await connect(room.seller)
    buyer = await connect(room.buyer)
    seller.emit("verify_user", room.seller.identity())
    assert await seller.expect("verify_user") == {"status": True}
    seller.emit("typing", room.sides(room.seller))
    await buyer.expect("typing")
    await other_device.expect("typing")
    assert not other_device.received("verify_user")


async def test_numbers_as_user_id_are_taken(version: str, connect: Connect, room: Room) -> None:
    seller = await connect(room.seller, version)
    seller.emit("verify_user", room.seller.identity(user_id=int(room.seller.user_id)))
    assert await seller.expect("verify_user") == {"status": True}


BAD: dict[str, dict[str, Any]] = {
    "a bad token": {"token": "let-me-in"},
    "no token": {"token": ""},
    "another's user_id": {"user_id": new_seller().user_id},
    "a role that the token does not give": {"user_role": "BUYER"},
}


@pytest.mark.parametrize("wrong", BAD)
async def test_a_bad_identity_is_told_so_and_disconnected(
    wrong: str, version: str, connect: Connect, room: Room
) -> None:
    """`status` false, then the server disconnects that socket alone."""
    seller, other_device = await connect(room.seller, version), await connect(room.seller)
    buyer = await connect(room.buyer)
    seller.emit("verify_user", room.seller.identity(**BAD[wrong]))
    assert await seller.expect("verify_user") == {"status": False}
    assert await seller.disconnected() == "io server disconnect"
    buyer.emit("typing", room.sides(room.buyer))
    await other_device.expect("typing")
    assert not seller.received("typing")


async def test_an_expired_token_is_a_bad_identity(connect: Connect, room: Room) -> None:
    seller = await connect(room.seller)
    seller.emit("verify_user", room.seller.identity(seconds=-5))
    assert await seller.expect("verify_user") == {"status": False}
    assert await seller.disconnected() == "io server disconnect"


async def test_another_persons_good_identity_takes_the_socket_over(connect: Connect, room: Room) -> None:
    """An app that changes accounts keeps its socket: it speaks and hears as the new person from then on."""
    newcomer = Person(room.seller.user_id, "SELLER")
    previous = new_seller()
    device = await connect(previous)
    device.emit("verify_user", newcomer.identity())
    assert await device.expect("verify_user") == {"status": True}
    buyer = await connect(room.buyer)
    buyer.emit("new_message", room.message(room.buyer, "to the new person"))
    assert (await device.expect("new_message"))["content"] == "to the new person"
    assert (await device.ask("typing", room.sides(newcomer)))["status"] is True
    await buyer.expect("typing")
    previous_room = Room(room.buyer, previous)
    await buyer.ask("create_room", previous_room.creation(room.buyer))
    await buyer.ask("new_message", previous_room.message(room.buyer, "to the previous person"))
    buyer.emit("typing", room.sides(room.buyer))
    await device.expect("typing")
    assert [event["content"] for event in device.received("new_message")] == ["to the new person"]


async def test_a_socket_ends_with_its_token_unless_it_was_renewed(version: str, connect: Connect, room: Room) -> None:
    """Two devices with tokens of two seconds: the one that sends a new token by `verify_user` stays."""
    expiring = {"token": room.seller.token(seconds=2)}
    lazy = await connect(room.seller, version, identity=expiring)
    diligent = await connect(room.seller, version, identity=expiring)
    diligent.emit("verify_user", room.seller.identity())
    assert await diligent.expect("verify_user") == {"status": True}
    assert await lazy.disconnected(within=10) == "io server disconnect"
    assert (await diligent.ask("typing", room.sides(room.seller)))["status"] is True
    buyer = await connect(room.buyer)
    buyer.emit("typing", room.sides(room.buyer))
    await diligent.expect("typing")
    assert not lazy.received("typing")


async def test_while_auth_mode_reports_nobody_is_kept_out_or_disconnected(
    version: str, connect: Connect, cluster: Cluster, room: Room
) -> None:
    """As with the old service, any token does, and a socket outlives its token; each is a line in the log."""
    reporting = await cluster.server("reporting", AUTH_MODE="report")
    forger = await connect(room.buyer, version, to=reporting, identity={"token": "any non-empty token"})
    expiring = await connect(room.seller, to=reporting, identity={"token": room.seller.token(seconds=1)})
    await eventually(lambda: "token_expired" in reporting.log_since(0))
    forger.emit("new_message", room.message(room.buyer, "from whom?"))
    assert (await expiring.expect("new_message"))["content"] == "from whom?"
    log = reporting.log_since(0)
    assert "token_invalid" in log and "token_expired" in log
