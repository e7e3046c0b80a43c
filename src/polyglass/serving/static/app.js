// The page: puts its parts together, and carries news from one to the other.

import { explore, facts, models } from "./api.js";
import { showCommand, showKeys, showLink } from "./dialogs.js";
import { h, iconButton, isField } from "./dom.js";
import { Files } from "./files.js";
import { keepKey, key, remember, remembered } from "./memory.js";
import { Notice } from "./notice.js";
import { Pair } from "./pair.js";
import { Result } from "./result.js";
import { SourcePane } from "./source_pane.js";
import { TargetPane } from "./target_pane.js";
import { Translating } from "./translating.js";
import { loadWords } from "./words.js";

const live = document.getElementById("live");
const PATIENCE = 200; // milliseconds before the page says that it is waiting

class App {
  constructor(words, about) {
    Object.assign(this, { words, about });
    this.say = (text) => { live.textContent = text; };
    this.notice = new Notice(words);
    this.pair = new Pair(words, { changed: () => this.ask({ now: true }), swapped: () => this.swapped() });
    this.source = new SourcePane(words, { most: about.max_characters, typed: () => this.ask(), pointed: (number) => this.target.lightFrom(number) });
    this.target = new TargetPane(words, { marked: (numbers) => this.source.mark(numbers), say: this.say, seeThrough: () => this.seeThrough() });
    this.files = new Files(words, { facts: about, pair: this.pair, say: this.say });
    this.work = new Translating({
      begin: () => this.begin(), part: (text) => this.part(text), done: (text, answer) => this.done(text, answer),
      failed: (refusal, retry) => this.failed(refusal, retry), none: () => this.none(),
    }, about.alternatives);
  }

  draw() {
    const { words } = this;
    document.documentElement.lang = words.lang;
    document.title = words.t("title");
    document.getElementById("tools").append(
      iconButton("theme", words.t("theme"), () => this.turn()), iconButton("help", words.t("keys.title"), () => showKeys(words)));
    const card = h("div", { class: "card", hidden: true }, this.pair.element, h("div", { class: "panes" }, this.source.element, this.target.element));
    const below = h("div", { class: "below", hidden: true }, h("div", { class: "below-left" }, this.files.element), h("div", { class: "below-right" }, this.target.home, this.target.sure));
    this.parts = [card, below]; // of no use before it is known what is loaded
    document.getElementById("main").append(this.keyForm(), card, this.notice.element, below);
    document.body.append(this.files.veil, h("footer", { class: "foot" }, h("p", { class: "quiet" }, words.t("foot"), " ", h("a", { href: "/docs" }, words.t("foot.docs")))));
    document.addEventListener("keydown", (event) => this.press(event));
  }

  /** Asks for an API key, on servers that want one. */
  keyForm() {
    const { words } = this;
    const field = h("input", { type: "password", id: "key", autocomplete: "off", spellcheck: "false", "aria-label": words.t("key.label"), value: key() });
    const use = async (event) => {
      event.preventDefault();
      keepKey(field.value.trim());
      this.notice.hide();
      await this.open();
      if (this.pair.models.length) this.source.focus();
    };
    this.keyBox = h("details", { class: "key", open: true }, h("summary", {}, words.t("key.label")),
      h("form", { onsubmit: use }, field, h("button", { class: "button", type: "submit" }, words.t("key.use")), h("p", { class: "quiet" }, words.t("key.note"))));
    this.keyBox.hidden = !this.about.key_required;
    return this.keyBox;
  }

  /** Ask what is loaded, and begin with what the address holds. */
  async open() {
    try {
      const all = await models();
      this.keyBox.classList.remove("wanted");
      this.keyBox.open = false;
      this.pair.fill(all);
      for (const part of this.parts) part.hidden = false;
    } catch (refusal) {
      this.failed(refusal, () => this.open());
      return;
    }
    const given = new URLSearchParams(location.hash.slice(1)).get("text");
    if (given && !this.source.text) this.source.set(given);
    if (given) this.pair.keep(); // the text does not stay in the address
    this.ask({ now: true });
  }

  ask({ now = false } = {}) {
    this.notice.hide();
    if (!this.pair.target) return;
    if (this.source.tooLong) {
      this.work.stop();
      this.rest({ stale: true });
      return;
    }
    this.work.changed(this.source.text, this.pair, { now });
  }

