"""Restrictions: what they keep from whom, from when, until when, and on which processes."""

from __future__ import annotations

import asyncio
import datetime
import time
from typing import Any

import pytest
from django.utils import timezone
from pymongo.errors import AutoReconnect
from pytest_django import Settings

from conversations import services as chat_services
from conversations.errors import RuleViolation
from conversations.policies import require_admitted
from identity import Identity
from moderation import policies as policy
from moderation import services
from moderation.rules import cache, rules
from moderation.rules.cache import RulesCache, rules_cache
from moderation.services import restrictions
from moderation.staff import Staff
from persistence.configuration import value_of
from tests.conversations.conftest import Emitted
from tests.eventually import eventually
from tests.moderation.conftest import Store, acts, answer, message, refusal

HOUR = datetime.timedelta(hours=1)


class Clock:
    """`timezone.now` of the checks, or `time.monotonic` of the rules' cache, `ahead` of the real one."""

    def __init__(self) -> None:
        self.ahead = datetime.timedelta(0)

    def now(self) -> datetime.datetime:
        return timezone.now() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead.total_seconds()

    def pass_by(self, seconds: float) -> None:
        self.ahead += datetime.timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(policy, "timezone", clock)
    return clock


@pytest.fixture
def cache_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(cache, "time", clock)
    return clock


