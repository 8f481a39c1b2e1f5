"""System checks of the settings: what is wrong, with which value, and what would be right. Run before every command."""

import ipaddress
import re
import shlex
import stat
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from pymongo.errors import PyMongoError

from persistence.addresses import options_of, without_password
from persistence.availability import brief
from persistence.configuration import value_of
from persistence.engine.server import UnsupportedMongoDB, running_server

MONGODB_TIMEOUT = 2.0  # seconds
SHORTEST_SECRET = 32  # characters
FEWEST_CHARACTERS = 5
"""Different ones, of a secret."""


def _wrong(number: int, name: str, value: object, right: str) -> Error:
    return Error(f"{name} is {value!r}.", hint=f"It must be {right}.", id=f"chozoi_chat.E{number:03}")


@register()
def check_channel_prefix(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check CHANNEL_PREFIX."""
    prefix = settings.CHANNEL_PREFIX
    if re.fullmatch(r"[\w.-]{1,50}", prefix, re.ASCII):
        return []
    right = "a name of at most 50 letters, digits, dots, dashes and underscores"
    return [_wrong(32, "CHANNEL_PREFIX", prefix, right)]


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
            id="chozoi_chat.W039",
        )
    ]


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
            kind = Warning if value_of("KAFKA_BOOTSTRAP_SERVERS") or value_of("WEBHOOKS") else Info
            yield kind(server.limitation, id="chozoi_chat.W037")


@register()
def check_mongodb_options(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check the options of MONGODB_URI."""
    options = options_of(settings.MONGODB_URI)
    return [*_read_preference(options), *_write_concern(options)]


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
def check_serving(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check where and to whom the server answers, and its limits."""
    return list(_serving())


def _has_opentelemetry() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except (ModuleNotFoundError, ValueError):  # no package above it; None in its place
        return False


def _serving() -> Iterator[CheckMessage]:
    if not 1 <= settings.PORT <= 65535:
        yield _wrong(11, "PORT", settings.PORT, "a port from 1 to 65535")
    if not 0 <= settings.METRICS_PORT <= 65535:
        yield _wrong(11, "METRICS_PORT", settings.METRICS_PORT, "a port from 1 to 65535, or 0 for none")
    if settings.TRACES_EXPORTER == "OTLP" and not _has_opentelemetry():
        yield _wrong(
            24,
            "OTEL_TRACES_EXPORTER",
            settings.TRACES_EXPORTER,
            "none where OpenTelemetry is not installed: pip install -c constraints.txt opentelemetry-sdk "
            "opentelemetry-exporter-otlp-proto-http",
        )
    if settings.WEB_CONCURRENCY < 1:
        yield _wrong(12, "WEB_CONCURRENCY", settings.WEB_CONCURRENCY, "a number of processes, 1 or more")
    for name in ("KEEP_ALIVE", "REQUEST_TIMEOUT", "SHUTDOWN_WINDOW", "MAX_CONNECTIONS", "MAX_CONNECTIONS_PER_ADDRESS"):
        if getattr(settings, name) < 1:
            unit = "connections" if name.startswith("MAX") else "seconds"
            yield _wrong(23, name, getattr(settings, name), f"a number of {unit}, 1 or more")
    if settings.MAX_DISCONNECTION_DURATION < 0:
        yield _wrong(
            22, "MAX_DISCONNECTION_DURATION", settings.MAX_DISCONNECTION_DURATION, "a number of seconds, or 0 for off"
        )
    for host in settings.ALLOWED_HOSTS:
        if "/" in host:
            yield _wrong(13, "ALLOWED_HOSTS", host, "names of hosts, without scheme or path: chat.example.com")
    if settings.SECURE_HSTS_SECONDS < 0:
        yield _wrong(31, "HSTS_SECONDS", settings.SECURE_HSTS_SECONDS, "a number of seconds, or 0 for none")
    yield from _secret_key(settings.SECRET_KEY)
    if not is_loopback(settings.HOST):
        if settings.DEBUG:
            yield Warning(
                f"DEBUG is on and HOST is {settings.HOST!r}: error pages show settings to whoever reaches it.",
                hint="Unset DEBUG, or listen on 127.0.0.1.",
                id="chozoi_chat.W015",
            )
        if settings.DEMO:
            yield Warning(
                f"DEMO is on and HOST is {settings.HOST!r}: whoever reaches it can write as the demo's people.",
                hint="Unset DEMO, or listen on 127.0.0.1.",
                id="chozoi_chat.W040",
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


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a server that listens on this host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
