// The translation: its words can be pointed at and walked through, show how sure the model was, and have alternatives.

import { copy, h, iconButton } from "./dom.js";
import { remember, remembered } from "./memory.js";
import { differences } from "./spans.js";

const LESS_SURE = 0.5;
const UNSURE = 0.2;
const LONG = 1500; // characters from which what is below the text would be too far from it

export class TargetPane {
  /** marked: called with the numbers of words of the source to be lit. say: tells a screen reader. */
  constructor(words, { marked, say, seeThrough }) {
    Object.assign(this, { words, marked, say });
    this.result = null;
    this.spans = [];
    this.at = -1;
    this.body = h("div", {
      class: "translation", id: "translation", dir: "auto", role: "group", tabindex: "0", "aria-label": words.t("target.label"),
      onmousemove: (event) => this.light(this.numberOf(event.target)), onmouseleave: () => this.light(document.activeElement === this.body ? this.at : -1),
      onclick: (event) => this.take(this.numberOf(event.target)), onkeydown: (event) => this.walk(event),
      onblur: () => this.light(-1),
    });
    this.ghost = h("p", { class: "ghost", "aria-hidden": "true" }, words.t("target.hint"));
    this.about = h("p", { class: "about" });
    this.route = h("p", { class: "route" });
    this.busy = h("div", { class: "busy", hidden: true });
    this.copyButton = iconButton("copy", words.t("target.copy"), () => this.copy());
    this.seeButton = h("button", { type: "button", class: "link see", onclick: () => seeThrough(this) }, words.t("see.link"));
    this.others = h("section", { class: "others", "aria-label": words.t("others.label"), hidden: true });
    this.home = h("div", {}, this.others);
    this.dock = h("div", { class: "dock" });
    this.sure = this.drawSure();
    this.element = h("section", { class: "pane pane-target", "aria-label": words.t("target.label") }, this.busy,
      h("div", { class: "grow" }, this.ghost, this.body),
      h("div", { class: "pane-end" }, this.dock, this.route, this.about, h("div", { class: "pane-foot" }, this.seeButton, this.copyButton)));
    this.show(null);
  }

  get text() {
    return this.result?.text ?? "";
  }

  /** The sentence that alternatives and explorer are about. */
  get sentence() {
    return this.result?.sentences[this.chosen] ?? null;
  }

  /** Show a result, or nothing. */
  show(result, { lang = "" } = {}) {
    this.result = result;
    this.chosen = result ? Math.max(0, result.sentences.findIndex(({ place }) => place)) : 0;
    this.at = -1;
    this.picked = false;
    this.body.lang = lang;
    (this.text.length > LONG ? this.dock : this.home).append(this.others);
    this.draw();
  }

  /** While a text is long: what there is of it. */
  stream(text) {
    this.body.append(text);
    this.ghost.hidden = true;
  }

  clear() {
    this.body.replaceChildren();
  }

  draw() {
    const { result } = this;
    this.spans = [];
    this.body.replaceChildren(...(result?.parts ?? []).map((part) => (typeof part === "string" ? part : this.sentenceNode(part))));
    this.ghost.hidden = Boolean(this.text);
    this.body.tabIndex = this.spans.length ? 0 : -1;
    this.copyButton.hidden = this.seeButton.hidden = !this.text;
    this.seeButton.hidden ||= !this.sentence;
    this.about.textContent = result?.answer.repairs.join(" ") ?? "";
    this.drawOthers();
  }

  sentenceNode(index) {
    const { result } = this;
    const sentence = result.sentences[index];
    const text = result.shown(sentence);
    if (text !== sentence.candidate?.text) return h("span", { class: "sentence", dataset: { sentence: index } }, text);
    const nodes = [];
    let end = 0;
    sentence.words.forEach((word, number) => {
      const level = word.share === null || word.share >= LESS_SURE ? "" : word.share >= UNSURE ? " less" : " unsure";
      const span = h("span", { class: `word${level}` }, word.text);
      span.place = { index, number, word, sentence };
      this.spans.push(span);
      nodes.push(text.slice(end, word.start), span);
      end = word.end;
    });
    return h("span", { class: "sentence", dataset: { sentence: index } }, ...nodes, text.slice(end));
  }

  numberOf(element) {
    return this.spans.indexOf(element.closest?.(".word"));
  }

  /** Light a word and its counterparts, and say what there is to say about it. */
  light(number, { aloud = false } = {}) {
    if (number === this.lit && !aloud) return;
    this.lit = number;
    const place = this.spans[number]?.place;
    this.spans.forEach((span, index) => span.classList.toggle("lit", index === number));
    this.marked(place ? place.word.links.map((one) => one + place.sentence.firstWord) : []);
    const said = place ? this.sentenceAbout(place) : this.result?.answer.repairs.join(" ") ?? "";
    this.about.textContent = said;
    if (aloud) this.say(said);
  }

