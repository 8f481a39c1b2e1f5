"""`manage.py up` (`make run`) as a real process: all of it starts, is mended when killed, and goes when told to."""

import os
import re
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pymongo
import pytest

from devstack.embedded import EmbeddedMongoDB, EmbeddedRedis
from tests.devstack.up_process import Up
from tests.eventually import PATIENCE, eventually_sync

pytestmark = pytest.mark.slow


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=PATIENCE)[1]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A run that several tests look at, and none ends."""
    up = Up(tmp_path_factory.mktemp("up") / "data")
    up.start()
    yield up
    if up.process.poll() is None:
        up.stop()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of runs that end: made by the first, found by the others."""
    return tmp_path_factory.mktemp("ended") / "data"


@pytest.fixture
def up(data: Path) -> Iterator[Up]:
    """A run that the test may end as it likes."""
    up = Up(data)
    up.start()
    yield up
    if up.process.poll() is None:
        up.stop()


class TestRunning:
    def test_it_serves_and_its_stores_answer(self, shared: Up) -> None:
        assert shared.get("/healthz") == (200, {"status": "ok"})
        assert shared.get("/readyz") == (200, {"status": "ok", "mongodb": "ok", "redis": "ok"})

    def test_what_it_keeps_is_for_its_owner_alone(self, shared: Up) -> None:
        kept = [shared.data_dir, *shared.data_dir.rglob("*")]
        assert {"supervisor.lock", "services.json", "mongodb.log", "redis.pid"} <= {p.name for p in kept}
        modes = {str(path): path.stat().st_mode & 0o777 for path in kept}
        assert {path: f"{mode:o}" for path, mode in modes.items() if mode & 0o077} == {}

    def test_it_says_what_to_open_how_to_get_a_token_and_where_the_stores_are(self, shared: Up) -> None:
        assert f"http://127.0.0.1:{shared.port}/admin/" in shared.output
        assert f"Demo       http://127.0.0.1:{shared.port}/\n" in shared.output
        assert "manage.py issue_token --user-id 7 --role BUYER" in shared.output
        assert re.search(r"mongodb://127\.0\.0\.1:\d+/chozoi_chat", shared.output)
        assert re.search(r"redis://127\.0\.0\.1:\d+/0", shared.output)

    def test_it_says_which_features_are_off(self, shared: Up) -> None:
        assert shared.output.count("feature is off") == shared.output.count('"unset"') > 0

    def test_the_printed_mongodb_address_is_good_for_other_tools_and_has_the_demo(self, shared: Up) -> None:
        [address] = set(re.findall(r"mongodb://\S+", shared.output))
        with pymongo.MongoClient[dict[str, Any]](address) as client:
            rooms = client.get_default_database()["cz_rooms"]
            assert len(rooms.distinct("shop.name")) == 2
            assert len(rooms.distinct("buyer")) >= 3
            assert client.get_default_database()["cz_messages"].count_documents({}) > 0

    def test_the_staff_account_opens_the_admin(self, shared: Up) -> None:
        [(name, password)] = re.findall(r'Staff account "(.+)", password "(.+)"', shared.output)
        code = f"from django.contrib.auth import authenticate as a; print(a(username={name!r}, password={password!r}))"
        assert shared.manage("shell", "--no-imports", "-c", code).stdout.strip() == name

    def test_the_admin_has_its_styles_without_debug(self, shared: Up) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{shared.port}/static/admin/css/base.css", timeout=5) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith("text/css")

    def test_the_demo_is_at_the_root(self, shared: Up) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{shared.port}/", timeout=5) as answer:
            assert "demo/main.js" in answer.read().decode()

    def test_issue_token_in_a_second_terminal_gives_a_token(self, shared: Up) -> None:
        assert shared.manage("issue_token", "--user-id", "7", "--role", "BUYER").stdout.count(".") == 2

    def test_a_second_run_on_the_same_data_is_refused_and_says_why(self, shared: Up) -> None:
        refused = shared.manage("up")
        assert refused.returncode != 0
        assert f"process {shared.process.pid}" in refused.stderr
        assert shared.ready()

    def test_a_taken_port_is_named(self, shared: Up, tmp_path: Path) -> None:
        other = Up(tmp_path / "data", PORT=str(shared.port))
        refused = other.manage("up")
        assert refused.returncode != 0
        assert f"Port {shared.port} is in use by another program. Set PORT" in refused.stderr
        assert not (other.data_dir / "mongodb").exists(), "before anything is started"

    @pytest.mark.parametrize("name", ["serve", "mongodb", "redis"])
    def test_a_killed_child_is_started_again_with_a_message(self, shared: Up, name: str) -> None:
        pid = shared.pid(name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually_sync(lambda: shared.pid(name) not in (None, pid) and shared.ready(), f"{name} runs again")
        assert f"{'server' if name == 'serve' else name} was ended by SIGKILL; starting it again" in shared.output


class TestEnding:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_ends_everything_server_first(self, up: Up, number: int) -> None:
        children = up.children()
        assert len(children) >= 3
        assert up.stop(number) == 0
        assert gone(children)
        stopping = [up.output.index(f"Stopping {name}.") for name in ("the server", "redis", "mongodb")]
        assert stopping == sorted(stopping)

    def test_a_killed_supervisor_leaves_no_orphans_and_the_next_run_finds_the_data(self, up: Up) -> None:
        children = up.children()
        up.process.kill()
        up.process.wait()
        assert gone(children)
        addresses = set(re.findall(r"mongodb://\S+|redis://\S+", up.output))
        up.start()
        assert up.ready()
        assert set(re.findall(r"mongodb://\S+|redis://\S+", up.output)) == addresses
        assert "Demo:" not in up.output, "the demo is made the first time only"
        counted = up.manage(
            "shell", "--no-imports", "-c", "from conversations.models import *; print(Room.objects.count())"
        )
        assert int(counted.stdout) == 4

    def test_workers_end_with_a_killed_server_and_are_replaced(self, data: Path) -> None:
        up = Up(data, WEB_CONCURRENCY="2")
        up.start()
        server = psutil.Process(up.pid("serve"))
        workers = server.children(recursive=True)
        assert len(workers) >= 2
        server.kill()
        assert gone(workers)
        eventually_sync(up.ready, "the server serves again")
        assert up.stop() == 0


def test_named_stores_are_used_and_nothing_embedded_is_started(tmp_path: Path) -> None:
    mongodb, redis = EmbeddedMongoDB(tmp_path / "theirs"), EmbeddedRedis(tmp_path / "theirs")
    mongodb.start()
    redis.start()
    theirs = {"MONGODB_URI": mongodb.address, "MONGODB_ENGINE": "devstack.engine"}
    up = Up(tmp_path / "data", REDIS_ADDRESS=f"127.0.0.1:{redis.port}", **theirs)
    try:
        up.start()
        assert up.ready()
        assert not (up.data_dir / "mongodb").exists()
        assert not (up.data_dir / "redis").exists()
        assert "Demo" not in up.output, "a database of others is not ours to fill, nor are its users ours to play"
        assert up.stop() == 0
        assert mongodb.alive()
        assert redis.alive()
    finally:
        mongodb.stop()
        redis.stop()
