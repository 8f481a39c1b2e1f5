import { Chat } from "./chat.js";
import { Composer } from "./composer.js";
import { h, icon, place } from "./dom.js";
import { Messages } from "./messages.js";
import { Report } from "./report.js";
import { TRANSPORTS } from "./line.js";
import { t } from "./words.js";

const CUT = 5000; // milliseconds

// The window of one side: who is signed in, the connection, the conversations, and the one that is open.
export class Window {
  // `wire`: hears what passes. `unseen`: called with how many messages this side has not seen. `shared`: the id of the
  // room of those who are signed in on both sides.
  constructor(element, side, config, { wire, unseen, shared }) {
    Object.assign(this, { element, side, config, wire, unseen, shared });
    this.build = config.clients[0];
    this.transport = "websocket";
    this.chat = null;
    for (const event of ["pointerenter", "focusin"]) element.addEventListener(event, () => this.chat?.see());
    this.greet();
  }

  get people() {
    return this.config.people.filter(({ role }) => role.toLowerCase() === this.side);
  }

  greet() {
    const buttons = this.people.map((person) =>
      h("button.person", { type: "button", onclick: () => this.signIn(person) }, face(person.name),
        h("span", {}, h("strong", {}, person.name), h("small", {}, `${t(this.side)} ${person.user_id}`))));
    this.element.replaceChildren(
      h("div.greeting", {}, h("h2", {}, t(this.side)), h("p", {}, t(`who_${this.side}`)), ...buttons));
  }

  async signIn(person) {
    sessionStorage.setItem(`demo-${this.side}`, person.user_id);
    const wire = this.wire.of(this.side, person);
    const chat = new Chat(person, this.config, { changed: (part) => this.changed(chat, part), ...wire });
    this.chat = chat;
    chat.isReading = () => this.isLookedAt();
    chat.preferred = this.shared;
    this.headKey = this.othersKey = null;
    this.lay();
    await this.connect();
  }

  signOut() {
    sessionStorage.removeItem(`demo-${this.side}`);
    this.chat.line.close();
    this.chat = null;
    clearInterval(this.countdown);
    this.unseen(0);
    this.greet();
  }

  // On a narrow screen the window that is shown; on a wide one that under the pointer, or with the focus.
  isLookedAt() {
    if (document.hidden || !this.element.checkVisibility()) return false;
    return matchMedia("(max-width: 1099px)").matches || this.element.matches(":hover, :focus-within");
  }

  connect() {
    return this.attempt(() => this.chat.connect(this.build, this.transport));
  }

  // Does what was asked for, and says why it cannot be done.
  async attempt(act) {
    try {
      this.say("");
      await act();
    } catch (error) {
      this.say(t("failed", { message: error.message }));
    }
  }

  sayBriefly(text) {
    this.say(text);
    setTimeout(() => { if (this.notice.textContent === text) this.say(""); }, 8000);
  }

  say(text, ...more) {
    this.notice.replaceChildren(text, ...more);
    this.notice.hidden = !text;
  }

  lay() {
    const { person } = this.chat;
    this.lamp = h("span.lamp", { role: "status" });
    this.strip = h("div.strip", { role: "group", "aria-label": t("rooms") });
    this.head = h("div.head");
    this.others = h("div");
    this.notice = h("p.notice", { role: "status", hidden: true });
    this.typing = h("p.typing", { "aria-live": "polite" });
    this.report = new Report(this.chat, (text) => this.sayBriefly(text));
    this.composer = new Composer(this.chat, (act) => this.attempt(act));
    this.messages = new Messages(this.chat, {
      edit: (message) => this.composer.edit(message),
      report: (message) => this.report.open("message", message._id),
      again: (message) => this.chat.again(message),
      forget: (message) => this.chat.forget(message),
      select: (message) => this.wire.select(message),
    });
    this.element.replaceChildren(
      h("header.who", {}, face(person.name),
        h("div.name", {}, h("h2", {}, person.name), this.lamp), this.others,
        h("button.link", { type: "button", onclick: () => this.signOut() }, t("sign_out"))),
      this.connectionBar(), this.strip, this.head, this.notice, this.messages.element, this.typing,
      this.composer.element, this.report.element);
    for (const part of ["line", "rooms", "messages"]) this.changed(this.chat, part);
  }

