"""What clients send to moderation, and what they get."""

from __future__ import annotations

from typing import Literal, cast

from msgspec import Struct

from conversations.requests import MAX_ID_LENGTH, Id
from conversations.sockets.acknowledgements import Done
from moderation.models import Report, ReportState, Restriction, RestrictionKind
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


class QueueChange(Struct, kw_only=True):
    """What happened in a queue of staff.

    Attributes:
        queue: Reports, or held messages.
        change: `new`; `taken`: one of the staff works on it; `returned`: it waits again; `closed`: it is decided about.
        ids: The keys of the reports or held messages.
        by: The name of the member of staff; empty: it was none.
    """

    queue: Literal["reports", "held"]
    change: Literal["new", "taken", "returned", "closed"]
    ids: list[str]
    by: str = ""


class ReportClosing(Struct, kw_only=True, rename={"id": "_id"}):
    """The end of a report, for its reporter. It does not say what was done to whom.

    Attributes:
        action_taken: Whether staff did something about it.
    """

    id: str
    target_type: str
    target_id: str
    reason: str
    action_taken: bool
    closed_at: str

    @classmethod
    def of(cls, report: Report) -> ReportClosing:
        """Make the payload of a closed report."""
        return cls(
            id=str(report.pk),
            target_type=report.target_kind,
            target_id=report.target_id,
            reason=report.reason,
            action_taken=report.state == ReportState.RESOLVED,
            closed_at=to_wire(report.closed_at or report.created_at),
        )


class RestrictionNotice(Struct, kw_only=True, rename={"id": "_id"}):
    """A restriction, for the user whom it is about.

    Attributes:
        kind: `mute`: the user reads and cannot write. `ban`: the user cannot connect; this comes before the disconnect.
        reason: What staff want the user to read; empty: nothing.
        ends_at: When it ends by itself; null: only when it is lifted.
        lifted_at: When it was lifted; null: it is in force.
    """

    id: str
    kind: Literal["mute", "ban"]
    reason: str
    starts_at: str
    ends_at: str | None
    lifted_at: str | None

    @classmethod
    def of(cls, restriction: Restriction) -> RestrictionNotice:
        """Make the payload of a stored mute or ban."""
        return cls(
            id=str(restriction.pk),
            kind=cast(Literal["mute", "ban"], RestrictionKind(restriction.kind).value),
            reason=restriction.told or "",
            starts_at=to_wire(restriction.starts_at),
            ends_at=None if restriction.ends_at is None else to_wire(restriction.ends_at),
            lifted_at=None if restriction.lifted_at is None else to_wire(restriction.lifted_at),
        )
