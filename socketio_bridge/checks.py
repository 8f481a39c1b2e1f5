"""System checks of a project's settings for the bridge, its channel layer and its ASGI application."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from inspect import iscoroutinefunction
from typing import Any

from channels.routing import ProtocolTypeRouter
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.utils.module_loading import import_string

from socketio_bridge.options import Options, wrong_options
from socketio_bridge.recovery.store import IN_MEMORY, Place
from socketio_bridge.server import find_servers
from socketio_bridge.transports.origins import ANY, OPAQUE, parse_origin


@register()
def check_options(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check `SOCKETIO`, the options that servers have of their own, and the origins that may connect."""
    if wrong := wrong_options(getattr(settings, "SOCKETIO", {})):
        hint = 'It must be like {"ping_interval": 25.0, "max_payload": 1_000_000}; times are seconds, sizes bytes.'
        return [Error(said, hint=hint, id="socketio_bridge.E001") for said in wrong.values()]
    try:
        options = Options.from_settings()
    except ImproperlyConfigured as error:
        hint = 'ALLOWED_ORIGINS must be like ["https://shop.example"].'
        return [Error(str(error), hint=hint, id="socketio_bridge.E004")]
    found = (_origins, _callables, _compression, _recovery, _followed_sessions)
    every = dict.fromkeys([options, *_options_of_servers()])
    return [message for options in every for check in found for message in check(options)]


def _options_of_servers() -> list[Options]:
    try:
        return [server.options for server in find_servers()]
    except Exception:
        return []  # check_mount says why the application cannot be imported


def _callables(options: Options) -> Iterator[CheckMessage]:
    for name, asynchronous in (("allow_request", True), ("allow_origin", False)):
        path = getattr(options, name)
        if path is None:
            continue
        wanted = "an async function of the Handshake" if asynchronous else "a function of the origin, not async"
        try:
            found = import_string(path)
        except Exception as error:
            problem = f"cannot be imported: {type(error).__name__}: {error}"
        else:
            if callable(found) and iscoroutinefunction(found) == asynchronous:
                continue
            problem = f"is {found!r:.100}"
        yield Error(
            f"The Socket.IO option {name!r} is {path!r}, which {problem}.",
            hint=f'It must be the dotted path of {wanted}, like "mysite.socketio.{name}".',
            id="socketio_bridge.E014",
        )


def _compression(options: Options) -> Iterator[CheckMessage]:
    if options.per_message_deflate:
        yield Info(
            "The Socket.IO option 'per_message_deflate' is on, which is the ASGI server's to do; daphne, and with it "
            "`runserver`, never compresses.",
            hint="Serve by uvicorn: uvicorn.run(…, **Options.from_settings().for_uvicorn()). Each socket then takes "
            "hundreds of kilobytes. Where that is done, put socketio_bridge.I012 into SILENCED_SYSTEM_CHECKS.",
            id="socketio_bridge.I012",
        )


def _followed_sessions(options: Options) -> Iterator[CheckMessage]:
    if options.follow_session and settings.SESSION_ENGINE == "django.contrib.sessions.backends.signed_cookies":
        yield Warning(
            "The Socket.IO option 'follow_session' is on, and sessions are in cookies: a logout ends none, and sockets "
            "stay.",
            hint='Keep sessions on the server: SESSION_ENGINE = "django.contrib.sessions.backends.cached_db".',
            id="socketio_bridge.W016",
        )


def _recovery(options: Options) -> Iterator[CheckMessage]:
    if options.max_disconnection_duration is None:
        return
    try:
        Place.of(options)
    except ImproperlyConfigured as error:
        yield Error(
            str(error),
            hint="Without a channel layer, for a server of one process, what clients miss is kept in memory.",
            id="socketio_bridge.E013",
        )


def _origins(options: Options) -> Iterator[CheckMessage]:
    inherited = "allowed_origins" not in getattr(settings, "SOCKETIO", {}) and options == Options.from_settings()
    name = "ALLOWED_ORIGINS" if inherited else "The Socket.IO option 'allowed_origins'"
    for origin in options.allowed_origins:
        if origin in (ANY, OPAQUE):
            whose = "any site" if origin == ANY else "any site, from a sandboxed frame,"
            yield Warning(
                f"{name} has {origin!r}: pages of {whose} may connect, with your users' cookies.",
                hint="Name the origins that may. Where no handler goes by cookies (session, user), but by a token in "
                "`auth` or `query`, this is safe: put socketio_bridge.W003 into SILENCED_SYSTEM_CHECKS.",
                id="socketio_bridge.W003",
            )
            continue
        try:
            parse_origin(origin)
        except ValueError as error:
            yield Error(
                f"{name} has {origin!r}, which matches no browser's origin: {error}.",
                hint="An origin is scheme://host, or scheme://host:port: https://shop.example, http://localhost:3000",
                id="socketio_bridge.E004",
            )
    for regex in options.allowed_origin_regexes:
        try:
            re.compile(regex)
        except re.error as error:
            yield Error(
                f"The Socket.IO option 'allowed_origin_regexes' has {regex!r}, which is no regular expression: "
                f"{error}.",
                hint=r"It must match an origin as a whole: r\"https://\w+\.shop\.example\"",
                id="socketio_bridge.E015",
            )


