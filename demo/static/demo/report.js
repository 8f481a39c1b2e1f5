import { h } from "./dom.js";
import { t } from "./words.js";

const REASONS = ["spam", "fraud", "harassment", "hate", "prohibited_goods", "other"];

// The dialog by which a person reports a message or a conversation to staff.
export class Report {
  constructor(chat, say) {
    this.reason = h("select", { name: "reason" }, REASONS.map((reason) => h("option", { value: reason }, t(`reason_${reason}`))));
    this.text = h("textarea", { rows: "3", maxlength: "2000" });
    this.problem = h("p.bad", { role: "alert", hidden: true });
    const form = h("form", { onsubmit: (event) => this.submit(event, chat, say) },
      h("h3", {}, t("report")), h("p", {}, t("report_about")),
      h("label", {}, t("reason"), this.reason), h("label", {}, t("report_text"), this.text), this.problem,
      h("div.actions", {},
        h("button.quiet", { type: "button", onclick: () => this.element.close() }, t("cancel")),
        h("button.primary", { type: "submit" }, t("report"))));
    this.element = h("dialog", { "aria-label": t("report") }, form);
  }

  open(kind, id) {
    this.target = [kind, id];
    this.text.value = "";
    this.problem.hidden = true;
    this.element.showModal();
  }

  async submit(event, chat, say) {
    event.preventDefault();
    try {
      await chat.report(...this.target, this.reason.value, this.text.value);
      this.element.close();
      say(t("report_sent"));
    } catch (error) {
      this.problem.textContent = error.message;
      this.problem.hidden = false;
    }
  }
}