  connectionBar() {
    const choice = (label, options, chosen, choose) =>
      h("select", { "aria-label": `${t(label)}, ${t(this.side)}`, title: t(label), onchange: ({ target }) => { choose(target.value); this.connect(); } },
        options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
    const builds = this.config.clients.map(({ version }) => [version, `${t("client")} ${version}`]);
    return h("div.connection", {},
      choice("client", builds, this.build.version, (version) => {
        this.build = this.config.clients.find((build) => build.version === version);
      }),
      choice("transport", Object.keys(TRANSPORTS).map((name) => [name, t(name)]), this.transport, (name) => { this.transport = name; }),
      h("button.quiet.break", { type: "button", title: t("break_title"), onclick: () => this.break() }, icon("cut"), h("span.long", {}, t("break")), h("span.short", { "aria-hidden": "true" }, "5 s")));
  }

  break() {
    this.chat?.line.breakFor(CUT);
  }

  changed(chat, part) {
    if (chat !== this.chat) return;
    if (part === "line") this.drawLine();
    if (part === "typing") this.drawTyping();
    if (part === "rooms") this.drawRooms();
    if (part === "messages" || part === "history") {
      this.drawRooms();
      this.messages.draw(this.drawnRoom !== chat.openId);
      this.drawnRoom = chat.openId;
      this.drawTyping();
    }
    if (chat.caughtUp) this.sayBriefly(t("caught_up", { count: chat.caughtUp }));
    chat.caughtUp = 0;
  }

  drawLine() {
    const { state, line } = this.chat;
    clearInterval(this.countdown);
    this.lamp.className = `lamp ${state.name}`;
    if (state.name === "broken") {
      const end = Date.now() + (state.milliseconds ?? CUT);
      const tick = () => { this.lamp.textContent = t("state_broken", { seconds: Math.max(1, Math.ceil((end - Date.now()) / 1000)) }); };
      this.countdown = setInterval(tick, 250);
      return tick();
    }
    const text = t(`state_${state.name}`, { message: state.code ?? state.message ?? state.reason ?? "" });
    const how = state.name === "on" ? `${state.recovered ? `, ${t("recovered")}` : ""} · ${line.transport} · EIO ${this.build.revision}` : "";
    this.lamp.textContent = text + how;
  }

  drawTyping() {
    const { chat } = this;
    const isTyping = chat.room && chat.typing.has(chat.openId);
    this.typing.textContent = isTyping ? t("typing", { name: chat.nameOf(chat.room) }) : "";
  }

  drawRooms() {
    const { chat } = this;
    const pin = `pinned_by_${chat.prefix}`;
    const last = (room) => chat.lastOf(room)?.created_at ?? "";
    const rooms = [...chat.rooms.values()].sort((one, other) =>
      (other[pin] ?? "").localeCompare(one[pin] ?? "") || last(other).localeCompare(last(one)));
    this.unseen(rooms.reduce((sum, room) => sum + chat.unseenIn(room), 0));
    const before = new Map([...this.strip.children].map((chip) => [chip.dataset.key, chip]));
    place(this.strip, rooms.map((room) => this.chip(room, before)));
    this.drawOthers(rooms);
    this.drawHead();
  }

  chip(room, before) {
    const { chat } = this;
    const unseen = chat.unseenIn(room);
    const isOnline = chat.online.get(room._id) === true;
    const isOpen = room._id === chat.openId;
    const key = JSON.stringify([room._id, unseen, isOnline, isOpen, Boolean(room[`pinned_by_${chat.prefix}`])]);
    if (before.has(key)) return before.get(key);
    const name = chat.nameOf(room);
    return h("button.chip", { type: "button", "data-key": key, "data-room": room._id, "aria-pressed": String(isOpen), onclick: () => this.attempt(() => chat.open(room._id)) },
      h(`span.dot${isOnline ? ".online" : ""}`), name,
      room[`pinned_by_${chat.prefix}`] && h("span.pinned", { title: t("pinned") }, icon("pin"), h("span.unheard", {}, t("pinned"))),
      unseen > 0 && h("span.badge", { title: t("unseen", { count: unseen }) }, String(unseen), h("span.unheard", {}, t("unseen", { count: "" }))));
  }

  // Those with whom there is no conversation in the list: none yet, or one that was deleted.
  drawOthers(rooms) {
    const { chat } = this;
    const known = new Set(rooms.map((room) => room[chat.other]));
    const left = this.config.people.filter(({ role, user_id }) => role !== chat.person.role && !known.has(user_id));
    const key = JSON.stringify(left.map(({ user_id }) => user_id));
    if (key === this.othersKey) return;
    this.othersKey = key;
    const begin = (person) => (event) => {
      event.target.closest("details").open = false;
      this.attempt(() => chat.begin(person));
    };
    this.others.replaceChildren(h("details.menu.new", {},
      h("summary", { title: t("new_room"), "aria-label": t("new_room") }, icon("plus")),
      h("div.items", {}, left.length ? left.map((person) => h("button", { type: "button", onclick: begin(person) }, person.name)) : h("p", {}, t("nobody_left")))));
  }

  drawHead() {
    const { chat } = this;
    const { room } = chat;
    this.composer.use(room);
    if (!room) {
      this.headKey = null;
      return this.head.replaceChildren(h("p", {}, t("no_room")));
    }
    const isOnline = chat.online.get(room._id) === true;
    const key = JSON.stringify([room._id, isOnline, room.blocked_by, room.closed_at, room[`pinned_by_${chat.prefix}`]]);
    if (key === this.headKey) return;
    this.headKey = key;
    this.head.replaceChildren(
      h("div.name", {}, h("h3", {}, chat.nameOf(room)), h(`p${isOnline ? ".online" : ""}`, {}, t(isOnline ? "online" : "offline"))),
      this.menu(room));
    const why = room.closed_at ? t("closed") : room.blocked_by === chat.person.role ? t("blocked_by_me")
      : room.blocked_by ? t("blocked_by_other", { name: chat.nameOf(room) }) : "";
    if (why) this.head.append(h("p.why", {}, why));
  }

  menu(room) {
    const { chat } = this;
    const item = (label, sign, act) => h("button", { type: "button", onclick: (event) => {
      event.target.closest("details").open = false;
      this.attempt(act);
    } }, icon(sign), t(label));
    return h("details.menu", {},
      h("summary", { title: t("more"), "aria-label": t("more") }, icon("more")),
      h("div.items", {},
        item(room[`pinned_by_${chat.prefix}`] ? "unpin" : "pin", "pin", () => chat.pin(room)),
        item(room.blocked_by ? "unblock" : "block", "ban", () => chat.block(room)),
        item("report_room", "flag", () => this.report.open("room", room._id)),
        item("remove", "trash", async () => {
          await chat.remove(room);
          const back = () => this.attempt(() => chat.bringBack(room));
          this.say(t("removed", { name: chat.nameOf(room) }), " ", h("button.link", { type: "button", onclick: back }, t("bring_back")));
        })));
  }
}

export function face(name) {
  return h("span.face", { "aria-hidden": "true" }, name[0]);
}
