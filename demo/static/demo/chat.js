import { Api, identityOf } from "./api.js";
import { Line } from "./line.js";

// What one person knows of their rooms and messages, kept as docs/clients.md says: events, and a sync after each connect.

const PAGE = 20; // messages
const TYPING_LASTS = 4000; // milliseconds without a further `typing`

const isLater = (one, other) => !other || one.created_at > other.created_at ||
  (one.created_at === other.created_at && one._id > other._id);

export class Chat {
  // `changed(part)`: called with "line", "rooms", "messages", "typing" or "history" when that is to be drawn anew.
  // `heard`: what a Line reports of packets.
  constructor(person, config, { changed, packet, engine }) {
    this.person = person;
    this.config = config;
    this.changed = changed;
    this.prefix = person.role.toLowerCase();
    this.other = person.role === "BUYER" ? "seller" : "buyer";
    this.identify = identityOf(person, config);
    this.api = new Api(config.api, this.identify);
    this.line = new Line(config, { event: (...args) => this.hear(...args), state: (...args) => this.turn(...args), packet, engine });
    this.state = { name: "off" };
    this.rooms = new Map();
    this.online = new Map(); // by room: is the other side online
    this.typing = new Map(); // by room: the timer after which the other side is taken to have stopped
    this.hidden = null; // the room that was deleted just now
    this.openId = null;
    this.messages = new Map(); // of the open room, by `_id`
    this.edited = new Set(); // ids of messages whose words changed; `updated_at` also tells that they were seen
    this.pending = new Map(); // what is not acknowledged, by `client_message_id`
    this.cursor = null; // of the page before the oldest message
    this.token = null; // of sync
    this.held = null; // while a sync runs: the events that came meanwhile
    this.run = 0;
    this.caughtUp = 0; // messages of others that the last sync brought
    this.isReading = () => false;
    this.preferred = () => null; // the id of the room to begin with
  }

  connect(build, transport) {
    return this.line.open(build, transport, this.identify);
  }

  turn(name, detail = {}) {
    this.state = { name, ...detail };
    if (name === "on" && detail.recovered) this.deliverAll(); // what was missed comes by itself
    else if (name === "on") this.sync();
    else this.run += 1;
    if (name === "off" && detail.reason === "io server disconnect") this.state.name = "refused";
    this.changed("line");
  }

  hear(name, data) {
    if (name === "resync") this.sync();
    else if (this.held && name !== "active_user_list") this.held.push([name, data]);
    else this.apply(name, data);
  }

  // Brings what is known here to what the server knows, however long this person was away.
  async sync() {
    const run = ++this.run;
    const isOver = () => run !== this.run;
    this.held = [];
    const last = new Map([...this.rooms.values()].map((room) => [room._id, this.lastOf(room)]));
    let count = 0;
    for (let since = this.token, more = true; more; ) {
      const answer = await this.line.call("sync", { since });
      if (isOver()) return;
      if (!answer.status && answer.error.code === "sync_too_old") {
        since = null;
        continue;
      }
      if (!answer.status) return void setTimeout(() => isOver() || this.sync(), 1000 * (answer.error.retry_after || 5));
      if (since === null) await this.load();
      if (isOver()) return;
      for (const { type, data } of answer.changes) {
        const isMissed = type === "new_message" && data.from !== this.person.user_id && isLater(data, last.get(data.room_id));
        if (isMissed) count += 1; // what changed about the time of the token comes again
        this.apply(type, data);
      }
      ({ more } = answer);
      since = answer.next;
      this.token = more ? this.token : since;
    }
    for (const [name, data] of this.held.splice(0)) this.apply(name, data);
    this.held = null;
    this.caughtUp = count;
    this.deliverAll();
    this.changed("messages");
  }

  // Sends what waits, once more where no acknowledgement came: it is stored once.
  deliverAll() {
    for (const message of this.pending.values()) if (!message.refusal) this.deliver(message);
  }

  async load() {
    const { rooms } = await this.api.call("GET", "/rooms", { query: { role: this.person.role } });
    this.rooms = new Map(rooms.map((room) => [room._id, room]));
    this.changed("rooms");
    const first = [this.openId, this.preferred(), rooms[0]?._id].find((id) => this.rooms.has(id));
    if (first) await this.open(first);
  }

  apply(name, data) {
    this[`on_${name}`]?.(data);
  }