  sentenceAbout({ word, sentence }) {
    const from = word.links.map((one) => sentence.sourceWords[one].text).join(" … ");
    const link = !sentence.sourceWords.length ? word.text : from ? this.words.t("about.link", { word: word.text, from }) : this.words.t("about.none", { word: word.text });
    return word.share === null ? link : `${link} · ${this.words.t("about.share", { share: this.words.percent(word.share) })}`;
  }

  /** Somebody points at a word of the source: light what it became. */
  lightFrom(number) {
    this.spans.forEach((span) => {
      const { word, sentence } = span.place;
      span.classList.toggle("lit", number >= 0 && word.links.includes(number - sentence.firstWord));
    });
    this.marked(number >= 0 ? [number] : []);
    this.lit = null;
  }

  walk(event) {
    const rtl = getComputedStyle(this.body).direction === "rtl";
    const step = { ArrowRight: rtl ? -1 : 1, ArrowLeft: rtl ? 1 : -1, ArrowDown: 10, ArrowUp: -10 }[event.key];
    if (event.key === "Enter" && this.at >= 0) this.take(this.at, { focus: true });
    else if (event.key === "Home") this.go(0);
    else if (event.key === "End") this.go(this.spans.length - 1);
    else if (step && !event.altKey && !event.ctrlKey && !event.metaKey) this.go(this.at < 0 ? 0 : this.at + step);
    else return;
    event.preventDefault();
  }

  go(number) {
    this.at = Math.max(0, Math.min(this.spans.length - 1, number));
    this.spans[this.at]?.scrollIntoView({ block: "nearest" });
    this.light(this.at, { aloud: true });
  }

  /** Choose the sentence of a word, so that its alternatives are listed. */
  take(number, { focus = false } = {}) {
    const place = this.spans[number]?.place;
    if (place) [this.chosen, this.picked] = [place.index, true];
    this.drawOthers();
    if (focus) this.focusOthers();
  }

  focusOthers() {
    this.picked = true;
    this.drawOthers();
    this.others.querySelector("button")?.focus();
  }

  drawOthers() {
    const { sentence } = this;
    const all = sentence?.texts ?? [];
    const several = (this.result?.sentences.length ?? 0) > 1;
    this.others.hidden = all.length < 2 || !sentence.place || (this.text.length > LONG && !this.picked);
    if (this.others.hidden) return;
    for (const node of this.body.querySelectorAll(".sentence")) node.classList.toggle("chosen", several && Number(node.dataset.sentence) === this.chosen);
    const choose = (index) => {
      sentence.taken = index;
      this.draw();
      this.others.querySelectorAll("button")[index].focus();
      this.say(this.words.t("others.taken"));
    };
    const seen = new Set();
    const list = all.map((text, index) => (seen.has(text) || !seen.add(text) ? null : h("li", {}, h("button", {
      type: "button", class: "other", "aria-pressed": String(index === sentence.taken), lang: this.body.lang, dir: "auto", onclick: () => choose(index),
    }, differences(text, all[sentence.taken]).map((part) => (part.new ? h("b", {}, part.text) : part.text))))));
    this.others.replaceChildren(h("h2", {}, this.words.t(several ? "others.ofSentence" : "others.title")), several ? h("p", { class: "quiet" }, this.words.t("others.how")) : "", h("ul", {}, list));
    this.others.hidden = seen.size < 2;
  }

  /** The switch of the shading, with what it means. */
  drawSure() {
    const on = remembered("shading") !== "off";
    const set = (shown) => {
      this.body.classList.toggle("shaded", shown);
      legend.hidden = !shown;
      remember("shading", shown ? "" : "off");
    };
    const legend = h("p", { class: "legend" }, h("span", { class: "sample less" }, this.words.t("sure.less", { share: this.words.percent(LESS_SURE) })), " ",
      h("span", { class: "sample unsure" }, this.words.t("sure.un", { share: this.words.percent(UNSURE) })), " ", h("span", { class: "quiet" }, this.words.t("sure.note")));
    const box = h("input", { type: "checkbox", checked: on, onchange: () => set(box.checked) });
    set(on);
    return h("div", { class: "sure" }, h("label", {}, box, this.words.t("sure.switch")), legend);
  }

  wait(waiting, { stale = waiting } = {}) {
    this.busy.hidden = !waiting;
    this.body.classList.toggle("stale", stale);
    this.body.setAttribute("aria-busy", String(waiting));
  }

  async copy() {
    if (!this.text) return;
    try {
      await copy(this.text);
      this.say(this.words.t("target.copied"));
      this.copyButton.classList.add("done");
      setTimeout(() => this.copyButton.classList.remove("done"), 1500);
    } catch {
      this.say(this.words.t("target.uncopied"));
    }
  }
}
