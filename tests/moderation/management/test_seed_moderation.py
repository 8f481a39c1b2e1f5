"""`manage.py seed_moderation`: the demo has something for staff to do."""

import io

import pytest
from django.core.management import call_command

from moderation.models import HeldMessage, MessageFilter, Report, ReportState

pytestmark = pytest.mark.usefixtures("database")


def said_by(command: str) -> str:
    """What it prints."""
    out = io.StringIO()
    call_command(command, stdout=out)
    return out.getvalue()


def test_the_queues_of_the_demo_are_filled_once() -> None:
    said_by("seed_demo")
    assert "two reports" in said_by("seed_moderation")
    assert {report.state for report in Report.objects.all()} == {ReportState.OPEN}
    assert sorted(report.target_kind for report in Report.objects.all()) == ["message", "user"]
    assert HeldMessage.objects.get().filter_name == MessageFilter.objects.get().name
    assert said_by("seed_moderation") == ""
    assert Report.objects.count() == 2


def test_without_the_demo_nothing_is_made() -> None:
    assert said_by("seed_moderation") == ""
    assert not MessageFilter.objects.exists()