@register()
def check_channel_layer(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check `CHANNEL_LAYERS`, by which processes reach each other's sockets."""
    return list(_channel_layer())


def _channel_layer() -> Iterator[CheckMessage]:
    recommended = "Use channels_redis.pubsub.RedisPubSubChannelLayer"
    single = "sockets of this process alone get what it emits; workers and management commands reach none of them"
    silence = "For one process without such commands, put this check into SILENCED_SYSTEM_CHECKS."
    backend = getattr(settings, "CHANNEL_LAYERS", {}).get("default", {}).get("BACKEND")
    if backend is None:
        yield Warning(
            f"CHANNEL_LAYERS has no 'default': {single}.", hint=f"{recommended}. {silence}", id="socketio_bridge.W005"
        )
        return
    try:
        lineage = {f"{kind.__module__}.{kind.__qualname__}" for kind in import_string(backend).__mro__}
    except ImportError as error:
        yield Error(
            f"CHANNEL_LAYERS['default']['BACKEND'] is {backend!r}, which cannot be imported: {error}",
            hint=f"{recommended} (pip install channels-redis).",
            id="socketio_bridge.E006",
        )
        return
    if IN_MEMORY in lineage:
        yield Warning(
            f"The channel layer is in memory: {single}.", hint=f"{recommended}. {silence}", id="socketio_bridge.W005"
        )
    elif "channels_redis.core.RedisChannelLayer" in lineage:
        yield Warning(
            f"{backend} drops messages silently when a process has more than `capacity` of them waiting (100 unless "
            "set): its clients miss events.",
            hint=f"{recommended}, with the same `hosts`.",
            id="socketio_bridge.W007",
        )


@register()
def check_mount(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check `ASGI_APPLICATION`: that it can be imported, and is not Django alone.

    The application is imported, as Django's own check of `ROOT_URLCONF` imports all views.
    """
    try:
        options = Options.from_settings()
    except ImproperlyConfigured:
        return []  # check_options reports it, and servers cannot be made without options
    polled = any("polling" in each.transports for each in _options_of_servers() or [options])
    return list(_mount(polled))


def _mount(polled: bool) -> Iterator[CheckMessage]:
    example = 'application = SocketIOServer([…]).mount("/socket.io", beside=get_asgi_application())'
    dotted = getattr(settings, "ASGI_APPLICATION", None)
    if not dotted:
        yield Warning(
            "ASGI_APPLICATION is not set: `runserver` serves WSGI, and Socket.IO clients get 404.",
            hint='Set it to where the application is, like "mysite.asgi.application", and have "daphne" first in '
            "INSTALLED_APPS. Where only another server is used, and has the application from its command line, silence "
            "this check.",
            id="socketio_bridge.W008",
        )
        return
    try:
        application = import_string(dotted)
    except Exception as error:
        yield Error(
            f"ASGI_APPLICATION is {dotted!r}, which cannot be imported: {type(error).__name__}: {error}",
            hint=f'It must be like "mysite.asgi.application", where: {example}',
            id="socketio_bridge.E009",
        )
        return
    # Exactly that type: a subclass may serve more than Django.
    if type(application) is ASGIHandler:
        yield Warning(
            f"{dotted} is Django alone, so that Socket.IO clients get 404.",
            hint=f"Mount the bridge: {example}",
            id="socketio_bridge.W010",
        )
    elif polled and _leaves_polling_to_django(application):
        yield Warning(
            f"{dotted} routes WebSockets, but all HTTP to Django: clients begin by long-polling, and get 404.",
            hint=f'For both: {example}. For WebSockets alone: SOCKETIO = {{"transports": ["websocket"]}}, and the same '
            "in clients.",
            id="socketio_bridge.W011",
        )


def _leaves_polling_to_django(application: Any) -> bool:
    if not isinstance(application, ProtocolTypeRouter):
        return False
    routes = application.application_mapping
    return "websocket" in routes and type(routes.get("http")) is ASGIHandler
