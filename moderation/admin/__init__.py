"""Moderation and the chat in Django admin: lists, pages, and forms of acts. What is done goes through the services."""

import moderation.admin.audit
import moderation.admin.filters.changelist
import moderation.admin.filters.held
import moderation.admin.reports.changelist
import moderation.admin.restrictions.changelist
import moderation.admin.restrictions.holds
import moderation.admin.rooms.changelist
import moderation.admin.rooms.messages
import moderation.admin.users.notes
import moderation.admin.users.page  # noqa: F401
