"""Socket.IO, protocols 4 (clients 2.x) and 5 (3.x, 4.x), above Engine.IO. Sections named are those of protocol 5."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socketio_bridge.protocol import ProtocolError
from socketio_bridge.protocol.engineio import EngineIO, Revision
from socketio_bridge.protocol.socketio import (
    AckReceived,
    ConnectRequested,
    Disconnected,
    EventReceived,
    ParserRefused,
    SocketIO,
)


def unopened(engine_revision: Revision, max_payload: int = 1_000_000) -> SocketIO:
    return SocketIO(
        EngineIO("abc", engine_revision, 0.0, ping_interval=25.0, ping_timeout=20.0, max_payload=max_payload)
    )


def opened(engine_revision: Revision) -> SocketIO:
    protocol = unopened(engine_revision)
    protocol.open()
    protocol.packets_to_send()
    return protocol


def joined(engine_revision: Revision, namespace: str = "/chat") -> SocketIO:
    protocol = opened(engine_revision)
    protocol.receive(f"40{namespace},", 0.0)
    protocol.accept(namespace, "s1")
    protocol.packets_to_send()
    return protocol


class TestConnecting:
    """Socket.IO protocol 5, "Connection to a namespace"."""

    def test_a_protocol_4_client_asks_for_the_default_namespace_by_coming(self) -> None:
        protocol = unopened(3)
        assert protocol.open() == ConnectRequested("/", {}, {})
        protocol.accept("/", "abc")
        handshake, connect = protocol.packets_to_send()
        assert str(handshake).startswith('0{"sid":"abc"')
        assert connect == "40"

    def test_a_protocol_5_client_asks_itself(self) -> None:
        protocol = unopened(4)
        assert protocol.open() is None
        assert protocol.receive("40", 0.0) == ConnectRequested("/", {}, {})
        protocol.accept("/", "s1")
        assert protocol.packets_to_send()[1:] == ['40{"sid":"s1"}']

    def test_auth_is_the_payload_of_connect(self) -> None:
        assert opened(4).receive('40/chat,{"token":"x"}', 0.0) == ConnectRequested("/chat", {}, {"token": "x"})

    def test_a_protocol_4_client_repeats_its_query(self) -> None:
        request = opened(3).receive("40/chat?token=a%2Cb&user_id=7", 0.0)
        said = {"token": "a,b", "user_id": "7"}
        assert request == ConnectRequested("/chat", said, said), "which handlers of either protocol find in auth"

    def test_refusals_are_an_object_in_protocol_5_and_a_string_in_protocol_4(self) -> None:
        for revision, expected in ((4, '44/chat,{"message":"no","data":{"code":"x"}}'), (3, '44/chat,"no"')):
            protocol = opened(revision)  # type: ignore[arg-type]
            protocol.receive("40/chat,", 0.0)
            protocol.refuse("/chat", "no", {"code": "x"})
            assert protocol.packets_to_send() == [expected]

    def test_a_refused_client_may_ask_again(self) -> None:
        protocol = opened(4)
        protocol.receive("40/chat,", 0.0)
        protocol.refuse("/chat", "no")
        assert isinstance(protocol.receive("40/chat,", 0.0), ConnectRequested)

    def test_who_asks_again_wants_another_answer(self) -> None:
        protocol = opened(4)
        assert protocol.receive('40/chat,{"n":1}', 0.0) == ConnectRequested("/chat", {}, {"n": 1})
        assert protocol.receive('40/chat,{"n":2}', 0.0) == ConnectRequested("/chat", {}, {"n": 2})
        protocol.accept("/chat", "x")
        assert protocol.receive('40/chat,{"n":3}', 0.0) == ConnectRequested("/chat", {}, {"n": 3})
        assert isinstance(protocol.receive('42/chat,["foo"]', 0.0), EventReceived), (
            "the client has seen the first answer"
        )

    def test_who_asked_again_and_is_refused_is_out(self) -> None:
        protocol = joined(4)
        protocol.receive("40/chat,", 0.0)
        protocol.refuse("/chat", "no")
        assert protocol.receive('42/chat,["foo"]', 0.0) is None

    def test_a_request_may_be_taken_back(self) -> None:
        protocol = opened(4)
        protocol.receive("40/chat,", 0.0)
        assert protocol.receive("41/chat,", 0.0) == Disconnected("/chat")
        with pytest.raises(ProtocolError, match="must CONNECT first"):
            protocol.receive("41/news,", 0.0)

    def test_a_payload_that_is_no_object_ends_the_connection(self) -> None:
        for payload in ('"token"', "[1]", "{", "true"):
            with pytest.raises(ProtocolError, match="must be a JSON object"):
                opened(4).receive(f"40/chat,{payload}", 0.0)


class TestPackets:
    def test_events_carry_their_ack_id(self) -> None:
        event = joined(4).receive('42/chat,5["foo",1]', 0.0)
        assert isinstance(event, EventReceived)
        assert (event.namespace, event.event, event.ack_id, len(event.arguments)) == ("/chat", "foo", 5, 1)

    def test_acks_answer_by_id(self) -> None:
        protocol = joined(4)
        protocol.acknowledge("/chat", 5, ["bar"])
        assert protocol.packets_to_send() == ['43/chat,5["bar"]']
        event = protocol.receive('43/chat,9["x"]', 0.0)
        assert isinstance(event, AckReceived)
        assert event.ack_id == 9

    def test_several_namespaces_share_a_connection(self) -> None:
        protocol = joined(4)
        protocol.receive("40/news,", 0.0)
        protocol.accept("/news", "s2")
        for namespace in ("/chat", "/news"):
            event = protocol.receive(f'42{namespace},["foo"]', 0.0)
            assert isinstance(event, EventReceived)
            assert event.namespace == namespace

    @pytest.mark.parametrize("frame", ['42/news,["foo"]', '43/news,1["foo"]', "41/news,"])
    def test_a_packet_for_a_namespace_never_joined_ends_the_connection(self, frame: str) -> None:
        """As the reference server does."""
        with pytest.raises(ProtocolError, match="must CONNECT first"):
            joined(4).receive(frame, 0.0)

    def test_events_before_the_answer_to_connect_end_the_connection(self) -> None:
        protocol = opened(4)
        protocol.receive("40/chat,", 0.0)
        with pytest.raises(ProtocolError, match="must CONNECT first"):
            protocol.receive('42/chat,["foo"]', 0.0)


PICTURE = '42/chat,["picture",1]'
BINARY_PICTURE = '452-/chat,5["picture",{"_placeholder":true,"num":1},{"a":{"_placeholder":true,"num":0},"b":1}]'


class TestBinaryPackets:
    """Socket.IO protocol 5, "Packet encoding / Binary": attachments follow their packet, each a message of its own."""

    @pytest.mark.parametrize("revision", [3, 4])
    def test_an_event_is_complete_with_its_last_attachment(self, revision: Revision) -> None:
        protocol = joined(revision)
        assert protocol.receive(BINARY_PICTURE, 0.0) is None
        assert protocol.receive(b"zero", 0.0) is None
        event = protocol.receive(b"one", 0.0)
        assert isinstance(event, EventReceived)
        assert event.size > len(BINARY_PICTURE) + len(b"zeroone")
        assert event == EventReceived("/chat", "picture", [b"one", {"a": b"zero", "b": 1}], 5, event.size)
        assert isinstance(protocol.receive(PICTURE, 0.0), EventReceived)

    def test_acks_too(self) -> None:
        protocol = joined(4)
        assert protocol.receive('461-/chat,9["x",{"_placeholder":true,"num":0}]', 0.0) is None
        assert protocol.receive(b"", 0.0) == AckReceived("/chat", 9, ["x", b""])

    def test_an_event_may_have_no_attachments(self) -> None:
        event = joined(4).receive('450-/chat,["picture",1]', 0.0)
        assert isinstance(event, EventReceived)
        assert event.arguments == [msgspec.Raw(b"1")]

    @pytest.mark.parametrize("revision", [3, 4])
    def test_acks_are_followed_by_their_attachments(self, revision: Revision) -> None:
        protocol = joined(revision)
        protocol.acknowledge("/chat", 5, [b"one", b"two"])
        packet, *attachments = protocol.packets_to_send()
        assert packet == '462-/chat,5[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
        assert attachments == [b"one", b"two"]

    @pytest.mark.parametrize(("revision", "ping"), [(3, "2"), (4, "3")])
    def test_heartbeats_may_come_between_attachments(self, revision: Revision, ping: str) -> None:
        protocol = joined(revision)
        protocol.receive('451-/chat,["picture",{"_placeholder":true,"num":0}]', 0.0)
        assert protocol.receive(ping, 0.0) is None
        assert isinstance(protocol.receive(b"\x04", 0.0), EventReceived)

    @pytest.mark.parametrize("frame", [PICTURE, BINARY_PICTURE, "40/news,", "41/chat,", "4"])
    def test_text_between_attachments_ends_the_connection(self, frame: str) -> None:
        """As in the reference parser: "got plaintext data when reconstructing a packet"."""
        protocol = joined(4)
        protocol.receive(BINARY_PICTURE, 0.0)
        protocol.receive(b"zero", 0.0)
        with pytest.raises(ProtocolError, match="text message"):
            protocol.receive(frame, 0.0)

    def test_binary_that_no_packet_announced_ends_the_connection(self) -> None:
        protocol = joined(4)
        with pytest.raises(ProtocolError, match="without a packet"):
            protocol.receive(b"\x01", 0.0)
        protocol = joined(4)
        for frame in (BINARY_PICTURE, b"zero", b"one"):
            protocol.receive(frame, 0.0)
        with pytest.raises(ProtocolError, match="without a packet"):
            protocol.receive(b"two", 0.0)

    def test_a_placeholder_without_its_attachment_ends_the_connection(self) -> None:
        protocol = joined(4)
        protocol.receive('451-/chat,["picture",{"_placeholder":true,"num":1}]', 0.0)
        with pytest.raises(ProtocolError, match="number 1, of 1"):
            protocol.receive(b"zero", 0.0)

    def test_a_namespace_never_joined_ends_the_connection_before_its_attachments_come(self) -> None:
        with pytest.raises(ProtocolError, match="must CONNECT first"):
            joined(4).receive(BINARY_PICTURE.replace("/chat", "/news"), 0.0)

    def test_what_was_under_way_when_the_server_put_a_client_out_is_passed_over_with_its_attachments(self) -> None:
        for frames_before in range(3):
            protocol = joined(4)
            frames: list[str | bytes] = [BINARY_PICTURE, b"zero", b"one"]
            for frame in frames[:frames_before]:
                protocol.receive(frame, 0.0)
            protocol.disconnect("/chat")
            for frame in frames[frames_before:]:
                assert protocol.receive(frame, 0.0) is None
            assert isinstance(protocol.receive("40/chat,", 0.0), ConnectRequested)

    def test_the_bytes_of_a_packet_have_a_limit_as_well_as_its_attachments_number(self) -> None:
        """Each message may be `max_payload`; the reference's parser takes a text and ten attachments."""
        protocol = unopened(4, max_payload=100)
        protocol.receive("40/chat,", 0.0)
        protocol.accept("/chat", "s1")
        protocol.receive('4520-/chat,["picture"]', 0.0)
        for _ in range(10):
            protocol.receive(b"x" * 100, 0.0)
        with pytest.raises(ProtocolError, match="may be 1100 bytes; this one is 1121 so far"):
            protocol.receive(b"x" * 100, 0.0)


