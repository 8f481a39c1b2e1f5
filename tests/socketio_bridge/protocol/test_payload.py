"""How HTTP and WebSockets carry Engine.IO packets. Sections named are those of the protocol documents."""

import json
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socketio_bridge.protocol import ProtocolError, payload
from socketio_bridge.protocol.engineio import Packet, Revision

REVISIONS: st.SearchStrategy[Revision] = st.sampled_from([3, 4])
# \x1e ends a packet in protocol 4: clients' JSON has it escaped.
MESSAGES = st.text(st.characters(codec="utf-8", exclude_characters="\x1e"))
PACKETS = st.lists(st.builds("".join, st.tuples(st.sampled_from("0123456"), MESSAGES)) | st.binary(), min_size=1)


class TestProtocol4:
    """Engine.IO protocol 4, "HTTP long-polling / Packet encoding"."""

    def test_packets_are_joined_by_the_record_separator(self) -> None:
        assert payload.encode(["4hello", "2", "4€"], 4, base64=True) == "4hello\x1e2\x1e4€"
        assert list(payload.decode("4hello\x1e2\x1e4€".encode(), 4)) == ["4hello", "2", "4€"]

    def test_binary_is_base64_behind_a_b_even_for_clients_that_can_have_it_bare(self) -> None:
        for base64 in (True, False):
            assert payload.encode(["4hello", b"\x01\x02\x03\x04"], 4, base64=base64) == "4hello\x1ebAQIDBA=="
        assert list(payload.decode(b"4hello\x1ebAQIDBA==", 4)) == ["4hello", b"\x01\x02\x03\x04"]

    def test_a_binary_content_type_is_none_of_this_protocol(self) -> None:
        """As in the reference server ("invalid content")."""
        with pytest.raises(ProtocolError, match="octet-stream"):
            list(payload.decode(b"4hello", 4, binary=True))


class TestTextOfProtocol3:
    """Engine.IO protocol 3, "Payload": `<length1>:<packet1>[<length2>:<packet2>[...]]`."""

    def test_each_packet_stands_behind_its_length(self) -> None:
        assert payload.encode(["4hello", "2"], 3, base64=False) == "6:4hello1:2"
        assert list(payload.decode(b"6:4hello1:2", 3)) == ["4hello", "2"]

    def test_lengths_count_characters_as_javascript_does(self) -> None:
        """An emoji is two of them, and none is a byte."""
        assert payload.encode(["4€", "4😀é"], 3, base64=True) == "2:4€4:4😀é"
        assert list(payload.decode("2:4€4:4😀é".encode(), 3)) == ["4€", "4😀é"]

    def test_binary_is_base64_for_clients_that_ask_for_it(self) -> None:
        assert payload.encode(["4hello", b"\x01\x02\x03\x04"], 3, base64=True) == "6:4hello10:b4AQIDBA=="
        assert list(payload.decode(b"6:4hello10:b4AQIDBA==", 3)) == ["4hello", b"\x01\x02\x03\x04"]

    def test_no_packets_are_an_empty_packet(self) -> None:
        """As the reference's parser writes and reads it."""
        assert payload.encode([], 3, base64=False) == "0:"
        assert list(payload.decode(b"0:", 3)) == []

    def test_a_length_that_ends_within_a_character_is_an_error(self) -> None:
        with pytest.raises(ProtocolError, match="within a character"):
            list(payload.decode("2:4😀".encode(), 3))


class TestBinaryOfProtocol3:
    """Engine.IO protocol 3, "Payload" over XHR2: `<0 text, 1 binary><length, a byte a digit><255><packet>[...]`."""

    BODY = b"\x00\x04\xff4\xe2\x82\xac" + b"\x01\x01\x00\xff\x04\x01\x02\x03\x04\x05\x06\x07\x08\x09"

    def test_lengths_are_bytes_a_digit_each(self) -> None:
        packets: list[Packet] = ["4€", bytes(range(1, 10))]
        assert payload.encode(packets, 3, base64=False) == self.BODY
        assert list(payload.decode(self.BODY, 3, binary=True)) == packets

    def test_without_binary_packets_the_payload_stays_text(self) -> None:
        assert payload.encode(["4€"], 3, base64=False) == "2:4€"

    def test_text_may_be_binary_in_base64(self) -> None:
        assert list(payload.decode(b"\x00\x06\xffb4AQ==", 3, binary=True)) == [b"\x01"]

    def test_a_body_without_packets_has_none(self) -> None:
        assert list(payload.decode(b"", 3, binary=True)) == []


