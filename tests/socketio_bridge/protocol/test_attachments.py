"""Binary among arguments (Socket.IO protocol 5, "Packet encoding / Binary"; the same in protocol 4)."""

from __future__ import annotations

import collections
import dataclasses
import datetime
from typing import TYPE_CHECKING, Annotated, Any, Generic, NamedTuple, TypeVar
from unittest import mock

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from socketio_bridge.protocol import ProtocolError
from socketio_bridge.protocol.attachments import deconstruct, holds_binary, reconstruct

if TYPE_CHECKING:
    from decimal import Decimal as ForTypeCheckersOnly

T = TypeVar("T")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def raw(*values: Any) -> list[msgspec.Raw]:
    return [msgspec.Raw(msgspec.json.encode(value)) for value in values]


def placeholder(number: Any) -> dict[str, Any]:
    return {"_placeholder": True, "num": number}


class Typing(msgspec.Struct):
    room_id: str
    at: datetime.datetime | None = None
    tags: list[str] = []


class Picture(msgspec.Struct, rename="camel"):
    file_name: str
    data: bytes


class Album(msgspec.Struct):
    pictures: list[Picture]


class Node(msgspec.Struct):
    """A tree: its type refers to itself."""

    child: Node | None = None
    leaf: bytes | None = None


class Chain(msgspec.Struct):
    next: Chain | None = None


class Box(msgspec.Struct, Generic[T]):
    content: T


class Sized(msgspec.Struct):
    data: Annotated[bytes, msgspec.Meta(max_length=100)]


class Unresolvable(msgspec.Struct):
    price: ForTypeCheckersOnly | None = None
    data: bytes | None = None


@dataclasses.dataclass
class Upload:
    name: str
    data: Any


@dataclasses.dataclass
class Size:
    width: int


class Pair(NamedTuple):
    name: str
    data: bytes