class TestLeaving:
    """Socket.IO protocol 5, "Disconnection from a namespace"."""

    @pytest.mark.parametrize("revision", [3, 4])
    def test_a_client_leaves_and_comes_back(self, revision: Revision) -> None:
        protocol = joined(revision)
        assert protocol.receive("41/chat,", 0.0) == Disconnected("/chat")
        assert protocol.receive('42/chat,["late"]', 0.0) is None
        assert isinstance(protocol.receive("40/chat,", 0.0), ConnectRequested)

    def test_what_was_under_way_when_the_server_put_a_client_out_is_passed_over(self) -> None:
        protocol = joined(4)
        protocol.disconnect("/chat")
        assert protocol.packets_to_send() == ["41/chat,"]
        assert protocol.receive('42/chat,["late"]', 0.0) is None
        protocol.acknowledge("/chat", 1, [])
        assert protocol.packets_to_send() == []


@given(
    st.sampled_from([3, 4]),
    st.lists(
        st.text(alphabet='0123456789-/,[]{}"chat?=\\', max_size=30)
        | st.binary(max_size=10)
        | st.sampled_from(
            [BINARY_PICTURE, '451-/chat,["a",{"_placeholder":true,"num":0}]', b"\x04", PICTURE, "2", "3"]
        ),
        max_size=20,
    ),
)
def test_no_input_raises_anything_but_a_protocol_error(revision: Revision, frames: list[str | bytes]) -> None:
    protocol = joined(revision)
    for frame in frames:
        try:
            protocol.receive(frame, 0.0)
        except ProtocolError:
            break


