// Where the numbers of a saved page come from: replies that were written into the page's own file.

import { Tensor, product } from "./numbers.js";
import { Refusal, numbers, tensorKey } from "./source.js";

/** What a saved file holds: JSON as base64 of gzip. null: this page has a server. */
export async function savedReplies(element) {
  if (!element) return null;
  const bytes = Uint8Array.from(atob(element.textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

/** Answers like ServerSource, from `replies`. */
export class FileSource {
  constructor(replies) {
    this.live = false;
    this.replies = replies;
    this.decoded = new Map();
  }

  async open() {}

  async models() {
    return this.found(this.replies.models);
  }

  /** The saved run that fits the request; an empty text asks for the one that the page was saved with. */
  async run(request) {
    const { runs, run } = this.replies;
    const same = (one) => one.model === request.model && (!request.text || one.text === request.text) && JSON.stringify(one.edits) === JSON.stringify(request.edits);
    const main = runs[run];
    if (same(main)) return main;
    return this.found(Object.values(runs).find(same));
  }

  async tensors(run, want, options = {}) {
    return Object.fromEntries(want.map((one) => {
      const asked = typeof one === "string" ? { path: one, ...options } : { ...options, ...one };
      return [tensorKey(one), this.tensor(run, asked)];
    }));
  }

  /** The answers about one model, named by itself or by its run. */
  about(name) {
    return this.replies.beside?.[this.replies.runs[name]?.model ?? name] ?? this.replies;
  }

  async thumbnails(run, kind) {
    return this.found(this.about(run).thumbnails?.[kind]);
  }

  async why(run, position) {
    return this.found(this.about(run).why?.[position]);
  }

  async neighbours({ model, side, id }) {
    return this.found(this.about(model).neighbours?.[`${side}:${id}`]);
  }

  async map({ model, side }) {
    return this.found(this.about(model).map?.[side]);
  }

  async vocabulary() {
    return this.found(undefined);
  }

  async leak({ run }) {
    return this.found(this.about(run).leak);
  }

  async batch() {
    return this.found(undefined);
  }

  async held(run) {
    return this.found(this.about(run).held);
  }

  found(reply) {
    if (reply === undefined || reply === null) throw new Refusal({ code: "left_out" });
    return reply;
  }

  /** A tensor or a part of one; a saved tile serves what lies inside it. */
  tensor(run, { path, rows, cols, heads, tile }) {
    const model = this.replies.runs[run]?.model ?? run;
    const block = this.replies.tensors?.[run]?.[path] ?? this.replies.weights?.[model]?.[path];
    let found = this.whole(`${run} ${path}`, this.found(block), path);
    if (tile) found = this.cut(found, tile, block.tile);
    if (heads) found = taken(found, found.rank - 3, heads);
    if (rows) found = taken(found, found.rank - 2, rows);
    return cols ? taken(found, found.rank - 1, cols) : found;
  }

  cut(tensor, [r0, r1, c0, c1], saved) {
    const [top, , left] = saved ?? [0, 0, 0];
    if (r0 < top || c0 < left || r1 - top > tensor.shape[0] || c1 - left > tensor.shape[1]) throw new Refusal({ code: "left_out" });
    return taken(taken(tensor, 0, range(r0 - top, r1 - top)), 1, range(c0 - left, c1 - left));
  }

  whole(key, { shape, dtype, data }, path) {
    if (!this.decoded.has(key)) {
      const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
      this.decoded.set(key, new Tensor(shape, numbers(bytes.buffer, dtype, product(shape)), path));
    }
    return this.decoded.get(key);
  }
}

function range(from, to) {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** The slices `indexes` along one axis. */
function taken(tensor, axis, indexes) {
  const shape = tensor.shape.map((size, one) => (one === axis ? indexes.length : size));
  const inner = product(tensor.shape.slice(axis + 1));
  const outer = product(tensor.shape.slice(0, axis));
  const data = new Float32Array(product(shape));
  for (let block = 0; block < outer; block++) {
    indexes.forEach((index, place) => {
      const from = (block * tensor.shape[axis] + index) * inner;
      data.set(tensor.data.subarray(from, from + inner), (block * indexes.length + place) * inner);
    });
  }
  return new Tensor(shape, data, tensor.path);
}
