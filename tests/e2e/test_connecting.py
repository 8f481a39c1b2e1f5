"""Who gets in, who does not, and what each generation of client is told (contract, sections 1 and 7)."""

from typing import Any

import jwt
import pytest

from tests.clients.client import GENERATIONS, PATH, Client, Refused
from tests.clients.driver import Driver

from .conftest import Connect
from .people import Room, new_buyer
from .server_process import ServerProcess

BUYER = new_buyer()
BAD_IDENTITIES: dict[str, dict[str, Any]] = {
    "no token": {"token": ""},
    "a token that is none": {"token": "let-me-in"},
    "a token that others signed": {
        "token": jwt.encode(
            {"sub": BUYER.user_id, "exp": 4_000_000_000}, "a-key-that-belongs-to-somebody-else-entirely", "HS256"
        )
    },
    "an expired token": {"token": BUYER.token(seconds=-60)},
    "a token without an end": {"token": BUYER.token(exp=None)},
    "another's user_id": {"user_id": new_buyer().user_id},
    "no user_id": {"user_id": ""},
    "a role that is none": {"user_role": "ADMIN"},
    "a role that the token does not give": {"user_role": "SELLER"},
}


@pytest.mark.parametrize("wrong", BAD_IDENTITIES)
async def test_a_wrong_identity_is_refused(version: str, wrong: str, connect: Connect) -> None:
    """New clients get CONNECT_ERROR with message and code; 2.x clients get ERROR with the message as a string."""
    with pytest.raises(Refused) as refusal:
        await connect(BUYER, version, identity=BAD_IDENTITIES[wrong])
    assert refusal.value.message == "Authentication Error"
    if version != "2.3.1":
        assert refusal.value.data["code"] in {
            "token_missing",
            "token_invalid",
            "token_expired",
            "user_mismatch",
            "role_invalid",
            "role_not_allowed",
        }


@pytest.mark.parametrize("version", GENERATIONS[1:])
async def test_the_reason_has_a_stable_code(version: str, connect: Connect) -> None:
    """An app can tell an expired token, which it renews, from a wrong one."""
    codes = {
        "no token": "token_missing",
        "a token that is none": "token_invalid",
        "an expired token": "token_expired",
        "another's user_id": "user_mismatch",
        "a role that is none": "role_invalid",
        "a role that the token does not give": "role_not_allowed",
    }
    for wrong, code in codes.items():
        with pytest.raises(Refused) as refusal:
            await connect(BUYER, version, identity=BAD_IDENTITIES[wrong])
        assert refusal.value.data["code"] == code, wrong


async def test_a_refusal_leaves_others_alone(version: str, connect: Connect, room: Room) -> None:
    """A connected user notices nothing of a refused one that claims to be the same."""
    seller = await connect(room.seller)
    buyer = await connect(room.buyer, version)
    with pytest.raises(Refused):
        await connect(room.seller, version, identity={"token": "let-me-in"})
    buyer.emit("typing", room.sides(room.buyer))
    await seller.expect("typing")
    assert not seller.received("user_status_change")[1:]


@pytest.mark.parametrize("version", GENERATIONS[1:])
async def test_the_auth_payload_wins_over_the_query(version: str, connect: Connect, room: Room) -> None:
    """New clients may say who they are in `auth`; what the query says is then not looked at."""
    await connect(room.buyer, version, query={}, auth=room.buyer.identity())
    await connect(room.buyer, version, query={"token": "old", "user_id": "0"}, auth=room.buyer.identity())
    with pytest.raises(Refused):
        await connect(room.buyer, version, auth={"token": "let-me-in"})


async def test_a_token_without_roles_serves_either_side(version: str, connect: Connect) -> None:
    person = new_buyer()
    token = person.token(role=None)
    for role in ("BUYER", "SELLER"):
        client = await connect(person, version, identity={"token": token, "user_role": role})
        assert (await client.expect("active_user_list"))["user_role"] == role


@pytest.mark.parametrize("path", [PATH, PATH + "/"])
async def test_the_path_may_end_with_a_slash(version: str, path: str, connect: Connect, room: Room) -> None:
    client = await connect(room.buyer, version, path=path)
    assert await client.expect("active_user_list")


async def test_an_unknown_namespace_is_refused(version: str, connect: Connect, room: Room) -> None:
    with pytest.raises(Refused) as refusal:
        await connect(room.buyer, version, namespace="/nowhere")
    assert "nvalid namespace" in str(refusal.value.message)


async def test_a_refused_namespace_leaves_its_connection_to_the_others(
    version: str, connect: Connect, driver: Driver, room: Room
) -> None:
    """Several namespaces share one connection: that one of them is refused does not end it."""
    buyer = await connect(room.buyer, version)
    beside = Client(driver, version=version, namespace="/nowhere", beside=buyer, query=room.buyer.identity())
    with pytest.raises(Refused):
        await beside.__aenter__()
    assert (await buyer.ask("typing", room.sides(room.buyer)))["status"] is True


async def test_each_device_of_a_user_gets_the_users_events(
    connect: Connect, room: Room, second_server: ServerProcess
) -> None:
    """All generations and both processes at once: a user is a room, not a socket."""
    devices = [await connect(room.seller, version) for version in GENERATIONS]
    devices.append(await connect(room.seller, to=second_server))
    buyer = await connect(room.buyer)
    buyer.emit("new_message", room.message(room.buyer, "To all of you"))
    for device in devices:
        assert (await device.expect("new_message"))["content"] == "To all of you"
