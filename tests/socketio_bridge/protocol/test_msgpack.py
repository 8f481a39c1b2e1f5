"""Packets in MessagePack. The messages here are what socket.io-msgpack-parser 3.0.2 (notepack.io 2.2.0) writes."""

import json
import math
import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socketio_bridge.protocol import ProtocolError, msgpack, packet
from socketio_bridge.protocol.packet import Packet, PacketType

UNDEFINED = b"\xd4\x00\x00"
DATE = b"\xd7\x00" + (1_700_000_000_123).to_bytes(8, signed=True)
FLOATS = b"\xc7\x08\x00" + b"\x00\x00\x00\x00\x00\x00\xf8\x3f"  # new Float64Array([1.5])


def message(**fields: object) -> bytes:
    return msgspec.msgpack.encode(fields)


def event_of(*encoded: bytes, name: str = "x") -> bytes:
    """An event whose arguments are encoded already."""
    data = bytes([0x90 + len(encoded) + 1]) + msgspec.msgpack.encode(name) + b"".join(encoded)
    return b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data" + data


def values(read: Packet) -> list[object]:
    return [msgspec.json.decode(item) if isinstance(item, msgspec.Raw) else item for item in read.arguments]


class TestDecoding:
    def test_an_event_has_its_arguments_as_raw_json(self) -> None:
        read = msgpack.decode(
            message(type=2, data=["say", {"a": [1, 2.5]}], options={"compress": True}, nsp="/chat", id=7)
        )
        assert read == Packet(PacketType.EVENT, "/chat", 7, "say", [msgspec.Raw(b'{"a":[1,2.5]}')])

    def test_an_event_with_binary_has_python_values(self) -> None:
        read = msgpack.decode(message(type=2, data=["say", {"file": b"\x00"}, math.nan], nsp="/"))
        assert read.arguments == [{"file": b"\x00"}, None]

    def test_a_connect_has_its_auth(self) -> None:
        assert msgpack.decode(message(type=0, data={"token": "x"}, nsp="/chat")).body == '{"token":"x"}'

    def test_a_connect_without_auth_says_undefined(self) -> None:
        read = msgpack.decode(b"\x83\xa4type\x00\xa4data" + UNDEFINED + b"\xa3nsp\xa5/chat")
        assert read == Packet(PacketType.CONNECT, "/chat")

    def test_a_disconnect_and_an_acknowledgement(self) -> None:
        assert msgpack.decode(message(type=1, nsp="/chat")) == Packet(PacketType.DISCONNECT, "/chat")
        assert msgpack.decode(message(type=3, nsp="/", id=0, data=[True])).arguments == [msgspec.Raw(b"true")]

    def test_values_that_json_has_not_are_what_javascript_makes_of_them(self) -> None:
        object_ = b"\x82\xa1a" + UNDEFINED + b"\xa1b" + DATE
        infinite = msgspec.msgpack.encode(math.inf)
        read = msgpack.decode(event_of(UNDEFINED, object_, infinite))
        assert values(read) == [None, {"b": "2023-11-14T22:13:20.123Z"}, None]

    def test_an_array_buffer_is_binary_even_where_it_looks_like_a_date(self) -> None:
        assert values(msgpack.decode(event_of(FLOATS, DATE))) == [FLOATS[3:], "2023-11-14T22:13:20.123Z"]
        assert values(msgpack.decode(event_of(b"\xc7\x01\x00\x00", UNDEFINED))) == [b"\x00", None]

    def test_many_of_them_in_a_row_are_told_apart(self) -> None:
        date = "2023-11-14T22:13:20.123Z"
        read = msgpack.decode(event_of(UNDEFINED, UNDEFINED, DATE, DATE, FLOATS, UNDEFINED, b"\xc0", DATE))
        assert values(read) == [None, None, date, date, FLOATS[3:], None, None, date]

    @pytest.mark.parametrize("cut", [UNDEFINED[:-1], DATE[:-1], b"\xd9", b"\xd9\x05a", b"\xcc", b"\xc8\x00"])
    def test_a_message_may_end_within_a_value(self, cut: bytes) -> None:
        with pytest.raises(ProtocolError):
            msgpack.decode(event_of(DATE, cut))

    def test_a_text_that_looks_like_a_date_stays_one(self) -> None:
        long = "\x00 a text of more than thirty-two characters \x00" * 10
        read = msgpack.decode(event_of(msgspec.msgpack.encode(long), msgspec.msgpack.encode(b"\xd7\x00" * 8), DATE))
        assert values(read) == [long, b"\xd7\x00" * 8, "2023-11-14T22:13:20.123Z"]

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(2**63), 2**64 - 1)
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text()
            | st.binary()
            | st.just("\x00"),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=10,
        )
    )
    def test_whatever_stands_before_a_date_is_left_as_it_is(self, value: object) -> None:
        read = msgpack.decode(event_of(msgspec.msgpack.encode(value), DATE))
        assert values(read) == [value, "2023-11-14T22:13:20.123Z"]

    @pytest.mark.parametrize(
        "broken",
        [
            b"",
            b"\x00\x01\xff",
            b"\xc1",
            message(type=2, data=["x"]),
            message(type=5, nsp="/", data=["x"]),
            message(type=2, nsp="chat", data=["x"]),
            message(type=2, nsp="/a,b", data=["x"]),
            message(type=2, nsp="/", data=[]),
            message(type=2, nsp="/", data={"x": 1}),
            message(type=2, nsp="/", data=[None]),
            message(type=2, nsp="/", data=["disconnect"]),
            message(type=2, nsp="/", data=["x"], id="1"),
            message(type=2, nsp="/", data=["x"], id=-1),
            message(type=2, nsp="/", data=["x"], id=True),
            message(type=3, nsp="/", data=[]),
            message(type=1, nsp="/", data=[]),
            event_of(b"\xa1\xff"),
            event_of(b"\xd4\x05\x00"),
            event_of(b"\x91" * 5_000 + b"\x00"),
            event_of(b"\x81\x91\x01\x01"),
        ],
    )
    def test_what_is_no_packet_breaks_the_protocol(self, broken: bytes) -> None:
        with pytest.raises(ProtocolError):
            msgpack.decode(broken)

    @given(st.binary(max_size=60))
    def test_no_bytes_do_anything_else(self, anything: bytes) -> None:
        try:
            msgpack.decode(anything)
        except ProtocolError:
            pass


