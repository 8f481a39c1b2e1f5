"""The embedded stores as programs: where they listen, what survives their end, what becomes of them at ours."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pymongo
import pytest
import redis
from pymongo.errors import PyMongoError

from devstack.embedded import EmbeddedMongoDB, EmbeddedRedis, EmbeddedStore, StoreNotStarted, free_port, is_free
from tests.eventually import eventually_sync

pytestmark = pytest.mark.slow
Store = type[EmbeddedMongoDB] | type[EmbeddedRedis]
BOTH = pytest.mark.parametrize("kind", [EmbeddedMongoDB, EmbeddedRedis])


@contextlib.contextmanager
def started(store: EmbeddedStore) -> Iterator[EmbeddedStore]:
    store.start()
    try:
        yield store
    finally:
        store.stop()


def put(store: EmbeddedStore, value: str) -> None:
    if isinstance(store, EmbeddedRedis):
        redis.Redis.from_url(store.address).set("key", value)
    else:
        with client(store) as mongodb:
            mongodb.get_default_database()["things"].insert_one({"value": value})


def get(store: EmbeddedStore) -> str | None:
    if isinstance(store, EmbeddedRedis):
        value = redis.Redis.from_url(store.address, decode_responses=True).get("key")
        return None if value is None else str(value)
    with client(store) as mongodb:
        found = mongodb.get_default_database()["things"].find_one()
        return str(found["value"]) if found else None


def client(store: EmbeddedStore) -> pymongo.MongoClient[dict[str, Any]]:
    return pymongo.MongoClient(store.address, w="majority", journal=True, serverSelectionTimeoutMS=3000)


@BOTH
def test_a_store_listens_on_loopback_only(kind: Store, tmp_path: Path) -> None:
    with started(kind(tmp_path)) as store:
        assert store.process is not None
        process = psutil.Process(store.process.pid)
        listening = [c.laddr for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert listening == [("127.0.0.1", store.port)]


@BOTH
def test_data_is_found_again_after_a_stop(kind: Store, tmp_path: Path) -> None:
    with started(kind(tmp_path)) as store:
        put(store, "kept")
    with started(kind(tmp_path)) as store:
        assert get(store) == "kept"


@BOTH
def test_a_stopped_store_is_gone_and_its_port_is_free(kind: Store, tmp_path: Path) -> None:
    with started(kind(tmp_path)) as store:
        pass
    assert not store.alive()
    assert is_free(store.port)
    assert not (tmp_path / f"{store.name}.pid").exists()


@BOTH
def test_a_store_starts_again_on_its_port_after_a_kill(kind: Store, tmp_path: Path) -> None:
    with started(kind(tmp_path)) as store:
        put(store, "kept")
        assert store.process is not None
        store.process.kill()
        store.process.wait()
        address = store.address
        store.start()
        assert store.address == address
        assert get(store) == "kept"


def test_addresses_are_those_that_other_tools_take(tmp_path: Path) -> None:
    assert EmbeddedMongoDB(tmp_path, 21001).address == "mongodb://127.0.0.1:21001/chozoi_chat"
    assert EmbeddedRedis(tmp_path, 21002).address == "redis://127.0.0.1:21002/0"


@BOTH
def test_stores_that_want_the_same_port_get_one_each(kind: Store, tmp_path: Path) -> None:
    """A store listens some time after its port was chosen: two runs of `manage.py up` may begin at the same moment."""
    first = kind(tmp_path / "first")
    second = kind(tmp_path / "second", first.port)
    assert first.port != second.port


@BOTH
def test_a_port_in_use_is_left_to_who_has_it(kind: Store, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as other:
        with started(kind(tmp_path, port := other.getsockname()[1])) as store:
            assert store.port != port


@BOTH
def test_a_port_that_was_taken_since_is_named(kind: Store, tmp_path: Path) -> None:
    store = kind(tmp_path)
    with socket.create_server(("127.0.0.1", store.port)):
        with pytest.raises(StoreNotStarted, match=rf"port taken.*{store.port}"):
            store.start()


def test_a_kill_of_mongodb_in_the_middle_of_writes_loses_nothing_acknowledged(tmp_path: Path) -> None:
    acknowledged: list[int] = []

    def write() -> None:
        with client(store) as mongodb, contextlib.suppress(PyMongoError):
            for number in range(100_000):
                mongodb.get_default_database()["things"].insert_one({"_id": number})
                acknowledged.append(number)

    with started(EmbeddedMongoDB(tmp_path)) as store:
        writer = threading.Thread(target=write)
        writer.start()
        eventually_sync(lambda: len(acknowledged) >= 200)
        assert store.process is not None
        store.process.kill()
        writer.join()
    with started(EmbeddedMongoDB(tmp_path)) as store, client(store) as mongodb:
        stored = {document["_id"] for document in mongodb.get_default_database()["things"].find()}
    assert set(acknowledged) - stored == set()


START = """
import pathlib, sys, time
from devstack.embedded import EmbeddedMongoDB, EmbeddedRedis
store = globals()[sys.argv[1]](pathlib.Path(sys.argv[2]))
store.start()
print(store.process.pid, flush=True)
time.sleep(60)
"""


def start_elsewhere(kind: Store, data_dir: Path) -> tuple[subprocess.Popen[str], int]:
    """A process that has started a store; it, and the pid of the store."""
    command = [sys.executable, "-c", START, kind.__name__, str(data_dir)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    return parent, int(parent.stdout.readline())


@BOTH
def test_a_store_ends_with_the_process_that_started_it(kind: Store, tmp_path: Path) -> None:
    parent, pid = start_elsewhere(kind, tmp_path)
    store = psutil.Process(pid)
    parent.kill()
    parent.communicate()
    psutil.wait_procs([store], timeout=20)
    assert not store.is_running()


@BOTH
def test_a_store_left_over_on_the_same_data_is_ended_first(kind: Store, tmp_path: Path) -> None:
    """A left-over that got no signal, as on a system without PR_SET_PDEATHSIG, or one that is slow to end."""
    parent, pid = start_elsewhere(kind, tmp_path)
    with started(kind(tmp_path)) as store:
        put(store, "served by the new one")
        assert store.process is not None
        assert store.process.pid != pid
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    parent.kill()
    parent.communicate()


def test_a_stranger_with_the_noted_pid_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (tmp_path / "redis.pid").write_text(str(stranger.pid))
    with started(EmbeddedRedis(tmp_path)):
        assert stranger.poll() is None
    os.kill(stranger.pid, signal.SIGTERM)
    stranger.wait()
