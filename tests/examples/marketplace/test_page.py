"""docs/chat-in-your-project.md, word by word: its lines, put into the project without a chat, are a chat."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.examples.marketplace.conftest import chat
from tests.examples.marketplace.project import PROJECT, Marketplace

pytestmark = pytest.mark.slow

ASKED = """
from types import SimpleNamespace
from asgiref.sync import async_to_sync
from django.urls import resolve
from conversations.errors import Forbidden
from marketplace.asgi import application
from shops.chat import ShopRules, speaker
from shops.models import Shop

assert resolve("/v1/conversations/rooms")
shop = Shop.objects.select_related("owner").first()
print(*async_to_sync(speaker)({"user": shop.owner}).roles)
ask = async_to_sync(ShopRules().check_room)
ask("1", SimpleNamespace(shop_id=str(shop.pk), seller=str(shop.owner.pk)))
try:
    ask("1", SimpleNamespace(shop_id="no key", seller=str(shop.owner.pk)))
except Forbidden as refused:
    print(refused.code)
"""


@pytest.fixture
def newcomer(mongodb_server: None, redis_server: None, tmp_path: Path) -> Marketplace:
    """The project before it had a chat, with the lines of the page."""
    project = Marketplace(tmp_path / "marketplace", **chat("newcomer", 4))
    page = (PROJECT / "docs" / "chat-in-your-project.md").read_text()
    settings, urls, asgi, speaker, rules = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    marketplace = project.directory / "marketplace"
    before, mark, _ = (marketplace / "settings.py").read_text().partition("# The chat\n")
    assert mark
    named = settings.replace("identity.session_user", "shops.chat.speaker")
    (marketplace / "settings.py").write_text(before + named.replace('Policy"]', 'Policy", "shops.chat.ShopRules"]'))
    own = [line for line in (marketplace / "urls.py").read_text().splitlines(keepends=True) if "v1/" not in line]
    (marketplace / "urls.py").write_text("".join(own).replace("include, ", "") + urls)
    (marketplace / "asgi.py").write_text(asgi)
    (project.directory / "shops" / "chat.py").write_text(speaker + rules)
    return project


def test_the_lines_of_the_page_are_a_chat(newcomer: Marketplace) -> None:
    for command in (["migrate"], ["migrate", "--database", "chat"], ["seed"], ["check", "--fail-level", "WARNING"]):
        done = newcomer.manage(*command)
        assert done.returncode == 0, done.stderr
    done = newcomer.manage("shell", "--no-imports", "--command", ASKED)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["SELLER", "shop_not_of_seller"]