  on_new_message(message) {
    this.pending.delete(message.client_message_id);
    this.hush(message.room_id, message.from);
    const room = this.rooms.get(message.room_id);
    if (!room) return void this.reload();
    if (isLater(message, this.lastOf(room))) {
      room[`${this.prefix}_last_message`] = message;
      if (message.to === this.person.user_id && !message.is_seen) room[`${this.prefix}_unseen_messages`] += 1;
    }
    this.put(message);
    this.see();
  }

  on_message_updated(message) {
    const known = this.messages.get(message._id);
    if (known && known.content !== message.content && !known.redacted_at) this.edited.add(message._id);
    this.put(message);
  }

  on_message_redacted(redaction) {
    const known = this.messages.get(redaction._id);
    if (known) this.put({ ...known, ...redaction });
  }

  on_seen_messages({ room_id, from, last_message_created_at }) {
    const room = this.rooms.get(room_id);
    if (from === this.person.user_id && room) room[`${this.prefix}_unseen_messages`] = 0;
    const isSeen = (message) => message && message.from !== from && message.created_at <= last_message_created_at;
    if (room_id === this.openId) for (const message of this.messages.values()) message.is_seen ||= isSeen(message);
    this.changed("messages");
  }

  on_typing({ room_id, from }) {
    if (from === this.person.user_id) return;
    clearTimeout(this.typing.get(room_id));
    this.typing.set(room_id, setTimeout(() => this.hush(room_id, from), TYPING_LASTS));
    this.changed("typing");
  }

  on_stop_typing({ room_id, from }) {
    this.hush(room_id, from);
  }

  hush(roomId, from) {
    if (from === this.person.user_id) return;
    clearTimeout(this.typing.get(roomId));
    if (this.typing.delete(roomId)) this.changed("typing");
  }

  on_active_user_list({ user_role, rooms }) {
    if (user_role !== this.person.role) return;
    this.online = new Map(rooms.map(({ room_id, status }) => [room_id, status]));
    this.changed("rooms");
  }

  on_user_status_change({ room_id, user_id, status }) {
    if (user_id === this.person.user_id) return;
    this.online.set(room_id, status);
    this.changed("rooms");
  }

  on_room(room) {
    this.rooms.set(room._id, room);
    this.changed("rooms");
  }

  on_create_room() {
    this.reload();
  }

  on_room_deletion({ room_id, deletion_role }) {
    if (deletion_role !== this.person.role) return;
    this.hidden = this.rooms.get(room_id) ?? this.hidden;
    this.rooms.delete(room_id);
    if (this.openId === room_id) this.leave();
    this.changed("rooms");
  }

  on_room_closed({ room_id, closed_at }) {
    this.alter(room_id, { closed_at: closed_at ?? new Date().toISOString() });
  }

  on_room_opened({ room_id }) {
    this.alter(room_id, { closed_at: null });
  }

  alter(roomId, fields) {
    Object.assign(this.rooms.get(roomId) ?? {}, fields);
    this.changed("rooms");
  }

  // A later version of a message takes the place of an earlier one, whichever came first.
  put(message) {
    const room = this.rooms.get(message.room_id);
    if (room && this.lastOf(room)?._id === message._id) room[`${this.prefix}_last_message`] = message;
    this.changed("rooms");
    if (message.room_id !== this.openId) return;
    const known = this.messages.get(message._id);
    const age = (version) => [version.updated_at ?? "", version.redacted_at ?? ""].sort().at(-1);
    if (known && age(known) > age(message)) return;
    this.messages.set(message._id, { ...message, is_seen: message.is_seen || known?.is_seen });
    this.changed("messages");
  }

  lastOf(room) {
    return room[`${this.prefix}_last_message`];
  }

  async reload() {
    const { rooms } = await this.api.call("GET", "/rooms", { query: { role: this.person.role } });
    this.rooms = new Map(rooms.map((room) => [room._id, room]));
    this.changed("rooms");
    if (!this.openId && rooms.length) await this.open(rooms[0]._id);
  }

  leave() {
    this.openId = null;
    this.messages.clear();
    this.cursor = null;
    this.changed("messages");
  }

  async open(roomId) {
    this.leave();
    this.openId = roomId;
    this.changed("rooms");
    await this.readHistory();
    this.see();
  }

  // Loads the page before the oldest message; the first one where there is none.
  async readHistory() {
    const roomId = this.openId;
    if (this.isLoading === roomId) return;
    this.isLoading = roomId;
    try {
      const query = { room_id: roomId, limit: PAGE, ...(this.cursor && { cursor: this.cursor }) };
      const { data, next_cursor: cursor } = await this.api.call("GET", "/messages", { query });
      if (roomId !== this.openId) return;
      this.cursor = cursor;
      for (const message of data) if (!this.messages.has(message._id)) this.messages.set(message._id, message);
      this.changed("history");
    } finally {
      this.isLoading = null;
    }
  }

