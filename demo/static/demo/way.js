import { h, icon } from "./dom.js";
import { t } from "./words.js";

const STEPS = ["sent", "stored", "delivered", "seen"];
const SIGNS = { sent: "send", stored: "database", delivered: "check", seen: "checks", elsewhere: "process", refused: "warn" };
const MOST = 200; // messages that are remembered

// The way of each message, read off the packets of both sides: when it was sent, acknowledged as stored, delivered to the
// other side, and seen there.
export class Ways {
  constructor() {
    this.byKey = new Map(); // by `client_message_id` until it is stored, and by `_id`
    this.asked = new Map(); // by side and acknowledgement id
    this.shown = null;
    this.element = h("ol.way");
    this.title = h("p.said", { "aria-live": "polite" });
    this.draw();
  }

  // Takes a packet, and returns the message that it is about; undefined where it is about none.
  feed(side, person, direction, packet) {
    const [data] = packet.args;
    if (packet.kind === "ACK" && direction === "in") return this.acknowledged(side, packet.id, data);
    if (packet.kind !== "EVENT" || !data) return undefined;
    if (packet.name === "new_message" && direction === "out") return this.sent(side, packet.id, data);
    if (packet.name === "new_message") return this.delivered(person, data);
    if (packet.name === "seen_messages" && direction === "in") return this.seen(data);
    return this.byKey.get(data._id ?? data.last_message_id);
  }

  sent(side, ackId, { client_message_id: key, content, type, from, room_id }) {
    const known = this.byKey.get(key);
    const way = known ?? { from, room_id, content: type === "IMAGE" ? "🖼" : content, start: performance.now(), steps: { sent: 0 } };
    if (!known) this.remember(key, way);
    if (ackId !== null) this.asked.set(`${side} ${ackId}`, way);
    return this.show(way);
  }

  acknowledged(side, ackId, answer) {
    const key = `${side} ${ackId}`;
    const way = this.asked.get(key);
    this.asked.delete(key);
    if (!way) return undefined;
    if (answer?.status) {
      this.remember(answer.message._id, way);
      way.created_at = answer.message.created_at;
      this.step(way, "stored");
    } else way.refused = answer?.error?.code ?? "";
    return this.show(way);
  }

  delivered({ user_id }, message) {
    const way = this.byKey.get(message._id) ?? this.byKey.get(message.client_message_id) ?? this.fromElsewhere(message);
    this.remember(message._id, way);
    way.created_at = message.created_at;
    if (user_id === message.to) {
      if (way.steps.stored === undefined) this.step(way, "stored"); // it is stored before it is emitted
      this.step(way, "delivered");
    }
    return this.show(way);
  }

  fromElsewhere({ from, room_id, content, type }) {
    return { from, room_id, content: type === "IMAGE" ? "🖼" : content, start: performance.now(), isElsewhere: true, steps: { sent: 0 } };
  }

  seen({ room_id, to, last_message_id, last_message_created_at: until }) {
    const ways = new Set([...this.byKey.values()].filter((way) => way.room_id === room_id && way.from === to && way.created_at <= until));
    for (const way of ways) if (way.steps.seen === undefined) this.step(way, "seen");
    this.draw();
    return this.byKey.get(last_message_id);
  }

  step(way, name) {
    way.steps[name] ??= performance.now() - way.start;
  }

  remember(key, way) {
    if (!key) return;
    this.byKey.set(key, way);
    if (this.byKey.size > 2 * MOST) this.byKey.delete(this.byKey.keys().next().value);
  }

  find(message) {
    return this.byKey.get(message._id) ?? this.byKey.get(message.client_message_id);
  }

  show(way) {
    this.shown = way;
    this.draw();
    return way;
  }

  draw() {
    const way = this.shown;
    this.title.textContent = way ? `“${way.content}”` : t("way_none");
    this.element.replaceChildren(...STEPS.map((name) => {
      const kind = name === "sent" && way?.isElsewhere ? "elsewhere" : name === "stored" && way?.refused !== undefined ? "refused" : name;
      const time = way?.steps[name];
      const isLit = time !== undefined || kind === "refused";
      const detail = kind === "refused" ? way.refused : time === undefined ? "" : name === "sent" ? "0 ms" : lasted(time);
      return h(`li${isLit ? ".lit" : ""}${kind === "refused" ? ".bad" : ""}`, {},
        h("span.station", {}, icon(SIGNS[kind])), h("strong", {}, t(`way_${kind}`)), h("small", {}, detail || "–"));
    }));
  }
}

const lasted = (milliseconds) => milliseconds < 1000 ? `+${Math.max(1, Math.round(milliseconds))} ms` : `+${(milliseconds / 1000).toFixed(1)} s`;
