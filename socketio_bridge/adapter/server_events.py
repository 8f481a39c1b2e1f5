"""Events between the servers of a cluster: from one process to the namespaces of all the others."""

from __future__ import annotations

from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet

import msgspec

from socketio_bridge.adapter.adapter import Hub, any_hub, find_hub
from socketio_bridge.adapter.cluster import Answers, without_answer
from socketio_bridge.adapter.external_emitter import send_without_hub
from socketio_bridge.exceptions import UnknownEvent

_KIND = "server_event"

_servers: WeakKeyDictionary[Hub, WeakSet[Server]] = WeakKeyDictionary()


class ServerEvent(msgspec.Struct, array_like=True):
    """An event for the handlers of a namespace."""

    namespace: str
    event: str
    arguments: list[Any]


class Handlers(Protocol):
    """The handlers of a namespace."""

    async def dispatch_server_event(self, event: str, arguments: list[Any]) -> Any:
        """Run the handler of an event."""


class Server(Protocol):
    """Who has the handlers of namespaces."""

    def find_namespace(self, path: str) -> Handlers | None:
        """The handlers of a namespace, if there are any."""


async def server_side_emit(event: str, *arguments: Any, namespace: str) -> None:
    """Run the `@server_event` handlers of an event on all other processes (Socket.IO's `serverSideEmit`).

    It arrives in order with what this process emits to clients.

    Args:
        event: The event's name.
        arguments: What msgspec encodes to MessagePack: None, numbers, strings, bytes, lists, dicts, or Structs and
            dataclasses of these.
        namespace: The path of the namespace whose handlers run.
    """
    body = ServerEvent(namespace, event, list(arguments))
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
    """Run the `@server_event` handlers of an event on all other processes, and wait for what they return.

    Args:
        event: The event's name.
        arguments: As for `server_side_emit`.
        namespace: The path of the namespace whose handlers run.
        timeout: Seconds to wait.

    Returns:
        `received`: what the handlers returned, by the process's id. `failed`: why others did not answer: `HubTimeout`,
        `HubGone`, or `HubFailed` where there is no such handler, or it raised.
    """
    async with any_hub() as hub:
        return await hub.cluster.ask_all(_KIND, ServerEvent(namespace, event, list(arguments)), timeout)


def serve(hub: Hub, server: Server) -> None:
    """Have a hub run a server's handlers when another process sends an event."""
    _servers.setdefault(hub, WeakSet()).add(server)

    async def answer(asker: str, body: ServerEvent) -> Any:
        for each in _servers[hub]:
            namespace = each.find_namespace(body.namespace)
            if namespace is not None:
                return await namespace.dispatch_server_event(body.event, body.arguments)
        raise UnknownEvent(f"no namespace {body.namespace!r} here for the server event {body.event!r}")

    hub.cluster.answer(_KIND, answer, takes=ServerEvent)
