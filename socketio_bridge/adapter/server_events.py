"""Events between the servers of a cluster: from one process to the namespaces of all the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

import msgspec

from socketio_bridge.adapter.adapter import Hub, any_hub, find_hub
from socketio_bridge.adapter.cluster import Answers, without_answer
from socketio_bridge.adapter.external_emitter import send_without_hub
from socketio_bridge.exceptions import UnknownEvent

if TYPE_CHECKING:
    from socketio_bridge.server import SocketIOServer

_KIND = "server_event"

_servers: WeakKeyDictionary[Hub, WeakSet[SocketIOServer]] = WeakKeyDictionary()


async def server_side_emit(event: str, *arguments: Any, namespace: str) -> None:
    """Run the `@server_event` handlers of an event in the namespace on all other processes that serve it.

    Arguments are what msgpack holds (None, numbers, strings, bytes, lists, dicts), or Structs and dataclasses of that.
    They arrive in order with what is emitted.
    """
    body = namespace, event, arguments
    hub = find_hub()
    if hub is None:
        await send_without_hub(without_answer(_KIND, body))
    else:
        hub.cluster.tell_all(_KIND, body)


async def server_side_call(
    event: str,
    *arguments: Any,
    namespace: str,
    timeout: float,  # noqa: ASYNC109 - kept by each process's answer for itself
) -> Answers:
    """`server_side_emit`, and what the handlers returned within `timeout` seconds.

    `received` holds it by the processes' hubs, `failed` why others did not answer: `HubTimeout`, `HubGone`, or, for one
    that has no such handler or whose handler raised, `HubFailed`.
    """
    async with any_hub() as hub:
        return await hub.cluster.ask_all(_KIND, (namespace, event, arguments), timeout)


def serve(hub: Hub, server: SocketIOServer) -> None:
    """Have a hub run a server's handlers when another process sends an event."""
    _servers.setdefault(hub, WeakSet()).add(server)

    async def answer(asker: str, body: Any) -> Any:
        path, event, arguments = msgspec.convert(body, tuple[str, str, list[Any]])
        for each in _servers[hub]:
            namespace = each.find_namespace(path)
            if namespace is not None:
                return await namespace.dispatch_server_event(event, arguments)
        raise UnknownEvent(f"no namespace {path!r} here for the server event {event!r}")

    hub.cluster.answer(_KIND, answer)
