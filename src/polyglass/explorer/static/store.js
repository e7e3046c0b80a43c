// Runs and tensors that were fetched already. Going back costs nothing; the oldest are forgotten.

import { tensorKey } from "./source.js";

const RUNS = 24;
const BYTES = 96 * 2 ** 20;

/** Keeps the replies of one source. */
export class Store {
  constructor(source) {
    this.source = source;
    this.runs = new Map(); // request as text -> reply
    this.tensors = new Map(); // run and key -> Tensor
    this.others = new Map(); // any other question as text -> reply
    this.bytes = 0;
    this.last = { milliseconds: 0, bytes: 0 };
  }

  /** The reply of a run; asked once. */
  async run(request, signal) {
    const key = JSON.stringify(request);
    if (!this.runs.has(key)) {
      const started = performance.now();
      this.runs.set(key, await this.source.run(request, signal));
      this.last.milliseconds = performance.now() - started;
      if (this.runs.size > RUNS) this.runs.delete(this.runs.keys().next().value);
    }
    return this.runs.get(key);
  }

  /** The server forgot a run: ask for it anew. */
  forgetRuns() {
    this.runs.clear();
  }

  /** Tensors by `tensorKey`; only those that are not here yet are fetched. */
  async many(run, want, signal) {
    const place = (one) => `${run} ${tensorKey(one)}`;
    const missing = want.filter((one, index) => !this.tensors.has(place(one)) && want.findIndex((other) => tensorKey(other) === tensorKey(one)) === index);
    if (missing.length) {
      const fetched = await this.source.tensors(run, missing, {}, signal);
      this.last.bytes = 0;
      for (const [key, tensor] of Object.entries(fetched)) {
        this.tensors.set(`${run} ${key}`, tensor);
        this.bytes += tensor.data.byteLength;
        this.last.bytes += tensor.data.byteLength;
      }
      this.forget(run);
    }
    return Object.fromEntries(want.filter((one) => this.tensors.has(place(one))).map((one) => [tensorKey(one), this.tensors.get(place(one))]));
  }

  /** Any other reply that depends on nothing but the question. */
  async once(name, query, signal) {
    const key = `${name} ${JSON.stringify(query)}`;
    if (!this.others.has(key)) this.others.set(key, await this.source[name](query, signal));
    return this.others.get(key);
  }

  /** Drop the oldest tensors of other runs until the rest is small enough. */
  forget(run) {
    for (const [key, tensor] of this.tensors) {
      if (this.bytes <= BYTES) return;
      if (key.startsWith(`${run} `)) continue;
      this.bytes -= tensor.data.byteLength;
      this.tensors.delete(key);
    }
  }
}
