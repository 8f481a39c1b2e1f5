"""What nobody may read in a log, at any level: tokens, ids of sessions and cookies, wherever they come in."""

import asyncio
import urllib.error
import urllib.request
from urllib.parse import urlencode

import pytest

from tests.clients.raw import RawSocket

from .cluster import Cluster
from .conftest import Connect
from .people import Room
from .server_process import ServerProcess


def get(server: ServerProcess, path: str, **headers: str) -> tuple[int, str]:
    """The status and the body of an answer."""
    request = urllib.request.Request(f"{server.url}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("debug", ["false", "true"])
async def test_no_token_and_no_session_id_is_ever_in_a_log(
    cluster: Cluster, connect: Connect, room: Room, debug: str
) -> None:
    server = await cluster.server(f"talkative {debug}", LOG_LEVEL="DEBUG", DEBUG=debug)
    secrets = {"a-cookie-of-staff", "a-bad-token", "a-secret-text"}
    try:
        for person, version in ((room.buyer, "2.3.1"), (room.seller, "4.8")):
            identity = person.identity()
            secrets.add(identity["token"])
            client = await connect(person, version, to=server, query=identity)
            await client.ask("new_message", room.message(person, "a-secret-text"))
            bad = await client.ask("verify_user", person.identity(token="a-bad-token"))
            assert bad["status"] is False
        async with RawSocket(server.url, engine=4, query=room.buyer.identity()) as socket:
            secrets.add(socket.open_packet["sid"])
            await socket.send("4garbage a-secret-text")
            await socket.closed()
        polled = urlencode({"EIO": "4", "transport": "polling", **room.buyer.identity()})
        status, opened = await asyncio.to_thread(get, server, f"/v1/conversations/sockets/?{polled}")
        assert status == 200
        sid = opened.split('"sid":"')[1].split('"')[0]
        secrets |= {sid, polled.split("token=")[1].split("&")[0]}
        for path, headers in (
            (f"/v1/conversations/sockets/?EIO=4&transport=polling&sid={sid}x", {}),
            (f"/v1/conversations/sockets/?EIO=3&transport=polling&sid={sid}", {}),
            ("/v1/conversations/rooms?token=a-bad-token", {"Authorization": "Bearer a-bad-token"}),
            ("/nowhere?token=a-bad-token", {"Cookie": "sessionid=a-cookie-of-staff"}),
            ("/admin/?token=a-bad-token", {"Cookie": "sessionid=a-cookie-of-staff"}),
            ("/admin/?token=a-bad-token", {"Host": "evil.example", "Cookie": "sessionid=a-cookie-of-staff"}),
        ):
            await asyncio.to_thread(get, server, path, **headers)
    finally:
        server.stop()
    log = server.log_since(0)
    assert len(log) > 100
    assert {secret: log[max(0, log.index(secret) - 300) :][:700] for secret in secrets if secret in log} == {}
