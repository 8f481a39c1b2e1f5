// Made by `manage.py socketio types --typescript`: change the Python types instead.
import type { Socket } from "socket.io-client";

/** `active_user_list`, to a user of whom a device has connected: who is online in the rooms seen on that side. Later changes come as `user_status_change`. After a disturbance between the servers the list comes once more, and replaces what was known. `since` is a token of `sync`, from before the device heard events, for a device that has none and loads everything. */
export interface ActiveUserList {
  user_id: string;
  user_role: Role;
  rooms: Array<RoomStatus>;
  since: string;
}

/** One result. Prices, times and counts are as the auction service sends them. */
export interface AuctionResult {
  id: number;
  type: string;
  phaseId: number | null;
  state: string;
  bidsCount: number;
  biddersCount: number;
  winnerId: number;
  currentPrice: number;
  priceBidAutoHighest: number;
  timeStart: number;
  timeEnd: number;
  isSold: number;
}

/** What a seller sees of a buyer. */
export interface BuyerInfo {
  name?: string | null;
  avatar?: string | null;
  phone_number?: string | number | null;
  email?: string | null;
}

/** `create_room` as a client sends it. `creator` may be left out: it is the authenticated user anyway. */
export interface CreateRoom {
  type?: "BS";
  buyer: string | number;
  seller: string | number;
  shop_id?: string | number | null;
  creator?: string | number | null;
  buyer_info?: BuyerInfo | null;
}

/** It was done. */
export interface Done {
  status: true;
}

/** The reason of a refusal, for programs: stable, in snake_case. New ones may come. */
export type ErrorCode = "banned" | "buyer_is_seller" | "edit_window_over" | "held_for_review" | "identity_unavailable" | "internal_error" | "message_not_found" | "message_redacted" | "message_refused" | "muted" | "not_a_member" | "not_an_image" | "not_signed_in" | "not_the_blocker" | "not_the_sender" | "overloaded" | "rate_limited" | "role_invalid" | "role_mismatch" | "role_not_allowed" | "room_blocked" | "room_closed" | "room_not_found" | "shop_not_of_seller" | "slow_mode" | "store_unavailable" | "sync_too_old" | "target_not_found" | "token_expired" | "token_invalid" | "token_missing" | "unknown_event" | "upload_too_large" | "user_mismatch" | "validation_failed" | "wrong_recipient";

/** `event_error`, to the device whose `event` was refused; the event's acknowledgement says the same. `client_message_id` is the refused message's own, if any. */
export interface EventError {
  code: ErrorCode;
  message: string;
  retry_after?: number;
  event: string;
  client_message_id: string | number | null;
}

/** What a device says when it connects, in the query or in `auth`. Attributes: resync: The device knows the event `resync`, so that its connection need not end instead. recovery: The device, on a client 4.6 or newer, wants to come back as the socket that it was when it was cut off. Where the operator has that on, each event then has an offset as one argument more. */
export interface Handshake {
  token: string;
  user_id: string | number;
  user_role: string;
  resync?: boolean;
  recovery?: boolean;
}

/** A message of the time since; with `redacted_at` if it was redacted meanwhile. */
export interface MessageNew {
  type: "new_message";
  data: MessagePayload;
}

/** A message as it is stored: `new_message` when it was sent, `message_updated` when its content was changed. All devices of both sides get it, the one that sent it too. `from` is `support` where the operator wrote it. `redacted_at` is there where the message is redacted. */
export interface MessagePayload {
  _id: string;
  room_id: string;
  from: string;
  to: string;
  type: string;
  content: string;
  client_message_id: string | null;
  is_seen: boolean;
  created_at: string;
  updated_at: string;
  redacted_at?: string;
}

/** An older message that was redacted. */
export interface MessageRedacted {
  type: "message_redacted";
  data: MessagePayload;
}

/** `message_redacted`, to both sides: this message was redacted; `content` is shown in its place. */
export interface MessageRedaction {
  _id: string;
  room_id: string;
  from: string;
  to: string;
  content: string;
  redacted_at: string;
}

/** The message is stored, as both sides get it; of a repeat, the first one. */
export interface MessageSent {
  status: true;
  message: MessagePayload;
}

