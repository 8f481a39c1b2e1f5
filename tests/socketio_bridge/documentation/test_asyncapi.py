"""The document that describes namespaces, and the page made from it: what runs is what is written."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from socketio_bridge import Namespace, Socket, event, outgoing_event
from socketio_bridge.documentation.asyncapi import asyncapi
from socketio_bridge.documentation.event_page import event_page


class Claim(msgspec.Struct):
    """Who connects."""

    token: str


class Move(msgspec.Struct, rename={"from_": "from"}):
    """A move on the board."""

    from_: str
    to: str
    draw: bool = False


class Taken(msgspec.Struct):
    """The move counts."""

    number: int


class NotTaken(msgspec.Struct):
    """The move does not count."""

    reason: str


@outgoing_event("move")
def moved(move: Move) -> None:
    """Somebody has moved."""


@outgoing_event("clock")
def clock(seconds: int) -> None:
    """What is left."""


@outgoing_event("draw?")
def draw_is_offered(by: str, reason: str = "") -> bool:
    """The other side offers a draw."""
    raise NotImplementedError


class GameOfChess(Namespace):
    """A game for two."""

    path = "/chess"
    emits = (moved, clock, draw_is_offered)
    handshake_type = Claim

    @event("move")
    async def move(self, socket: Socket, move: Move) -> Taken:
        """Make a move."""
        raise NotImplementedError

    @event("resign")
    async def resign(self, socket: Socket) -> None:
        """Give up."""

    @event("place")
    async def place(self, socket: Socket, piece: str, square: str) -> Taken | NotTaken:
        """Put a piece somewhere."""
        raise NotImplementedError

    async def on_error(self, socket: Socket, event: str, arguments: Any, error: Exception) -> NotTaken:
        raise NotImplementedError


@pytest.fixture
def document() -> dict[str, Any]:
    server = {"host": "games.example.com", "protocol": "wss", "pathname": "/socket.io"}
    return asyncapi([GameOfChess()], title="Games", version="1.2.0", description="Play.", servers={"live": server})


def resolve(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    found: Any = document
    for key in node["$ref"].removeprefix("#/").split("/"):
        found = found[key]
    assert isinstance(found, dict)
    return found


def payload_of(document: dict[str, Any], operation: str) -> dict[str, Any]:
    [message] = document["operations"][operation]["messages"]
    payload = resolve(document, message)["payload"]
    assert isinstance(payload, dict)
    return payload


def test_a_namespace_is_a_channel_at_its_path(document: dict[str, Any]) -> None:
    channel = document["channels"]["game_of_chess"]
    assert (document["asyncapi"], channel["address"], channel["description"]) == ("3.0.0", "/chess", "A game for two.")
    assert resolve(document, channel["bindings"]["ws"]["query"])["required"] == ["token"]


def test_what_clients_send_is_received_and_what_the_namespace_emits_is_sent(document: dict[str, Any]) -> None:
    assert {name: operation["action"] for name, operation in document["operations"].items()} == {
        "game_of_chess_receive_move": "receive",
        "game_of_chess_receive_place": "receive",
        "game_of_chess_receive_resign": "receive",
        "game_of_chess_send_move": "send",
        "game_of_chess_send_clock": "send",
        "game_of_chess_send_draw?": "send",
    }


def test_one_argument_is_the_payload_and_several_are_its_items(document: dict[str, Any]) -> None:
    move = resolve(document, payload_of(document, "game_of_chess_receive_move"))
    assert (list(move["properties"]), move["required"]) == (["from", "to", "draw"], ["from", "to"])
    strings = {"type": "string"}
    assert payload_of(document, "game_of_chess_receive_place")["prefixItems"] == [strings, strings]
    assert payload_of(document, "game_of_chess_receive_resign")["maxItems"] == 0
    assert payload_of(document, "game_of_chess_send_clock") == {"type": "integer"}


def test_an_answer_is_the_reply_with_what_an_error_is_answered_with(document: dict[str, Any]) -> None:
    operations = document["operations"]
    for name in ("move", "place"):
        [message] = operations[f"game_of_chess_receive_{name}"]["reply"]["messages"]
        answers = [resolve(document, answer) for answer in resolve(document, message)["payload"]["oneOf"]]
        assert [answer["title"] for answer in answers] == ["Taken", "NotTaken"]
    assert "reply" not in operations["game_of_chess_receive_resign"]


def test_the_address_of_a_dynamic_namespace_is_its_pattern() -> None:
    class Boards(Namespace):
        pattern = re.compile(r"/boards/\d+")

    document = asyncapi([Boards()], title="Games", version="1", servers={})
    assert document["channels"]["boards"]["address"] == r"/boards/\d+"


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> Any:
        if isinstance(node, dict):
            yield from [node] if "$ref" in node else []
            node = list(node.values())
        if isinstance(node, list):
            for item in node:
                yield from references(item)

    for node in references(document):
        resolve(document, node)


def test_the_page_shows_each_event_with_its_fields_and_answers(document: dict[str, Any]) -> None:
    page = event_page(document)
    assert "## Namespace `/chess`" in page
    assert "#### `move`\n\nMake a move.\n\n| field | type | |\n| --- | --- | --- |\n| `from` | string |  |\n" in page
    assert "| `draw` | boolean | optional |" in page
    assert "Acknowledged with [Taken](#taken) or [NotTaken](#nottaken)." in page
    assert "### NotTaken" in page
