"""Which changes of the events break clients that were written before."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from socketio_bridge.documentation.compatibility import breaking_changes
from tests.socketio_bridge.documentation.orders import document

Change = Callable[[dict[str, Any]], Any]


def schema(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda document: document["components"]["schemas"][name]


def message(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda document: document["channels"]["order_events"]["messages"][name]


def rename(name: str, field: str, to: str) -> Change:
    def change(document: dict[str, Any]) -> None:
        described = schema(name)(document)
        described["properties"][to] = described["properties"].pop(field)
        described["required"] = [to if each == field else each for each in described["required"]]

    return change


def set_type(name: str, field: str, kind: dict[str, Any]) -> Change:
    return lambda document: schema(name)(document)["properties"].update({field: kind})


def drop_event(operation: str) -> Change:
    return lambda document: document["operations"].pop(operation)


def add_argument(document: dict[str, Any], *, required: bool) -> None:
    move = message("client_move")(document)
    move["payload"]["prefixItems"].append({"type": "string"})
    move["x-arguments"].append({"name": "floor", "required": required})


SENT, RECEIVED = "'shipped', which the server sends,", "'follow', which clients send,"
BREAKING: dict[str, tuple[Change, list[str]]] = {
    "a namespace is gone": (lambda d: d["channels"].clear(), ["/orders: the namespace is gone"]),
    "an event that clients send is gone": (
        drop_event("order_events_receive_follow"), [f"/orders: {RECEIVED} is gone"]),
    "an event that the server sends is gone": (drop_event("order_events_send_shipped"), [f"/orders: {SENT} is gone"]),
    "a field that is sent is renamed": (
        rename("Order", "from", "sender"), [f"/orders: {SENT} has no field 'from' in order any more"]),
    "a field that is taken is renamed": (
        rename("OrderRequest", "order_id", "id"),
        [f"/orders: {RECEIVED} has no field 'order_id' in request any more",
         f"/orders: {RECEIVED} needs the field 'id' in request"]),
    "a field of an answer is renamed": (
        rename("Following", "following", "followed"),
        [f"/orders: {RECEIVED} has no field 'following' in its answer any more"]),
    "a field of a refusal is gone": (
        lambda d: schema("RefusalReason")(d)["properties"].pop("message"),
        [f"/orders: {RECEIVED} has no field 'message' in 'error' of its answer any more",
         "/orders: 'move', which clients send, has no field 'message' in 'error' of its answer any more"]),
    "a field must be sent now": (
        lambda d: schema("OrderRequest")(d)["required"].append("note"),
        [f"/orders: {RECEIVED} needs the field 'note' in request"]),
    "a field may be missing now": (
        lambda d: schema("Order")(d)["required"].remove("status"),
        [f"/orders: {SENT} may come without the field 'status' in order"]),
    "a field that is taken has another type": (
        set_type("OrderRequest", "order_id", {"type": "string"}),
        [f"/orders: {RECEIVED} has string as 'order_id' of request, where it was integer"]),
    "a field that is sent may be null now": (
        set_type("Order", "from", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        [f"/orders: {SENT} has null as 'from' of order, where it was string"]),
    "a new value may come": (
        set_type("Order", "status", {"enum": ["NEW", "SHIPPED", "LOST"]}),
        [f"/orders: {SENT} may now have 'LOST' as 'status' of order"]),
    "an argument must be given now": (
        lambda d: add_argument(d, required=True), ["/orders: 'move', which clients send, needs 'floor'"]),
}  # fmt: skip
HARMLESS: dict[str, Change] = {
    "nothing": lambda d: None,
    "a field that is sent": lambda d: schema("Order")(d)["properties"].update(weight={"type": "number"}),
    "a field that may be taken": lambda d: schema("OrderRequest")(d)["properties"].update(by={"type": "string"}),
    "an argument that may be given": lambda d: add_argument(d, required=False),
    "a code of refusals": lambda d: schema("ErrorCode")(d)["enum"].append("out_of_paper"),
    "less is sent": set_type("Order", "status", {"enum": ["NEW"]}),
    "more is taken": set_type("OrderRequest", "order_id", {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
    "a description": lambda d: schema("Order")(d).update(description="Another text."),
    "an event": lambda d: d["channels"].update(news={**d["channels"]["order_events"], "address": "/news"}),
}


def changed(change: Change) -> dict[str, Any]:
    newer: dict[str, Any] = json.loads(json.dumps(document()))
    change(newer)
    return newer


@pytest.mark.parametrize("change", BREAKING)
def test_what_breaks_is_named(change: str) -> None:
    make, named = BREAKING[change]
    assert breaking_changes(document(), changed(make)) == named


@pytest.mark.parametrize("change", HARMLESS)
def test_what_breaks_nothing_is_not(change: str) -> None:
    assert breaking_changes(document(), changed(HARMLESS[change])) == []


def test_the_command_ends_with_what_breaks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    published = Path(__file__).resolve().parents[3] / "docs" / "asyncapi.json"
    call_command("socketio", "compatible", str(published))
    assert "Nothing breaks" in capsys.readouterr().out
    older = json.loads(published.read_text())
    older["components"]["schemas"]["MessagePayload"]["properties"]["colour"] = {"type": "string"}
    (tmp_path / "older.json").write_text(json.dumps(older))
    with pytest.raises(CommandError, match="'new_message', which the server sends, has no field 'colour' in message"):
        call_command("socketio", "compatible", str(tmp_path / "older.json"))
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("socketio", "compatible", str(tmp_path / "other.json"))


def test_the_command_writes_types(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("socketio", "types", "--typescript", str(tmp_path / "events.ts"), "--python", "-")
    assert "ModeratedConversationEventsSocket" in (tmp_path / "events.ts").read_text()
    assert "class ModeratedConversationEventsClient(Protocol):" in capsys.readouterr().out
    with pytest.raises(CommandError, match="name a file"):
        call_command("socketio", "types")
