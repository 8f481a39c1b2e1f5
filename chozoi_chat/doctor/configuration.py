"""The settings: what the system checks say, names that nothing reads, and what fits no production."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage

from chozoi_chat import environment
from chozoi_chat.doctor.finding import Finding, Level, error, note, ok, warning
from chozoi_chat.http.uvicorn_protocol import SPARE_FILES

_ANY_PROXY = ("*", "0.0.0.0/0", "::/0")


def look() -> Iterator[Finding]:
    """Look at the settings, without any store."""
    yield from _system_checks()
    yield from _names()
    yield from _stores()
    yield from _proxies()
    yield from _open_files()


def _system_checks() -> Iterator[Finding]:
    messages = [message for message in checks.run_checks() if not message.is_silenced()]
    yield from map(_as_finding, messages)
    if not messages:
        yield ok("the system checks find nothing (manage.py check)")


def _as_finding(message: CheckMessage) -> Finding:
    level = Level.ERROR if message.is_serious() else Level.WARNING if message.level >= checks.WARNING else Level.NOTE
    return Finding(level, f"{message.msg.rstrip('.')} ({message.id})", message.hint or "")


def _names() -> Iterator[Finding]:
    for name, meant in environment.misspelt(os.environ).items():
        yield warning(f"{name} is set, and nothing reads it", f"Is {meant} meant?")


def _stores() -> Iterator[Finding]:
    for store, name, embedded in (
        ("MongoDB", "MONGODB_URI", settings.MONGODB_EMBEDDED),
        ("Redis", "REDIS_ADDRESS", settings.REDIS_EMBEDDED),
    ):
        if embedded:
            yield warning(f"{name} is not set: {store} is the embedded one, which is for development", f"Set {name}.")
    if "SECRET_KEY" not in os.environ:
        yield warning(
            f"SECRET_KEY is not set: it is the one that was made in {settings.DATA_DIR}, which other machines have not",
            "Set it, the same for all processes: openssl rand -base64 48",
        )


def _proxies() -> Iterator[Finding]:
    named = settings.FORWARDED_ALLOW_IPS
    if any(part.strip() in _ANY_PROXY for part in named.split(",")):
        yield warning(
            f"FORWARDED_ALLOW_IPS is {named!r}: whoever reaches the port chooses the address that limits count",
            "Name the proxies, or let nobody but them reach the port and have them drop what clients send as "
            "X-Forwarded-For.",
        )
    elif settings.PUBLIC_URL and not settings.SERVED_OVER_HTTPS:
        yield warning(f"PUBLIC_URL is {settings.PUBLIC_URL!r}: passwords of staff go in the clear", "Serve by https.")


def _open_files() -> Iterator[Finding]:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = settings.MAX_CONNECTIONS + SPARE_FILES
    if most != resource.RLIM_INFINITY and most < wanted:
        yield note(
            f"a process here may open {most} files, so that it holds {max(most - SPARE_FILES, 0)} connections, and not "
            f"MAX_CONNECTIONS, {settings.MAX_CONNECTIONS}",
            f"Raise the hard limit to {wanted} or more: LimitNOFILE of the unit, ulimits of the container.",
        )
    if most < SPARE_FILES * 2:
        yield error(f"a process here may open {most} files", "Raise the hard limit: ulimit -Hn")
