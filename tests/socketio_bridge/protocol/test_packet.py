"""The grammar of Socket.IO packets (Socket.IO protocol 5, "Packet encoding"), shared by protocols 4 and 5."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socketio_bridge.protocol import ProtocolError, packet
from socketio_bridge.protocol.packet import PacketType


def arguments(text: str) -> list[object]:
    return [msgspec.json.decode(raw) for raw in packet.decode(text).arguments]


class TestDecodingEvents:
    def test_an_event_in_the_default_namespace(self) -> None:
        received = packet.decode('2["foo",1,{"a":[true,null]}]')
        assert (received.type, received.namespace, received.id, received.event) == (PacketType.EVENT, "/", None, "foo")
        assert arguments('2["foo",1,{"a":[true,null]}]') == [1, {"a": [True, None]}]

    def test_an_event_in_a_namespace_with_an_ack_id(self) -> None:
        received = packet.decode('2/admin,12["foo"]')
        assert (received.namespace, received.id, received.event, received.arguments) == ("/admin", 12, "foo", [])

    def test_ack_ids_start_at_zero(self) -> None:
        assert packet.decode('20["foo"]').id == 0

    def test_a_comma_in_the_payload_ends_no_namespace(self) -> None:
        assert packet.decode('2["/a,b"]').event == "/a,b"

    def test_a_number_is_taken_as_a_name(self) -> None:
        """The reference server's `isPayloadValid` allows it."""
        assert packet.decode("2[1]").event == "1"

    def test_half_a_surrogate_pair_is_replaced(self) -> None:
        r"""JavaScript sends `"\ud83d"` for a string cut in an emoji; it must cost one character, not the connection."""
        assert arguments(r'2["foo","a\ud83db"]') == ["a\ufffdb"]

    @pytest.mark.parametrize("name", sorted(packet.RESERVED_EVENTS))
    def test_reserved_names_are_refused(self, name: str) -> None:
        with pytest.raises(ProtocolError, match="reserved"):
            packet.decode(f'2["{name}"]')


class TestDecodingBinaryPackets:
    """Socket.IO protocol 5, "Packet encoding / Binary": types 5 and 6 are events and acks with attachments."""

    def test_an_event_tells_how_many_attachments_follow(self) -> None:
        received = packet.decode('52-/admin,12["foo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]')
        assert (received.type, received.namespace, received.id, received.event, received.attachments) == (
            PacketType.EVENT,
            "/admin",
            12,
            "foo",
            2,
        )

    def test_so_does_an_ack(self) -> None:
        received = packet.decode('61-7[{"_placeholder":true,"num":0}]')
        assert (received.type, received.id, received.attachments) == (PacketType.ACK, 7, 1)

    def test_none_may_follow(self) -> None:
        """Clients 2.x and 3.x send that for what looked like binary and was not."""
        assert arguments('50-["foo",1]') == [1]
        assert packet.decode('50-["foo",1]').attachments == 0

    def test_a_dash_in_the_payload_ends_no_number(self) -> None:
        assert packet.decode('22["1-2"]').id == 2


