"""`follow_session` and `disconnect_user`: who may not be in any more is out within a second, on every process."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.socketio_bridge.users.conftest import PEOPLE, run
from tests.socketio_bridge.users.processes import Browser, Office

pytestmark = pytest.mark.slow

ANN = """
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.models import Session
from socketio_bridge import disconnect_user_sync
ann = User.objects.get(username="ann")
may_view = Permission.objects.get(codename="view_user")
"""
CLERK = "from tests.socketio_bridge.users.clerks.models import Clerk; clerk = Clerk.objects.get(pk=ann.pk); "
BY_A_GROUP = "g = Group.objects.create(name='g'); g.permissions.add(may_view); ann.groups.add(g)"


class TestLogout:
    def test_puts_the_sockets_of_that_session_out_everywhere(self, ann: Browser, there: str) -> None:
        at_home = Browser(there, "ann").socket("/orders").join()
        sockets = [ann.socket("/orders").join(), ann.socket("/orders", there).join(), ann.socket("/polite").join()]
        bob = Browser(there, "bob").socket("/orders").join()
        Browser(there).http.get("/leave", headers={"Cookie": f"sessionid={ann.http.cookies['sessionid']}"})
        assert [socket.is_out() for socket in sockets[:2]] == [True, True]
        assert sockets[2].event() == ["sorry", "session_ended"]
        assert sockets[2].is_closed(), "its namespace lets it come back"
        assert at_home.is_in() and bob.is_in()

    def test_may_be_a_coroutines(self, ann: Browser, there: str) -> None:
        socket = ann.socket("/orders", there).join()
        ann.http.get("/aleave").raise_for_status()
        assert socket.is_out()

    def test_holds_for_a_connection_that_joins_after_it(self, ann: Browser) -> None:
        socket = ann.socket("/orders")
        ann.http.get("/leave")
        assert socket.ask_to_join() == {"message": "Log in again", "data": {"code": "session_ended"}}

    def test_a_login_puts_nobody_out(self, ann: Browser, there: str) -> None:
        socket = ann.socket("/orders").join()
        Browser(there, "ann")
        assert socket.is_in()


@pytest.mark.parametrize(
    "change",
    [
        'ann.set_password("second"); ann.save()',
        "ann.is_active = False; ann.save()",
        "ann.delete()",
        CLERK + "clerk.is_active = False; clerk.save()",
        CLERK + "clerk.delete()",
        "disconnect_user_sync(ann)",
        "disconnect_user_sync(ann.pk)",
    ],
)
class TestAUser:
    def test_is_put_out_by_a_view_of_another_process(self, ann: Browser, there: str, change: str) -> None:
        sockets = [ann.socket("/orders").join(), ann.socket("/orders", there).join()]
        bob = Browser(there, "bob").socket("/orders").join()
        run(there, ANN + change)
        assert [socket.is_out() for socket in sockets] == [True, True]
        assert bob.is_in(0.3)


@pytest.mark.parametrize("change", ['ann.set_password("second"); ann.save()', "disconnect_user_sync(ann)"])
def test_a_command_puts_users_out(ann: Browser, there: str, office: Office, change: str) -> None:
    sockets = [ann.socket("/orders").join(), ann.socket("/orders", there).join()]
    office.command("shell", "-c", ANN + change)
    assert [socket.is_out() for socket in sockets] == [True, True]


def test_asynchronous_code_disconnects_users(ann: Browser, there: str) -> None:
    socket = ann.socket("/orders").join()
    run(there, ANN + "import asyncio; from socketio_bridge import disconnect_user\nasyncio.run(disconnect_user(ann))")
    assert socket.is_out()


def test_the_connection_may_be_closed_too(ann: Browser, there: str) -> None:
    socket = ann.socket("/orders").join()
    run(there, ANN + "disconnect_user_sync(ann, close=True)")
    assert socket.is_out() and socket.is_closed()


def test_what_is_rolled_back_has_not_happened(ann: Browser, there: str) -> None:
    socket = ann.socket("/orders").join()
    rolled_back = """
from django.db import transaction
with transaction.atomic():
    ann.is_active = False
    ann.save()
    transaction.set_rollback(True)
