"""Events between the servers of a cluster: from one process to the namespaces of all the others."""

from __future__ import annotations

from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet

import msgspec

from socketio_bridge.adapter.adapter import Adapter, any_adapter
from socketio_bridge.adapter.cluster import Responses
from socketio_bridge.adapter.external_emitter import notify_everywhere
from socketio_bridge.exceptions import UnknownEvent

_KIND = "server_event"

_servers: WeakKeyDictionary[Adapter, WeakSet[Server]] = WeakKeyDictionary()


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
    await notify_everywhere(_KIND, ServerEvent(namespace, event, list(arguments)), here=False)


async def server_side_call(
    event: str,
    *arguments: Any,
    namespace: str,
    timeout: float,  # noqa: ASYNC109 - kept by each process's answer for itself
) -> Responses:
    """Run the `@server_event` handlers of an event on all other processes, and wait for what they return.

    Args:
        event: The event's name.
        arguments: As for `server_side_emit`.
        namespace: The path of the namespace whose handlers run.
        timeout: Seconds to wait.

    Returns:
        `received`: what the handlers returned, by the process's id. `failed`: why others did not answer:
        `RequestTimeout`, `NodeGone`, or `RequestFailed` where there is no such handler, or it raised.
    """
    async with any_adapter() as adapter:
        return await adapter.cluster.request_all(_KIND, ServerEvent(namespace, event, list(arguments)), timeout)


def serve(adapter: Adapter, server: Server) -> None:
    """Have an adapter run a server's handlers when another process sends an event."""
    _servers.setdefault(adapter, WeakSet()).add(server)

    async def answer(asker: str, body: ServerEvent) -> Any:
        for each in _servers[adapter]:
            namespace = each.find_namespace(body.namespace)
            if namespace is not None:
                return await namespace.dispatch_server_event(body.event, body.arguments)
        raise UnknownEvent(f"no namespace {body.namespace!r} here for the server event {body.event!r}")

    adapter.cluster.on_request(_KIND, answer, takes=ServerEvent)
