"""Ids of messages: unique, growing, and in step with created_at."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import pytest

from conversations.storage.message_ids import PER_MILLISECOND, MessageIds
from persistence.timestamps import from_milliseconds


class Clock:
    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def test_ids_and_times_grow_while_the_clock_stands_still() -> None:
    ids = MessageIds(Clock(1_602_375_215_390))
    given = [ids.next() for _ in range(1000)]
    assert len({message_id for message_id, _ in given}) == 1000
    assert [message_id for message_id, _ in given] == sorted(message_id for message_id, _ in given)
    assert {created_at for _, created_at in given} == {from_milliseconds(1_602_375_215_390)}


def test_a_later_millisecond_gives_a_greater_id() -> None:
    clock = Clock(1_602_375_215_390)
    ids = MessageIds(clock)
    earlier, _ = ids.next()
    clock.now += 1
    later, created_at = ids.next()
    assert later > earlier
    assert created_at == from_milliseconds(1_602_375_215_391)


def test_a_clock_set_back_does_not_take_ids_or_times_back() -> None:
    clock = Clock(1_602_375_215_390)
    ids = MessageIds(clock)
    first = ids.next()
    clock.now -= 3_600_000
    second = ids.next()
    assert (second[1], second[0]) > (first[1], first[0])


def test_when_a_millisecond_is_used_up_the_next_one_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PER_MILLISECOND == 32**4, "all that four characters of base 32 count"
    monkeypatch.setattr("conversations.storage.message_ids.PER_MILLISECOND", 3)
    ids = MessageIds(Clock(1_602_375_215_390))
    assert ids.next()[1] == ids.next()[1]
    last, last_at = ids.next()
    following, following_at = ids.next()
    assert following > last
    assert following_at > last_at


def test_every_message_after_a_dividing_instant_is_later_than_it_and_those_before_are_not() -> None:
    ids = MessageIds(Clock(1_602_375_215_390))
    _, before = ids.next()
    instant = ids.cutoff()
    _, after = ids.next()
    assert before <= instant < after


def test_threads_share_a_source_without_repeating_an_id() -> None:
    ids = MessageIds()
    with ThreadPoolExecutor(8) as threads:
        given = [
            message_id
            for batch in threads.map(lambda _: [ids.next() for _ in range(500)], range(16))
            for message_id, _ in batch
        ]
    assert len(set(given)) == len(given)


def _ids_of_a_process(ids: MessageIds) -> list[str]:
    return [ids.next()[0] for _ in range(100)]


def test_a_forked_process_never_repeats_its_parents_ids() -> None:
    ids = MessageIds(Clock(1_602_375_215_390))
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=lambda: sending.send(_ids_of_a_process(ids)))
    child.start()
    of_the_child = receiving.recv()
    child.join()
    assert not set(of_the_child) & set(_ids_of_a_process(ids))
