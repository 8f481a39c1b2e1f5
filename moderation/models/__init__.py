"""The collections of moderation. Only `moderation.services` changes them."""

from moderation.matching.filters import FilterAction, FilterKind
from moderation.models.audit import Act, AuditRecord
from moderation.models.evidence import Evidence, LegalHold, RedactedOriginal, Revision
from moderation.models.filters import FilterHit, HeldMessage, HeldState, MessageFilter
from moderation.models.persons import Person
from moderation.models.reports import Note, Outcome, Report, ReportReason, ReportState, TargetKind
from moderation.models.restrictions import Restriction, RestrictionKind

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
    "Person",
    "RedactedOriginal",
    "Report",
    "ReportReason",
    "ReportState",
    "Restriction",
    "RestrictionKind",
    "Revision",
    "TargetKind",
]
