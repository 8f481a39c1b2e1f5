"""What is reported or held once is found again by an index."""

from __future__ import annotations

from identity import Role
from moderation.matching.filters import Found
from moderation.models import FilterAction, HeldMessage, Report
from moderation.payloads import NewReport
from moderation.services.filters import hold
from moderation.services.reports import report
from persistence.mongodb import in_store_thread
from tests.conversations.commands import ASKED, unanswered
from tests.conversations.conftest import person
from tests.conversations.drafting import draft
from tests.moderation.conftest import Store


async def test_a_report_made_again_is_found_by_an_index(database: Store, room: str) -> None:
    reporter, asked = person("7", Role.BUYER), NewReport(target_type="room", target_id="7.9", reason="spam")
    with ASKED.recording() as commands:
        first = await report(reporter, asked)
        assert (await report(reporter, asked)).pk == first.pk
    assert await in_store_thread(Report.objects.count) == 1
    assert commands
    assert unanswered(database, commands) == []


async def test_a_message_held_again_is_found_by_an_index(database: Store, room: str) -> None:
    found = Found("words", FilterAction.HOLD, "a word")
    with ASKED.recording() as commands:
        kept = [await in_store_thread(hold, draft("hello", "c1"), [found], found) for _ in range(2)]
    assert kept[0][0].pk == kept[1][0].pk
    assert [is_new for _, is_new in kept] == [True, False]
    assert await in_store_thread(HeldMessage.objects.count) == 1
    assert unanswered(database, commands) == []


async def test_messages_without_an_id_are_held_one_by_one(database: Store, room: str) -> None:
    found = Found("words", FilterAction.HOLD, "a word")
    kept = [await in_store_thread(hold, draft("hello"), [found], found) for _ in range(2)]
    assert kept[0][0].pk != kept[1][0].pk
