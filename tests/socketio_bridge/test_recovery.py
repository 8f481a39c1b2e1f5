"""Connection state recovery: a client that was cut off comes back as the socket that it was, and misses nothing."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any, Self
from unittest.mock import patch

import pytest
from channels.layers import channel_layers
from django.conf import settings
from django.test import override_settings

from socketio_bridge import ConnectionRefused, Namespace, Options, Socket, emit, emit_sync, event
from socketio_bridge import restoration as module
from tests.socketio_bridge.client import FrameClient, connect
from tests.socketio_bridge.processes import Process

_numbers = itertools.count()
RECOVERING = Options(max_disconnection_duration=60.0)


class Chat(Namespace):
    path = "/chat"

    async def on_connect(self, socket: Socket) -> None:
        await socket.enter_room("all")
        socket.data.name = socket.handshake.auth.get("who", "nobody")

    async def on_recover(self, socket: Socket, saved: Any) -> None:
        if saved["name"] == "outcast":
            raise ConnectionRefused("not again")
        await super().on_recover(socket, saved)
        await socket.emit("welcome back", saved["name"])

    @event("rename")
    async def rename(self, socket: Socket, name: str) -> None:
        socket.data.name = name

    @event("enter")
    async def enter(self, socket: Socket, room: str) -> bool:
        await socket.enter_room(room)
        return True

    @event("who am I")
    async def who_am_i(self, socket: Socket) -> tuple[str, str, list[str], bool]:
        return socket.id, socket.data.name, sorted(socket.rooms), socket.recovered


class Returning:
    """A client as socket.io-client 4.6+ is one: it keeps its pid and the last offset, and comes back with them."""

    def __init__(self, name: str = "ann", query: str = "EIO=4&transport=websocket") -> None:
        self.name = name
        self.query = query
        self.pid: str | None = None
        self.offset: str | None = None
        self.id = ""
        self.recovered = False
        self.refusal = ""

    def to(self, process: Process) -> Self:
        """Connect to a process."""
        self.process = process
        self._connection = connect(process.server, self.query)
        process.connections.append(self._connection)
        self.client: FrameClient = process.run(self._connection.__aenter__())
        auth: dict[str, Any] = {"who": self.name}
        if self.pid is not None:
            auth |= {"pid": self.pid} | ({} if self.offset is None else {"offset": self.offset})
        self.send(f"40/chat,{json.dumps(auth)}" if "EIO=4" in self.query else "40/chat,")
        frame = process.run(self.client.receive(8.0))
        if frame.startswith("44"):
            self.refusal = frame
            return self
        answer = json.loads(frame.partition(",")[2] or "{}")
        self.recovered = self.pid is not None and answer.get("pid") == self.pid
        self.id, self.pid = answer.get("sid", ""), answer.get("pid")
        return self

    def send(self, frame: str) -> None:
        self.process.run(self.client.send(frame))

    def receive(self) -> list[Any]:
        """The next event, without its offset, which is kept."""
        frame = self.process.run(self.client.receive())
        items: list[Any] = json.loads(frame[frame.index("[") :])
        if self.pid is not None:
            self.offset = items.pop()
        return items

    def hear(self) -> list[Any]:
        """The arguments of all events that have come so far."""
        self.send('42/chat,9["who am I"]')
        heard = []
        while not (frame := self.process.run(self.client.receive())).startswith("43/chat,9"):
            items = json.loads(frame[frame.index("[") :])
            self.offset = items.pop() if self.pid is not None else None
            heard += items[1:]
        self.answer = json.loads(frame.partition("9")[2])
        return heard

    def cut(self) -> Self:
        """The connection breaks."""
        self.process.connections.remove(self._connection)
        self.process.run(self._connection.__aexit__(None, None, None))
        return self


@pytest.fixture(autouse=True)
def _a_cluster_of_its_own() -> Iterator[None]:
    """Processes of the test before, some of them dead or frozen on purpose, are not heard in this one."""
    layer: dict[str, Any] = settings.CHANNEL_LAYERS["default"]
    own = {**layer, "CONFIG": {**layer["CONFIG"], "prefix": f"recovery-{next(_numbers)}"}}
    channel_layers.backends = {}
    with override_settings(CHANNEL_LAYERS={"default": own}):
        yield
    channel_layers.backends = {}


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    made = [Process(Chat(), options=RECOVERING) for _ in range(2)]
    for process in made:
        process.run(process.hub.cluster._acquainted.wait())
    yield made
    for process in made:
        if not process.loop.is_closed():
            process.stop()


def say(process: Process, *what: Any, to: str | None = "all", **options: Any) -> None:
    async def work() -> None:
        for each in what:
            await emit("said", each, to=to, namespace="/chat", **options)
        recovery = process.hub.recovery
        # In the stream, so that who comes back elsewhere finds it there, and is not told of it later.
        while recovery is not None and recovery._log._writer is not None:
            await asyncio.wait([recovery._log._writer])

    process.run(work())


def kept(process: Process, pid: str | None) -> bool:
    """Whether the session has been written."""
    recovery = process.hub.recovery
    assert recovery is not None
    return process.run(recovery._store.holder(str(pid))) is not None


def until_kept(process: Process, pid: str | None) -> None:
    deadline = time.monotonic() + 5
    while not kept(process, pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.05)  # for what changed a moment ago


@pytest.mark.parametrize("index", [0, 1], ids=["same process", "another"])
def test_what_was_missed_comes_once_and_in_order(processes: list[Process], index: int) -> None:
    ann = Returning().to(processes[0])
    first_id = ann.id
    say(processes[0], 1, 2)
    assert ann.hear() == [1, 2]
    ann.cut()
    for number in range(3, 9, 2):
        say(processes[0], number)
        time.sleep(0.03)
        say(processes[1], number + 1)
        time.sleep(0.03)
    ann.to(processes[index])
    assert ann.recovered
    say(processes[0], 9)
    time.sleep(0.05)
    assert ann.hear() == [3, 4, 5, 6, 7, 8, "ann", 9]
    assert ann.answer == [first_id, "ann", ["all"], True]


def test_a_session_comes_back_again_and_again(processes: list[Process]) -> None:
    ann = Returning().to(processes[0])
    until_kept(processes[0], ann.pid)
    ids = {ann.id}
    for number in range(5):
        ann.cut()
        say(processes[number % 2], number)
        ann.to(processes[(number // 2) % 2])
        assert ann.recovered
        ids.add(ann.id)
        assert ann.hear() == [number, "ann"]
    assert len(ids) == 1


def test_a_client_that_never_got_an_event_comes_back(processes: list[Process]) -> None:
    say(processes[0], "before its time")
    ann = Returning().to(processes[0]).cut()
    assert ann.offset is None
    say(processes[1], "missed")
    ann.to(processes[1])
    assert ann.recovered
    assert ann.hear() == ["missed", "ann"]


def test_what_was_sent_into_a_connection_that_had_broken_comes_again(processes: list[Process]) -> None:
    """What counts is what the client says that it has got."""
    ann = Returning().to(processes[0])
    say(processes[0], 1)
    ann.receive()
    say(processes[0], 2, 3)
    ann.cut().to(processes[1])
    assert ann.hear() == [2, 3, "ann"]


def test_the_process_that_had_the_session_may_have_died(processes: list[Process]) -> None:
    ann = Returning().to(processes[0])
    say(processes[0], 1)
    ann.send('42/chat,["rename","anna"]')
    ann.send('42/chat,["enter","kitchen"]')
    assert ann.hear() == [1]
    until_kept(processes[0], ann.pid)
    processes[0].freeze()
    say(processes[1], 2)
    say(processes[1], 3, to="kitchen")
    ann.to(processes[1])
    assert ann.recovered
    assert ann.hear() == [2, 3, "anna"]
    assert ann.answer[1:] == ["anna", ["all", "kitchen"], True]


def test_a_process_that_did_not_notice_the_cut_lets_go(processes: list[Process]) -> None:
    ann = Returning().to(processes[0])
    until_kept(processes[0], ann.pid)
    old = ann.client
    say(processes[1], 1)
    assert '"said",1' in processes[0].run(old.receive())  # which the client never saw
    ann.to(processes[1])
    assert ann.recovered
    assert ann.hear() == [1, "ann"]
    assert processes[0].run(old.receive()) == "closed"


def test_a_stopped_process_leaves_its_sessions_to_others(processes: list[Process]) -> None:
    ann = Returning().to(processes[0])
    processes[0].stop()
    say(processes[1], 1)
    ann.to(processes[1])
    assert ann.recovered
    assert ann.hear() == [1, "ann"]


def test_what_was_for_others_does_not_come(processes: list[Process]) -> None:
    ann = Returning().to(processes[0]).cut()
    say(processes[1], "kitchen", to="kitchen")
    say(processes[1], "not for ann", except_=ann.id)
    say(processes[1], "volatile", volatile=True)
    say(processes[1], "ann alone", to=ann.id)
    say(processes[1], "everyone", to=None)
    assert ann.to(processes[0]).hear() == ["ann alone", "everyone", "ann"]


def test_binary_is_kept(processes: list[Process]) -> None:
    ann = Returning().to(processes[0]).cut()
    say(processes[1], b"\x00\xff")
    ann.to(processes[1])
    frame = processes[1].run(ann.client.receive())
    assert frame.startswith('451-/chat,["said",{"_placeholder":true,"num":0},"')
    assert processes[1].run(ann.client.receive_binary()) == b"\x00\xff"


def test_what_processes_without_sockets_emit_is_kept(processes: list[Process], settings: Any) -> None:
    settings.SOCKETIO = {"max_disconnection_duration": 60.0}
    ann = Returning().to(processes[0])
    emit_sync("said", 1, to="all", namespace="/chat")
    assert ann.receive() == ["said", 1]
    ann.cut()
    emit_sync("said", 2, to="all", namespace="/chat")
    assert ann.to(processes[1]).hear() == [2, "ann"]


def test_what_is_emitted_while_a_client_comes_back_comes_once(processes: list[Process]) -> None:
    """Emissions go on in both processes, and reading the stream is slow: live packets wait for what was missed."""
    ann = Returning().to(processes[0])
    numbers = iter(range(1000))
    emitted = []
    with patch.object(module, "_COVER_DELAY", 0.001):
        for turn in range(6):
            ann.cut()
            for _ in range(40):
                number = next(numbers)
                emitted.append(number)
                say(processes[number % 2], number)
                if number % 40 == 20:
                    ann.to(processes[turn % 2])
                    assert ann.recovered
            time.sleep(0.05)
            heard = [each for each in ann.hear() if each != "ann"]
            assert sorted(heard) == list(range(turn * 40, turn * 40 + 40))
            for half in (0, 1):
                own = [each for each in heard if each % 2 == half]
                assert own == sorted(own)


def test_too_late_is_a_new_connection() -> None:
    process = Process(Chat(), options=Options(max_disconnection_duration=0.2))
    ann = Returning().to(process)
    first_id = ann.id
    ann.cut()
    time.sleep(0.6)
    ann.to(process)
    assert not ann.recovered
    assert ann.id != first_id
    assert ann.hear() == []
    assert ann.answer == [ann.id, "ann", ["all"], False]
    process.stop()


@pytest.mark.parametrize("offset", ["garbage", "x" * 100_000, "9999999999999.a:b"])
def test_an_offset_that_is_none_is_a_new_connection(processes: list[Process], offset: str) -> None:
    ann = Returning().to(processes[0]).cut()
    ann.offset = offset
    assert not ann.to(processes[0]).recovered
    assert ann.hear() == []


def test_an_unknown_pid_is_a_new_connection(processes: list[Process]) -> None:
    ann = Returning()
    ann.pid = "made up"
    assert not ann.to(processes[0]).recovered
    assert ann.pid not in (None, "made up")


def test_where_something_missed_was_not_kept_it_is_a_new_connection(processes: list[Process]) -> None:
    """Redis was away for a moment: rather than recovered with a gap, the client is told that it is new."""
    ann = Returning().to(processes[0])
    say(processes[0], 1)
    assert ann.hear() == [1]
    ann.cut()
    recovery = processes[0].hub.recovery
    assert recovery is not None
    with patch.object(recovery._store, "append", side_effect=OSError("away")):
        say(processes[0], 2)
        time.sleep(0.05)
    say(processes[0], 3)
    assert not ann.to(processes[1]).recovered
    assert ann.hear() == []


def test_who_leaves_or_is_put_out_does_not_come_back(processes: list[Process]) -> None:
    ann = Returning().to(processes[0])
    until_kept(processes[0], ann.pid)
    ann.send("41/chat,")
    time.sleep(0.1)
    assert not ann.cut().to(processes[0]).recovered


def test_a_namespace_may_refuse_who_comes_back(processes: list[Process]) -> None:
    ann = Returning("outcast").to(processes[0]).cut().to(processes[0])
    assert "not again" in ann.refusal


def test_protocol_4_clients_get_nothing_of_it(processes: list[Process]) -> None:
    old = Returning(query="EIO=3&transport=websocket").to(processes[0])
    assert old.pid is None
    say(processes[0], 1)
    assert old.hear() == [1]


def test_it_is_off_by_default() -> None:
    process = Process(Chat())
    ann = Returning().to(process)
    assert ann.pid is None
    say(process, 1)
    assert ann.receive() == ["said", 1]
    assert process.hub.recovery is None
    process.stop()
