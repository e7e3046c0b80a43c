// The page: reads the address, asks for the numbers, lets the stage draw, and listens. Everything else is a part of it.

import { atStage, changed, readAddress, sameRun, writeAddress } from "./address.js";
import { theme } from "./colors.js";
import { Context } from "./context.js";
import { h } from "./dom.js";
import { showHelp } from "./help.js";
import { listen } from "./keys.js";
import { drawFrame, drawTop } from "./frame.js";
import { anyStageAt, stageAt, stagesOf } from "./router.js";
import { drawSide, errorCard } from "./stage.js";
import { FileSource, savedReplies } from "./file_source.js";
import { ServerSource } from "./source.js";
import { Store } from "./store.js";
import { Player, timeline } from "./timeline.js";
import { Words } from "./words.js";

const PATIENCE = 150; // milliseconds before the page says that it is waiting

/** Write the address. In a frame without an address of its own (a notebook) the browser refuses; the page lives without. */
function remember(address, how) {
  try {
    history[how](null, "", address);
  } catch {
    // The state is in the page all the same.
  }
}

class App {
  constructor(source, words) {
    this.source = source;
    this.words = words;
    this.store = new Store(source);
    this.player = new Player(this);
    this.state = readAddress(location.hash.length > 1 ? location.hash : source.replies?.hash ?? "");
    this.contexts = [];
    this.work = null;
    this.live = document.getElementById("live");
  }

  /** The context of the (first) model that is shown; null before the first drawing. */
  get first() {
    return this.contexts[0] ?? null;
  }

  async start(models) {
    this.models = (await models).models;
    this.applyTheme();
    listen(this);
    addEventListener("hashchange", () => this.follow());
    document.addEventListener("click", (event) => this.onLink(event));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("pg-theme")));
    await this.draw();
  }

  /** Somebody changed the address: the back button, a person. */
  follow() {
    this.travel(readAddress(location.hash));
  }

  /** A link of the page is followed by the page: in a notebook's frame the browser would leave it. */
  onLink(event) {
    const href = event.target.closest?.("a[href]")?.getAttribute("href");
    if (!href?.startsWith("#") || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const next = readAddress(href);
    if (writeAddress(next) !== writeAddress(this.state)) remember(writeAddress(next), "pushState");
    this.travel(next);
  }

  travel(next) {
    if (writeAddress(next) === writeAddress(this.state)) return;
    this.state = next;
    this.applyTheme();
    this.draw();
  }

  /** Change the state, and with it the address. options: quiet (no redraw), push (a step for the back button). */
  set(changes, { quiet = false, push = false } = {}) {
    const next = changed(this.state, changes);
    const stays = sameRun(next, this.state) && next.stage === this.state.stage;
    this.state = next;
    for (const context of this.contexts) context.state = next;
    remember(writeAddress(next), push || !stays ? "pushState" : "replaceState");
    if (!quiet) return this.draw();
  }

  addressOf(changes) {
    const base = changes.stage && changes.stage !== this.state.stage ? atStage(this.state, changes.stage) : this.state;
    return writeAddress(changed(base, changes));
  }

  goStage(by) {
    const own = stagesOf(this.first.model);
    const here = own.findIndex((stage) => stage.slot === this.first.stage?.slot);
    const next = own[Math.min(Math.max(here + by, 0), own.length - 1)];
    if (next.slot === this.state.stage) return;
    this.state = atStage(this.state, next.slot);
    remember(writeAddress(this.state), "pushState");
    this.draw();
  }

  turnTheme() {
    this.set({ theme: theme() === "dark" ? "light" : "dark" }, { quiet: true });
    this.applyTheme();
  }

  applyTheme() {
    const { theme: chosen } = this.state;
    if (chosen) document.documentElement.dataset.theme = chosen;
    else delete document.documentElement.dataset.theme;
    dispatchEvent(new Event("pg-theme"));
  }

  help() {
    showHelp(this.words);
  }

  say(text) {
    this.live.textContent = text;
  }

  drawTimeline() {
    if (this.first) document.getElementById("timeline").replaceChildren(...timeline(this.contexts, this.player));
  }

  /** Fetch what the state needs and draw it; a newer call cancels an older one. */
  async draw() {
    this.work?.abort();
    const work = (this.work = new AbortController());
    const view = document.getElementById("view");
    document.body.dataset.ready = "false";
    const waiting = setTimeout(() => view.classList.add("waiting"), PATIENCE);
    try {
      const ids = [this.state.model || this.models[0].id, this.state.model_b].filter((id, index, list) => id && list.indexOf(id) === index);
      const contexts = await Promise.all(ids.map((id, index) => this.context(id, "ab"[index], work.signal)));
      if (work.signal.aborted) return;
      this.contexts = contexts;
      drawFrame(this, contexts, contexts.map((context) => drawSide(context)));
    } catch (error) {
      if (work.signal.aborted) return;
      if (error.code === "forgotten" && !this.asked) {
        this.asked = true; // once: a server that was started anew knows no run
        this.store.forgetRuns();
        this.draw().finally(() => { this.asked = false; });
        return;
      }
      const model = this.models.find((one) => one.id === this.state.model) ?? this.models[0];
      drawTop(this, model, { text: this.state.text, written: "" }); // what was refused can be mended
      view.replaceChildren(errorCard(this.words, error, () => this.draw()));
      console.warn(error);
    } finally {
      clearTimeout(waiting);
      if (this.work === work) {
        view.classList.remove("waiting");
        document.body.dataset.stage = this.state.stage;
        document.body.dataset.ready = "true";
      }
    }
  }

  /** One model's side: its run, its stage, the tensors that the stage needs. */
  async context(id, part, signal) {
    const model = this.models.find((one) => one.id === id) ?? this.models[0];
    const run = await this.store.run(this.request(model), signal);
    const stage = stageAt(this.state.stage, model) ?? { ...anyStageAt(this.state.stage), missing: true };
    const context = new Context({ app: this, stage, state: this.state, part, model, models: this.models, run, words: this.words, source: this.source, store: this.store, signal });
    if (stage.missing) return context;
    try {
      const [tensors, extra] = await Promise.all([
        this.store.many(run.run, stage.needs?.(context) ?? [], signal), stage.load ? stage.load(context) : {},
      ]);
      return Object.assign(context, { tensors, extra });
    } catch (error) {
      if (error.code !== "left_out") throw error;
      return Object.assign(context, { leftOut: true }); // of a saved page: another layer may be there
    }
  }

  request(model) {
    const { text, target, prefix, beam, edits } = this.state;
    const first = this.models.find((one) => one.id === this.state.model) ?? this.models[0]; // both read its sentence
    return {
      model: model.id, text: text || first.examples?.[0] || "", target: target || null, edits,
      prefix_ids: prefix ? prefix.split(",").map(Number) : [], beam_size: beam || null,
    };
  }
}