/** An older message that says something else now, or says something again. */
export interface MessageUpdated {
  type: "message_updated";
  data: MessagePayload;
}

/** A result with the name of the auction's leader: empty where nobody leads, or the name is not known. */
export interface NamedAuctionResult {
  id: number;
  type: string;
  phaseId: number | null;
  state: string;
  bidsCount: number;
  biddersCount: number;
  winnerId: number;
  currentPrice: number;
  priceBidAutoHighest: number;
  timeStart: number;
  timeEnd: number;
  isSold: number;
  winnerName: string;
}

/** A message to send. `content`: a text, the address of an uploaded image, or an emoji or its name. `client_message_id`: the app's own id of it; the same message sent again under the same id is stored once. */
export interface NewMessage {
  room_id: string | number;
  from: string | number;
  to: string | number;
  type: "EMOJI" | "IMAGE" | "TEXT";
  content: string;
  client_message_id?: string | number | null;
}

/** `report`: something is wrong with a message, a room or a user. `text`: what the reporter adds, if anything. */
export interface NewReport {
  target_type: "message" | "room" | "user";
  target_id: string | number;
  reason: "fraud" | "harassment" | "hate" | "other" | "personal_data" | "prohibited_goods" | "sexual" | "spam";
  text?: string;
}

/** What happened in a queue of staff. Attributes: queue: Reports, or held messages. change: `new`; `taken`: one of the staff works on it; `returned`: it waits again; `closed`: it is decided about. ids: The keys of the reports or held messages. by: The name of the member of staff; empty: it was none. */
export interface QueueChange {
  queue: "held" | "reports";
  change: "closed" | "new" | "returned" | "taken";
  ids: Array<string>;
  by: string;
}

/** Why something was refused: `code` for programs, stable and in snake_case; `message` for people. `retry_after`: seconds to wait, where waiting helps. */
export interface Reason {
  code: ErrorCode;
  message: string;
  retry_after?: number;
}

/** It was not done. */
export interface Refused {
  error: Reason;
  status: false;
}

/** The end of a report, for its reporter. It does not say what was done to whom. Attributes: action_taken: Whether staff did something about it. */
export interface ReportClosing {
  _id: string;
  target_type: string;
  target_id: string;
  reason: string;
  action_taken: boolean;
  closed_at: string;
}

/** A report as its reporter sees it, without what staff do about it. */
export interface ReportPayload {
  _id: string;
  target_type: string;
  target_id: string;
  reason: string;
  text: string;
  created_at: string;
}

/** The report waits for staff; of a repeat, the first one. */
export interface Reported {
  status: true;
  report: ReportPayload;
}

/** A restriction, for the user whom it is about. Attributes: kind: `mute`: the user reads and cannot write. `ban`: the user cannot connect; this comes before the disconnect. reason: What staff want the user to read; empty: nothing. ends_at: When it ends by itself; null: only when it is lifted. lifted_at: When it was lifted; null: it is in force. */
export interface RestrictionNotice {
  _id: string;
  kind: "ban" | "mute";
  reason: string;
  starts_at: string;
  ends_at: string | null;
  lifted_at: string | null;
}

/** `resync`, to a device that may have missed events: sync from the token `since`, or from an earlier one of yours. It comes when the servers could not hear each other, and something was lost by that. It may come several times. */
export interface Resync {
  since: string;
}

/** The side of a room that a user speaks as, spelled as on the wire and in the database. */
export type Role = "BUYER" | "SELLER";

/** `room_closed`, to both sides: the operator has closed the room; it takes no messages until it is opened again. */
export interface RoomClosing {
  room_id: string;
  buyer: string;
  seller: string;
  closed_at: string;
}

/** `room_deletion`, to both sides: one of them, `deletion_role`, has deleted the room for itself alone. */
export interface RoomDeletion {
  room_id: string;
  seller: string;
  buyer: string;
  deletion_role: string;
}

/** The caller's side has deleted the room: it goes, with its messages. Where it shows again, `room` follows. */
export interface RoomHidden {
  type: "room_deletion";
  data: RoomDeletion;
}