class TestFinding:
    @pytest.mark.parametrize(
        "value",
        [
            b"",
            bytearray(b"x"),
            memoryview(b"x"),
            [[b"x"]],
            (1, (b"x",)),
            {"a": {"b": b"x"}},
            {b"x"},
            collections.OrderedDict(a=b"x"),
            Pair("a", b"x"),
            Picture("a", b"x"),
            {"album": Album([Picture("a", b"x")])},
            Node(Node(Node(leaf=b"x"))),
            Box([b"x"]),
            Sized(b"x"),
            Unresolvable(data=b"x"),
            Upload("a", b"x"),
            Upload("a", {"deep": [b"x"]}),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_binary_is_found_wherever_it_is(self, value: Any) -> None:
        for _ in range(2):  # the second time its type is known
            assert holds_binary(["before", value, "after"])

    @pytest.mark.parametrize(
        "value",
        [
            None,
            "x",
            1.5,
            [],
            {},
            {"a": [1, {"b": None}]},
            Typing("1", datetime.datetime.now(datetime.UTC)),
            Album([]),
            Node(Node()),
            Chain(Chain()),
            Box("x"),
            Unresolvable(),
            Upload("a", "b"),
            Size(1),
            datetime.datetime.now(datetime.UTC),
            msgspec.UNSET,
            msgspec.Raw(b'"eA=="'),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_nothing_else_is_taken_for_binary(self, value: Any) -> None:
        for _ in range(2):
            assert not holds_binary(["before", value, "after"])

    def test_a_type_without_fields_of_binary_is_looked_at_once(self) -> None:
        """What is emitted most, such as a typing event, costs one look in a set afterwards."""
        values = Typing("1"), Chain(), Size(1)
        assert not holds_binary(values)
        with mock.patch.object(inspect, "type_info", side_effect=AssertionError("looked at again")):
            assert not holds_binary(values)


class TestTakingOut:
    def test_placeholders_are_numbered_in_order_and_attachments_follow_it(self) -> None:
        plain, binary = deconstruct(["upload", b"1", {"a": [b"2", "x"], "b": b"3"}, (b"1",)])
        assert plain == [
            "upload",
            placeholder(0),
            {"a": [placeholder(1), "x"], "b": placeholder(2)},
            [placeholder(3)],
        ]
        assert binary == [b"1", b"2", b"3", b"1"]

    def test_structs_keep_their_wire_names(self) -> None:
        assert deconstruct([Picture("a", b"1")]) == ([{"fileName": "a", "data": placeholder(0)}], [b"1"])

    def test_attachments_are_bytes_that_nothing_changes_later(self) -> None:
        buffer = bytearray(b"abcd")
        _, binary = deconstruct([buffer, memoryview(buffer)[1:3]])
        buffer[:] = b"wxyz"
        assert binary == [b"abcd", b"bc"]
        assert [type(attachment) for attachment in binary] == [bytes, bytes]

    def test_what_stands_beside_binary_is_encoded_as_ever(self) -> None:
        when = datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC)
        beside = {"at": when, 1: "one", "raw": msgspec.Raw(b'{"x":1}'), "set": {1}, "nothing": None}
        plain, _ = deconstruct([beside, b"x"])
        assert msgspec.json.encode(plain[0]) == msgspec.json.encode(beside)

    def test_what_json_cannot_hold_is_a_type_error(self) -> None:
        with pytest.raises(TypeError, match="unsupported"):
            deconstruct([b"x", object()])


class TestPuttingBack:
    def test_binary_takes_the_places_of_its_placeholders(self) -> None:
        arguments = raw(placeholder(1), {"a": [placeholder(0), "x"], "b": {"_placeholder": False}})
        assert reconstruct(arguments, [b"0", b"1"]) == [b"1", {"a": [b"0", "x"], "b": {"_placeholder": False}}]

    def test_two_places_may_share_an_attachment(self) -> None:
        assert reconstruct(raw(placeholder(0), placeholder(0)), [b"x"]) == [b"x", b"x"]

    @pytest.mark.parametrize("number", [1, -1, None, "0", 0.0, True, [0], 10**30], ids=repr)
    def test_a_number_of_no_attachment_is_an_error(self, number: Any) -> None:
        """The reference parser's "illegal attachments"."""
        with pytest.raises(ProtocolError, match="placeholder has the number"):
            reconstruct(raw(placeholder(0), placeholder(number)), [b"x"])

    def test_a_placeholder_without_a_number_is_an_error(self) -> None:
        with pytest.raises(ProtocolError, match="number None"):
            reconstruct(raw({"_placeholder": True}), [b"x"])

    def test_an_attachment_that_belongs_nowhere_is_an_error(self) -> None:
        with pytest.raises(ProtocolError, match="no placeholder has the number 1, of 2 attachments"):
            reconstruct(raw(placeholder(0)), [b"x", b"y"])

    def test_json_too_deep_to_read_is_an_error(self) -> None:
        deep = msgspec.Raw(b"[" * 100_000 + b"]" * 100_000)
        with pytest.raises(ProtocolError, match="not JSON"):
            reconstruct([deep], [b"x"])
        for depth in range(100, 1000, 50):  # what msgspec can read may still be too deep for Python
            try:
                reconstruct([msgspec.Raw(b"[" * depth + b"]" * depth), *raw(placeholder(0))], [b"x"])
            except ProtocolError:
                break


@given(st.lists(JSON))
def test_what_is_taken_out_goes_back_to_its_place(arguments: list[Any]) -> None:
    plain, binary = deconstruct(arguments)
    assert holds_binary(arguments) == bool(binary)
    assert reconstruct(raw(*plain), binary) == arguments


@given(
    st.lists(st.binary(max_size=3), max_size=3),
    st.recursive(
        st.builds(placeholder, st.integers(-1, 4) | st.none()) | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", "num", "_placeholder"]), inner),
        max_leaves=10,
    ),
)
def test_no_placeholders_raise_anything_but_a_protocol_error(binary: list[bytes], argument: Any) -> None:
    try:
        reconstruct(raw(argument), binary)
    except ProtocolError:
        pass
