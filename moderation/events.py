"""The socket door to moderation: the chat's namespace, with one more event."""

from __future__ import annotations

from conversations.sockets.namespace import ConversationEvents
from moderation import services
from moderation.announcements import NOTICES
from moderation.errors import FOR_USERS
from moderation.payloads import NewReport, Reported, ReportPayload
from socketio_bridge import Socket, event


class ModeratedConversationEvents(ConversationEvents):
    """Conversations of buyers with sellers. All devices of a user get what is for that user."""

    emits = (*ConversationEvents.emits, *NOTICES)
    error_codes = (*ConversationEvents.error_codes, *FOR_USERS)

    @event("report")
    async def report(self, socket: Socket, new: NewReport) -> Reported:
        """Report a message, a room or a user to the operator's staff."""
        return Reported(report=ReportPayload.of(await services.report(socket.data.identity, new)))