/** A room as its buyer sees it. */
export interface RoomOfBuyer {
  _id: string;
  room_id: string;
  type: string;
  creator: string;
  buyer: string;
  seller: string;
  shop_id: string;
  blocked_by: Role | null;
  closed_at: string | null;
  created_at: string | null;
  updated_at: string | null;
  shop: Record<string, unknown>;
  buyer_last_message: MessagePayload | null;
  pinned_by_buyer: string | null;
  buyer_unseen_messages: number;
  deleted_by_buyer: boolean;
  buyer_deleted_at: string | null;
}

/** A room as its seller sees it. */
export interface RoomOfSeller {
  _id: string;
  room_id: string;
  type: string;
  creator: string;
  buyer: string;
  seller: string;
  shop_id: string;
  blocked_by: Role | null;
  closed_at: string | null;
  created_at: string | null;
  updated_at: string | null;
  buyer_info: Record<string, unknown>;
  seller_last_message: MessagePayload | null;
  pinned_by_seller: string | null;
  seller_unseen_messages: number;
  deleted_by_seller: boolean;
  seller_deleted_at: string | null;
}

/** `room_opened`, to both sides: the operator has opened a closed room; it takes messages again. */
export interface RoomOpening {
  room_id: string;
  buyer: string;
  seller: string;
}

/** `create_room`, to who asked for a room: there is one, be it new, brought back or known already. `buyer_info` is what the request carried. */
export interface RoomPayload {
  _id: string;
  room_id: string;
  type: string;
  buyer: string;
  seller: string;
  shop_id: string;
  creator: string;
  buyer_info?: Record<string, string>;
}

/** There is such a room, and the caller sees it. */
export interface RoomReady {
  status: true;
  room: RoomPayload;
}

/** `from` has seen all that `to` wrote in the room up to `last_message_created_at`. */
export interface RoomSeen {
  type: "seen_messages";
  data: SeenMessages;
}

/** A room that is new, or changed in whatever way: as it is now, in place of what the client knows of it. */
export interface RoomState {
  type: "room";
  data: RoomOfBuyer | RoomOfSeller;
}

/** Whether the other side of a room is online. */
export interface RoomStatus {
  room_id: string;
  status: boolean;
}

/** `seen_messages`: `from` has seen what `to` wrote, up to and with this message. It reaches all devices of `to`. `last_message_created_at` may be sent as milliseconds since 1970; it arrives as ISO 8601. */
export interface SeenMessages {
  room_id: string | number;
  from: string | number;
  to: string | number;
  last_message_id: string | number;
  last_message_created_at: string | number;
}

/** What both sides see of a room. Times are ISO 8601, UTC, with milliseconds; `null`: there is none. */
export interface SharedRoom {
  _id: string;
  room_id: string;
  type: string;
  creator: string;
  buyer: string;
  seller: string;
  shop_id: string;
  blocked_by: Role | null;
  closed_at: string | null;
  created_at: string | null;
  updated_at: string | null;
}

/** `sync`: what has changed in the user's rooms since a token. Without `since`: no changes, and a token for now. `limit`: how many messages a page has at most, and how many rooms; 100 at most. */
export interface Sync {
  since?: string | null;
  limit?: number;
}

/** Changes, in order; `next`, the token to sync with from now on; whether there is `more` to ask for at once. */
export interface Synced {
  status: true;
  changes: Array<RoomState | RoomHidden | RoomSeen | MessageNew | MessageUpdated | MessageRedacted>;
  next: string;
  more: boolean;
}

/** `from` types in a room (`typing`), or has stopped (`stop_typing`). It reaches all devices of `to`, and those of `from` but the one that sent it. */
export interface Typing {
  room_id: string | number;
  from: string | number;
  to: string | number;
}

/** `user_status_change`, to the other side of a room: the user, its `user_role`, came online or went offline. `status`: whether the user is online now. Sent for each of the user's rooms, and for a room that was made or enabled. */
export interface UserStatusChange {
  user_id: string;
  user_role: Role;
  room_id: string;
  status: boolean;
}

