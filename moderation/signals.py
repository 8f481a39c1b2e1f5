"""Signals of moderation, for whoever measures it (Django's documentation, "Signals"). Receivers must be quick.

They are sent in whatever thread the work is done in.
"""

from django.dispatch import Signal

draft_caught = Signal()
"""Filters hit a message, an edit or a buyer's details.

Args:
    action: What came of it, a `FilterAction`: the strictest filter's.
"""

report_filed = Signal()
"""A new report was stored.

Args:
    reason: Its `ReportReason`; a filter's is "filter".
"""

act_recorded = Signal()
"""An act of staff was recorded.

Args:
    act: Which `Act`.
"""
