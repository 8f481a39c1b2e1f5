import { h, icon } from "./dom.js";
import { t } from "./words.js";

const EMOJI = ["😊", "😂", "😍", "👍", "🙏", "🎉", "❤️", "😮", "😢", "🔥", "🍵", "📦"];
const TYPING_EVERY = 2000; // milliseconds between two `typing`
const TYPING_ENDS = 3000; // milliseconds without a key

// Where one writes, and changes what one has written.
export class Composer {
  constructor(chat, attempt) {
    this.chat = chat;
    this.attempt = attempt;
    this.edited = null;
    this.input = h("textarea", { rows: "1", "aria-label": t("write"), placeholder: t("write"), onkeydown: (event) => this.key(event), oninput: () => this.typed() });
    const file = h("input", { type: "file", accept: "image/*", hidden: true, tabindex: "-1", onchange: () => {
      const [picture] = file.files;
      if (picture) attempt(() => chat.upload(picture));
      file.value = "";
    } });
    this.sendButton = h("button.send", { type: "submit", title: t("send"), "aria-label": t("send") }, icon("send"));
    this.note = h("div.editing", { hidden: true }, t("editing"), h("button.link", { type: "button", onclick: () => this.edit(null) }, t("cancel")));
    this.element = h("form.composer", { onsubmit: (event) => this.submit(event) }, this.note, this.emoji(),
      h("button.ghost", { type: "button", title: t("picture"), "aria-label": t("picture"), onclick: () => file.click() }, icon("image")),
      file, this.input, this.sendButton);
  }

  emoji() {
    const send = (sign) => (event) => {
      event.target.closest("details").open = false;
      this.chat.send("EMOJI", sign);
    };
    return h("details.menu.up", {},
      h("summary.ghost", { title: t("emoji"), "aria-label": t("emoji") }, icon("smile")),
      h("div.items.emojis", {}, EMOJI.map((sign) => h("button", { type: "button", onclick: send(sign) }, sign))));
  }

  // Which conversation this is for; null: none.
  use(room) {
    this.element.hidden = room === null;
  }

  key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.element.requestSubmit();
    } else if (event.key === "Escape" && this.edited) this.edit(null);
  }

  typed() {
    this.fit();
    if (this.edited) return;
    const now = Date.now();
    if (this.input.value && now - (this.told ?? 0) > TYPING_EVERY) {
      this.told = now;
      this.chat.line.emit("typing", this.chat.participants);
    }
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.rest(), this.input.value ? TYPING_ENDS : 0);
  }

  rest() {
    clearTimeout(this.pause);
    if (this.told && this.chat.room) this.chat.line.emit("stop_typing", this.chat.participants);
    this.told = null;
  }

  fit() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 140)}px`;
  }

  edit(message) {
    this.edited = message;
    this.note.hidden = message === null;
    this.input.value = message?.content ?? "";
    this.fit();
    this.input.focus();
  }

  submit(event) {
    event.preventDefault();
    const content = this.input.value.trim();
    if (!content) return;
    const { edited } = this;
    if (edited) {
      this.edit(null);
      this.attempt(() => this.chat.edit(edited, content));
      return;
    }
    this.input.value = "";
    this.fit();
    this.rest();
    this.chat.send("TEXT", content);
  }
}
