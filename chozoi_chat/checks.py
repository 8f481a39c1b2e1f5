"""System checks of the settings: what is wrong, with which value, and what would be right. Run before every command."""

import ipaddress
import re
import shlex
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from pymongo.errors import PyMongoError

from chozoi_chat.addresses import options_of, without_password
from identity import AuthMode
from identity.keys import parse_key
from persistence.availability import brief
from persistence.engine.server import UnsupportedMongoDB, running_server

LONGEST_ELECTION = 12  # seconds, of a primary of MongoDB with its default settings
LONGEST_PATIENCE = 300
MONGODB_TIMEOUT = 2.0  # seconds
SHORTEST_SECRET = 32  # bytes: HS256 wants a key no shorter than its hash (RFC 7518, section 3.2)
FEWEST_CHARACTERS = 5
"""Different ones, of a secret."""
RESYNC_CLOSES = ("none", "eio3", "all")
NAMESPACES = ("MESSENGER_NAMESPACE", "STAFF_NAMESPACE", "AUCTION_RESULT_NAMESPACE", "AUCTIONS_RESULT_NAMESPACE")
HTTP_URLS = (
    "AUTH_JWKS_URL",
    "AUTH_INTROSPECTION_URL",
    "SHOP_SERVICE",
    "ACCOUNT_SERVICE",
    "SCHEMA_REGISTRY_URL",
    "PUBLIC_URL",
)
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.1
HOST_AND_PORT = re.compile(r"\[?[\w.:-]+\]?:\d{1,5}")


def _wrong(number: int, name: str, value: object, right: str) -> Error:
    return Error(f"{name} is {value!r}.", hint=f"It must be {right}.", id=f"chozoi_chat.E{number:03}")


def _split(url: str) -> SplitResult | None:
    """The URL's parts; None where it is not one at all, such as one whose port is no number."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


@register()
def check_stores(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check REDIS_ADDRESS and CHANNEL_PREFIX."""
    return [*_redis(settings.REDIS_URL), *_channel_prefix(settings.CHANNEL_PREFIX)]


