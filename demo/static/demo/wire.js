import { h, icon } from "./dom.js";
import { readPacket, withoutTokens } from "./packets.js";
import { Ways } from "./way.js";
import { face } from "./window.js";
import { t } from "./words.js";

const MOST = 400; // packets that stay on the page

// What passes between the two sides and the server, as a sequence diagram that grows: the buyer's line on the left, the
// server in the middle, the seller's line on the right. Packets of the message that is looked at are lit.
export class Wire {
  // `actions`: buttons at its foot. `link`: leads to another view of the same.
  constructor(element, actions, link) {
    this.element = element;
    this.ways = new Ways();
    this.heads = { buyer: h("div.end.buyer", {}, t("buyer")), seller: h("div.end.seller", {}, t("seller")) };
    this.list = h("ol.packets", { "aria-label": t("packets") });
    this.empty = h("p.empty", {}, t("no_packets"));
    this.scroll = h("div.scroll", { tabindex: "0", role: "region", "aria-label": t("packets"), onscroll: () => this.scrolled() }, this.list, this.empty);
    this.newest = h("button.primary.newest", { type: "button", hidden: true, onclick: () => this.toEnd() }, t("follow"));
    this.notice = h("p.notice", { role: "status", hidden: true });
    const beats = h("input", { type: "checkbox", onchange: () => this.list.classList.toggle("with-heartbeats", beats.checked) });
    element.replaceChildren(
      h("header", {}, h("h2", {}, t("way")), this.ways.title, this.ways.element),
      h("div.ends", {}, this.heads.buyer, h("div.end.server", {}, icon("server"), t("server")), this.heads.seller),
      h("div.frame", {}, this.scroll, this.newest),
      this.notice,
      h("footer", {},
        h("div.tools", {}, h("label", {}, beats, t("heartbeats")), h("button.link", { type: "button", onclick: () => this.clear() }, t("clear")), link),
        h("div.acts", {}, actions)));
    this.isAtEnd = true;
    new ResizeObserver(() => this.isAtEnd && this.toEnd()).observe(this.scroll);
  }

  // What a side's connection tells of: to be handed to its Line.
  of(side, person) {
    this.heads[side].replaceChildren(face(person.name), h("span", {}, person.name));
    return {
      packet: (direction, packet) => this.add(side, person, direction, readPacket(packet)),
      engine: (kind, detail) => this.note(side, t(kind === "closed" ? "closed_line" : kind, { reason: detail, transport: detail })),
    };
  }

  add(side, person, direction, packet) {
    const way = this.ways.feed(side, person, direction, packet);
    const name = packet.name ?? (packet.kind === "ACK" ? `ack ${packet.id}` : packet.kind);
    const text = summary(packet);
    const row = h(`li.packet.${side}.${direction}${packet.isHeartbeat ? ".heartbeat" : ""}`, { "data-name": packet.name ?? packet.kind });
    const toggle = () => {
      const isOpen = row.classList.toggle("open");
      button.setAttribute("aria-expanded", String(isOpen));
      if (isOpen && row.children.length === 1) row.append(details(packet));
      if (way) this.light(way);
      row.scrollIntoView({ block: "nearest" });
    };
    const button = h("button", { type: "button", "aria-expanded": "false", onclick: toggle },
      h("span.label", {}, h("b", {}, name), packet.name && packet.id !== null && h("sup", { title: `ack ${packet.id}` }, packet.id),
        text && h("span.text", {}, text)),
      h("span.arrow", {}, h("span.unheard", {}, direction === "out" ? "→" : "←")));
    row.append(button);
    row.way = way;
    this.append(row);
    if (way && way === this.ways.shown) this.light(way);
  }

  note(side, text) {
    this.append(h(`li.note.${side}`, {}, h("span", {}, text)));
  }

  append(row) {
    this.empty.hidden = true;
    this.list.append(row);
    if (this.list.children.length > MOST) this.list.firstElementChild.remove();
    if (this.isAtEnd) this.toEnd();
    else this.newest.hidden = false;
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroll;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < 60;
    if (this.isAtEnd) this.newest.hidden = true;
  }

  toEnd() {
    this.scroll.scrollTop = this.scroll.scrollHeight;
    this.isAtEnd = true;
    this.newest.hidden = true;
  }

  light(way) {
    for (const row of this.list.children) row.classList.toggle("lit", row.way === way);
    this.ways.show(way);
  }

  select(message) {
    const way = this.ways.find(message);
    if (!way) return;
    this.light(way);
    [...this.list.children].findLast((row) => row.way === way)?.scrollIntoView({ block: "nearest" });
  }

  clear() {
    this.list.replaceChildren();
    this.empty.hidden = false;
  }

  // Says something for some seconds.
  say(text) {
    this.notice.textContent = text;
    this.notice.hidden = false;
    clearTimeout(this.silence);
    this.silence = setTimeout(() => { this.notice.hidden = true; }, 6000);
  }
}

// The part of a packet that people ask for first.
function summary({ layer, kind, name, args, namespace }) {
  const [data] = args;
  if (layer === "engine") return kind === "open" ? `ping ${data.pingInterval / 1000} s` : "";
  if (kind === "CONNECT" || kind === "DISCONNECT") return data?.sid ?? namespace ?? "";
  if (kind === "CONNECT_ERROR") return data?.data?.code ?? data?.message ?? String(data);
  if (kind === "ACK") return acknowledged(data);
  switch (name) {
    case "active_user_list": return data.rooms.map((room) => `${room.room_id} ${room.status ? "●" : "○"}`).join("  ");
    case "user_status_change": return `${data.status ? "●" : "○"} ${data.user_id}`;
    case "event_error": return data.code;
    case "sync": return data.since ? `since ${data.since.slice(0, 10)}…` : "";
    case "report": return `${data.target_type}, ${data.reason}`;
    case "seen_messages": return `${data.from} ✓✓`;
    default: return data?.content ?? data?.room_id ?? "";
  }
}

function acknowledged(answer) {
  if (!answer?.status) return answer?.error?.code ?? "";
  if (answer.changes) return `${answer.changes.length} changes`;
  return answer.message ? "stored ✓" : "✓";
}

function details({ raw, args }) {
  const shown = args.filter((argument) => argument !== undefined).map((argument) => JSON.stringify(argument, null, 2)).join("\n");
  return h("pre", { tabindex: "0" }, h("code", {}, withoutTokens(raw)), shown && `\n\n${withoutTokens(shown)}`);
}
