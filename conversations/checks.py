"""System checks of `settings.CONVERSATIONS`: what is wrong, with which value, and what would be right."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages
from django.db import connections, router

from conversations.configuration import ChatSettings
from conversations.models import Room
from identity import AuthMode, scope_identity, session_user
from identity.configuration import IdentitySettings
from identity.keys import parse_key
from persistence.addresses import without_password
from persistence.configuration import SETTING, StoreSettings, given_settings, known_settings, value_of
from socketio_bridge import Options
from socketio_bridge.rates import Rate

LONGEST_ELECTION = 12  # seconds, of a primary of MongoDB with its default settings
LONGEST_PATIENCE = 300
MOST_PIXELS = 40_000_000
"""Some 1.4 gigabytes of memory for the process that paints such an image."""
SHORTEST_SECRET = 32  # bytes: HS256 wants a key no shorter than its hash (RFC 7518, section 3.2)
RESYNC_CLOSES = ("none", "eio3", "all")
HTTP_URLS = (
    *("AUTH_JWKS_URL", "AUTH_INTROSPECTION_URL", "SHOP_SERVICE", "ACCOUNT_SERVICE", "SCHEMA_REGISTRY_URL"),
    "PUBLIC_URL",
)
LEAST = {
    "EDIT_WINDOW": (0, "a number of seconds, or 0 for no limit"),
    "SYNC_WINDOW": (0, "a number of seconds, or 0 for no limit"),
    "LOGIN_FAILURES": (0, "a number of failed logins, or 0 for any number"),
    "LOGIN_LOCKOUT": (1, "a number of seconds, 1 or more"),
}
"""Keys whose value is a number, the least one, and what would be right."""
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.1
HOST_AND_PORT = re.compile(r"\[?[\w.:-]+\]?:\d{1,5}")


@register()
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check CONVERSATIONS: its keys, their types, and then each value."""
    unusable = list(_unusable())
    if any(problem.is_serious() for problem in unusable):
        return unusable
    return [*unusable, *_rates(), *_uploads(), *_stores(), *_socketio(), *_identity(), *_neighbours(), *_numbers()]


def _wrong(number: int, name: str, value: object, right: str) -> Error:
    return Error(f"{name} is {value!r}.", hint=f"It must be {right}.", id=f"conversations.E{number:03}")


def _unusable() -> Iterator[CheckMessage]:
    known = known_settings()
    try:
        given = given_settings()
        for section in dict.fromkeys(known.values()):
            section.current()
    except ImproperlyConfigured as error:
        yield Error(str(error), hint="docs/chat-in-your-project.md has all keys.", id="conversations.E010")
        return
    for name in given.keys() - known.keys():
        near = difflib.get_close_matches(name, known, n=1)
        yield Warning(
            f"{SETTING} has the key {name!r}, which no installed app knows.",
            hint=f"Is {near[0]} meant?" if near else "docs/chat-in-your-project.md has all keys.",
            id="conversations.W011",
        )


def _rates() -> Iterator[CheckMessage]:
    for name in (name for name in known_settings() if "_RATE_" in name or name == "AUTH_FAILURES"):
        try:
            Rate.read(value_of(name))
        except ValueError:
            right = "calls in a second, minute, hour or day, like 600/m (s, m, h, d), or 0 for no limit"
            yield _wrong(1, name, value_of(name), right)


def _uploads() -> Iterator[CheckMessage]:
    for name, most in (("UPLOAD_MAX_BYTES", sys.maxsize), ("UPLOAD_MAX_PIXELS", MOST_PIXELS)):
        if not 1 <= value_of(name) <= most:
            yield _wrong(
                2, name, value_of(name), "a number, 1 or more" + ("" if most == sys.maxsize else f", at most {most}")
            )
    for host in ChatSettings.current().IMAGE_HOSTS:
        if "/" in host:
            yield _wrong(12, "IMAGE_HOSTS", host, "names of hosts, without scheme or path: cdn.example.com")