/** `verify_user`, to the device that sent it: whether it has its new identity. If not, it is disconnected. */
export interface UserVerified {
  status: boolean;
}

/** `verify_user` as a client sends it: the identity that its socket is to carry from now on. */
export interface VerifyUser {
  token: string;
  user_id: string | number;
  user_role: string;
}

/** The room to watch. Attributes: room_id: The room whose page is open. */
export interface Watch {
  room_id: string;
}

/** The handshake for one auction. Attributes: token: The client's token. auction_id: The auction that it watches. */
export interface WatchAuction {
  token: string;
  auction_id: string;
}

/** The handshake for several auctions. Attributes: token: The client's token. auction_ids: The auctions that it watches, such as "3753,4523". */
export interface WatchAuctions {
  token: string;
  auction_ids: string;
}

/** All queues: there is nothing to choose. */
export interface WatchQueues {
}

export interface ModeratedConversationEventsClientToServer {
  /** Make a room, or bring back one that a side had deleted. All devices of the user get `create_room`. */
  create_room: (request: CreateRoom, ack: (answer: RoomReady | Refused) => void) => void;
  /** Store a message, and send it to all devices of both sides, this one too. */
  new_message: (message: NewMessage, ack: (answer: MessageSent | Refused) => void) => void;
  /** Report a message, a room or a user to the operator's staff. */
  report: (new_: NewReport, ack: (answer: Reported | Refused) => void) => void;
  /** Mark messages as seen, and send that to the devices of their sender. */
  seen_messages: (seen: SeenMessages, ack: (answer: Done | Refused) => void) => void;
  /** Show the other side, and the user's other devices, that the user types no longer. */
  stop_typing: (typing: Typing, ack: (answer: Done | Refused) => void) => void;
  /**
   * Tell what has changed in the user's rooms, on the side of the handshake's `user_role`, since a token.
   *
   * ```json
   * {"status": true, "next": "WyJzeW5j…", "more": false, "changes": [
   *   {"type": "room", "data": {"_id": "7.501", "blocked_by": null, "pinned_by_buyer": null, …}},
   *   {"type": "seen_messages", "data": {"room_id": "7.501", "from": "501", "last_message_created_at": "…", …}},
   *   {"type": "new_message", "data": {"_id": "01K…", "room_id": "7.501", "from": "501", "content": "Hello!", …}},
   *   {"type": "room_deletion", "data": {"room_id": "7.502", "deletion_role": "BUYER", …}},
   *   {"type": "message_redacted", "data": {"_id": "01J…", "room_id": "7.501", "redacted_at": "2026-…", …}}]}
   * ```
   */
  sync: (request: Sync, ack: (answer: Synced | Refused) => void) => void;
  /** Show the other side, and the user's other devices, that the user types. */
  typing: (typing: Typing, ack: (answer: Done | Refused) => void) => void;
  /** Take a new identity, such as a newer token, for this socket; who cannot prove it is disconnected. */
  verify_user: (claim: VerifyUser, ack: (answer: Done | Refused) => void) => void;
}

