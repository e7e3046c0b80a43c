// The text to translate: a field that grows with it, a picture of its words under the letters, and how much more fits.

import { h, iconButton } from "./dom.js";

const PICTURED = 20_000; // characters up to which each word can be pointed at

export class SourcePane {
  /** typed: called at each change of the text. pointed: with the number of a word, or -1. */
  constructor(words, { typed, pointed, most }) {
    Object.assign(this, { words, pointed, most });
    this.spans = [];
    this.field = h("textarea", {
      id: "source", rows: 1, dir: "auto", spellcheck: "false", autocapitalize: "sentences", "aria-label": words.t("source.label"), "aria-describedby": "count",
      placeholder: words.t("source.hint"),
      oninput: () => { this.draw(); typed(); },
      onmousemove: (event) => this.point(event), onmouseleave: () => pointed(-1),
    });
    document.addEventListener("selectionchange", () => this.caret());
    this.mirror = h("div", { class: "mirror", "aria-hidden": "true" });
    this.count = h("span", { class: "count", id: "count" });
    this.clearButton = iconButton("clear", words.t("source.clear"), () => { this.set(""); this.field.focus(); typed(); });
    this.element = h("section", { class: "pane pane-source", "aria-label": words.t("source.label") },
      h("div", { class: "grow" }, this.mirror, this.field), h("div", { class: "pane-end" }, h("div", { class: "pane-foot" }, this.count, this.clearButton)));
    this.draw();
  }

  get text() {
    return this.field.value;
  }

  /** Characters as the server counts them. */
  get length() {
    return [...this.text].length;
  }

  get tooLong() {
    return this.length > this.most;
  }

  set(text) {
    this.field.value = text;
    this.draw();
  }

  focus() {
    this.field.focus();
  }

  draw() {
    this.spans = [];
    this.mirror.replaceChildren(`${this.text}\u200b`);
    this.clearButton.hidden = !this.text;
    const { length, most } = this;
    const over = length > most;
    this.count.textContent = !length ? "" : this.words.t(over ? "source.over" : "source.count", { count: length, most, over: length - most });
    this.count.classList.toggle("over", over);
    this.field.setAttribute("aria-invalid", String(over));
  }

  /** Picture the words of the text that was translated: [{start, end}] in its order. */
  picture(places, lang) {
    this.field.lang = lang;
    const { text } = this;
    if (!places.length || text.length > PICTURED) return this.draw();
    const parts = [];
    let end = 0;
    this.spans = places.map((place) => {
      const span = h("span", {}, text.slice(place.start, place.end));
      parts.push(text.slice(end, place.start), span);
      end = place.end;
      return span;
    });
    this.places = places;
    this.mirror.replaceChildren(...parts, `${text.slice(end)}\u200b`);
  }

  mark(numbers) {
    const marked = new Set(numbers);
    this.spans.forEach((span, index) => span.classList.toggle("lit", marked.has(index)));
  }

  /** The field lies over the words, so the browser is asked what is below the pointer. */
  point({ clientX, clientY }) {
    if (this.spans.length) this.pointed(this.spans.indexOf(document.elementsFromPoint(clientX, clientY).find((one) => one.parentElement === this.mirror)));
  }

  caret() {
    if (document.activeElement !== this.field || !this.spans.length) return;
    const at = this.field.selectionStart;
    this.pointed(this.places.findIndex(({ start, end }) => start <= at && at <= end));
  }
}
