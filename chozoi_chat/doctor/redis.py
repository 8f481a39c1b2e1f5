"""Redis: which one answers, in which mode, what it does when it is full, whether publications arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from chozoi_chat.doctor.finding import Finding, error, note, ok, warning
from persistence.addresses import without_password
from persistence.redis_client import REDIS_AWAY
from persistence.store_clock import LARGEST_SKEW

_PATIENCE = 3.0  # seconds
_LEAST = (6, 2)
_SLOW = 0.01  # seconds for a round trip
_FULL = 0.8  # of maxmemory


def look() -> Iterator[Finding]:
    """Look at Redis. Without an answer there is one finding."""
    client: Any = Redis.from_url(
        settings.REDIS_URL, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, decode_responses=True
    )
    with client:
        try:
            client.ping()
            facts: Mapping[str, Any] = client.info()
        except REDIS_AWAY as away:
            address = without_password(settings.REDIS_URL)
            yield error(
                f"Redis does not answer: {away}",
                f"REDIS_ADDRESS is {address!r}: is it right, does Redis run there, and may this user ask INFO?",
            )
            return
        yield from judge(facts)
        for part in (_round_trip, _publication, _clock):
            try:
                yield from part(client)
            except RedisError as refused:
                yield error(f"{part.__name__.strip('_').replace('_', ' ')}: {refused}", "May this user do it (ACL)?")


def judge(facts: Mapping[str, Any]) -> Iterator[Finding]:
    """Judge what Redis says of itself.

    Args:
        facts: The answer to INFO, as redis-py reads it.
    """
    version, mode = str(facts["redis_version"]), facts.get("redis_mode")
    if tuple(map(int, version.split(".")[:2])) < _LEAST:
        yield error(f"version {version}", f"{'.'.join(map(str, _LEAST))} or a later one is needed.")
    else:
        yield ok(f"version {version}, mode {mode}")
    if mode == "sentinel":
        yield error("REDIS_ADDRESS names a Sentinel", "Name the primary: by a name or a proxy that follows it.")
    elif mode == "cluster":
        yield error("this is a Redis Cluster", "Use one primary: what belongs together is changed in one script.")
    if facts.get("role") == "slave":
        yield error("this is a replica, which takes no writes", "Name the primary.")
    policy = facts.get("maxmemory_policy", "noeviction")
    if facts.get("maxmemory") and policy != "noeviction":
        yield warning(
            f"with its memory full Redis drops keys by itself (maxmemory-policy {policy}): who is online would be lost",
            "CONFIG SET maxmemory-policy noeviction",
        )
    if (most := facts.get("maxmemory", 0)) and facts.get("used_memory", 0) / most > _FULL:
        yield warning(f"its memory is full by {facts['used_memory'] / most:.0%}", "Raise maxmemory.")
    if facts.get("evicted_keys"):
        yield note(f"it has dropped {facts['evicted_keys']} keys for room since it started")


def _round_trip(client: Any) -> Iterator[Finding]:
    times = []
    for _ in range(5):
        began = time.monotonic()
        client.ping()
        times.append(time.monotonic() - began)
    said = f"a round trip takes {min(times) * 1000:.1f} ms"
    yield warning(said, "It should be in the same network.") if min(times) > _SLOW else ok(said)


def _publication(client: Any) -> Iterator[Finding]:
    channel = f"{settings.CHANNEL_PREFIX}-doctor-{uuid4().hex}"
    with client.pubsub(ignore_subscribe_messages=False) as heard:
        heard.subscribe(channel)
        heard.get_message(timeout=_PATIENCE)  # subscribed
        client.publish(channel, "1")
        message = heard.get_message(timeout=_PATIENCE)
    if message is None or message.get("type") != "message":
        yield error("what is published does not arrive", "Processes hear each other by it: is there a proxy between?")
    else:
        yield ok("what is published arrives")


def _clock(client: Any) -> Iterator[Finding]:
    seconds, _ = client.time()
    skew = time.time() - seconds
    if abs(skew) > LARGEST_SKEW + 1:  # of whole seconds
        yield note(f"Redis' clock is {abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} this machine's")