export interface ModeratedConversationEventsServerToClient {
  /**
   * A room is made, or back; to all devices of the user who asked for it.
   *
   * `create_room`, to who asked for a room: there is one, be it new, brought back or known already.
   *
   * `buyer_info` is what the request carried.
   */
  create_room: (room: RoomPayload) => void;
  /**
   * A message; to all devices of both sides.
   *
   * A message as it is stored: `new_message` when it was sent, `message_updated` when its content was changed.
   *
   * All devices of both sides get it, the one that sent it too. `from` is `support` where the operator wrote it.
   * `redacted_at` is there where the message is redacted.
   */
  new_message: (message: MessagePayload) => void;
  /**
   * A message is edited; to all devices of both sides.
   *
   * A message as it is stored: `new_message` when it was sent, `message_updated` when its content was changed.
   *
   * All devices of both sides get it, the one that sent it too. `from` is `support` where the operator wrote it.
   * `redacted_at` is there where the message is redacted.
   */
  message_updated: (message: MessagePayload) => void;
  /**
   * The operator has redacted a message, or restored it; to all devices of both sides.
   *
   * `message_redacted`, to both sides: this message was redacted; `content` is shown in its place.
   */
  message_redacted: (redaction: MessageRedaction) => void;
  /**
   * The operator has closed a room; to all devices of both sides.
   *
   * `room_closed`, to both sides: the operator has closed the room; it takes no messages until it is opened again.
   */
  room_closed: (closing: RoomClosing) => void;
  /**
   * A closed room is open again; to all devices of both sides.
   *
   * `room_opened`, to both sides: the operator has opened a closed room; it takes messages again.
   */
  room_opened: (opening: RoomOpening) => void;
  /**
   * Somebody types; to all devices of the other side, and the user's other devices.
   *
   * `from` types in a room (`typing`), or has stopped (`stop_typing`).
   *
   * It reaches all devices of `to`, and those of `from` but the one that sent it.
   */
  typing: (typing: Typing) => void;
  /**
   * Somebody types no longer; to whom `typing` goes.
   *
   * `from` types in a room (`typing`), or has stopped (`stop_typing`).
   *
   * It reaches all devices of `to`, and those of `from` but the one that sent it.
   */
  stop_typing: (typing: Typing) => void;
  /**
   * Messages were seen; to all devices of the user who wrote them.
   *
   * `seen_messages`: `from` has seen what `to` wrote, up to and with this message. It reaches all devices of `to`.
   *
   * `last_message_created_at` may be sent as milliseconds since 1970; it arrives as ISO 8601.
   */
  seen_messages: (seen: SeenMessages) => void;
  /**
   * A side has deleted a room; to all devices of both sides.
   *
   * `room_deletion`, to both sides: one of them, `deletion_role`, has deleted the room for itself alone.
   */
  room_deletion: (deletion: RoomDeletion) => void;
  /**
   * A user came online or went offline; to all devices of the other sides of their rooms.
   *
   * `user_status_change`, to the other side of a room: the user, its `user_role`, came online or went offline.
   *
   * `status`: whether the user is online now. Sent for each of the user's rooms, and for a room that was made or
   * enabled.
   */
  user_status_change: (change: UserStatusChange) => void;
  /**
   * Who is online; to all devices of a user of whom a device has connected, and once more after a disturbance.
   *
   * `active_user_list`, to a user of whom a device has connected: who is online in the rooms seen on that side.
   *
   * Later changes come as `user_status_change`. After a disturbance between the servers the list comes once more, and
   * replaces what was known. `since` is a token of `sync`, from before the device heard events, for a device that has
   * none and loads everything.
   */
  active_user_list: (listed: ActiveUserList) => void;
  /**
   * Something may have been missed: sync; to the devices of a process that could not hear the others.
   *
   * `resync`, to a device that may have missed events: sync from the token `since`, or from an earlier one of yours.
   *
   * It comes when the servers could not hear each other, and something was lost by that. It may come several times.
   */
  resync: (token: Resync) => void;
  /**
   * Whether a new identity was taken; to the device that sent `verify_user`.
   *
   * `verify_user`, to the device that sent it: whether it has its new identity. If not, it is disconnected.
   */
  verify_user: (verified: UserVerified) => void;
  /**
   * An event was refused; to the device that sent it.
   *
   * `event_error`, to the device whose `event` was refused; the event's acknowledgement says the same.
   *
   * `client_message_id` is the refused message's own, if any.
   */
  event_error: (refusal: EventError) => void;
  /**
   * Staff have closed a report; to all devices of the user who made it. Only if MODERATION_NOTICES names it.
   *
   * The end of a report, for its reporter. It does not say what was done to whom.
   *
   * Attributes:
   *     action_taken: Whether staff did something about it.
   */
  report_closed: (closing: ReportClosing) => void;
  /**
   * A user is muted or banned, or no longer; to all devices of that user. Only if MODERATION_NOTICES names it.
   *
   * A restriction, for the user whom it is about.
   *
   * Attributes:
   *     kind: `mute`: the user reads and cannot write. `ban`: the user cannot connect; this comes before the disconnect.
   *     reason: What staff want the user to read; empty: nothing.
   *     ends_at: When it ends by itself; null: only when it is lifted.
   *     lifted_at: When it was lifted; null: it is in force.
   */
  restriction: (notice: RestrictionNotice) => void;
}