@register()
def check_data_dir(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that no other user of this machine can look into DATA_DIR, where it was made by somebody else."""
    directory = Path(settings.DATA_DIR)
    mode = stat.S_IMODE(directory.stat().st_mode) if directory.is_dir() else 0
    if not mode & 0o077:
        return []
    return [
        Warning(
            f"DATA_DIR is {str(directory)!r}, which other users of this machine may look into (its mode is {mode:o}): "
            "it holds keys, pictures and, where the stores are the embedded ones, all data.",
            hint=f"chmod -R go-rwx {shlex.quote(str(directory))}",
            id="chozoi_chat.W033",
        )
    ]


def _channel_prefix(prefix: str) -> Iterator[CheckMessage]:
    if not re.fullmatch(r"[\w.-]{1,50}", prefix, re.ASCII):
        yield _wrong(32, "CHANNEL_PREFIX", prefix, "a name of at most 50 letters, digits, dots, dashes and underscores")


def _redis(url: str) -> Iterator[CheckMessage]:
    parts = _split(url)
    if parts and parts.scheme == "unix" and parts.path:
        return
    if not parts or parts.scheme not in ("redis", "rediss") or not parts.hostname:
        yield _wrong(2, "REDIS_ADDRESS", without_password(url), "host:port, or a URL such as redis://host:6379/0")
    elif not re.fullmatch(r"/?\d*", parts.path):
        yield _wrong(
            2, "REDIS_ADDRESS", without_password(url), "host:port or redis://host:port/n, n the number of a database"
        )


@register(Tags.database)
def check_mongodb_server(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Check the version of the MongoDB that answers. Django runs it for `migrate`, and `check` asks for it, too.

    Args:
        app_configs: Not used.
        databases: The aliases of the databases that the command uses. Without any, nothing is checked.
        kwargs: Not used.
    """
    return list(_mongodb_server()) if databases else []


def _mongodb_server() -> Iterator[CheckMessage]:
    try:
        server = running_server(MONGODB_TIMEOUT)
    except UnsupportedMongoDB as error:
        yield Error(str(error), hint="docs/operations.md names the versions that are served.", id="chozoi_chat.E035")
    except PyMongoError as error:
        yield Warning(
            f"MongoDB does not answer, so its version is not known: {brief(error)}",
            hint=f"MONGODB_URI is {without_password(settings.MONGODB_URI)!r}: is it right, and does MongoDB run there?",
            id="chozoi_chat.W036",
        )
    else:
        if server.limitation:
            kind = Warning if settings.KAFKA_BOOTSTRAP_SERVERS else Info
            yield kind(server.limitation, id="chozoi_chat.W037")


@register()
def check_mongodb_options(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check MONGODB_PATIENCE and the options of MONGODB_URI."""
    options = options_of(settings.MONGODB_URI)
    return [*_read_preference(options), *_write_concern(options), *_patience(settings.MONGODB_PATIENCE)]


def _patience(seconds: int) -> Iterator[CheckMessage]:
    if not 1 <= seconds <= LONGEST_PATIENCE:
        yield _wrong(38, "MONGODB_PATIENCE", seconds, f"a number of seconds from 1 to {LONGEST_PATIENCE}")
    elif seconds <= LONGEST_ELECTION:
        yield Warning(
            f"MONGODB_PATIENCE is {seconds}: the election of a primary may take {LONGEST_ELECTION} s.",
            hint="Set it above that, or messages that are sent during an election are refused, not delayed.",
            id="chozoi_chat.W038",
        )


def _write_concern(options: Mapping[str, str]) -> Iterator[CheckMessage]:
    for name in ("w", "journal", "j"):
        wanted = options.get(name, "true").lower()
        if wanted not in ("majority", "true"):
            yield Warning(
                f"MONGODB_URI asks for {name}={wanted}, which is not obeyed.",
                hint=f"A write is always w=majority, journal=true. Take {name} out of MONGODB_URI.",
                id="chozoi_chat.W034",
            )


def _read_preference(options: Mapping[str, str]) -> Iterator[CheckMessage]:
    wanted = options.get("readpreference", "primary")
    if wanted.lower() != "primary":
        yield Warning(
            f"MONGODB_URI asks for readPreference={wanted}, which is not obeyed.",
            hint="All is read from the primary: a secondary may lag, and a rule that reads there would let a message "
            "into a room that was just blocked. Take readPreference out of MONGODB_URI.",
            id="chozoi_chat.W033",
        )


@register()
def check_socketio(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check SOCKET_PATH, the namespaces, and the limits of messages, edits and syncs."""
    return list(_socketio())


def _socketio() -> Iterator[CheckMessage]:
    if not re.fullmatch(r"(/[^/?#\s]+)+", settings.SOCKET_PATH):
        yield _wrong(
            3, "SOCKET_PATH", settings.SOCKET_PATH, "a path that begins with a slash, like /v1/conversations/sockets"
        )
    for name in NAMESPACES:
        namespace = getattr(settings, name)
        if not re.fullmatch(r"/[^,?\s]*", namespace):  # a comma ends a namespace on the wire, "?" begins its query
            yield _wrong(4, name, namespace, "a name that begins with a slash and has no comma or question mark in it")
    if len({getattr(settings, name) for name in NAMESPACES}) < len(NAMESPACES):
        values = ", ".join(f"{name}={getattr(settings, name)!r}" for name in NAMESPACES)
        yield Error(
            f"Two namespaces are the same: {values}.", hint="Give each a name of its own.", id="chozoi_chat.E005"
        )
    most = settings.SOCKETIO["max_payload"] // 4  # a character takes up to four bytes
    if not 1 <= settings.MESSAGE_MAX_LENGTH <= most:
        yield _wrong(6, "MESSAGE_MAX_LENGTH", settings.MESSAGE_MAX_LENGTH, f"a number of characters from 1 to {most}")
    if settings.SYNC_WINDOW < 0:
        yield _wrong(6, "SYNC_WINDOW", settings.SYNC_WINDOW, "a number of seconds, or 0 for no limit")
    if settings.RESYNC_CLOSES not in RESYNC_CLOSES:
        yield _wrong(6, "RESYNC_CLOSES", settings.RESYNC_CLOSES, "one of " + ", ".join(RESYNC_CLOSES))
    if settings.EDIT_WINDOW < 0:
        yield _wrong(6, "EDIT_WINDOW", settings.EDIT_WINDOW, "a number of seconds, or 0 for no limit")


@register()
def check_identity(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check how tokens are verified, and the header that they come from."""
    return list(_identity())


def _identity() -> Iterator[CheckMessage]:
    if settings.AUTH_MODE not in set(AuthMode):
        yield _wrong(17, "AUTH_MODE", settings.AUTH_MODE, " or ".join(AuthMode))
    elif settings.AUTH_MODE == AuthMode.REPORT:
        yield Warning(
            "AUTH_MODE is 'report': whoever names a user is taken for them, whatever their token.",
            hint="When the log names nobody more who would be refused, unset AUTH_MODE.",
            id="chozoi_chat.W018",
        )
    if settings.AUTH_JWT_KEY:
        try:
            key = parse_key(settings.AUTH_JWT_KEY)
        except ValueError as error:
            yield Error(f"{error}.", hint="It must be an HS256 secret or a PEM public key.", id="chozoi_chat.E007")
        else:
            length = len(settings.AUTH_JWT_KEY.encode())
            if key.is_secret and length < SHORTEST_SECRET:
                yield Warning(
                    f"AUTH_JWT_KEY has {length} bytes, which can be guessed from any token that it signed.",
                    hint=f"Use at least {SHORTEST_SECRET} random bytes: openssl rand -base64 48",
                    id="chozoi_chat.W007",
                )
    header = settings.AUTH_TOKEN_HEADER
    if header and not HEADER_NAME.fullmatch(header):
        yield _wrong(8, "AUTH_TOKEN_HEADER", header, "the name of an HTTP header, like X-Access-Token")


@register()
def check_neighbours(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check the addresses of other services."""
    return list(_neighbours())


def _neighbours() -> Iterator[CheckMessage]:
    for name in HTTP_URLS:
        url = getattr(settings, name)
        parts = _split(url)
        if url and (not parts or parts.scheme not in ("http", "https") or not parts.hostname):
            yield _wrong(9, name, without_password(url), "an http:// or https:// URL")
    brokers = settings.KAFKA_BOOTSTRAP_SERVERS
    if brokers and not all(HOST_AND_PORT.fullmatch(broker.strip()) for broker in brokers.split(",")):
        yield _wrong(10, "KAFKA_BOOTSTRAP_SERVERS", brokers, "host:port, several of them separated by commas")


@register()
def check_serving(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check where and to whom the server answers, and its limits."""
    return list(_serving())


def _serving() -> Iterator[CheckMessage]:
    if not 1 <= settings.PORT <= 65535:
        yield _wrong(11, "PORT", settings.PORT, "a port from 1 to 65535")
    if settings.WEB_CONCURRENCY < 1:
        yield _wrong(12, "WEB_CONCURRENCY", settings.WEB_CONCURRENCY, "a number of processes, 1 or more")
    for name in ("KEEP_ALIVE", "REQUEST_TIMEOUT", "MAX_CONNECTIONS", "MAX_CONNECTIONS_PER_ADDRESS"):
        if getattr(settings, name) < 1:
            unit = "connections" if name.startswith("MAX") else "seconds"
            yield _wrong(23, name, getattr(settings, name), f"a number of {unit}, 1 or more")
    if settings.LOGIN_FAILURES < 0:
        yield _wrong(20, "LOGIN_FAILURES", settings.LOGIN_FAILURES, "a number of failed logins, or 0 for any number")
    if settings.LOGIN_LOCKOUT < 1:
        yield _wrong(21, "LOGIN_LOCKOUT", settings.LOGIN_LOCKOUT, "a number of seconds, 1 or more")
    if settings.MAX_DISCONNECTION_DURATION < 0:
        yield _wrong(
            22, "MAX_DISCONNECTION_DURATION", settings.MAX_DISCONNECTION_DURATION, "a number of seconds, or 0 for off"
        )
    for name in ("ALLOWED_HOSTS", "IMAGE_HOSTS"):
        for host in getattr(settings, name):
            if "/" in host:
                yield _wrong(13, name, host, "names of hosts, without scheme or path: chat.example.com")
    if not 0 <= settings.WORKER_STATUS_PORT <= 65535:
        yield _wrong(19, "WORKER_STATUS_PORT", settings.WORKER_STATUS_PORT, "a port from 1 to 65535, or 0 for none")
    if settings.SECURE_HSTS_SECONDS < 0:
        yield _wrong(31, "HSTS_SECONDS", settings.SECURE_HSTS_SECONDS, "a number of seconds, or 0 for none")
    yield from _secret_key(settings.SECRET_KEY)
    if not _is_loopback(settings.HOST):
        if settings.DEBUG:
            yield Warning(
                f"DEBUG is on and HOST is {settings.HOST!r}: error pages show settings to whoever reaches it.",
                hint="Unset DEBUG, or listen on 127.0.0.1.",
                id="chozoi_chat.W015",
            )
        if set(settings.ALLOWED_HOSTS) <= {"127.0.0.1", "localhost", "[::1]"}:
            yield Warning(
                f"HOST is {settings.HOST!r}, but ALLOWED_HOSTS names this machine only: all others get 400.",
                hint="Set ALLOWED_HOSTS to the names under which clients reach the server, separated by commas.",
                id="chozoi_chat.W016",
            )


def _secret_key(key: str) -> Iterator[CheckMessage]:
    """What Django itself judges by, but for every command and not for `check --deploy` alone."""
    if len(key) < SHORTEST_SECRET or len(set(key)) < FEWEST_CHARACTERS or key.startswith("django-insecure-"):
        yield Warning(
            f"SECRET_KEY has {len(key)} characters, {len(set(key))} of them different: it can be guessed, and with it "
            "the sessions of the admin.",
            hint="Unset it, and the server makes one; or use 50 random characters: openssl rand -base64 48",
            id="chozoi_chat.W030",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
