"""The socket door to conversations: events in, answers and errors out. What may be done, the services decide."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, get_args

import msgspec

import identity as identities
from conversations import services
from conversations.announcements import ANNOUNCED, typing_begins, typing_ends
from conversations.configuration import ChatSettings
from conversations.errors import REFUSALS, Code
from conversations.payloads import RoomOfBuyer, RoomOfSeller, UserVerified
from conversations.policies import require_admitted
from conversations.requests import (
    LARGEST_PAGE,
    CreateRoom,
    Handshake,
    NewMessage,
    SeenMessages,
    Sync,
    Typing,
    VerifyUser,
)
from conversations.sockets.acknowledgements import Done, EventError, MessageSent, Refused, RoomReady, Synced
from conversations.sockets.event_limits import LimitedNamespace, count_connect, proving
from conversations.sockets.reannouncing import reannouncing
from conversations.sockets.refusals import explain, fields_of, is_temporary, reason_of, refused_connection
from conversations.sockets.resyncing import resync, resyncing
from conversations.sockets.sign_in import announced, renew, sign_in, sign_out
from conversations.sockets.statuses import active_user_list
from identity import Identity, IdentityRefused, authenticate, identify, scope_identity
from identity.refusal import RefusalCode
from presence import current as current_presence
from presence import stop_current as stop_presence
from socketio_bridge import OutgoingEvent, Socket, event, outgoing_event

NOTHING_KNOWN: Final = Sync()


@outgoing_event("verify_user")
def user_verified(verified: UserVerified) -> None:
    """Whether a new identity was taken; to the device that sent `verify_user`."""


@outgoing_event("event_error")
def event_refused(refusal: EventError) -> None:
    """An event was refused; to the device that sent it."""


class ConversationEvents(LimitedNamespace):
    """Conversations of buyers with sellers. All devices of a user get what is for that user."""

    path = ChatSettings.current().MESSENGER_NAMESPACE
    emits: ClassVar[Sequence[OutgoingEvent[..., Any]]] = (
        *ANNOUNCED,
        active_user_list,
        resync,
        user_verified,
        event_refused,
    )
    error_codes = (*get_args(RefusalCode), *Code)
    handshake_type = Handshake
    named_types = (RoomOfBuyer, RoomOfSeller)

    async def on_startup(self) -> None:
        """Begin to watch for processes that die: their users go offline then."""
        await current_presence().start()
        await services.start_up()

    async def on_shutdown(self) -> None:
        """Store and announce what was begun, then close."""
        await services.shut_down()
        await announced()
        if (resync := resyncing.forget()) is not None:
            resync.stop()
        await stop_presence()
        await identities.close()

    def on_gap(self, since: float) -> None:
        """Announce all statuses anew, and have all devices sync: a change or a message may have been missed."""
        reannouncing.get().noticed_gap()
        resyncing.get().noticed_gap(since, self.local_sockets)

    async def on_connect(self, socket: Socket) -> None:
        """Let in whom the token proves to be the user of the handshake."""
        await _let_in(socket, {**socket.handshake.query, **socket.handshake.auth})

    async def on_disconnect(self, socket: Socket, reason: str) -> None:
        """Sign the device out."""
        await sign_out(socket, returns=reason == "server shutting down")

    def save(self, socket: Socket) -> dict[str, str]:
        """Who a device that is cut off was; it must prove it again."""
        identity = _identity(socket)
        return {"token": identity.token, "user_id": identity.user_id, "user_role": identity.role.value}

    async def on_recover(self, socket: Socket, saved: dict[str, str]) -> None:
        """The device is back: it is who it was, if its token still holds."""
        await _let_in(socket, saved)

    @event("create_room")
    async def create_room(self, socket: Socket, request: CreateRoom) -> RoomReady:
        """Make a room, or bring back one that a side had deleted. All devices of the user get `create_room`."""
        answer = await services.create_room(_identity(socket), request)
        return RoomReady(room=answer.payload)

    @event("new_message", overlapping=True)  # the writer stores them together, in the order begun
    async def new_message(self, socket: Socket, message: NewMessage) -> MessageSent:
        """Store a message, and send it to all devices of both sides, this one too."""
        return MessageSent(message=await services.send_message(_identity(socket), message))

    @event("typing", volatile=True)
    async def typing(self, socket: Socket, typing: Typing) -> Done:
        """Show the other side, and the user's other devices, that the user types."""
        await services.relay_typing(_identity(socket), typing_begins, typing, except_=socket.id)
        return Done()

    @event("stop_typing", volatile=True)
    async def stop_typing(self, socket: Socket, typing: Typing) -> Done:
        """Show the other side, and the user's other devices, that the user types no longer."""
        await services.relay_typing(_identity(socket), typing_ends, typing, except_=socket.id)
        return Done()

    @event("seen_messages")
    async def seen_messages(self, socket: Socket, seen: SeenMessages) -> Done:
        """Mark messages as seen, and send that to the devices of their sender."""
        await services.mark_seen(_identity(socket), seen)
        return Done()

    @event("sync", overlapping=True)  # messages do not wait for it
    async def sync(self, socket: Socket, request: Sync = NOTHING_KNOWN) -> Synced:
        """Tell what has changed in the user's rooms, on the side of the handshake's `user_role`, since a token.

        ```json
        {"status": true, "next": "WyJzeW5j…", "more": false, "changes": [
          {"type": "room", "data": {"_id": "7.501", "blocked_by": null, "pinned_by_buyer": null, …}},
          {"type": "seen_messages", "data": {"room_id": "7.501", "from": "501", "last_message_created_at": "…", …}},
          {"type": "new_message", "data": {"_id": "01K…", "room_id": "7.501", "from": "501", "content": "Hello!", …}},
          {"type": "room_deletion", "data": {"room_id": "7.502", "deletion_role": "BUYER", …}},
          {"type": "message_redacted", "data": {"_id": "01J…", "room_id": "7.501", "redacted_at": "2026-…", …}}]}
        ```
        """
        identity = _identity(socket)
        page = await services.list_changes(identity, identity.role, request.since, min(request.limit, LARGEST_PAGE))
        return Synced(changes=page.changes, next=page.next, more=page.more)

    @event("verify_user")
    async def verify_user(self, socket: Socket, claim: VerifyUser) -> Done | Refused:
        """Take a new identity, such as a newer token, for this socket; who cannot prove it is disconnected."""
        try:
            identity = await _proven(socket, claim.token, claim.user_id, claim.user_role)
            await _admit(socket, identity)
        except (IdentityRefused, *REFUSALS) as refusal:
            if is_temporary(refusal):
                raise  # nothing is known against the token: the socket stays what it is
            await socket.emit(user_verified(UserVerified(status=False)))
            await socket.disconnect()
            return Refused(error=reason_of(refusal))
        await renew(socket, identity)
        await socket.emit(user_verified(UserVerified(status=True)))
        return Done()

    async def on_error(self, socket: Socket, event: str, arguments: Sequence[msgspec.Raw], error: Exception) -> Refused:
        """Send the reason to the client, as `event_error` and as the acknowledgement."""
        reason = explain(event, error)
        message_id = _client_message_id(arguments)
        refusal = EventError(event=event, client_message_id=message_id, **fields_of(reason))
        await socket.emit(event_refused(refusal))
        return Refused(error=reason)