class TestFrames:
    """Engine.IO protocol 4, "WebSocket / Packet encoding" and "Difference between v3 and v4"."""

    @pytest.mark.parametrize(
        ("packet", "revision", "base64", "frame"),
        [
            ("4hello", 3, False, "4hello"),
            ("4hello", 4, True, "4hello"),
            (b"\x01\x02", 4, False, b"\x01\x02"),
            (b"\x01\x02", 3, False, b"\x04\x01\x02"),
            (b"\x01\x02", 4, True, "bAQI="),
            (b"\x01\x02", 3, True, "b4AQI="),
        ],
    )
    def test_a_frame_is_a_packet(self, packet: Packet, revision: Revision, base64: bool, frame: str | bytes) -> None:
        assert payload.encode_packet(packet, revision, base64=base64) == frame
        assert payload.decode_packet(frame, revision) == packet

    @pytest.mark.parametrize(
        ("frame", "revision", "problem"),
        [
            (b"\x01", 3, "byte 4"),
            (b"", 3, "byte 4"),
            ("b2AQI=", 3, "'b4'"),
            ("b", 3, "'b4'"),
        ],
    )
    def test_broken_binary_is_an_error(self, frame: str | bytes, revision: Revision, problem: str) -> None:
        with pytest.raises(ProtocolError, match=problem):
            payload.decode_packet(frame, revision)


class TestJSONP:
    """Engine.IO protocol 3, "Transports / Polling / JSONP"."""

    def test_the_response_calls_the_clients_function_with_the_payload_as_a_string(self) -> None:
        assert payload.to_script("6:4hello", "0") == '___eio[0]("6:4hello");'

    def test_a_script_has_no_line_ends_and_no_quotes_but_its_own(self) -> None:
        for text in ('"', "\\", "\n", "\u2028", "\u2029", "</script>", "😀", "\x1e"):
            script = payload.to_script(text, "12")
            assert script.isascii()
            assert script.isprintable()
            assert json.loads(script.removeprefix("___eio[12](").removesuffix(");")) == text

    @pytest.mark.parametrize("index", ["", "a", "0]", "-1", "1.5", "0);alert(1", "٣", "1" * 17, "1\n"])
    def test_the_index_is_a_number(self, index: str) -> None:
        with pytest.raises(ProtocolError, match="JSONP index"):
            payload.to_script("1:2", index)

    def test_the_request_is_a_form(self) -> None:
        assert payload.from_form(b"d=7%3A4a+b%2B%E2%82%AC") == "7:4a b+€"

    @pytest.mark.parametrize("text", ["4a\nb", r"4a\nb", r'42["a\nb\\"]', "\n\n", r"\n\n", "4\\\\\\t"])
    def test_newlines_come_as_the_javascript_client_escapes_them(self, text: str) -> None:
        r"""It puts a backslash before each `\n` that was there, and then writes newlines as `\n`."""
        escaped = text.replace(r"\n", "\\\n").replace("\n", r"\n")
        assert payload.from_form(b"d=" + quote_plus(escaped).encode()) == text

    @pytest.mark.parametrize("body", [b"", b"x=1", b"d", b"d=1&d=2", b"d=%ff", b"\xff", b"d=1&" * 1000])
    def test_what_is_no_such_form_is_an_error(self, body: bytes) -> None:
        with pytest.raises(ProtocolError, match="form"):
            payload.from_form(body)


