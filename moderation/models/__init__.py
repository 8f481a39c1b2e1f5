"""What moderation keeps, in collections of its own. What is done with it: `moderation.services`, and only there."""

from moderation.models.audit import Act, AuditRecord
from moderation.models.evidence import Evidence, LegalHold
from moderation.models.filters import FilterAction, FilterHit, FilterKind, HeldMessage, HeldState, MessageFilter
from moderation.models.notes import Note
from moderation.models.originals import RedactedOriginal
from moderation.models.reports import Outcome, Report, ReportReason, ReportState, TargetKind
from moderation.models.restrictions import Restriction, RestrictionKind
from moderation.models.revisions import Revision

__all__ = [
    "Act",
    "AuditRecord",
    "Evidence",
    "FilterAction",
    "FilterHit",
    "FilterKind",
    "HeldMessage",
    "HeldState",
    "LegalHold",
    "MessageFilter",
    "Note",
    "Outcome",
    "RedactedOriginal",
    "Report",
    "ReportReason",
    "ReportState",
    "Restriction",
    "RestrictionKind",
    "Revision",
    "TargetKind",
]
