"""The time-outs and sizes in the proxies' files fit the settings of the server."""

import re

from django.conf import settings

from .proxies import DEPLOY

NGINX = "\n".join(path.read_text() for path in sorted((DEPLOY / "nginx/conf.d").glob("*.conf")))
HAPROXY = (DEPLOY / "haproxy/haproxy.cfg").read_text()
SILENCE = settings.SOCKETIO["ping_interval"] + settings.SOCKETIO["ping_timeout"]
"""Seconds without a word after which a client is given up."""


def values(pattern: str, text: str) -> list[int]:
    found = [int(number) for number in re.findall(pattern, text, re.MULTILINE)]
    assert found, pattern
    return found


def test_nginx_waits_longer_than_heartbeats_take() -> None:
    assert min(values(r"^ +proxy_(?:read|send)_timeout (\d+)s;", NGINX)) > SILENCE


def test_nginx_gives_up_connections_before_the_server_does() -> None:
    assert max(values(r"^ +keepalive_timeout (\d+)s;", NGINX)) < settings.KEEP_ALIVE


def test_nginx_lets_the_server_refuse_bodies() -> None:
    assert min(values(r"client_max_body_size (\d+)m;", NGINX)) * 1024 * 1024 > settings.LARGEST_BODY + 64 * 1024


def test_haproxy_waits_longer_than_heartbeats_take() -> None:
    assert min(values(r"^ +timeout (?:client|server|tunnel) (\d+)s$", HAPROXY)) > SILENCE


def test_haproxy_gives_up_connections_before_the_server_does() -> None:
    """`timeout server` ends those that it keeps to a process, and that is when no request is under way, too."""
    assert max(values(r"^ +timeout (?:server|http-keep-alive) (\d+)s$", HAPROXY)) < settings.KEEP_ALIVE
