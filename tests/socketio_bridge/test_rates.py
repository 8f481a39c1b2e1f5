"""Token buckets: as many as the rate says at once, then evenly; and nothing is kept of who is quiet."""

from __future__ import annotations

from socketio_bridge.rates import Buckets, Rate


def four_a_minute() -> Buckets:
    return Buckets(Rate(4, 60))


def test_a_full_bucket_gives_all_its_tokens_at_once_and_then_one_after_the_other() -> None:
    buckets = four_a_minute()
    assert [buckets.take("a", 1000) for _ in range(6)] == [0, 0, 0, 0, 15, 15]
    assert buckets.take("a", 1010) == 5
    assert [buckets.take("a", 1015) for _ in range(2)] == [0, 15]
    assert [buckets.take("a", 5000) for _ in range(5)] == [0, 0, 0, 0, 15]


def test_each_key_has_a_bucket_of_its_own() -> None:
    buckets = four_a_minute()
    assert [buckets.take("a", 1000) for _ in range(5)][-1] == 15
    assert buckets.take("b", 1000) == 0


def test_a_token_can_be_put_back() -> None:
    buckets = four_a_minute()
    for _ in range(50):
        assert buckets.take("a", 1000) == 0
        buckets.give_back("a")
    assert [buckets.take("a", 1000) for _ in range(5)] == [0, 0, 0, 0, 15]


def test_a_bucket_can_be_emptied() -> None:
    buckets = four_a_minute()
    buckets.take("a", 1000)
    buckets.empty("a", 1000)
    assert buckets.take("a", 1000) == 15


def test_no_rate_is_no_limit() -> None:
    buckets = Buckets(None)
    assert [buckets.take("a", 1000) for _ in range(1000)] == [0] * 1000
    buckets.limit(Rate(2, 3600))
    assert [buckets.take("a", 1000) for _ in range(3)] == [0, 0, 1800]


def test_full_buckets_are_forgotten() -> None:
    """However many there were: the memory is for those who did something lately."""
    buckets = four_a_minute()
    for number in range(100_000):
        buckets.take(str(number), 1000 + number / 10)
    assert len(buckets) <= 1_000