class TestDecodingTheRest:
    def test_connect_keeps_its_payload(self) -> None:
        received = packet.decode('0/admin,{"token":"x"}')
        assert (received.type, received.namespace, received.body) == (PacketType.CONNECT, "/admin", '{"token":"x"}')

    def test_connect_of_protocol_4_has_its_query_in_the_namespace(self) -> None:
        assert packet.decode("0/admin?token=a,").namespace == "/admin?token=a"
        assert packet.decode("0/admin?token=a").namespace == "/admin?token=a"

    def test_disconnect(self) -> None:
        assert packet.decode("1/admin,").type is PacketType.DISCONNECT
        assert packet.decode("1").namespace == "/"

    def test_ack(self) -> None:
        received = packet.decode('3/admin,7["x"]')
        assert (received.type, received.namespace, received.id) == (PacketType.ACK, "/admin", 7)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "type from 0 to 6"),
        ("7", "type from 0 to 6"),
        ("abc", "type from 0 to 6"),
        ("2", "not a JSON array"),
        ("2[]", "needs a name"),
        ("2{}", "not a JSON array"),
        ('2"foo"', "not a JSON array"),
        ('2["foo"', "not a JSON array"),
        ('2["foo"]]', "not a JSON array"),
        ("2[null]", "must be a string"),
        ("2[{}]", "must be a string"),
        ("2" + "[" * 100_000, "not a JSON array"),
        ("2" + "9" * 5000 + '["foo"]', "5000 digits"),
        ('21-["foo"]', "no attachments"),
        ("01-", "no attachments"),
        ('5["foo"]', "number of its attachments"),
        ('5-["foo"]', "number of its attachments"),
        ('51["foo"]', "number of its attachments"),
        ('51.5-["foo"]', "number of its attachments"),
        ('5-1-["foo"]', "number of its attachments"),
        ('51001-["foo"]', "1001 attachments; it may have 1000"),
        ("5" + "9" * 5000 + '-["foo"]', "number of its attachments"),
        ("51-[]", "needs a name"),
        ('51-["connect"]', "reserved"),
        ("61-[]", "needs the id"),
        ("3[]", "needs the id"),
        ("33", "not a JSON array"),
        ("1{}", "no payload"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_the_grammar_does_not_allow_is_a_protocol_error(text: str, problem: str) -> None:
    with pytest.raises(ProtocolError, match=problem):
        packet.decode(text)


@given(st.text() | st.text(alphabet='0123456789-/,[]{}"\\aunl:?. \ud800', max_size=40))
def test_no_text_raises_anything_but_a_protocol_error(text: str) -> None:
    try:
        packet.decode(text)
    except ProtocolError:
        pass


class TestEncoding:
    def test_connect_answers_of_both_protocols(self) -> None:
        assert packet.connect("/admin", {"sid": "x"}) == '0/admin,{"sid":"x"}'
        assert packet.connect("/admin") == "0/admin,"
        assert packet.connect("/") == "0"

    def test_connect_errors_of_both_protocols(self) -> None:
        assert packet.connect_error("/admin", {"message": "no"}) == '4/admin,{"message":"no"}'
        assert packet.connect_error("/admin", "no") == '4/admin,"no"'
        assert packet.decode('4/admin,"no"') == packet.Packet(PacketType.CONNECT_ERROR, "/admin", body='"no"')

    def test_events_and_acks(self) -> None:
        assert packet.event("/", "foo", [1]) == ('2["foo",1]', [])
        assert packet.event("/admin", "foo", [], 3) == ('2/admin,3["foo"]', [])
        assert packet.ack("/admin", 3, ["bar"]) == ('3/admin,3["bar"]', [])
        assert packet.disconnect("/admin") == "1/admin,"

    def test_events_and_acks_with_binary(self) -> None:
        """Socket.IO protocol 5, "Packet encoding / Binary": the documents' own examples."""
        zero, one = '{"_placeholder":true,"num":0}', '{"_placeholder":true,"num":1}'
        assert packet.event("/", "baz", [b"\x01", {"a": b"\x02"}]) == (
            f'52-["baz",{zero},{{"a":{one}}}]',
            [b"\x01", b"\x02"],
        )
        assert packet.event("/admin", "baz", [b"\x01"], 0) == (f'51-/admin,0["baz",{zero}]', [b"\x01"])
        assert packet.ack("/admin", 3, [b"\x01"]) == (f"61-/admin,3[{zero}]", [b"\x01"])

    def test_a_reserved_name_is_refused(self) -> None:
        with pytest.raises(ValueError, match="'connect' is reserved"):
            packet.event("/", "connect", [])

    @given(
        st.text(min_size=1).filter(lambda name: name not in packet.RESERVED_EVENTS),
        st.lists(st.none() | st.booleans() | st.text() | st.integers(-(2**53), 2**53)),
        st.none() | st.integers(0, 2**53),
    )
    def test_what_is_encoded_decodes_to_itself(self, name: str, values: list[object], ack_id: int | None) -> None:
        text, attachments = packet.event("/ns", name, values, ack_id)
        assert attachments == []
        received = packet.decode(text)
        assert (received.namespace, received.id, received.event, arguments(text)) == ("/ns", ack_id, name, values)


@pytest.mark.parametrize("arguments", [[], ["[text]", 1], [b"binary", {"a": b"more"}]])
def test_an_event_can_be_addressed_later(arguments: list[object]) -> None:
    for namespace in ("/", "/shops/7"):
        text, attachments = packet.event("/", "sale", arguments)
        assert (packet.addressed(text, namespace), attachments) == packet.event(namespace, "sale", arguments)
