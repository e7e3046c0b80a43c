// Every word of the page comes from one file (strings.en.json), so that a community can translate it.

import { h } from "./dom.js";
import { inlineFormula } from "./formula.js";

const KINDS = "query|key|value|residual|source|target";
const MARKUP = new RegExp(`\\*\\*(.+?)\\*\\*|\`(.+?)\`|\\$(.+?)\\$|\\[(${KINDS}):(.+?)\\]`, "g");

/** The texts of one language, and numbers as that language writes them. */
export class Words {
  constructor(texts) {
    this.texts = texts;
    this.lang = texts.lang;
    this.plurals = new Intl.PluralRules(this.lang);
    this.formats = new Map();
  }

  has(key) {
    return key in this.texts;
  }

  /** A text with its {values}. A key without a text comes back as itself, so that it is seen. */
  t(key, values = {}) {
    return fill(this.pick(key, values), values);
  }

  /** Paragraphs of a key, each a list of nodes; [] if there is no such key. */
  paragraphs(key, values = {}) {
    if (!this.has(key)) return [];
    const texts = this.texts[key];
    return (Array.isArray(texts) ? texts : [texts]).map((text) => marked(fill(text, values)));
  }

  /** A text as nodes: **strong**, `code`, $formula$, [query:a coloured word]. */
  rich(key, values = {}) {
    return marked(fill(this.pick(key, values), values));
  }

  /** A number with so many digits after the point. Real minus signs; what is no number is named. */
  fixed(value, digits = 3) {
    if (value === Infinity) return "∞";
    if (value === -Infinity) return "−∞";
    if (Number.isNaN(value)) return "NaN";
    const text = this.format({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
    return text.replace("-", "−");
  }

  /** A number short enough for a cell: three digits that count. whole: large ones are written out, not as a power. */
  short(value, { whole = false } = {}) {
    const size = Math.abs(value);
    if (whole && size >= 1000) return this.integer(Number(value.toPrecision(2)));
    if (!Number.isFinite(value) || value === 0) return this.fixed(value, 0);
    if (size >= 1e5 || size < 5e-4) return value.toExponential(1).replace("-", "−").replace("e+", "e");
    return this.fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
  }

  /** A weight for a cell with little room, in percent: nothing where it rounds to nothing, "0" only for what is exactly zero. */
  weight(value) {
    if (value === 0) return "0";
    return value < 0.005 ? "" : this.fixed(100 * value, 0);
  }

  /** A share as percent; a small one keeps a digit, and almost nothing is not called nothing. */
  percent(share) {
    const value = share * 100;
    if (value > 0 && value < 0.1) return `<\u00a0${this.fixed(0.1, 1)}\u00a0%`;
    if (value < 100 && value > 99.9) return `>\u00a0${this.fixed(99.9, 1)}\u00a0%`;
    return `${this.fixed(value, value < 10 && value > 0 ? 1 : 0)}\u00a0%`;
  }

  integer(value) {
    return this.format({ maximumFractionDigits: 0 }).format(value);
  }

  bytes(count) {
    if (count < 1024) return `${count} B`;
    return count < 2 ** 20 ? `${this.fixed(count / 1024, 1)} KiB` : `${this.fixed(count / 2 ** 20, 1)} MiB`;
  }

  list(items) {
    return new Intl.ListFormat(this.lang, { type: "conjunction" }).format(items);
  }

  pick(key, values) {
    const text = this.texts[key];
    if (text === undefined) return key;
    if (Array.isArray(text)) return text.join(" ");
    if (typeof text === "object") return text[this.plurals.select(values.count)] ?? text.other;
    return text;
  }

  format(options) {
    const key = JSON.stringify(options);
    if (!this.formats.has(key)) this.formats.set(key, new Intl.NumberFormat(this.lang, options));
    return this.formats.get(key);
  }
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

function marked(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(MARKUP)) {
    parts.push(text.slice(end, found.index));
    const [, strong, code, tex, kind, word] = found;
    if (strong) parts.push(h("strong", {}, strong));
    else if (code) parts.push(h("code", {}, code));
    else if (tex) parts.push(inlineFormula(tex));
    else parts.push(h("span", { class: `c-${kind}` }, word));
    end = found.index + found[0].length;
  }
  return [...parts, text.slice(end)].filter((part) => part !== "");
}