@pytest.mark.parametrize(
    ("body", "revision", "binary", "problem"),
    [
        (b"", 4, False, "empty packet"),
        (b"4a\x1e", 4, False, "empty packet"),
        (b"\x1e4a", 4, False, "empty packet"),
        (b"4\xff", 4, False, "not UTF-8"),
        (b"", 3, False, "empty"),
        (b"4hello", 3, False, "colon must stand at character 0"),
        (b":4hello", 3, False, "colon must stand"),
        (b"2:4a4b", 3, False, "colon must stand at character 4"),
        (b"-1:4", 3, False, "colon must stand"),
        (b"0x1:4", 3, False, "colon must stand"),
        (b"1e0:4", 3, False, "colon must stand"),
        ("٣:4ab".encode(), 3, False, "colon must stand"),
        (b"9:4a", 3, False, "longer than the rest"),
        (b"9" * 5000 + b":4", 3, False, "colon must stand"),
        (b"3:\xed\xa0\xbd", 3, False, "not UTF-8"),
        (b"2:b2", 3, False, "'b4'"),
        ("1:\ud800", 3, False, "surrogate"),
        (b"1:4", 3, True, "byte 255 must stand at byte 0"),
        (b"\x00\xff4", 3, True, "must stand at byte 0"),
        (b"\x02\x01\xff4", 3, True, "must stand at byte 0"),
        (b"\x00\x0a\xff4", 3, True, "must stand at byte 0"),
        (b"\x00\x01\xff4\x00", 3, True, "must stand at byte 4"),
        (b"\x00\x02\xff4", 3, True, "longer than the rest"),
        (b"\x00" + b"\x09" * 5000 + b"\xff4", 3, True, "must stand at byte 0"),
        (b"\x00\x00\xff", 3, True, "empty packet"),
        (b"\x01\x00\xff", 3, True, "empty packet"),
        (b"\x01\x01\xff\x02", 3, True, "byte 4"),
        (b"\x00\x02\xff4\xff", 3, True, "not UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_payload_is_a_protocol_error(
    body: bytes | str, revision: Revision, binary: bool, problem: str
) -> None:
    with pytest.raises(ProtocolError, match=problem):
        list(payload.decode(body, revision, binary=binary))


@given(PACKETS, REVISIONS, st.booleans())
def test_what_is_encoded_decodes_to_itself(packets: list[Packet], revision: Revision, base64: bool) -> None:
    body = payload.encode(packets, revision, base64=base64)
    if isinstance(body, bytes):
        assert list(payload.decode(body, revision, binary=True)) == packets
    else:
        assert list(payload.decode(body.encode(), revision)) == packets


@given(PACKETS, REVISIONS, st.booleans())
def test_frames_too(packets: list[Packet], revision: Revision, base64: bool) -> None:
    frames = [payload.encode_packet(packet, revision, base64=base64) for packet in packets]
    assert [payload.decode_packet(frame, revision) for frame in frames] == packets


@given(
    st.binary()
    | st.text(st.sampled_from("0123456789:b4=\x1e😀\ud800\\n"))
    | st.lists(st.sampled_from([b"\x00", b"\x01", b"\x04", b"\xff", b"4", b"b4", b"0:", b"1:", b"2:"])).map(b"".join),
    REVISIONS,
    st.booleans(),
)
def test_no_input_raises_anything_but_a_protocol_error(body: bytes | str, revision: Revision, binary: bool) -> None:
    try:
        list(payload.decode(body, revision, binary=binary))
    except ProtocolError:
        pass


@given(st.binary() | st.text(st.sampled_from("d=&%+;\\n1f")).map(str.encode))
def test_no_form_raises_anything_but_a_protocol_error(body: bytes) -> None:
    try:
        payload.from_form(body)
    except ProtocolError:
        pass


@pytest.mark.parametrize(
    ("text", "binary"),
    [
        ("AQID\n", b"\x01\x02\x03"),
        ("AQ\r\nID", b"\x01\x02\x03"),
        (" AQI D=", b"\x01\x02\x03"),
        ("-_-_", b"\xfb\xff\xbf"),
        ("YQ", b"a"),
        ("YQ=", b"a"),
        ("AQIDB", b"\x01\x02\x03"),
        ("Y", b""),
        ("YWI=\nYWJj", b"ab"),
        ("\u00e9!AQID", b"\x01\x02\x03"),
        ("AQID====", b"\x01\x02\x03"),
        ("====", b""),
        ("*", b""),
        ("", b""),
    ],
)  # fmt: skip
def test_base64_is_read_as_node_reads_it(text: str, binary: bytes) -> None:
    """What `Buffer.from(text, "base64")` gives in Node.js 20. Android's encoder breaks lines, and ends with one."""
    assert payload.decode_packet(f"b{text}", 4) == binary
    assert payload.decode_packet(f"b4{text}", 3) == binary
    assert list(payload.decode(f"4a\x1eb{text}", 4)) == ["4a", binary]


@pytest.mark.parametrize(
    ("packet", "revision", "binary"),
    [
        (b"1:2", 3, False),
        (b"0:", 3, False),
        ("3:4😀".encode(), 3, False),
        (b"\x00\x01\xff4", 3, True),
        (b"3\x1e", 4, False),
    ],
)
def test_a_payload_has_a_limited_number_of_packets(packet: bytes, revision: Revision, binary: bool) -> None:
    """Of the others nothing is decoded: a body of five megabytes has millions of packets of one byte."""
    few, many = ((packet * count).removesuffix(b"\x1e") for count in (payload.MAX_PACKETS, payload.MAX_PACKETS * 1_000))
    assert len(list(payload.decode(few, revision, binary=binary))) in (0, payload.MAX_PACKETS)
    decoded: list[Packet] = []
    with pytest.raises(ProtocolError, match="more than 2000 packets"):
        decoded.extend(payload.decode(many, revision, binary=binary))
    assert len(decoded) <= payload.MAX_PACKETS


def test_packets_before_one_that_is_broken_count() -> None:
    decoded: list[Packet] = []
    with pytest.raises(ProtocolError, match="empty packet"):
        decoded.extend(payload.decode(b"4a\x1e4b\x1e", 4))
    assert decoded == ["4a", "4b"]
