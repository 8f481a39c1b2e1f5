"""The audit: added to, never changed, and taken out as CSV."""

from __future__ import annotations

import csv

import pytest
from django.db import IntegrityError

from identity import Identity
from moderation import services
from moderation.models import Act, AuditRecord
from moderation.models.audit import AppendOnly
from moderation.services.audit import COLUMNS, Target, record
from moderation.staff import Staff
from tests.conversations.conftest import Emitted
from tests.moderation.conftest import Store, acts


def test_a_record_is_neither_changed_nor_deleted(database: Store, mai: Staff) -> None:
    kept = record(mai, Act.ROOM_CLOSED, Target("room", "7.9", "7.9"), reason="a quarrel")
    kept.reason = "none"
    for attempt in (
        kept.save,
        kept.delete,
        AuditRecord.objects.all().delete,
        lambda: AuditRecord.objects.update(reason="none"),
        lambda: AuditRecord.objects.filter(pk=kept.pk).update(reason="none"),
        lambda: AuditRecord.objects.bulk_update([kept], ["reason"]),
    ):
        with pytest.raises(AppendOnly):
            attempt()
    assert AuditRecord.objects.get().reason == "a quarrel"


def test_no_new_record_takes_the_place_of_one(database: Store, mai: Staff) -> None:
    kept = record(mai, Act.ROOM_CLOSED, Target("room", "7.9", "7.9"), reason="a quarrel")
    forged = AuditRecord(pk=kept.pk, at=kept.at, staff_name="tuan", act=Act.ROOM_CLOSED, reason="none")
    with pytest.raises(IntegrityError):
        forged.save()
    assert AuditRecord.objects.get().reason == "a quarrel"


@pytest.mark.parametrize("reason", ["\n=1+1", "＝1+1", "＠SUM(A1)"])
async def test_no_cell_begins_as_a_formula_does(chat: Emitted, mai: Staff, reason: str) -> None:
    record(mai, Act.USER_MUTED, Target("user", "7", user_id="7"), reason=reason)
    lines = await services.export_audit(mai, AuditRecord.objects.filter(act=Act.USER_MUTED))
    (row,) = csv.DictReader("".join(lines).splitlines(keepends=True))
    assert row["reason"] == f"'{reason}"


def test_nobody_can_be_given_the_right_to_change_it() -> None:
    assert AuditRecord._meta.default_permissions == ("view",)


def test_it_says_who_did_what_from_where_to_what_and_why(database: Store, mai: Staff) -> None:
    target = Target("message", "m1", "7.9", "7")
    record(mai, Act.MESSAGE_REDACTED, target, before={"a": 1}, after={"a": None}, reason="rude")
    kept = AuditRecord.objects.get()
    assert (kept.staff_id, kept.staff_name, kept.address) == (mai.staff_id, "mai", "10.0.0.1")
    assert (kept.target_kind, kept.target_id, kept.room_id, kept.user_id) == target
    assert (kept.before, kept.after, kept.reason) == ({"a": 1}, {"a": None}, "rude")


async def test_it_is_exported_as_csv_which_is_itself_recorded(chat: Emitted, database: Store, mai: Staff) -> None:
    record(mai, Act.ROOM_CLOSED, Target("room", "7.9", "7.9"), after={"closed": True}, reason='"quotes", and\na line')
    record(mai, Act.USER_MUTED, Target("user", "7", user_id="7"), reason="=HYPERLINK('evil')")
    lines = await services.export_audit(mai, AuditRecord.objects.exclude(act=Act.AUDIT_EXPORTED).order_by("at", "pk"))
    rows = list(csv.DictReader("".join(lines).splitlines(keepends=True)))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["reason"] == '"quotes", and\na line'
    assert rows[0]["after"] == '{"closed": true}'
    assert rows[0]["at"].endswith("Z")
    assert rows[1]["reason"] == "'=HYPERLINK('evil')", "no spreadsheet takes it for a formula"
    assert acts(database)[-1] == "audit.exported"


def test_a_command_is_known_by_its_name_and_the_systems_user() -> None:
    staff = Staff.at_the_console("erase_person")
    assert staff.staff_id == "" and staff.name.endswith("manage.py erase_person")


async def test_acts_that_were_refused_are_not_recorded(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    for attempt in (
        services.close_room(mai, "1.2", "x"),
        services.redact_message(mai, "nothing", "x"),
        services.mute(mai, "7", ""),
        services.take(mai, "nothing"),
        services.restore_message(mai, "nothing", "x"),
    ):
        with pytest.raises(Exception, match=r"."):
            await attempt
    assert acts(database) == []