def _identity(socket: Socket) -> Identity:
    identity: Identity = socket.data.identity
    return identity


async def _let_in(socket: Socket, claim: Mapping[str, Any]) -> None:
    """Let a device in as whom it claims to be: in its handshake's query, or in Socket.IO's auth payload, which wins.

    Raises ConnectionRefused, or TryAgainLater where nothing is known against it.
    """
    try:
        identity = await _proven(socket, claim.get("token", ""), claim.get("user_id", ""), claim.get("user_role", ""))
        count_connect(identity.user_id)
        await _admit(socket, identity)
    except (IdentityRefused, *REFUSALS) as refusal:
        raise refused_connection("Authentication Error", refusal) from refusal
    await sign_in(socket, identity)


async def _proven(socket: Socket, token: str, user_id: str, user_role: str) -> Identity:
    """Whom a device speaks for.

    Raises:
        IdentityRefused: The token does not prove the claim.
        TooSoon: There were too many failures from this address.
    """
    if (known_by := scope_identity()) is not None:
        if "j" in socket.handshake.query:  # JSONP: the browser does not say whose page it is, and sends cookies
            raise IdentityRefused("not_signed_in", "a session signs in by other transports than JSONP")
        return await identify(known_by, socket.handshake.scope, user_id, user_role)
    async with proving(socket.handshake.address):
        return await authenticate(token, user_id, user_role)


async def _admit(socket: Socket, identity: Identity) -> None:
    """Join the user's room and ask the policies, which raise RuleViolation for a user who is kept out."""
    # One of the user's devices first: who is kept out from now on is either disconnected as one, or refused here.
    socket.data.heard_from = time.monotonic()
    await socket.enter_room(identity.user_id)
    await require_admitted(identity.user_id, just_now=True)


def _client_message_id(arguments: Sequence[msgspec.Raw]) -> str | int | None:
    """The id by which the client knows the message that failed, if it can be made out."""
    try:
        value = msgspec.json.decode(arguments[0])["client_message_id"]
    except (IndexError, KeyError, TypeError, msgspec.MsgspecError, RecursionError):
        return None
    return value if isinstance(value, str | int) else None
