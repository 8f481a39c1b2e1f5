"""What is remembered of tokens: so many, for so long, and not the tokens themselves."""

from __future__ import annotations

from identity.token_cache import TokenCache, digest_of
from tests.identity.conftest import Clock


def test_an_answer_is_kept_for_its_time(clock: Clock) -> None:
    cache = TokenCache[str]()
    cache.put(digest_of("one"), "seven", 60)
    clock.pass_by(59.9)
    assert cache.get(digest_of("one")) == "seven"
    assert cache.get(digest_of("other")) is None
    clock.pass_by(0.1)
    assert cache.get(digest_of("one")) is None
    assert len(cache) == 0


def test_of_too_many_the_least_recently_used_one_goes() -> None:
    cache = TokenCache[int](max_entries=3)
    digests = [digest_of(str(number)) for number in range(4)]
    for number, digest in enumerate(digests[:3]):
        cache.put(digest, number, 60)
    assert cache.get(digests[0]) == 0
    cache.put(digests[3], 3, 60)
    assert [cache.get(digest) for digest in digests] == [0, None, 2, 3]


def test_a_token_that_no_utf_8_holds_has_a_digest_too() -> None:
    assert len({digest_of("\ud800"), digest_of("\ud801"), digest_of("")}) == 3