class TestEncoding:
    def test_a_packet_is_a_map_of_what_it_has(self) -> None:
        text, attachments = packet.event("/chat", "say", [{"a": None}, "é"], 3)
        assert attachments == []
        assert msgspec.msgpack.decode(msgpack.encode(f"4{text}")) == {
            "type": 2, "nsp": "/chat", "data": ["say", {"a": None}, "é"], "id": 3,
        }  # fmt: skip

    def test_binary_stands_in_its_place_and_the_type_is_that_of_an_event(self) -> None:
        text, attachments = packet.event("/", "say", [{"file": b"one"}, b"two"])
        assert msgspec.msgpack.decode(msgpack.encode(f"4{text}", tuple(attachments))) == {
            "type": 2, "nsp": "/", "data": ["say", {"file": b"one"}, b"two"],
        }  # fmt: skip

    def test_answers_and_ends(self) -> None:
        assert msgspec.msgpack.decode(msgpack.encode('40/chat,{"sid":"s"}')) == {
            "type": 0,
            "nsp": "/chat",
            "data": {"sid": "s"},
        }
        assert msgspec.msgpack.decode(msgpack.encode("41/chat,")) == {"type": 1, "nsp": "/chat"}
        assert msgspec.msgpack.decode(msgpack.encode("43/chat,5[1]")) == {
            "type": 3,
            "nsp": "/chat",
            "id": 5,
            "data": [1],
        }

    def test_integers_beyond_64_bits_are_javascripts_numbers(self) -> None:
        read = msgspec.msgpack.decode(msgpack.encode(f'42["x",{2**70},[{10**400}],{2**63}]'))
        assert read["data"] == ["x", float(2**70), [None], 2**63]

    @given(st.lists(st.none() | st.integers(-(2**53), 2**53) | st.text() | st.lists(st.booleans())))
    def test_both_parsers_say_the_same(self, arguments: list[object]) -> None:
        text, _ = packet.event("/chat", "say", arguments)
        there = msgpack.decode(msgpack.encode(f"4{text}"))
        assert there.event == "say"
        assert values(there) == json.loads(json.dumps(arguments))


def of_one_hash(count: int) -> list[tuple[int, int]]:
    """Tuples to which Python gives one hash: CPython's `tuplehash`, solved for the second number."""
    one, two, five, size = 11400714785074694791, 14029467366897019727, 2870177450012600261, 2**64
    pairs: list[tuple[int, int]] = []
    first = 0
    while len(pairs) < count:
        first += 1
        mixed = (five + first * two) % size
        mixed = (mixed << 31 | mixed >> 33) % size * one % size
        second = (1 - mixed) * pow(two, -1, size) % size
        if second < 2**61 - 1:
            pairs.append((first, second))
    return pairs


def test_keys_of_one_hash_are_refused_before_a_map_is_made() -> None:
    keys = of_one_hash(30_000)
    assert len(set(map(hash, keys))) == 1
    entries = b"".join(msgspec.msgpack.encode(key) + b"\xc0" for key in keys)
    message = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1x\xdf" + len(keys).to_bytes(4) + entries
    began = time.process_time()
    with pytest.raises(ProtocolError, match="the key of a map"):
        msgpack.decode(message)
    assert time.process_time() - began < 1  # a map of them takes 20 s


_nested = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(st.text(max_size=40), inner, max_size=40),
)


@settings(deadline=None)
@given(_nested, st.sampled_from([b"", b"b" * 300, b"b" * 70_000]), st.sampled_from([b"a" * 8, b"a" * 300]))
def test_a_large_map_between_values_of_all_kinds_is_read(value: object, binary: bytes, extension: bytes) -> None:
    large = {str(number): [value, number] for number in range(256)}
    data = ["x", value, msgspec.msgpack.Ext(0, extension + b"a"), large, value, binary]
    message = msgspec.msgpack.encode({"type": 2, "nsp": "/", "data": data})
    assert len(msgpack.decode(message).arguments) == 5
    broken = message.replace(msgspec.msgpack.encode("255") + b"\x92", b"\x90\x92")
    with pytest.raises(ProtocolError, match="the key of a map"):
        msgpack.decode(broken)
