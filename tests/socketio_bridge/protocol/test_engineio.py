"""Engine.IO sessions, protocols 3 and 4. Sections named are those of the protocol documents."""

import json

import pytest

from socketio_bridge.protocol import ProtocolError
from socketio_bridge.protocol.engineio import EngineIO, Revision


def session(revision: Revision, now: float = 0.0) -> EngineIO:
    return EngineIO("abc", revision, now, ping_interval=25.0, ping_timeout=20.0, max_payload=1_000_000)


def test_the_handshake_of_protocol_4_tells_heartbeat_and_max_payload() -> None:
    """Engine.IO protocol 4, "Handshake": times in milliseconds, no upgrades left on a WebSocket."""
    frame = session(4).handshake()
    assert frame[0] == "0"
    assert json.loads(frame[1:]) == {
        "sid": "abc",
        "upgrades": [],
        "pingInterval": 25000,
        "pingTimeout": 20000,
        "maxPayload": 1000000,
    }


def test_the_handshake_of_protocol_3_has_no_max_payload() -> None:
    """Engine.IO protocol 3, "0 open"."""
    assert set(json.loads(session(3).handshake()[1:])) == {"sid", "upgrades", "pingInterval", "pingTimeout"}


@pytest.mark.parametrize("revision", [3, 4])
def test_a_text_message_loses_its_type_and_nothing_else(revision: Revision) -> None:
    assert session(revision).receive('42["a","4"]', 0.0) == '2["a","4"]'


@pytest.mark.parametrize("revision", [3, 4])
def test_an_empty_message_is_a_message(revision: Revision) -> None:
    assert session(revision).receive("4", 0.0) == ""


@pytest.mark.parametrize("revision", [3, 4])
def test_a_binary_message_is_handed_on_whole(revision: Revision) -> None:
    assert session(revision).receive(b"\x04\x01", 0.0) == b"\x04\x01"


def test_the_handshake_names_the_transports_to_go_over_to() -> None:
    """Engine.IO protocol 4, "Upgrade"."""
    assert json.loads(session(4).handshake(("websocket",))[1:])["upgrades"] == ["websocket"]


class TestHeartbeatOfProtocol4:
    """Engine.IO protocol 4, "Heartbeat": the server pings every pingInterval, the client answers within pingTimeout."""

    def test_the_server_pings_after_the_interval(self) -> None:
        engine = session(4)
        assert engine.deadline == 25.0
        engine.tick(24.9)
        assert engine.outgoing == []
        engine.tick(25.0)
        assert engine.outgoing == ["2"]

    def test_a_client_that_does_not_answer_is_given_up(self) -> None:
        engine = session(4)
        engine.tick(25.0)
        assert engine.deadline == 45.0
        engine.tick(45.0)
        assert engine.close_reason == "ping timeout"

    def test_a_timer_that_is_a_little_late_does_not_give_the_client_longer(self) -> None:
        engine = session(4)
        engine.tick(25.002)
        assert engine.deadline == 45.0

    def test_a_ping_that_is_very_late_is_given_its_whole_wait(self) -> None:
        engine = session(4)
        engine.tick(32.0)
        assert engine.deadline == pytest.approx(52.0, abs=0.01)

    def test_only_a_pong_answers_a_ping(self) -> None:
        engine = session(4)
        engine.tick(25.0)
        engine.receive("4hello", 30.0)
        engine.tick(45.0)
        assert engine.closed

    def test_a_pong_starts_the_next_interval(self) -> None:
        engine = session(4)
        engine.tick(25.0)
        engine.receive("3", 26.0)
        assert engine.deadline == 51.0
        engine.tick(51.0)
        assert engine.outgoing == ["2", "2"]

    def test_a_client_must_not_ping(self) -> None:
        with pytest.raises(ProtocolError, match="wrong direction"):
            session(4).receive("2", 0.0)

    def test_a_peer_that_cannot_be_heard_is_pinged_and_not_given_up(self) -> None:
        """Its own clock ends the connection when no ping comes within pingInterval + pingTimeout."""
        engine = session(4)
        for now in (25.0, 45.0, 65.0):
            engine.tick(now, heard=False)
        assert engine.outgoing == ["2", "2", "2"]
        assert engine.deadline == 85.0
        engine.receive("3", 70.0)
        assert engine.deadline == 95.0

    def test_a_peer_that_is_heard_again_has_its_whole_wait_for_the_pong(self) -> None:
        engine = session(4)
        engine.tick(25.0, heard=False)
        engine.tick(45.0, heard=False)
        engine.tick(64.9)
        assert not engine.closed
        engine.tick(65.0)
        assert engine.close_reason == "ping timeout"

    def test_a_loop_that_stood_still_has_heard_nobody(self) -> None:
        engine = session(4)
        engine.tick(25.0)
        engine.tick(60.0)
        assert not engine.closed
        assert engine.outgoing == ["2", "2"]


