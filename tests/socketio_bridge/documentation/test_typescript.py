"""Types for `socket.io-client`: a client that fits the namespace passes the compiler, and one that does not fails."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from socketio_bridge.documentation.description import describe_project
from socketio_bridge.documentation.typescript import typescript
from tests.clients.node import NodeMissing, installed_clients, node_executable
from tests.socketio_bridge.documentation.orders import document

pytestmark = pytest.mark.slow

CLIENT = """
import { io } from "socket.io-client";
import type { ErrorCode, Order, OrderEventsSocket } from "./events";

const socket: OrderEventsSocket = io("/orders");

socket.on("shipped", (order: Order) => {
  const parcels: number = order.parcels.length + (order.previous?.order_id ?? 0);
  const from: string = order.from;
  const status: "NEW" | "SHIPPED" = order.status;
  console.log(parcels, from, status, order.label.byteLength);
});
socket.on("are_you_sure", (orderId, why, ack) => ack(orderId > 0 && why.length > 0));
socket.on("back-soon", () => {});

socket.emit("follow", { order_id: 7 }, (answer) => {
  if ("error" in answer) explain(answer.error.code, answer.error.retry_after);
  else console.log(answer.following.toFixed());
});
socket.emit("forget");

function explain(code: ErrorCode, wait?: number): string {
  switch (code) {
    case "rate_limited": return `in ${wait} s`;
    case "order_shipped": return "too late";
    case "not_authenticated": case "permission_denied": case "invalid_arguments": case "unknown_event": return code;
  }
}

socket.emit("move", 7, "B", (number, shelf) => {
  if (typeof number === "number") console.log(number.toFixed(), shelf?.length);
});

export async function follow() {
  const answer = await socket.emitWithAck("follow", { order_id: 7 });
  if (!("error" in answer)) console.log(answer.following.toFixed());
}
"""

WRONG = {
    "a field": ("{ order_id: 7 }, (answer)", "{ id: 7 }, (answer)", "'id' does not exist in type 'OrderRequest'"),
    "its type": ("{ order_id: 7 }, (answer)", '{ order_id: "7" }, (answer)', "'string' is not assignable"),
    "a field that is read": ("answer.following.", "answer.followed.", "'followed' does not exist on type 'Following'"),
    "an event": ('socket.emit("forget")', 'socket.emit("forgot")', '"forgot"'),
    "one that is heard": ('socket.on("shipped"', 'socket.on("shiped"', "shiped"),
    "a code": ('case "order_shipped"', 'case "order_sent"', '"order_sent"'),
    "a refusal that is forgotten": ('if (!("error" in answer)) ', "", "type 'Following | Refusal'"),
    "an acknowledgement": ("ack(orderId > 0 && why.length > 0)", "ack(orderId)", "'number' is not assignable"),
}


class Compiler:
    """`tsc --strict` over the types of a document and a client."""

    def __init__(self, folder: Path) -> None:
        try:
            self._node, self._modules = node_executable(), installed_clients() / "node_modules"
        except NodeMissing as missing:
            pytest.skip(str(missing))
        self._folder = folder

    def said(self, made_of: dict[str, Any], client: str) -> str:
        """What it complains of; empty: nothing."""
        (self._folder / "events.ts").write_text(typescript(made_of))
        (self._folder / "client.ts").write_text(client)
        options = {
            "noEmit": True, "strict": True, "skipLibCheck": True, "module": "esnext", "moduleResolution": "bundler",
            "target": "es2022", "paths": {"socket.io-client": [str(self._modules / "socket.io-client-4")]},
        }  # fmt: skip
        config = {"compilerOptions": options, "files": ["client.ts"]}
        (self._folder / "tsconfig.json").write_text(json.dumps(config))
        tsc = self._modules / "typescript" / "bin" / "tsc"
        done = subprocess.run(
            [self._node, str(tsc), "-p", str(self._folder)], capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr


@pytest.fixture
def compiler(tmp_path: Path) -> Compiler:
    return Compiler(tmp_path)


def test_a_client_that_fits_compiles(compiler: Compiler) -> None:
    assert compiler.said(document(), CLIENT) == ""


@pytest.mark.parametrize("wrong", WRONG)
def test_a_client_that_has_something_wrong_does_not(compiler: Compiler, wrong: str) -> None:
    right, mistake, said = WRONG[wrong]
    assert right in CLIENT
    assert said in compiler.said(document(), CLIENT.replace(right, mistake))


def test_a_field_renamed_in_a_struct_fails_a_client_that_names_it(compiler: Compiler) -> None:
    renamed = json.loads(json.dumps(document()).replace('"following"', '"followed"'))
    assert "'following' does not exist on type 'Following'" in compiler.said(renamed, CLIENT)


CHAT_CLIENT = """
import { io } from "socket.io-client";
import type { ModeratedConversationEventsSocket } from "./events";

const chat: ModeratedConversationEventsSocket = io("/v1/conversations/events");
chat.on("new_message", (message) => console.log(message._id.length, message.from.length, message.redacted_at?.length));
const draft = { room_id: "7.9", from: "7", to: "9", type: "TEXT", content: "Hello" } as const;
chat.emit("new_message", draft, (answer) => {
  if (answer.status) console.log(answer.message.created_at.length);
  else console.log(answer.error.code === "room_blocked", answer.error.message.length);
});
"""


def test_the_chats_own_types_compile(compiler: Compiler) -> None:
    assert compiler.said(describe_project(), CHAT_CLIENT) == ""


def test_what_is_written_documents_itself() -> None:
    made = typescript(document())
    assert "  /** Hear of an order. */\n  follow: (request: OrderRequest, ack: (answer: Following | Refusal)" in made
    assert "  move: (order_id: number, shelf: string, ack: (answer1: number | Refusal, answer2?: string)" in made
    assert '  "back-soon": () => void;' in made