/** Trade the key in the address for a session, and see which models there are. The key does not stay in the address. */
async function opened(source) {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) remember(writeAddress(readAddress(location.hash)), "replaceState");
  await source.open(token);
  return source.models();
}

/** The texts: English, and over them those of the language that the address asks for ("lang=de"), where it has them. */
async function fetched(names) {
  const lang = new URLSearchParams(location.hash.slice(1)).get("lang") ?? "";
  const wanted = names.split(" ");
  if (/^[a-z]{2,3}(-\w+)?$/i.test(lang)) wanted.push(...wanted.map((name) => name.replace(".en.", `.${lang}.`)));
  const files = await Promise.all(wanted.map(async (name) => {
    const reply = await fetch(name);
    return reply.ok ? reply.json() : {};
  }));
  return Object.assign({}, ...files);
}

/** The few words that stand in the page itself. */
function label(words) {
  document.documentElement.lang = words.lang;
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", words.t(element.dataset.label));
  for (const element of document.querySelectorAll("[data-words]")) element.textContent = words.t(element.dataset.words);
  document.querySelector(".skip").addEventListener("click", () => document.getElementById("view").focus());
}

async function start() {
  const embedded = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");
  const replies = await savedReplies(document.getElementById("replies"));
  const texts = embedded("strings");
  const source = replies ? new FileSource(replies) : new ServerSource();
  const models = opened(source); // while the words are on their way
  models.catch(() => {}); // said below, when there are words for it
  const words = new Words(texts ?? (await fetched(document.body.dataset.strings)));
  label(words);
  try {
    await new App(source, words).start(models);
  } catch (error) {
    document.getElementById("view").replaceChildren(errorCard(words, error, () => location.reload()));
    document.body.dataset.ready = "true";
  }
}

start();
