// From a text that changes to the translation of the newest one: waits for a pause, gives up what is no longer wanted.

import { stream, translate } from "./api.js";

const PAUSE = 250; // milliseconds without a key before a text is sent
const LONG = 1500; // characters from which sentences are shown as they come
const ALWAYS = { return: ["scores", "tokens", "alignment"] };

export class Translating {
  /** on: begin(), part(text), done(text, answer), failed(refusal, retry), none(). alternatives: candidates of a sentence. */
  constructor(on, alternatives) {
    this.on = on;
    this.alternatives = alternatives;
    this.work = null;
    this.timer = 0;
  }

  /** The text or the pair has changed. now: do not wait for more keys. */
  changed(text, pair, { now = false } = {}) {
    this.stop();
    if (!text.trim()) return this.on.none();
    this.timer = setTimeout(() => this.send(text, pair), now ? 0 : PAUSE);
  }

  /** Give up whatever is under way: its answer will not be shown, and the server stops working on it. */
  stop() {
    clearTimeout(this.timer);
    this.work?.abort();
    this.work = null;
  }

  async send(text, pair) {
    const work = (this.work = new AbortController());
    const asked = { texts: [text], source: pair.source, target: pair.target, n_best: this.alternatives, ...ALWAYS };
    this.on.begin();
    try {
      const answer = text.length > LONG ? await this.streamed(asked, text, work) : (await translate(asked, work.signal)).translations[0];
      if (this.work === work) this.on.done(text, answer);
    } catch (refusal) {
      if (this.work === work) this.on.failed(refusal, () => this.changed(text, pair, { now: true }));
    }
  }

  /** Show sentences with the blanks that stand between them in the source; the whole text replaces them in the end. */
  async streamed(asked, text, work) {
    let answer = null;
    let end = 0;
    await stream(asked, {
      sentence: ({ result }) => {
        if (this.work !== work) return;
        const at = text.indexOf(result.source, end);
        const gap = at < 0 ? " " : text.slice(end, at);
        this.on.part((gap.trim() ? gap.replace(/\S+/g, "") || " " : gap) + result.candidates[0].text);
        if (at >= 0) end = at + result.source.length;
      },
      text: ({ result }) => { answer = result; },
    }, work.signal);
    return answer;
  }
}