"""
    run(there, ANN + rolled_back)
    assert socket.is_in()


class TestAPermissionOfTheNamespace:
    @pytest.mark.parametrize(
        ("give", "take"),
        [
            ("ann.user_permissions.add(may_view)", "ann.user_permissions.remove(may_view)"),
            ("ann.user_permissions.add(may_view)", "may_view.user_set.clear()"),
            (BY_A_GROUP, "ann.groups.clear()"),
            (BY_A_GROUP, "Group.objects.get(name='g').permissions.clear()"),
            ("ann.is_superuser = True; ann.save()", "ann.is_superuser = False; ann.save()"),
        ],
    )
    def test_is_needed_as_long_as_one_is_in(self, ann: Browser, there: str, give: str, take: str) -> None:
        run(there, ANN + give)
        staff, orders = ann.socket("/staff").join(), ann.socket("/orders").join()
        run(there, ANN + "ann.first_name = 'Ann'; ann.save()")
        assert staff.is_in()
        run(there, ANN + take)
        assert staff.is_out()
        assert orders.is_in(0.3)


def test_users_with_tokens_are_followed_too(here: str, there: str) -> None:
    assert Browser(there).socket("/tokens", token="nobody").ask_to_join()["data"] == {"code": "not_authenticated"}
    assert Browser(there).socket("/tokens", token="ann").ask_to_join()["data"] == {"code": "permission_denied"}
    for change in ("ann.user_permissions.clear()", "ann.is_active = False; ann.save()", "disconnect_user_sync(ann)"):
        run(here, PEOPLE)
        run(here, ANN + "ann.user_permissions.add(may_view)")
        socket = Browser(there).socket("/tokens", token="ann").join()
        run(here, ANN + change)
        assert socket.is_out(), change


def test_an_expired_session_puts_out_unless_it_was_prolonged(ann: Browser, there: str) -> None:
    at = "from datetime import timedelta; from django.utils import timezone; now = timezone.now()\n"
    expires = "Session.objects.filter(pk='{}').update(expire_date=now + timedelta(seconds={}))"
    eve = Browser(there, "eve")
    for browser in (ann, eve):
        run(there, ANN + at + expires.format(browser.http.cookies["sessionid"], 1))
    ends, goes_on = ann.socket("/orders").join(), eve.socket("/orders").join()
    run(there, ANN + at + expires.format(eve.http.cookies["sessionid"], 3600))
    assert ends.is_out(2.0)
    assert goes_on.is_in()


@pytest.fixture(scope="module")
def quick(redis_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A process that looks at all sockets each second."""
    options = json.dumps({"follow_session": True})
    office = Office(tmp_path_factory.mktemp("quick"), OPTIONS=options, RECHECK="1")
    yield office.serve()
    office.stop()


@pytest.mark.parametrize(
    "change", ["User.objects.filter(pk=ann.pk).update(is_active=False)", "Session.objects.all().delete()"]
)
def test_what_no_signal_says_is_found_when_all_are_looked_at(quick: str, change: str) -> None:
    run(quick, PEOPLE)
    socket = Browser(quick, "ann").socket("/orders").join()
    assert socket.is_in(1.5)
    run(quick, ANN + change)
    assert socket.is_out(2.5)


@pytest.mark.parametrize("engine", ["file", "cached_db"])
def test_sessions_may_be_in_another_store(
    redis_server: None, tmp_path_factory: pytest.TempPathFactory, engine: str
) -> None:
    directory = tmp_path_factory.mktemp(engine)
    environment = {"SESSION_ENGINE": f"django.contrib.sessions.backends.{engine}", "SESSIONS": str(directory)}
    office = Office(directory, OPTIONS=json.dumps({"follow_session": True}), **environment)
    here, there = office.serve(), office.serve()
    run(here, PEOPLE)
    for change in ("", 'ann.set_password("second"); ann.save()'):
        ann = Browser(here, "ann")
        socket = ann.socket("/orders", there).join()
        assert socket.is_in()
        if change:
            run(here, ANN + change)
        else:
            ann.http.get("/leave")
        assert socket.is_out()
    office.stop()


def test_without_the_option_nobody_is_followed_but_can_be_disconnected(
    redis_server: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    office = Office(tmp_path_factory.mktemp("unfollowed"))
    url = office.serve()
    run(url, PEOPLE)
    ann = Browser(url, "ann")
    socket = ann.socket("/orders").join()
    ann.http.get("/leave")
    run(url, ANN + "ann.is_active = False; ann.save()")
    assert socket.is_in(1.0)
    run(url, ANN + "disconnect_user_sync(ann)")
    assert socket.is_out()
    office.stop()
