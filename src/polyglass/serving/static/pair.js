// The pair of languages: chosen from what the loaded models can do, written into the address, and remembered.

import { h, iconButton } from "./dom.js";
import { remember, remembered } from "./memory.js";

const AUTO = "auto";

export class Pair {
  /** changed: called when somebody chose another pair; swapped: when both sides changed places. */
  constructor(words, { changed, swapped }) {
    Object.assign(this, { words, changed, swapped });
    this.languages = [];
    this.models = [];
    this.source = AUTO;
    this.target = "";
    this.detected = "";
    this.from = h("select", { id: "from", "aria-label": words.t("pair.from"), onchange: () => this.choose({ source: this.from.value }) });
    this.to = h("select", { id: "to", "aria-label": words.t("pair.to"), onchange: () => this.choose({ target: this.to.value }) });
    this.swapButton = iconButton("swap", words.t("pair.swap"), () => this.swap());
    this.note = h("span", { class: "detected", id: "detected" });
    this.element = h("div", { class: "pair" }, h("div", { class: "pair-side" }, this.from, this.note), this.swapButton, h("div", { class: "pair-side" }, this.to));
    addEventListener("hashchange", () => this.follow());
  }

  /** Show what the server has. */
  fill({ languages, models }) {
    this.languages = languages;
    this.models = models;
    this.pick(...this.wish());
    this.draw();
  }

  /** What the address asks for, else what was chosen last, else the first model. */
  wish() {
    const address = new URLSearchParams(location.hash.slice(1));
    const [source, target] = remembered("pair").split(" ");
    const first = this.languages.length > 1 ? AUTO : this.models[0].source;
    return [address.get("source") ?? (source || first), address.get("target") ?? (target || this.models[0].target)];
  }

  follow() {
    const before = `${this.source} ${this.target}`;
    if (!this.languages.length) return;
    this.pick(...this.wish());
    this.draw();
    if (before !== `${this.source} ${this.target}`) this.changed();
  }

  /** Take a pair as far as it can be had. */
  pick(source, target) {
    this.source = source === AUTO || this.languages.some(({ code }) => code === source) ? source : AUTO;
    const targets = this.targets();
    this.target = targets.includes(target) ? target : targets[0] ?? "";
  }

  choose({ source = this.source, target = this.target }) {
    // Whoever asks for the language on the other side wants the other direction.
    if (source === target && this.targets(target).includes(this.source)) [source, target] = [target, this.source];
    this.pick(source, target);
    this.keep();
    this.draw();
    this.changed();
  }

  keep() {
    const address = new URLSearchParams({ source: this.source, target: this.target });
    history.replaceState(null, "", `#${address}`);
    remember("pair", `${this.source} ${this.target}`);
  }

  /** The languages that can be translated to from one. */
  targets(source = this.source) {
    const from = this.languages.filter(({ code }) => source === AUTO || code === source);
    return [...new Set(from.flatMap(({ targets }) => targets))];
  }

  get canSwap() {
    const known = this.source === AUTO ? this.detected : this.source;
    return Boolean(known) && this.languages.some(({ code, targets }) => code === this.target && targets.includes(known));
  }

  swap() {
    if (!this.canSwap) return;
    const known = this.source === AUTO ? this.detected : this.source;
    this.pick(this.target, known);
    this.detected = "";
    this.keep();
    this.draw();
    this.swapped();
  }

  /** Say what language a text was found to be in; with nothing, forget it. */
  found(source, guess) {
    this.detected = guess ? source : "";
    const sure = guess && guess.language === source;
    const name = guess && this.name(source);
    this.note.textContent = !guess ? "" : sure ? this.words.t("pair.detected", { name, share: this.words.percent(guess.confidence) }) : this.words.t("pair.unsure", { name });
    this.drawSwap();
  }

  /** The language between two models, or "" if one model leads all the way. */
  between(names) {
    const first = this.models.find(({ name }) => name === names[0]);
    return names.length > 1 && first ? this.name(first.target) : "";
  }

  name(code) {
    return this.words.language(code, this.languages.find((one) => one.code === code)?.name);
  }

  draw() {
    const option = (code, chosen) => h("option", { value: code, selected: code === chosen }, code === AUTO ? this.words.t("pair.detect") : this.name(code));
    const byName = (codes) => [...codes].sort((a, b) => this.name(a).localeCompare(this.name(b), this.words.lang));
    this.from.replaceChildren(...[AUTO, ...byName(this.languages.map(({ code }) => code))].map((code) => option(code, this.source)));
    this.to.replaceChildren(...byName(this.targets()).map((code) => option(code, this.target)));
    if (this.source !== AUTO) this.found("", null);
    this.drawSwap();
  }

  drawSwap() {
    this.swapButton.disabled = !this.canSwap;
    const label = this.words.t(this.canSwap || (this.source === AUTO && !this.detected) ? "pair.swap" : "pair.oneway");
    this.swapButton.title = label;
  }
}