@register()
def check_storage(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check the storage of images, which is Django's default one."""
    storage: Any = storages.backends["default"]
    try:
        storages.create_storage(storage)
    except Exception as error:  # a storage is anybody's code
        return [
            Error(
                f"MEDIA_STORAGE is {storage['BACKEND']!r}, which cannot be used: {error}",
                hint="It must be the path of a Django storage that is installed, like storages.backends.s3.S3Storage, "
                "and MEDIA_STORAGE_OPTIONS a JSON object of the options that it takes.",
                id="conversations.E003",
            )
        ]
    return []


def _stores() -> Iterator[CheckMessage]:
    stores = StoreSettings.current()
    parts = _split(stores.REDIS_ADDRESS)
    if not (parts and parts.scheme == "unix" and parts.path):
        shown = without_password(stores.REDIS_ADDRESS)
        if not parts or parts.scheme not in ("redis", "rediss") or not parts.hostname:
            yield _wrong(13, "REDIS_ADDRESS", shown, "host:port, or a URL such as redis://host:6379/0")
        elif not re.fullmatch(r"/?\d*", parts.path):
            yield _wrong(13, "REDIS_ADDRESS", shown, "host:port or redis://host:port/n, n the number of a database")
    database = settings.DATABASES.get(stores.DATABASE)
    if database is None:
        yield _wrong(29, "DATABASE", stores.DATABASE, "a key of DATABASES: " + ", ".join(settings.DATABASES))
    elif connections[stores.DATABASE].vendor != "mongodb":
        yield Error(
            f"DATABASE is {stores.DATABASE!r}, whose engine is {database['ENGINE']!r}.",
            hint="The chat needs MongoDB: add one to DATABASES, with the engine 'persistence.engine', and name it.",
            id="conversations.E030",
        )
    elif router.db_for_write(Room) != stores.DATABASE:
        yield Error(
            f"Rooms would be stored in the database {router.db_for_write(Room)!r}, and DATABASE is "
            f"{stores.DATABASE!r}.",
            hint='DATABASE_ROUTERS must begin with "persistence.database.ChatRouter".',
            id="conversations.E031",
        )
    seconds = stores.MONGODB_PATIENCE
    if not 1 <= seconds <= LONGEST_PATIENCE:
        yield _wrong(14, "MONGODB_PATIENCE", seconds, f"a number of seconds from 1 to {LONGEST_PATIENCE}")
    elif seconds <= LONGEST_ELECTION:
        yield Warning(
            f"MONGODB_PATIENCE is {seconds}: the election of a primary may take {LONGEST_ELECTION} s.",
            hint="Set it above that, or messages that are sent during an election are refused, not delayed.",
            id="conversations.W015",
        )


def _socketio() -> Iterator[CheckMessage]:
    chat = ChatSettings.current()
    if not re.fullmatch(r"(/[^/?#\s]+)+", chat.SOCKET_PATH):
        yield _wrong(
            16, "SOCKET_PATH", chat.SOCKET_PATH, "a path that begins with a slash, like /v1/conversations/sockets"
        )
    namespaces = {name: value_of(name) for name in known_settings() if name.endswith("_NAMESPACE")}
    for name, namespace in namespaces.items():
        if not re.fullmatch(r"/[^,?\s]*", namespace):  # a comma ends a namespace on the wire, "?" begins its query
            yield _wrong(17, name, namespace, "a name that begins with a slash and has no comma or question mark in it")
    if len(set(namespaces.values())) < len(namespaces):
        values = ", ".join(f"{name}={namespace!r}" for name, namespace in namespaces.items())
        yield Error(
            f"Two namespaces are the same: {values}.", hint="Give each a name of its own.", id="conversations.E018"
        )
    most = Options.from_settings().max_payload // 4  # a character takes up to four bytes
    if not 1 <= chat.MESSAGE_MAX_LENGTH <= most:
        yield _wrong(19, "MESSAGE_MAX_LENGTH", chat.MESSAGE_MAX_LENGTH, f"a number of characters from 1 to {most}")
    if chat.RESYNC_CLOSES not in RESYNC_CLOSES:
        yield _wrong(20, "RESYNC_CLOSES", chat.RESYNC_CLOSES, "one of " + ", ".join(RESYNC_CLOSES))


def _identity() -> Iterator[CheckMessage]:
    identity = IdentitySettings.current()
    try:
        known_by = scope_identity()
    except ImportError as error:
        yield Error(f"IDENTITY is {identity.IDENTITY!r}: {error}", id="conversations.E032")
    else:
        if known_by is session_user and not Options.from_settings().follow_session:
            yield Warning(
                "IDENTITY is 'identity.session_user', and sockets stay when their user logs out.",
                hint='Set SOCKETIO = {"follow_session": True}.',
                id="conversations.W033",
            )
    if identity.AUTH_MODE not in set(AuthMode):
        yield _wrong(21, "AUTH_MODE", identity.AUTH_MODE, " or ".join(AuthMode))
    elif identity.AUTH_MODE == AuthMode.REPORT:
        yield Warning(
            "AUTH_MODE is 'report': whoever names a user is taken for them, whatever their token.",
            hint="When the log names nobody more who would be refused, unset AUTH_MODE.",
            id="conversations.W022",
        )
    if identity.AUTH_JWT_KEY:
        try:
            key = parse_key(identity.AUTH_JWT_KEY)
        except ValueError as error:
            yield Error(f"{error}.", hint="It must be an HS256 secret or a PEM public key.", id="conversations.E023")
        else:
            length = len(identity.AUTH_JWT_KEY.encode())
            if key.is_secret and length < SHORTEST_SECRET:
                yield Warning(
                    f"AUTH_JWT_KEY has {length} bytes, which can be guessed from any token that it signed.",
                    hint=f"Use at least {SHORTEST_SECRET} random bytes: openssl rand -base64 48",
                    id="conversations.W024",
                )
    header = identity.AUTH_TOKEN_HEADER
    if header and not HEADER_NAME.fullmatch(header):
        yield _wrong(25, "AUTH_TOKEN_HEADER", header, "the name of an HTTP header, like X-Access-Token")


def _neighbours() -> Iterator[CheckMessage]:
    known = known_settings()
    for name in HTTP_URLS:
        url = value_of(name) if name in known else ""
        parts = _split(url)
        if url and (not parts or parts.scheme not in ("http", "https") or not parts.hostname):
            yield _wrong(26, name, without_password(url), "an http:// or https:// URL")
    name = "KAFKA_BOOTSTRAP_SERVERS"
    brokers = value_of(name) if name in known else ""
    if brokers and not all(HOST_AND_PORT.fullmatch(broker.strip()) for broker in brokers.split(",")):
        yield _wrong(27, name, brokers, "host:port, several of them separated by commas")


def _numbers() -> Iterator[CheckMessage]:
    known = known_settings()
    for name, (least, right) in LEAST.items():
        if name in known and value_of(name) < least:
            yield _wrong(28, name, value_of(name), right)
    name = "WORKER_STATUS_PORT"
    if name in known and not 0 <= value_of(name) <= 65535:
        yield _wrong(28, name, value_of(name), "a port from 1 to 65535, or 0 for none")


def _split(url: str) -> SplitResult | None:
    """The URL's parts; None where it is not one at all, such as one whose port is no number."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts
