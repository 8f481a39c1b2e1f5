"""Types for clients in Python: what fits the namespace passes mypy, and what does not fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from socketio_bridge.documentation.description import describe_project
from socketio_bridge.documentation.python_types import python_types
from tests import mypy
from tests.socketio_bridge.documentation.orders import document

CLIENT = """
from events import ErrorCode, Following, Order, OrderEventsClient

def on_shipped(order: Order) -> None:
    print(order["from"].upper(), order["status"], order["previous"])

async def on_question(order_id: int, why: str) -> bool:
    return order_id > 0 and why.startswith("of")

async def right(client: OrderEventsClient) -> str:
    client.on("shipped", on_shipped, namespace="/orders")
    client.on("are_you_sure", on_question, namespace="/orders")
    await client.emit("forget", None, namespace="/orders")
    await client.emit("move", (7, "B"), namespace="/orders")
    answer = await client.call("follow", {"order_id": 7}, namespace="/orders")
    if "error" in answer:
        code: ErrorCode = answer["error"]["code"]
        return code
    return str(answer["following"] + 1)

async def wrong(client: OrderEventsClient) -> None:
    await client.emit("forgot", None, namespace="/orders")  # [call-overload]
    await client.emit("follow", {"id": 7}, namespace="/orders")  # [call-overload]
    client.on("shipped", on_question, namespace="/orders")  # [call-overload]
"""


@pytest.mark.slow
def test_type_checkers_know_the_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "events.py").write_text(python_types(document()))
    (tmp_path / "chat_events.py").write_text(python_types(describe_project()))
    (tmp_path / "client.py").write_text(CLIENT)
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = True\n")
    monkeypatch.chdir(tmp_path)
    said, error, _ = mypy.run(["--config-file=mypy.ini", "client.py", "events.py", "chat_events.py"])
    assert error == ""
    found = {(int(line), code) for line, code in re.findall(r"client\.py:(\d+): error: .*(\[[a-z-]+\])", said)}
    wanted = {(n, line.partition("# ")[2]) for n, line in enumerate(CLIENT.splitlines(), 1) if "# [" in line}
    assert found == wanted, said
    assert not re.search(r"events\.py:\d+: error", said), said


def test_what_is_written_runs() -> None:
    made: dict[str, object] = {}
    exec(python_types(document()), made)
    assert {"Order", "OrderRequest", "OrderEventsClient", "ErrorCode"} <= set(made)
