"""The audit: records of acts, written with the acts, and exported as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

from django.utils import timezone

from conversations.errors import RuleViolation
from moderation.models import Act, AuditRecord
from moderation.models.audit import AuditRecords
from moderation.signals import act_recorded
from moderation.staff import Staff
from persistence.mongodb import atomically, has_transactions, in_store_thread
from persistence.timestamps import to_wire

Answer = TypeVar("Answer")
COLUMNS: Final = (
    "at",
    "staff_id",
    "staff_name",
    "address",
    "act",
    "target_kind",
    "target_id",
    "room_id",
    "user_id",
    "before",
    "after",
    "reason",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a formula begins with, in spreadsheets of any language."""


class Target(NamedTuple):
    """What an act was done to, and the room and the user whom it concerns."""

    kind: str
    id: str
    room_id: str = ""
    user_id: str = ""


def record(
    staff: Staff,
    act: Act,
    target: Target,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> AuditRecord:
    """Add an audit record, for an act that cannot share a transaction with it. Runs in a thread of the store.

    Such acts are reads, and work of many steps; their record comes first. All others use `recorded`.

    Args:
        staff: Who acts, and from which address.
        act: What is done.
        target: What it is done to.
        before: What the target was, as values of JSON.
        after: What the target becomes, as values of JSON.
        reason: Why, in the words of staff.

    Returns:
        The stored record.
    """
    act_recorded.send(sender=None, act=str(act))
    return AuditRecord.objects.create(
        at=timezone.now(),
        staff_id=staff.staff_id,
        staff_name=staff.name,
        address=staff.address,
        act=act,
        target_kind=target.kind,
        target_id=target.id,
        room_id=target.room_id,
        user_id=target.user_id,
        before=before or {},
        after=after or {},
        reason=reason,
    )


def recorded(
    staff: Staff,
    act: Act,
    target: Target,
    do: Callable[[], Answer],
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> Answer:
    """Do an act and add its audit record in one transaction. Runs in a thread of the store.

    A MongoDB that is no replica set has no transactions. There the record comes first; where the act is refused, a
    second record says so. So there may be a record of an act that failed, but no act without a record.

    Args:
        staff: Who acts, and from which address.
        act: What is done.
        target: What it is done to.
        do: Does it. The transaction may call it again.
        before: What the target was, as values of JSON.
        after: What the target becomes, as values of JSON.
        reason: Why, in the words of staff.

    Returns:
        What `do` returns.

    Raises:
        RuleViolation: The one that `do` raised: there was nothing to do.
    """
    add = partial(record, staff, act, target, before=before, after=after, reason=reason)
    if not has_transactions():
        add()
        try:
            return do()
        except RuleViolation as refusal:
            not_done(staff, act, target, refusal)
            raise

    def both() -> Answer:
        answer = do()
        add()
        return answer

    return atomically(both)


def not_done(staff: Staff, act: Act, target: Target, refusal: RuleViolation) -> None:
    """Add a record that an act was refused whose own record stands already. Runs in a thread of the store."""
    record(staff, Act.NOT_DONE, target, before={"act": act.value}, reason=refusal.message)


async def export_audit(staff: Staff, records: AuditRecords) -> Iterator[str]:
    """Export audit records as CSV. The export is recorded itself, before it begins.

    Args:
        staff: Who exports.
        records: Which records, in which order.

    Returns:
        The lines, the columns' names first. They are read from the store as they are taken, in a thread of the store.
    """
    await in_store_thread(record, staff, Act.AUDIT_EXPORTED, Target("audit", "audit"))
    return _lines(records)


def _lines(records: AuditRecords) -> Iterator[str]:
    yield _line(COLUMNS)
    for each in records.iterator(chunk_size=500):
        yield _line([_cell(each, column) for column in COLUMNS])


def _cell(each: AuditRecord, column: str) -> str:
    value = getattr(each, column)
    if column == "at":
        return to_wire(value)
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    # A spreadsheet takes such a text for a formula, and what is in it may come from anybody.
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: Any) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
