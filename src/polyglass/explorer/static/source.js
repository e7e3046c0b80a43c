// Where the page's numbers come from: the local server that the page itself came from.

import { Tensor, product } from "./numbers.js";

/** A refusal. message: the server's own words. code, key: its kind and its name, such as "too_much" and "long_source". */
export class Refusal extends Error {
  constructor({ message = "", code, key = code, limit = null, value = null, path = "" }) {
    super(message);
    Object.assign(this, { code, key, limit, value, path });
  }
}

/** Asks the server. Every call takes an AbortSignal last. */
export class ServerSource {
  constructor() {
    this.live = true;
  }

  /** Trade the token of the page's address for a cookie. A token that was used before may still have its cookie here. */
  async open(token) {
    if (!token) return;
    try {
      await this.post("/api/session", { token });
    } catch (error) {
      if (error.code !== "no_session") throw error;
    }
  }

  models(signal) {
    return this.get("/api/models", signal);
  }

  run(request, signal) {
    return this.post("/api/run", request, signal);
  }

  /** Tensors: {key: Tensor}, see `tensorKey`. want: paths, or {path, rows, cols, heads, tile}. options: for all of them. */
  async tensors(run, want, options = {}, signal = undefined) {
    const reply = await this.ask("/api/tensors", { run, want, dtype: "float32", ...options }, signal);
    return unpacked(await reply.arrayBuffer(), want);
  }

  thumbnails(run, kind, signal) {
    return this.post("/api/thumbnails", { run, kind }, signal);
  }

  why(run, position, signal) {
    return this.post("/api/why", { run, position }, signal);
  }

  neighbours(query, signal) {
    return this.post("/api/neighbours", query, signal);
  }

  map(query, signal) {
    return this.post("/api/map", query, signal);
  }

  vocabulary(query, signal) {
    return this.get(`/api/vocabulary?${new URLSearchParams(query)}`, signal);
  }

  leak(query, signal) {
    return this.post("/api/leak", query, signal);
  }

  batch(query, signal) {
    return this.post("/api/batch", query, signal);
  }

  held(run, signal) {
    return this.post("/api/held", { run }, signal);
  }

  async get(path, signal) {
    return (await checked(await reached(path, { signal }))).json();
  }

  async post(path, body, signal) {
    return (await this.ask(path, body, signal)).json();
  }

  async ask(path, body, signal) {
    const headers = { "Content-Type": "application/json" };
    return checked(await reached(path, { method: "POST", headers, body: JSON.stringify(body), signal }));
  }
}

/** The name of what was asked for in a reply: the path, and which part of it. */
export function tensorKey(want) {
  if (typeof want === "string") return want;
  const part = (mark, list) => (list ? mark + list.join(",") : "");
  return want.path + part("#", want.tile) + part("@", want.rows) + part("|", want.cols) + part("^", want.heads);
}

/** Ask; a server that has ended is no bug of the page. */
async function reached(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal({ message: error.message, code: "unreachable" });
  }
}

async function checked(reply) {
  if (reply.ok) return reply;
  let error = { message: `${reply.status} ${reply.statusText}`, code: "internal" };
  try {
    ({ error } = await reply.json());
  } catch {
    // The reply is no JSON: its status has to do.
  }
  throw new Refusal(error);
}

/** A JSON line of headers, then the blocks of numbers, little-endian, in the order in which they were asked for. */
function unpacked(buffer, want) {
  const bytes = new Uint8Array(buffer);
  const end = bytes.indexOf(10);
  const { tensors } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  return Object.fromEntries(tensors.map(({ path, shape, dtype, offset, bytes: size, pooled }, index) => {
    const block = buffer.slice(end + 1 + offset, end + 1 + offset + size);
    return [tensorKey(want[index]), new Tensor(shape, numbers(block, dtype, product(shape)), path, Boolean(pooled))];
  }));
}

/** The numbers of a block: float32, or float16 widened. */
export function numbers(block, dtype, count) {
  if (dtype === "float32") return new Float32Array(block, 0, count);
  const halves = new DataView(block);
  return Float32Array.from({ length: count }, (_, index) => fromHalf(halves.getUint16(2 * index, true)));
}

/** IEEE 754 binary16 to a number. */
function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}