  begin() {
    clearTimeout(this.waiting);
    this.fresh = false;
    this.waiting = setTimeout(() => this.target.wait(true), PATIENCE);
  }

  /** Nothing is under way any more. stale: what is shown belongs to an older text. */
  rest({ stale = false } = {}) {
    clearTimeout(this.waiting);
    this.target.wait(false, { stale });
  }

  part(text) {
    if (!this.fresh) this.target.clear();
    this.fresh = true;
    this.target.body.classList.remove("stale");
    this.target.stream(text);
  }

  done(text, answer) {
    this.rest();
    this.notice.hide();
    if (answer.error) {
      this.failed({ ...answer.error, status: 422, retryAfter: null });
      return;
    }
    const { words, pair } = this;
    const result = new Result(text, answer);
    pair.found(answer.source, answer.detected);
    this.source.picture(result.sourcePlaces, answer.source);
    const middle = pair.between(answer.models);
    this.target.route.textContent = middle ? words.t("target.through", { language: middle }) : !answer.models.length && answer.source === answer.target ? words.t("target.same") : "";
    this.target.show(result, { lang: answer.target });
  }

  none() {
    this.rest();
    this.pair.found("", null);
    this.target.route.textContent = "";
    this.target.show(null);
  }

  failed(refusal, retry = () => this.ask({ now: true })) {
    this.rest({ stale: true });
    if (refusal.status === undefined) throw refusal; // a bug of the page
    if (refusal.status === 401) {
      keepKey("");
      this.keyBox.hidden = false;
      this.keyBox.classList.add("wanted");
      this.keyBox.open = true;
      if (refusal.code === "key_missing" && !this.pair.models.length) return; // the empty form says it
    }
    this.notice.show(refusal, retry);
  }

  /** The translation becomes the text, and goes back. */
  swapped() {
    if (this.target.text) this.source.set(this.target.text);
    this.target.show(null);
    this.ask({ now: true });
  }

  async seeThrough() {
    const { sentence, result } = this.target;
    if (!sentence) return;
    const model = result.answer.models.at(-1);
    const text = sentence.answer.source;
    if (!this.about.explore) return showCommand(this.words, model, text);
    let answer;
    try {
      answer = await explore(model);
    } catch (refusal) {
      return showCommand(this.words, model, text, [refusal.message, refusal.hint].filter(Boolean).join(" ") || this.words.t("error.gone"));
    }
    const state = { text };
    if (sentence.taken) state.target = sentence.candidate.text;
    const theme = document.documentElement.dataset.theme;
    if (theme) state.theme = theme;
    const url = `${answer.url}&${new URLSearchParams(state)}`;
    // Without "noopener" a refusal can be told from success; the other page gets nothing to hold on to all the same.
    const tab = open(url, "_blank");
    if (tab) tab.opener = null;
    else showLink(this.words, url);
  }

  turn() {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    remember("theme", document.documentElement.dataset.theme);
  }

  press(event) {
    if (document.querySelector("dialog[open]")) return;
    const alt = event.altKey && !event.ctrlKey && !event.metaKey;
    const acts = {
      KeyS: () => this.pair.swap(), KeyC: () => this.target.copy(), KeyE: () => this.seeThrough(),
      KeyW: () => { this.target.body.focus(); this.target.go(Math.max(0, this.target.at)); }, KeyA: () => this.target.focusOthers(),
    };
    if (alt && acts[event.code]) acts[event.code]();
    else if ((event.ctrlKey || event.metaKey) && event.key === "Enter") this.ask({ now: true });
    else if (event.key === "Escape" && !isField(event.target)) this.source.focus();
    else if (event.key === "?" && !isField(event.target)) showKeys(this.words);
    else return;
    event.preventDefault();
  }
}

async function start() {
  const theme = remembered("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  let about;
  let words;
  try {
    about = await facts();
    words = await loadWords(about.strings);
  } catch {
    // Not even the words could be had; this sentence is for the moment in which the server goes away while loading.
    document.getElementById("main").append(h("p", { class: "notice", role: "alert" }, "The server does not answer. Load the page again when it is back."));
    return;
  }
  const app = new App(words, about);
  app.draw();
  if (!about.key_required || key()) await app.open();
  if (app.pair.models.length) app.source.focus();
  else document.getElementById("key").focus();
  document.body.dataset.ready = "true";
}

start();
