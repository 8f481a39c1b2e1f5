"""The keys of `settings.CONVERSATIONS` that are about rooms and messages. docs/configuration.md explains each."""

from __future__ import annotations

from persistence.configuration import Section


class ChatSettings(Section, frozen=True, kw_only=True):
    """Addresses, lengths and times, rates, images, and the services that the chat asks.

    Attributes:
        SOCKET_PATH: The path of Socket.IO.
        MESSENGER_NAMESPACE: The namespace of the chat.
        STAFF_NAMESPACE: The namespace of the admin's pages.
        MESSAGE_MAX_LENGTH: Characters of a message.
        EDIT_WINDOW: Seconds after which a message is edited no more; 0: it always may be.
        SYNC_WINDOW: Seconds for which a token of `sync` serves; 0: always.
        RESYNC_CLOSES: Whose connections end when events were missed: "none", "eio3" or "all".
        POLICIES: Classes that may keep a user out or a message back, as `conversations.policies` has them.
        PUBLIC_URL: The address of this site, for the addresses of images; empty: that of the request.
        IMAGE_HOSTS: Hosts whose pictures may be sent, beside those uploaded here.
        UPLOAD_MAX_BYTES: Of a picture.
        UPLOAD_MAX_PIXELS: Of a picture.
        SHOP_SERVICE: GET `SHOP_SERVICE`/{shop_id} gives what a room says of its shop; empty: nothing does.
        SHOP_OWNER_FIELDS: The fields of that answer which may name the seller.
        AUTH_FAILURES: Bad proofs of identity from one address. Rates are calls in a second, minute, hour or day, like
            "600/m"; "0": any number.
        EVENT_RATE_USER: Events of a user.
        EVENT_RATE_ADDRESS: Events from an address.
        EVENT_RATE_MESSAGES: Messages of a user.
        EVENT_RATE_CONNECTS: Connections of a user.
        EVENT_RATE_COSTLY: Of each event that costs other processes work, of a user.
        API_RATE_USER: Calls of the REST API by a user.
        API_RATE_ADDRESS: Calls of the REST API from an address.
        API_RATE_UPLOADS: Pictures of a user.
        API_RATE_UPLOADS_ADDRESS: Pictures from an address.
        API_RATE_SEARCHES: Searches of a user.
    """

    SOCKET_PATH: str = "/v1/conversations/sockets"
    MESSENGER_NAMESPACE: str = "/v1/conversations/events"
    STAFF_NAMESPACE: str = "/v1/conversations/staff"
    MESSAGE_MAX_LENGTH: int = 10_000
    EDIT_WINDOW: int = 0
    SYNC_WINDOW: int = 30 * 24 * 3600
    RESYNC_CLOSES: str = "eio3"
    POLICIES: tuple[str, ...] = ()
    PUBLIC_URL: str = ""
    IMAGE_HOSTS: tuple[str, ...] = ()
    UPLOAD_MAX_BYTES: int = 10_000_000
    UPLOAD_MAX_PIXELS: int = 16_000_000
    SHOP_SERVICE: str = ""
    SHOP_OWNER_FIELDS: tuple[str, ...] = (
        *("seller_id", "sellerId", "seller", "owner_id", "ownerId", "owner", "user_id", "userId", "user"),
    )
    AUTH_FAILURES: str = "600/m"
    EVENT_RATE_USER: str = "3000/m"
    EVENT_RATE_ADDRESS: str = "60000/m"
    EVENT_RATE_MESSAGES: str = "600/m"
    EVENT_RATE_CONNECTS: str = "300/m"
    EVENT_RATE_COSTLY: str = "60/m"
    API_RATE_USER: str = "600/m"
    API_RATE_ADDRESS: str = "6000/m"
    API_RATE_UPLOADS: str = "20/m"
    API_RATE_UPLOADS_ADDRESS: str = "200/m"
    API_RATE_SEARCHES: str = "60/m"
