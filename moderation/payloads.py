"""What clients send to moderation, and what they get."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from conversations.requests import MAX_ID_LENGTH, Id
from conversations.sockets.acknowledgements import Done
from moderation.models import Report
from persistence.timestamps import to_wire

LONGEST_TEXT = 2000


class NewReport(Struct, kw_only=True):
    """`report`: something is wrong with a message, a room or a user. `text`: what the reporter adds, if anything."""

    target_type: Literal["message", "room", "user"]
    target_id: Id
    reason: Literal["spam", "fraud", "harassment", "hate", "sexual", "prohibited_goods", "personal_data", "other"]
    text: str = ""

    def __post_init__(self) -> None:
        self.target_id = str(self.target_id)
        longest = 2 * MAX_ID_LENGTH + 1
        if not 0 < len(self.target_id) <= longest:
            raise ValueError(f"`target_id` has {len(self.target_id)} characters: it must be an id of 1 to {longest}")
        if len(self.text) > LONGEST_TEXT:
            raise ValueError(f"`text` has {len(self.text)} characters: it has at most {LONGEST_TEXT}")
        for field in (self.target_id, self.text):
            try:
                field.encode()
            except UnicodeEncodeError:
                raise ValueError("`target_id` or `text` is not valid Unicode: half of a surrogate pair") from None


class ReportPayload(Struct, kw_only=True, rename={"id": "_id"}):
    """A report as its reporter sees it, without what staff do about it."""

    id: str
    target_type: str
    target_id: str
    reason: str
    text: str
    created_at: str

    @classmethod
    def of(cls, report: Report) -> ReportPayload:
        """Make the payload of a stored report."""
        return cls(
            id=str(report.pk),
            target_type=report.target_kind,
            target_id=report.target_id,
            reason=report.reason,
            text=report.text,
            created_at=to_wire(report.created_at),
        )


class Reported(Done, kw_only=True):
    """The report waits for staff; of a repeat, the first one."""

    report: ReportPayload
