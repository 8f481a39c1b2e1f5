"""The pages for those who come from other servers: their right-hand side is one project, and each part of it works."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

import socketio_bridge

FOLDER = Path(socketio_bridge.__file__).parent
PAGES = sorted((FOLDER / "docs").glob("from-*.md"))
SETTINGS = """
INSTALLED_APPS = [*INSTALLED_APPS, "socketio_bridge", "orders"]
ASGI_APPLICATION = "mysite.asgi.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
"""
URLS = """
from orders.outside import ship

urlpatterns += [path("orders/<int:order_id>/ship", ship)]
"""
TESTS = """
import asyncio

from django.contrib.auth.models import User
from django.test import TransactionTestCase
from mysite.asgi import application
from orders.connecting import signer
from socketio_bridge import ConnectionRefused
from socketio_bridge.testing import SocketIOCommunicator, session_headers


def client(namespace, **auth):
    return SocketIOCommunicator(application, namespace, auth=auth)


class EveryPart(TransactionTestCase):
    async def test_connecting(self):
        async with client("/partners", token=signer.sign("carrier")) as partner:
            self.assertTrue(partner.connected)
        with self.assertRaises(ConnectionRefused) as refused:
            await client("/partners").connect()
        self.assertEqual(refused.exception.data, {"code": "token_invalid"})

    async def test_messages(self):
        async with client("/orders") as socket:
            self.assertEqual(await socket.call("follow", {"order_id": 7}), [{"following": 7}])
            asking = asyncio.create_task(socket.call("cancel", {"order_id": 7}))
            self.assertEqual(await socket.receive(), ("are_you_sure", [7]))
            await socket.acknowledge(True)
            self.assertEqual(await asking, ["cancelled"])
            self.assertEqual(await socket.call("anything", 1, 2), [])

    async def test_rooms_and_emitting_from_outside(self):
        async with client("/rooms") as ann, client("/rooms") as bob:
            self.assertEqual(await ann.call("join", "order:7"), [sorted([ann.id, "order:7"])])
            await bob.call("join", "order:7")
            self.assertEqual(await ann.receive(), ("joined", [bob.id]))
            await self.async_client.post("/orders/7/ship")
            for socket in (ann, bob):
                self.assertEqual(await socket.receive(), ("shipped", [{"order_id": 7}]))
            await ann.call("leave", "order:7")
            self.assertEqual(await bob.receive(), ("left", [ann.id]))
            self.assertEqual(await bob.receive(), ("alone", []))
            await bob.call("close", "order:7")
            await self.async_client.post("/orders/7/ship")
            self.assertTrue(await bob.receive_nothing())

    async def test_namespaces(self):
        async with client("/shops/7") as seven, client("/shops/8") as eight:
            self.assertEqual(await seven.call("open"), ["/shops/7"])
            self.assertEqual(await seven.receive(), ("opened", []))
            self.assertTrue(await eight.receive_nothing())

    async def test_background(self):
        async with client("/reports") as socket:
            self.assertEqual(await socket.call("build"), ["begun"])
            self.assertEqual(await socket.receive(), ("built", []))

    async def test_middleware(self):
        with self.assertRaises(ConnectionRefused):
            await client("/admin").connect()
        async with client("/admin", place="office") as socket:
            [answer] = await socket.call("delete", 7)
            self.assertEqual(answer["error"]["code"], "closed")
            await socket.call("open")
            [answer] = await socket.call("delete", 7)
            self.assertEqual(answer["error"]["code"], "not_authenticated")

    async def test_sessions(self):
        await self.async_client.aforce_login(await User.objects.acreate(username="ann"))
        cookie = session_headers(self.async_client)
        async with SocketIOCommunicator(application, "/cart", headers=cookie) as socket:
            self.assertEqual(await socket.call("add", "tea"), [["tea"]])
            await socket.call("remember")
        session = await self.async_client.asession()
        self.assertEqual(await session.aget("cart"), ["tea"])

    async def test_everywhere(self):
        user = await User.objects.acreate(username="ann")
        await self.async_client.aforce_login(user)
        cookie = session_headers(self.async_client)
        async with SocketIOCommunicator(application, "/cart", headers=cookie) as ann:
            async with client("/staff") as boss, client("/staff") as clerk:
                self.assertEqual(await boss.call("count"), [2])
                await boss.call("gather")
                await boss.call("end", user.pk)
                self.assertEqual(await clerk.disconnected(), "io server disconnect")
                self.assertTrue(boss.connected)
            self.assertEqual(await ann.disconnected(), "io server disconnect")

    async def test_errors(self):
        async with client("/desk") as socket:
            [answer] = await socket.call("buy", "tea")
            self.assertEqual(answer, {"error": {"code": "sold_out", "message": "tea is sold out"}})
            with self.assertLogs("socketio_bridge", "ERROR"):
                [answer] = await socket.call("break")
            self.assertEqual(answer["error"]["code"], "internal_error")
"""


def blocks(page: Path) -> dict[str, str]:
    return dict(re.findall(r"```python\n# (\S+\.py)\n(.*?)```", page.read_text(), flags=re.DOTALL))


def test_both_pages_have_the_same_right_hand_side() -> None:
    one, other = map(blocks, PAGES)
    assert one == other
    assert all(page.read_text().count("```python") == len(one) for page in PAGES)


def test_their_python_is_python() -> None:
    for page in PAGES:
        for code in re.findall(r"```py\n(.*?)```", page.read_text(), flags=re.DOTALL):
            ast.parse(code)


def test_what_is_imported_is_public() -> None:
    for code in blocks(PAGES[0]).values():
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and node.module == "socketio_bridge":
                assert {alias.name for alias in node.names} <= set(socketio_bridge.__all__)


@pytest.mark.slow
def test_each_part_works(tmp_path: Path) -> None:
    call_command("startproject", "mysite", str(tmp_path))
    (tmp_path / "mysite" / "asgi.py").unlink()
    own = {"mysite/settings.py": SETTINGS, "mysite/urls.py": URLS, "orders/__init__.py": "", "orders/tests.py": TESTS}
    for name, code in (*blocks(PAGES[0]).items(), *own.items()):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as output:
            output.write(code)
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "manage.py", "test"],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(FOLDER.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ran 9 tests" in done.stderr