@pytest.fixture
def disconnected(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Whom the bridge was told to disconnect."""
    told: list[Any] = []

    async def disconnect(*, to: Any, namespace: str) -> None:
        assert namespace == value_of("MESSENGER_NAMESPACE")
        told.append(to)

    monkeypatch.setattr(restrictions, "disconnect_sockets", disconnect)
    monkeypatch.setattr(cache, "disconnect_sockets", disconnect)
    return told


def counted_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """From here on the rules are read from this, which counts, and there are none."""
    reads: list[str] = []

    def read() -> rules.Rules:
        reads.append("read")
        return rules.Rules()

    monkeypatch.setattr(cache, "read_rules", read)
    return reads


async def fresh() -> None:
    """As when more than half a second has passed."""
    await rules_cache().refresh(just_now=True)


async def test_who_is_muted_reads_but_does_not_write(
    chat: Emitted, database: Store, room: str, buyer: Identity, seller: Identity, mai: Staff
) -> None:
    await services.mute(mai, "7", "insults")
    await fresh()
    assert await refusal(chat_services.send_message(buyer, message())) == "muted"
    await require_admitted("7", just_now=True)
    await chat_services.send_message(seller, answer())
    assert [sent["from"] for sent in chat.payloads("new_message")] == ["9"]
    record = database.moderation_auditrecord.find_one()
    assert record is not None
    assert (record["act"], record["user_id"], record["reason"], record["address"]) == (
        "user.muted", "7", "insults", "10.0.0.1",
    )  # fmt: skip


async def test_who_is_banned_is_put_out_and_kept_out(
    chat: Emitted, room: str, buyer: Identity, mai: Staff, disconnected: list[Any]
) -> None:
    await services.ban(mai, "7", "fraud")
    assert disconnected == ["7"]
    assert await refusal(require_admitted("7", just_now=True)) == "banned"
    assert await refusal(chat_services.send_message(buyer, message())) == "banned"
    await require_admitted("9", just_now=True)


async def test_a_restriction_ends_by_itself_without_anybody_reading_anything(
    chat: Emitted, room: str, buyer: Identity, mai: Staff, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await services.mute(mai, "7", "insults", until=timezone.now() + HOUR)
    await fresh()
    monkeypatch.setattr(cache, "read_rules", None)
    assert await refusal(chat_services.send_message(buyer, message())) == "muted"
    clock.ahead = HOUR
    await chat_services.send_message(buyer, message())


async def test_a_lifted_restriction_is_over_and_cannot_be_lifted_again(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, tuan: Staff
) -> None:
    muted = await services.mute(mai, "7", "insults")
    lifted = await services.lift(tuan, str(muted.pk), "apologised")
    assert (lifted.lifted_by, lifted.is_active(timezone.now())) == ("tuan", False)
    await fresh()
    await chat_services.send_message(buyer, message())
    assert await refusal(services.lift(mai, str(muted.pk), "again")) == "restriction_over"
    assert await refusal(services.lift(mai, "nothing", "again")) == "restriction_not_found"
    assert acts(database) == ["user.muted", "restriction.lifted"]


async def test_the_longest_of_several_restrictions_counts(
    chat: Emitted, room: str, buyer: Identity, mai: Staff, clock: Clock
) -> None:
    await services.mute(mai, "7", "insults", until=timezone.now() + HOUR)
    await services.mute(mai, "7", "insults", until=timezone.now() + 3 * HOUR)
    await fresh()
    clock.ahead = 2 * HOUR
    assert await refusal(chat_services.send_message(buyer, message())) == "muted"


async def test_in_slow_mode_each_side_writes_once_in_an_interval(
    chat: Emitted, database: Store, room: str, buyer: Identity, seller: Identity, mai: Staff
) -> None:
    database.cz_rooms.insert_one({"_id": "7.10", "buyer": "7", "seller": "10"})
    await services.slow_down(mai, room, 60, "a quarrel")
    await fresh()
    first = await chat_services.send_message(buyer, message("one", client_message_id="c1"))
    assert await refusal(chat_services.send_message(buyer, message("two", client_message_id="c2"))) == "slow_mode"
    await chat_services.send_message(seller, answer())
    await chat_services.send_message(buyer, message("elsewhere", room_id="7.10", to="10"))
    again = await chat_services.send_message(buyer, message("one", client_message_id="c1"))
    assert again.id == first.id, "a repeat of the message that took the turn is answered as ever"


async def test_slow_mode_lets_the_next_one_pass_when_the_interval_is_over(
    chat: Emitted, room: str, buyer: Identity, mai: Staff
) -> None:
    await services.slow_down(mai, room, 1, "a quarrel")
    await fresh()
    await chat_services.send_message(buyer, message("one"))
    assert await refusal(chat_services.send_message(buyer, message("two"))) == "slow_mode"

    async def is_sent() -> bool:
        try:
            await chat_services.send_message(buyer, message("three"))
        except RuleViolation:
            return False
        return True

    await eventually(is_sent)
    assert [sent["content"] for sent in chat.payloads("new_message")] == ["one", "three"]


@pytest.mark.parametrize(
    ("reason", "until", "user"),
    [(" ", None, "7"), ("x", datetime.timedelta(0), "7"), ("x", -HOUR, "7"), ("x", None, " ")],
)
async def test_a_restriction_has_a_user_a_reason_and_an_end_to_come(
    chat: Emitted, database: Store, mai: Staff, reason: str, until: datetime.timedelta | None, user: str
) -> None:
    end = None if until is None else timezone.now() + until
    assert await refusal(services.mute(mai, user, reason, until=end)) == "validation_failed"
    assert database.moderation_restriction.count_documents({}) == 0
    assert acts(database) == []


@pytest.mark.parametrize("interval", [0, -1, 86_401])
async def test_slow_mode_has_an_interval_of_a_second_to_a_day(
    chat: Emitted, room: str, mai: Staff, interval: int
) -> None:
    assert await refusal(services.slow_down(mai, room, interval, "x")) == "validation_failed"


async def test_slow_mode_of_a_room_that_there_is_none_of(chat: Emitted, mai: Staff) -> None:
    assert await refusal(services.slow_down(mai, "1.2", 5, "x")) == "room_not_found"


async def test_another_process_learns_of_a_change_at_its_next_look(
    chat: Emitted, mai: Staff, disconnected: list[Any], cache_clock: Clock
) -> None:
    other = RulesCache()
    await other.refresh()
    await services.ban(mai, "7", "fraud")
    disconnected.clear()
    await other.refresh()
    assert other.rules.banned(timezone.now()) == set(), "within FRESH nothing is looked at"
    cache_clock.pass_by(cache.FRESH)
    await other.refresh()
    assert other.rules.banned(timezone.now()) == {"7"}
    assert disconnected == [{"7"}], "for sockets that were out of reach"


async def test_a_change_whose_mark_was_never_made_is_learnt_of_all_the_same(
    chat: Emitted, mai: Staff, disconnected: list[Any], settings: Settings, cache_clock: Clock
) -> None:
    """Redis was away for that one moment, in which the other process did not look."""
    other, url = RulesCache(), settings.REDIS_ADDRESS
    await other.refresh()
    settings.REDIS_ADDRESS = "redis://127.0.0.1:1/0"
    await services.ban(mai, "7", "fraud")
    settings.REDIS_ADDRESS = url
    await other.refresh(just_now=True)
    assert other.rules.banned(timezone.now()) == set(), "no mark tells of it"
    cache_clock.pass_by(cache.REREAD)
    await other.refresh(just_now=True)
    assert other.rules.banned(timezone.now()) == {"7"}
    assert disconnected[-1] == {"7"}


async def test_while_nothing_changes_nothing_is_read(chat: Emitted, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = counted_reads(monkeypatch)
    live = RulesCache()
    for _ in range(5):
        await live.refresh(just_now=True)
    assert len(reads) == 1


async def test_who_asks_at_once_shares_one_look_and_who_needs_this_moment_gets_one_begun_after(
    chat: Emitted, cache_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = RulesCache()
    await live.refresh()
    looks: list[str] = []
    look_now = cache.current_version

    def counted() -> bytes:
        looks.append("begun")
        return look_now()

    monkeypatch.setattr(cache, "current_version", counted)
    cache_clock.pass_by(cache.FRESH)
    await asyncio.gather(*(live.refresh() for _ in range(50)))
    assert len(looks) == 1
    looks.clear()
    cache_clock.pass_by(cache.FRESH)
    await asyncio.gather(live.refresh(), *(live.refresh(just_now=True) for _ in range(20)))
    assert len(looks) == 2, "those who need this moment do not join a look that was begun before"


async def test_without_redis_bans_stay_and_new_ones_are_read_every_few_seconds(
    chat: Emitted, mai: Staff, disconnected: list[Any], settings: Settings, cache_clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    await services.ban(mai, "7", "fraud")
    live = RulesCache()
    await live.refresh()
    settings.REDIS_ADDRESS = "redis://127.0.0.1:1/0"
    await services.ban(mai, "8", "fraud")  # which no mark tells of
    cache_clock.pass_by(cache.FRESH)
    await live.refresh()
    assert live.rules.banned(timezone.now()) == {"7", "8"}
    reads = counted_reads(monkeypatch)
    await live.refresh()
    assert reads == [], "not for every message"


async def test_without_both_stores_the_rules_of_before_stay(
    chat: Emitted, mai: Staff, disconnected: list[Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await services.ban(mai, "7", "fraud")
    live = RulesCache()
    await live.refresh()
    settings.REDIS_ADDRESS = "redis://127.0.0.1:1/0"

    def away() -> rules.Rules:
        raise AutoReconnect("away")

    monkeypatch.setattr(cache, "read_rules", away)
    await live.refresh(just_now=True)
    assert live.rules.banned(timezone.now()) == {"7"}
    never_read = RulesCache()
    assert await refusal(never_read.refresh()) == "store_unavailable", "who knows no rules lets nobody in"


async def test_nobody_is_the_operator(chat: Emitted) -> None:
    assert await refusal(require_admitted("support", just_now=True)) == "banned"
