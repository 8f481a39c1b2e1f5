"""The front page: how things stand, for those who may see it, and without counting anything through."""

from __future__ import annotations

import datetime
import re

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from conversations.storage import message_counter
from moderation.staff_site import dashboard as dashboard_module
from moderation.staff_site.dashboard import HEIGHT, WIDTH, Dashboard, chart, dashboard
from presence import current, stop_current
from tests.moderation.admin.conftest import held, hit, reported, restricted
from tests.moderation.conftest import Store


def stand() -> Dashboard:
    found = dashboard()
    assert found is not None
    return found


def test_open_reports_by_age(database: Store) -> None:
    for number, minutes in enumerate((5, 10, 90, 300, 3000)):
        reported(f"m{number}", minutes_ago=minutes)
    reported("m9", state="in_review", open_key=None)
    ages = stand().open_by_age
    assert [(age.number, age.share) for age in ages] == [("2", 100), ("1", 50), ("1", 50), ("1", 50)]
    assert stand().in_review == "1"


def test_restrictions_in_force_and_held_messages(database: Store) -> None:
    now = timezone.now()
    restricted("1"), restricted("2", ends_at=now + datetime.timedelta(hours=1))
    restricted("3", ends_at=now - datetime.timedelta(hours=1)), restricted("4", lifted_at=now)
    held(), held(state="dropped")
    assert (stand().restrictions, stand().held) == ("2", "1")


def test_filter_hits_by_the_hour(database: Store) -> None:
    now = timezone.now()
    for hours in (0, 0, 3, 30):
        hit(at=now - datetime.timedelta(hours=hours, minutes=5))
    bars = stand().hits.bars
    assert len(bars) == 24
    assert [bar.label for bar in bars if bar.height] == ["3 h ago: 1", "this hour: 2"]
    assert stand().hits_in_all == "3"


def test_counting_ends(database: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_module, "MOST", 2)
    for number in range(4):
        reported(f"m{number}")
    assert stand().open_by_age[0].number == "2+"


def test_a_chart_fills_its_box() -> None:
    drawn = chart([("a", 0), ("b", 5), ("c", 10)], first="then", last="now")
    assert [bar.height for bar in drawn.bars] == [0, HEIGHT / 2, HEIGHT]
    assert all(bar.y + bar.height == HEIGHT for bar in drawn.bars)
    assert drawn.bars[-1].x + drawn.bars[-1].width <= WIDTH
    assert chart([("a", 0)], first="", last="").highest == 0


def test_it_is_drawn_without_an_outside_server(support: Client, database: Store) -> None:
    hit(), reported()
    page = support.get("/admin/").text
    assert page.count("<svg") >= 3
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)


def test_without_redis_it_says_what_it_does_not_know(database: Store, settings: Settings, support: Client) -> None:
    settings.REDIS_ADDRESS = "redis://127.0.0.1:1/0"
    assert "Unknown: Redis does not answer." in support.get("/admin/").text


async def test_users_online(database: Store) -> None:
    try:
        before = await current().count()
        await current().enter("seven", "phone")
        assert await current().count() == before + 1
    finally:
        await stop_current()


def test_messages_a_minute(database: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def counted(minutes: int = 60) -> list[int]:
        return [0] * 57 + [4, 8, 2]

    monkeypatch.setattr(dashboard_module, "messages_a_minute", counted)
    found = stand()
    assert found.messages is not None
    assert (found.messages_last_minute, found.messages.highest) == (8, 8)
    assert message_counter.messages_a_minute is not counted
