"""The document of a project's own events: of the namespaces that `ASGI_APPLICATION` serves."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from socketio_bridge.documentation.asyncapi import asyncapi
from socketio_bridge.server import SocketIOServer, find_servers


def project_servers() -> list[SocketIOServer]:
    """The servers at the top level of the module of `ASGI_APPLICATION`.

    Raises:
        CommandError: There are none.
    """
    servers = find_servers()
    if not servers:
        raise CommandError(
            f"The module of ASGI_APPLICATION, {settings.ASGI_APPLICATION}, has no SocketIOServer at its top level; "
            "give it a name there."
        )
    return servers


def describe_project() -> dict[str, Any]:
    """Make the AsyncAPI document; title, version, description and servers come from the setting `ASYNCAPI`.

    Raises:
        CommandError: The module of `ASGI_APPLICATION` has no server.
    """
    servers = project_servers()
    namespaces = [each for server in servers for each in (*server.namespaces.values(), *server.dynamic_namespaces)]
    info = {"title": "Socket.IO events", "version": "1.0.0", "servers": {}, **getattr(settings, "ASYNCAPI", {})}
    return asyncapi(namespaces, **info)