class TestHeartbeatOfProtocol3:
    """Engine.IO protocol 3, "Heartbeat" (2 ping, 3 pong): the client pings, the server answers."""

    def test_a_ping_is_answered_with_its_own_payload(self) -> None:
        engine = session(3)
        engine.receive("2", 0.0)
        engine.receive("2probe", 0.0)
        assert engine.outgoing == ["3", "3probe"]

    def test_a_silent_client_is_given_up_after_interval_and_timeout(self) -> None:
        engine = session(3)
        engine.tick(44.9)
        assert not engine.closed
        engine.tick(45.0)
        assert engine.close_reason == "ping timeout"

    def test_a_client_that_cannot_be_heard_is_not_given_up(self) -> None:
        engine = session(3)
        engine.tick(45.0, heard=False)
        assert not engine.closed
        assert engine.outgoing == []
        engine.tick(65.0)
        assert engine.close_reason == "ping timeout"

    def test_any_packet_is_a_sign_of_life(self) -> None:
        engine = session(3)
        engine.receive("4hello", 40.0)
        engine.tick(45.0)
        assert not engine.closed
        assert engine.deadline == 85.0

    def test_a_client_must_not_pong(self) -> None:
        with pytest.raises(ProtocolError, match="wrong direction"):
            session(3).receive("3", 0.0)


@pytest.mark.parametrize("revision", [3, 4])
def test_a_close_packet_ends_the_session(revision: Revision) -> None:
    engine = session(revision)
    assert engine.receive("1", 0.0) is None
    assert engine.close_reason == "transport close"


@pytest.mark.parametrize("frame", ["", "7", "abc", "\x00", "é4"])
def test_what_is_no_packet_is_an_error(frame: str) -> None:
    with pytest.raises(ProtocolError, match="not an Engine"):
        session(4).receive(frame, 0.0)


@pytest.mark.parametrize("frame", ["0{}", "5", "6"])
def test_packets_without_a_meaning_here_are_passed_over(frame: str) -> None:
    engine = session(4)
    assert engine.receive(frame, 0.0) is None
    assert not engine.closed


@pytest.mark.parametrize(("revision", "packet"), [(3, "2"), (3, "6"), (4, "3"), (4, "6"), (4, "5"), (4, "0")])
def test_packets_that_say_nothing_may_not_come_without_end(revision: Revision, packet: str) -> None:
    engine = session(revision)
    for now in (0.0, 25.0):
        for _ in range(100):
            engine.receive(packet, now)
            engine.receive("4hello", now)
    with pytest.raises(ProtocolError, match="more than 100 packets that are no messages within 25 s"):
        engine.receive(packet, 26.0)


def test_each_ping_may_be_answered() -> None:
    engine = session(4)
    for _ in range(1_000):
        engine.deadline = 1.0
        engine.tick(1.0)
        engine.receive("3", 1.0)
    assert not engine.closed
