import { h, icon, place } from "./dom.js";
import { clock, day, t } from "./words.js";

// The messages of the open conversation, each drawn anew only when it has changed.
export class Messages {
  // `on`: what the buttons of a message do: `edit`, `report`, `again`, `forget`, `select`.
  constructor(chat, on) {
    this.chat = chat;
    this.on = on;
    this.drawn = new Map(); // by key: [what was drawn, the element]
    this.list = h("ol.messages");
    this.element = h("div.scroll", { tabindex: "0", role: "log", "aria-label": t("messages"), onscroll: () => this.scrolled() }, this.list);
    this.isAtEnd = true;
    new ResizeObserver(() => { if (this.isAtEnd) this.element.scrollTop = this.element.scrollHeight; }).observe(this.element);
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < 40;
    if (scrollTop < 80 && this.chat.cursor && this.chat.openId) this.chat.readHistory();
  }

  draw(roomChanged) {
    const { chat, element } = this;
    if (roomChanged) this.isAtEnd = true;
    const fromEnd = element.scrollHeight - element.scrollTop;
    const before = this.drawn;
    this.drawn = new Map();
    const rows = [];
    const draw = (key, what, make) => {
      const known = before.get(key);
      const entry = known?.[0] === what ? known : [what, make()];
      this.drawn.set(key, entry);
      rows.push(entry[1]);
    };
    const history = chat.history();
    if (chat.room && !chat.cursor) {
      const key = history.length ? "beginning" : "empty";
      draw(key, key, () => h("li.note", {}, t(key)));
    }
    let today = null;
    for (const message of history) {
      const date = day(message.created_at);
      if (date !== today) draw(`day ${date}`, date, () => h("li.day", {}, h("span", {}, date)));
      today = date;
      const key = message._id ?? message.client_message_id;
      draw(key, JSON.stringify(message), () => this.line(message));
    }
    place(this.list, rows);
    element.scrollTop = this.isAtEnd ? element.scrollHeight : element.scrollHeight - fromEnd;
  }

  line(message) {
    const isMine = message.from === this.chat.person.user_id;
    const kind = isMine ? "mine" : message.from === "support" ? "support" : "theirs";
    const bubble = h("div.bubble", { onclick: () => this.on.select(message) }, this.content(message));
    return h(`li.message.${kind}`, { "data-id": message._id, "data-key": message.client_message_id },
      h("div.row", {}, bubble, this.buttons(message, isMine)), this.foot(message, isMine));
  }

  content(message) {
    if (message.redacted_at) return h("em", {}, t("redacted"));
    if (message.type === "EMOJI") return h("span.emoji", {}, message.content);
    if (message.type !== "IMAGE") return message.content;
    const image = h("img", { src: message.content, alt: t("picture_of", { name: this.nameOf(message) }) });
    image.addEventListener("load", () => { if (this.isAtEnd) this.element.scrollTop = this.element.scrollHeight; });
    return image;
  }

  nameOf({ from }) {
    const { chat } = this;
    return from === chat.person.user_id ? chat.person.name : from === "support" ? t("support") : chat.nameOf(chat.room);
  }

  buttons(message, isMine) {
    if (!message._id || message.redacted_at || message.from === "support") return null;
    if (isMine && message.type !== "TEXT") return null;
    const [key, act] = isMine ? ["edit", this.on.edit] : ["report_message", this.on.report];
    const label = t(key);
    return h("button.ghost", { type: "button", title: label, "aria-label": label, onclick: () => act(message) },
      icon(isMine ? "edit" : "flag"));
  }

  foot(message, isMine) {
    if (message.refusal) {
      return h("div.foot.bad", {}, icon("warn"), h("span", {}, message.refusal.message),
        h("button.link", { type: "button", onclick: () => this.on.again(message) }, t("again")),
        h("button.link", { type: "button", onclick: () => this.on.forget(message) }, t("discard")));
    }
    const parts = [h("time", { datetime: message.created_at }, clock(message.created_at))];
    if (message.from === "support") parts.unshift(t("support"));
    if (this.chat.edited.has(message._id)) parts.push(t("edited"));
    if (isMine) {
      const state = !message._id ? "waiting" : message.is_seen ? "seen" : "stored";
      const sign = { waiting: "clock", stored: "check", seen: "checks" }[state];
      parts.push(h(`span.state.${state}`, { title: t(state) }, icon(sign), h("span.unheard", {}, t(state))));
    }
    return h("div.foot", {}, parts);
  }
}