/** A client's socket in /v1/conversations/events. */
export type ModeratedConversationEventsSocket = Socket<ModeratedConversationEventsServerToClient, ModeratedConversationEventsClientToServer>;

export interface StaffEventsClientToServer {
  /** Hear what happens in a room, and in no other. */
  watch: (watch: Watch, ack: (answer: Done | Refused) => void) => void;
  /** Hear what happens in the queues of reports and of held messages: `queue_changed`. */
  watch_queues: (watch: WatchQueues, ack: (answer: Done | Refused) => void) => void;
}

export interface StaffEventsServerToClient {
  /**
   * A message; to all devices of both sides.
   *
   * A message as it is stored: `new_message` when it was sent, `message_updated` when its content was changed.
   *
   * All devices of both sides get it, the one that sent it too. `from` is `support` where the operator wrote it.
   * `redacted_at` is there where the message is redacted.
   */
  new_message: (message: MessagePayload) => void;
  /**
   * A message is edited; to all devices of both sides.
   *
   * A message as it is stored: `new_message` when it was sent, `message_updated` when its content was changed.
   *
   * All devices of both sides get it, the one that sent it too. `from` is `support` where the operator wrote it.
   * `redacted_at` is there where the message is redacted.
   */
  message_updated: (message: MessagePayload) => void;
  /**
   * The operator has redacted a message, or restored it; to all devices of both sides.
   *
   * `message_redacted`, to both sides: this message was redacted; `content` is shown in its place.
   */
  message_redacted: (redaction: MessageRedaction) => void;
  /**
   * Messages were seen; to all devices of the user who wrote them.
   *
   * `seen_messages`: `from` has seen what `to` wrote, up to and with this message. It reaches all devices of `to`.
   *
   * `last_message_created_at` may be sent as milliseconds since 1970; it arrives as ISO 8601.
   */
  seen_messages: (seen: SeenMessages) => void;
  /**
   * The operator has closed a room; to all devices of both sides.
   *
   * `room_closed`, to both sides: the operator has closed the room; it takes no messages until it is opened again.
   */
  room_closed: (closing: RoomClosing) => void;
  /**
   * A closed room is open again; to all devices of both sides.
   *
   * `room_opened`, to both sides: the operator has opened a closed room; it takes messages again.
   */
  room_opened: (opening: RoomOpening) => void;
  /**
   * Reports or held messages came, were taken, returned or decided; to staff whose page shows a queue.
   *
   * What happened in a queue of staff.
   *
   * Attributes:
   *     queue: Reports, or held messages.
   *     change: `new`; `taken`: one of the staff works on it; `returned`: it waits again; `closed`: it is decided about.
   *     ids: The keys of the reports or held messages.
   *     by: The name of the member of staff; empty: it was none.
   */
  queue_changed: (change: QueueChange) => void;
}

/** A client's socket in /v1/conversations/staff. */
export type StaffEventsSocket = Socket<StaffEventsServerToClient, StaffEventsClientToServer>;

export interface AuctionResultEventsClientToServer {
}

export interface AuctionResultEventsServerToClient {
  /**
   * A result; to those who watch the auction.
   *
   * One result. Prices, times and counts are as the auction service sends them.
   */
  new_auction_result: (result: AuctionResult) => void;
}

/** A client's socket in /v1/conversations/auction-result-events. */
export type AuctionResultEventsSocket = Socket<AuctionResultEventsServerToClient, AuctionResultEventsClientToServer>;

export interface AuctionResultListEventsClientToServer {
}

export interface AuctionResultListEventsServerToClient {
  /**
   * A result with the leader's name; to those who watch the auction.
   *
   * A result with the name of the auction's leader: empty where nobody leads, or the name is not known.
   */
  new_auction_result: (result: NamedAuctionResult) => void;
}

/** A client's socket in /v1/conversations/auction-result-list-events. */
export type AuctionResultListEventsSocket = Socket<AuctionResultListEventsServerToClient, AuctionResultListEventsClientToServer>;
