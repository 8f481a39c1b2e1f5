"""The office with two processes behind one Redis and one SQLite, for the session."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.socketio_bridge.users.processes import Browser, Office

PEOPLE = """
from django.contrib.auth.models import User, Group, Permission
for name in ("ann", "bob", "eve"):
    User.objects.filter(username=name).delete()
    User.objects.create_user(name, password="first")
Group.objects.all().delete()
"""


@pytest.fixture(scope="module")
def office(redis_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office(tmp_path_factory.mktemp("office"), OPTIONS=json.dumps({"follow_session": True}))
    yield office
    office.stop()


@pytest.fixture(scope="module")
def urls(office: Office) -> list[str]:
    """Two processes."""
    return [office.serve(), office.serve()]


@pytest.fixture
def here(urls: list[str]) -> str:
    """One of the two; ann, bob and eve are new."""
    run(urls[0], PEOPLE)
    return urls[0]


@pytest.fixture
def there(urls: list[str]) -> str:
    """The other one."""
    return urls[1]


@pytest.fixture
def ann(here: str) -> Browser:
    return Browser(here, "ann")


def run(url: str, code: str) -> str:
    """Run code in a view of a process; what it printed."""
    answer = Browser(url).http.post("/run", content=code)
    answer.raise_for_status()
    return answer.text
