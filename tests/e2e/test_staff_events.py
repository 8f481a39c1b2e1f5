"""The namespace for staff: let in by Django's session alone, told of the room that they watch, put out in good time."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pymongo.database import Database

from tests.clients.client import Client, Refused

from .cluster import Cluster
from .conftest import Connect, NewRoom
from .job import Job
from .people import Room, new_buyer
from .server_process import ServerProcess

STAFF = "/v1/conversations/staff"
SHOP = "https://shop.example.net"
ENDING = ("w-signed-out", "w-deactivated", "w-roleless", "w-leaver", "w-reader")
_ACCOUNTS = """
from django.contrib.auth.models import Group, User
from django.test import Client
sessions = {}
accounts = [("w-support", "Support", True), ("w-newcomer", None, True), ("w-customer", "Support", False)]
accounts += [(name, "Support", True) for name in ending]
for name, group, is_staff in accounts:
    user = User.objects.create_user(name, is_staff=is_staff)
    user.groups.set(Group.objects.filter(name=group))
    client = Client()
    client.force_login(user)
    sessions[name] = client.cookies["sessionid"].value
return sessions
"""
Watch = Callable[..., Awaitable[Client]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sessions(job: Job) -> dict[str, str]:
    """The session of each account: one of Support, one of staff without a role, one that is no staff; and of those in
    ENDING, who are of Support, and whom one test may spoil.
    """
    answer: dict[str, str] = await job.do(_ACCOUNTS, ending=ENDING)
    return answer


@pytest.fixture
def as_page(connect: Connect, second_server: ServerProcess) -> Watch:
    """Connects as a page of the admin would, of another process than buyers and sellers are on."""

    async def connect_(session: str = "", *, origin: str | None = None) -> Client:
        headers = {"Cookie": f"sessionid={session}", "Origin": origin or second_server.url}
        client: Client = await connect(
            new_buyer(), to=second_server, namespace=STAFF, options={"extraHeaders": headers}
        )
        return client

    return connect_


async def test_only_staff_who_may_read_rooms_are_let_in(as_page: Watch, sessions: dict[str, str]) -> None:
    """A buyer's token, which the client sends too, does not help."""
    for session in ("", "no-session", sessions["w-newcomer"], sessions["w-customer"]):
        with pytest.raises(Refused) as refusal:
            await as_page(session)
        assert refusal.value.data["code"] == "not_staff"
    assert await (await as_page(sessions["w-support"])).look()


async def test_pages_of_other_origins_are_refused_also_those_that_may_chat(
    cluster: Cluster, connect: Connect, sessions: dict[str, str]
) -> None:
    """A browser sends the cookie along, whoever made the page."""
    server = await cluster.server("of-a-shop", ALLOWED_ORIGINS=SHOP)
    headers = {"Cookie": f"sessionid={sessions['w-support']}", "Origin": SHOP}
    with pytest.raises(Refused) as refusal:
        await connect(new_buyer(), to=server, namespace=STAFF, options={"extraHeaders": headers})
    assert refusal.value.data["code"] == "forbidden_origin"
    assert await connect(new_buyer(), to=server, options={"extraHeaders": headers})


async def test_scripts_of_which_nobody_knows_the_page_are_refused(
    second_server: ServerProcess, sessions: dict[str, str]
) -> None:
    """JSONP: its GET has no origin, and the cookie comes along from every page of the same site."""
    path, query = "/v1/conversations/sockets/", {"EIO": "4", "transport": "polling", "j": "0"}
    async with httpx.AsyncClient(base_url=second_server.url, cookies={"sessionid": sessions["w-support"]}) as page:
        found = re.search(r'"sid\\":\\"([\w-]+)', (await page.get(path, params=query)).text)
        assert found is not None
        query["sid"] = found[1]
        await page.post(path, params=query, data={"d": f"40{STAFF},"})
        assert "forbidden_origin" in (await page.get(path, params=query)).text


async def test_who_watches_a_room_hears_what_happens_there_and_nowhere_else(
    as_page: Watch, sessions: dict[str, str], connect: Connect, room: Room, new_room: NewRoom
) -> None:
    page, other = await as_page(sessions["w-support"]), new_room()
    buyer, stranger = await connect(room.buyer), await connect(other.buyer)
    assert await page.ask("watch", {"room_id": other.id}) == {"status": True}
    assert await page.ask("watch", {"room_id": room.id}) == {"status": True}
    await stranger.ask("new_message", other.message(other.buyer, "elsewhere"))
    answer = await buyer.ask("new_message", room.message(room.buyer, "here"))
    assert await page.expect("new_message") == answer["message"]
    assert {event.payload["room_id"] for event in page.events} == {room.id}


async def test_a_room_that_does_not_exist_is_not_watched(as_page: Watch, sessions: dict[str, str]) -> None:
    page = await as_page(sessions["w-support"])
    assert (await page.ask("watch", {"room_id": "no.room"}))["error"]["code"] == "room_not_found"
    assert (await page.ask("watch", {}))["error"]["code"] == "validation_failed"
    assert (await page.ask("dance"))["error"]["code"] == "unknown_event"


async def test_the_end_of_a_session_ends_its_connections(
    as_page: Watch, sessions: dict[str, str], database: Database[dict[str, Any]]
) -> None:
    """Who signs out, is deactivated, loses the role or is no staff any more; nobody else is put out.

    Who hears of the queues, and may read rooms and no reports any more, is, too.
    """
    pages = [await as_page(sessions[name]) for name in ENDING]
    colleague = await as_page(sessions["w-support"])
    assert database.django_session.delete_one({"session_key": sessions["w-signed-out"]}).deleted_count
    database.auth_user.update_one({"username": "w-deactivated"}, {"$set": {"is_active": False}})
    database.auth_user.update_one({"username": "w-leaver"}, {"$set": {"is_staff": False}})
    roleless: Any = database.auth_user.find_one({"username": "w-roleless"})
    assert database.auth_user_groups.delete_many({"user_id": roleless["_id"]}).deleted_count
    assert await pages[-1].ask("watch_queues", {}) == {"status": True}
    reader: Any = database.auth_user.find_one({"username": "w-reader"})
    for permission in database.auth_permission.find({"codename": {"$in": ["view_room", "view_message"]}}):
        right = {"user_id": reader["_id"], "permission_id": permission["_id"]}
        database.auth_user_user_permissions.insert_one(right)
    assert database.auth_user_groups.delete_many({"user_id": reader["_id"]}).deleted_count
    for page in pages:
        await page.disconnected(within=15)
    assert (await colleague.ask("dance"))["error"]["code"] == "unknown_event"
