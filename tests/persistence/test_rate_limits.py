"""Counts in Redis, for all processes together."""

from __future__ import annotations

from uuid import uuid4

from persistence.redis_client import count, redis


def test_a_count_ends_so_long_after_its_first_one(redis_server: None) -> None:
    key = f"chozoi:tests:{uuid4().hex}"
    assert count(key, 1) == (1, 1)
    assert count(key, 50)[0] == 2
    assert redis().pttl(key) <= 1000
    redis().delete(key)
    assert count(key, 50) == (1, 50)
    redis().delete(key)
