// What went wrong, in words, with the next try: counted down where the server says how long to wait.

import { h } from "./dom.js";

export class Notice {
  constructor(words) {
    this.words = words;
    this.timer = 0;
    this.text = h("p", { role: "alert" });
    this.count = h("span", { class: "quiet" });
    this.button = h("button", { type: "button", class: "button small" }, words.t("again"));
    this.element = h("div", { class: "notice", hidden: true }, this.text, h("p", { class: "notice-next" }, this.count, this.button));
    addEventListener("online", () => this.retry?.());
  }

  /** Show a refusal. retry: what to do then; it is done by itself if waiting helps. */
  show(refusal, retry) {
    this.hide();
    this.retry = retry;
    const known = `error.${refusal.code}`;
    const own = this.words.texts[known];
    this.text.textContent = own ? this.words.t(known) : [refusal.message, refusal.hint].filter(Boolean).join(" ");
    this.element.hidden = false;
    this.element.dataset.code = refusal.code || String(refusal.status);
    this.button.onclick = () => retry();
    const waits = refusal.retryAfter !== null && refusal.retryAfter !== undefined;
    this.button.hidden = !waits;
    this.count.textContent = "";
    if (waits) this.wait(Math.max(1, refusal.retryAfter));
  }

  wait(seconds) {
    this.count.textContent = this.words.t("error.next", { count: seconds });
    this.timer = setTimeout(() => (seconds > 1 ? this.wait(seconds - 1) : this.retry()), 1000);
  }

  hide() {
    clearTimeout(this.timer);
    this.retry = null;
    this.element.hidden = true;
    this.text.textContent = "";
  }
}
