// Files: dropped or chosen, translated in the background, fetched as a download; what goes wrong is said beside the file.

import { Refusal, fileResult, fileStatus, sendFile } from "./api.js";
import { h } from "./dom.js";

const LOOKS_EVERY = 400; // milliseconds between two questions how far a file is; later less often
const SLOWEST = 3000;
const TRIES = 20;

export class Files {
  /** pair: the languages to translate between. */
  constructor(words, { facts, pair, say }) {
    Object.assign(this, { words, facts, pair, say });
    this.list = h("ul", { class: "files" });
    this.input = h("input", { type: "file", id: "file", class: "unseen", multiple: true, accept: facts.endings.join(","), onchange: () => { this.add(this.input.files); this.input.value = ""; } });
    this.element = h("section", { class: "drop", "aria-label": words.t("files.label") },
      h("p", {}, this.input, h("label", { for: "file", class: "button" }, words.t("files.choose")), " ", h("span", { class: "quiet with-mouse" }, words.t("files.drop"))),
      h("details", { class: "quiet" }, h("summary", {}, words.t("files.kinds")), h("p", {}, facts.endings.join(" "))), this.list);
    this.veil = h("div", { class: "veil", hidden: true }, h("p", {}, words.t("files.letgo")));
    this.listen();
  }

  listen() {
    const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
    let depth = 0;
    const veil = (change) => { this.veil.hidden = (depth = change) <= 0; };
    addEventListener("dragenter", (event) => { if (holdsFiles(event)) veil(depth + 1); });
    addEventListener("dragleave", (event) => { if (holdsFiles(event)) veil(Math.max(0, depth - 1)); });
    addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); });
    addEventListener("drop", (event) => {
      veil(0);
      if (!holdsFiles(event)) return;
      event.preventDefault();
      this.add(event.dataTransfer.files);
    });
  }

  add(files) {
    for (const file of files) new Paper(this, file).start();
  }
}

/** One file on its way. */
class Paper {
  constructor(files, file) {
    this.files = files;
    this.file = file;
    this.languages = { source: files.pair.source, target: files.pair.target };
    this.work = new AbortController();
    const { words } = files;
    this.bar = h("progress", { max: 1, value: 0, "aria-label": words.t("files.progress", { name: file.name }) });
    this.state = h("span", { class: "file-state" });
    this.end = h("button", { type: "button", class: "link", onclick: () => this.remove() }, words.t("files.remove"));
    this.element = h("li", { dataset: { state: "working" } }, h("span", { class: "file-name" }, h("bdi", {}, file.name)), this.bar, this.state, this.end);
    files.list.append(this.element);
  }

  remove() {
    this.work.abort();
    if (this.url) URL.revokeObjectURL(this.url);
    this.element.remove();
    this.files.input.focus();
  }

  async start() {
    try {
      this.check();
      this.say("files.sending");
      const handle = await this.patiently(() => sendFile(this.file, this.languages, this.work.signal));
      this.offer(await this.wait(handle));
    } catch (error) {
      if (!this.work.signal.aborted) this.fail(error);
    }
  }

  /** Refuse what the server would refuse, before it is sent there. */
  check() {
    const { words, facts } = this.files;
    const ending = /\.[^.]+$/.exec(this.file.name)?.[0].toLowerCase() ?? "";
    if (!facts.endings.includes(ending)) throw new Refusal(422, "", words.t("files.kind", { ending: ending || words.t("files.noending") }));
    if (!this.file.size) throw new Refusal(422, "", words.t("files.empty"));
    if (this.file.size > facts.max_document_bytes) throw new Refusal(413, "", words.t("files.large", { most: Math.round(facts.max_document_bytes / 2 ** 20), size: Math.ceil(this.file.size / 2 ** 20) }));
  }

  async wait(handle) {
    const began = performance.now();
    for (let pause = LOOKS_EVERY; ; pause = Math.min(SLOWEST, pause * 1.3)) {
      const now = await this.patiently(() => fileStatus(handle, this.work.signal));
      if (now.status === "error") throw new Refusal(422, "", now.error_message);
      if (now.status === "done") return this.patiently(() => fileResult(handle, this.work.signal));
      this.say(now.status === "queued" ? "files.queued" : "files.working", { count: now.seconds_remaining });
      const spent = (performance.now() - began) / 1000;
      if (now.status === "translating" && spent > 1) this.bar.value = Math.max(this.bar.value, spent / (spent + now.seconds_remaining));
      await new Promise((after) => setTimeout(after, pause));
      this.work.signal.throwIfAborted();
    }
  }

  /** Ask, and ask again while the server is busy or gone; it may come back. */
  async patiently(act) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await act();
      } catch (error) {
        if (!(error instanceof Refusal) || error.retryAfter === null || tries >= TRIES) throw error;
        this.say(error.status ? "files.busy" : "files.gone", { count: error.retryAfter });
        await new Promise((after) => setTimeout(after, 1000 * error.retryAfter));
        this.work.signal.throwIfAborted();
      }
    }
  }

  offer(content) {
    const { words } = this.files;
    const name = this.file.name.replace(/(\.[^.]+)$/, `.${this.languages.target}$1`);
    this.url = URL.createObjectURL(content);
    this.bar.value = 1;
    this.element.dataset.state = "done";
    this.state.replaceChildren(h("a", { class: "button small primary", href: this.url, download: name }, words.t("files.save", { name })));
    this.files.say(words.t("files.ready", { name: this.file.name }));
  }

  fail(error) {
    const { words } = this.files;
    const own = error.code && words.texts[`error.${error.code}`] ? words.t(`error.${error.code}`) : "";
    const said = own || [error.message, error.hint].filter(Boolean).join(" ") || words.t("error.gone");
    this.element.dataset.state = "failed";
    this.bar.remove();
    this.state.textContent = said;
    this.files.say(`${this.file.name}: ${said}`);
  }

  say(name, values = {}) {
    this.state.textContent = this.files.words.t(name, values);
  }
}