def test_a_client_that_joins_and_leaves_without_end_is_remembered_in_part() -> None:
    """What it sends to those that it left last is no breach: it may have been sent before it learnt of that."""
    protocol = opened(4)
    for number in range(1000):
        protocol.receive(f"40/shop/{number},", 0.0)
        protocol.accept(f"/shop/{number}", "s1")
        protocol.disconnect(f"/shop/{number}")
    for number in range(900, 1000):
        assert protocol.receive(f'42/shop/{number},["late"]', 0.0) is None
    for number in range(900):
        with pytest.raises(ProtocolError, match="has not joined"):
            protocol.receive(f'42/shop/{number},["far too late"]', 0.0)


def test_only_a_server_sends_connect_errors() -> None:
    with pytest.raises(ProtocolError, match="only a server"):
        joined(4).receive('44/chat,{"message":"x"}', 0.0)


class TestParsers:
    """The first packet of a client of protocol 5 says which parser it has."""

    @staticmethod
    def packed(**fields: object) -> bytes:
        return msgspec.msgpack.encode({"nsp": "/chat", **fields})

    def client(self, *parsers: str) -> SocketIO:
        engine = EngineIO("abc", 4, 0.0, ping_interval=25.0, ping_timeout=20.0, max_payload=1_000)
        return SocketIO(engine, parsers)

    def test_it_is_answered_in_its_own(self) -> None:
        for first, answer in (
            ("40/chat,", '40/chat,{"sid":"s1"}'),
            (self.packed(type=0), self.packed(type=0, data={"sid": "s1"})),
        ):
            protocol = self.client("json", "msgpack")
            assert protocol.receive(first, 0.0) == ConnectRequested("/chat", {}, {})
            protocol.accept("/chat", "s1")
            [sent] = protocol.packets_to_send()
            if isinstance(answer, bytes):
                assert msgspec.msgpack.decode(sent) == msgspec.msgpack.decode(answer)  # type: ignore[arg-type]
            else:
                assert sent == answer

    def test_events_acknowledgements_and_ends_are_the_same(self) -> None:
        protocol = self.client("msgpack")
        protocol.receive(self.packed(type=0, data={"token": "x"}), 0.0)
        protocol.accept("/chat", "s1")
        event = protocol.receive(self.packed(type=2, data=["say", b"1"], id=4), 0.0)
        assert isinstance(event, EventReceived)
        assert (event.event, event.arguments, event.ack_id) == ("say", [b"1"], 4)
        answer = protocol.receive(self.packed(type=3, data=[], id=1), 0.0)
        assert answer == AckReceived("/chat", 1, [])
        assert protocol.receive(self.packed(type=1), 0.0) == Disconnected("/chat")

    def test_it_cannot_change_it(self) -> None:
        packed, text = self.client("json", "msgpack"), self.client("json", "msgpack")
        packed.receive(self.packed(type=0), 0.0)
        with pytest.raises(ProtocolError, match="a text message from a client whose packets are MessagePack"):
            packed.receive("40/news,", 0.0)
        text.receive("40/chat,", 0.0)
        with pytest.raises(ProtocolError, match="without a packet that announces it"):
            text.receive(self.packed(type=0), 0.0)

    def test_one_that_it_may_not_use_is_refused_in_it(self) -> None:
        protocol = self.client("json")
        refused = protocol.receive(self.packed(type=0), 0.0)
        assert refused == ParserRefused(
            "/chat", "This server does not take packets of the 'msgpack' parser; it takes json"
        )
        protocol.refuse("/chat", "no")
        [sent] = protocol.packets_to_send()
        assert msgspec.msgpack.decode(sent) == {"type": 4, "nsp": "/chat", "data": {"message": "no"}}  # type: ignore[arg-type]
        assert type(self.client("msgpack").receive("40/chat,", 0.0)) is ParserRefused

    def test_what_a_client_of_an_unknown_one_says_means_nothing(self) -> None:
        protocol = self.client("json", "msgpack")
        assert protocol.receive(b"\xc1", 0.0) == ParserRefused(
            None, "the client's parser is unknown: its first packet is binary"
        )
        assert protocol.receive(b"\xc1", 0.0) is None
        assert protocol.receive("40/chat,", 0.0) is None

    def test_only_a_server_refuses(self) -> None:
        with pytest.raises(ProtocolError, match="only a server sends CONNECT_ERROR"):
            self.client("msgpack").receive(self.packed(type=4, data="x"), 0.0)