  get room() {
    return this.rooms.get(this.openId) ?? null;
  }

  get participants() {
    return { room_id: this.openId, from: this.person.user_id, to: this.room[this.other] };
  }

  // In the order in which a conversation is read; what is not acknowledged yet is at its end.
  history() {
    const stored = [...this.messages.values()].sort((one, other) => (isLater(one, other) ? 1 : -1));
    return [...stored, ...[...this.pending.values()].filter((message) => message.room_id === this.openId)];
  }

  unseenIn(room) {
    return room[`${this.prefix}_unseen_messages`];
  }

  see() {
    const { room } = this;
    if (!room || !this.isReading() || !this.line.isOn) return;
    const last = [...this.messages.values()].filter((message) => message.to === this.person.user_id)
      .reduce((latest, message) => (isLater(message, latest) ? message : latest), null);
    if (!last || (!this.unseenIn(room) && last.is_seen)) return;
    const seen = { ...this.participants, last_message_id: last._id, last_message_created_at: last.created_at };
    this.line.emit("seen_messages", seen);
    this.on_seen_messages(seen);
  }

  // `type`: TEXT, IMAGE or EMOJI. What is written without a connection waits for one, and is stored once all the same.
  send(type, content) {
    const message = {
      ...this.participants, type, content, client_message_id: crypto.randomUUID(), created_at: new Date().toISOString(),
    };
    this.pending.set(message.client_message_id, message);
    this.changed("messages");
    if (this.line.isOn && !this.held) this.deliver(message);
  }

  async deliver({ room_id, from, to, type, content, client_message_id }) {
    const answer = await this.line.call("new_message", { room_id, from, to, type, content, client_message_id });
    if (answer.status) return this.on_new_message(answer.message);
    const message = this.pending.get(client_message_id);
    if (message) message.refusal = answer.error;
    this.changed("messages");
    if (answer.error.code.startsWith("room_")) this.sync(); // no event says that the other side has blocked a room
  }

  again(message) {
    delete message.refusal;
    this.deliver(message);
    this.changed("messages");
  }

  forget(message) {
    this.pending.delete(message.client_message_id);
    this.changed("messages");
  }

  async upload(file) {
    const form = new FormData();
    form.append("file", file);
    const { url } = await this.api.call("POST", "/uploads", { form });
    this.send("IMAGE", url);
  }

  async edit(message, content) {
    this.put(await this.api.call("PUT", `/messages/${message._id}`, { body: { content } }));
  }

  async report(target_type, target_id, reason, text) {
    const answer = await this.line.call("report", { target_type, target_id, reason, text });
    if (!answer.status) throw Object.assign(new Error(answer.error.message), answer.error);
  }

  async pin(room) {
    const field = `pinned_by_${this.prefix}`;
    await this.api.call(room[field] ? "DELETE" : "POST", `/rooms/${room._id}/pin`, { body: { role: this.person.role } });
    await this.reload();
  }

  async block(room) {
    const body = { block: !room.blocked_by, role: this.person.role };
    this.on_room((await this.api.call("POST", `/rooms/${room._id}/block`, { body })).room);
  }

  async remove(room) {
    await this.api.call("DELETE", `/rooms/${room._id}`, { query: { role: this.person.role } });
  }

  // Shows a deleted room again, for both sides.
  async bringBack(room) {
    this.hidden = null;
    await this.api.call("PUT", `/rooms/${room._id}/enable`, { body: { role: this.person.role } });
    await this.reload();
    await this.open(room._id);
  }

  // Makes a room with somebody, or shows it again.
  async begin(other) {
    const [buyer, seller] = this.person.role === "BUYER" ? [this.person, other] : [other, this.person];
    const answer = await this.line.call("create_room", {
      type: "BS", buyer: buyer.user_id, seller: seller.user_id, shop_id: seller.user_id, creator: this.person.user_id,
      buyer_info: { name: buyer.name },
    });
    if (!answer.status) throw Object.assign(new Error(answer.error.message), answer.error);
    await this.reload();
    await this.open(answer.room.room_id);
  }

  nameOf(room) {
    const info = this.person.role === "BUYER" ? room.shop : room.buyer_info;
    return info?.name || this.config.people.find(({ user_id }) => user_id === room[this.other])?.name || room[this.other];
  }
}
